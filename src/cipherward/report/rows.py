"""The rows behind a run: how many each hospital has by split, and what was changed or noticed when they were read."""

from __future__ import annotations

from typing import Any

import numpy as np

from cipherward.data import small_counts
from cipherward.report.blocks import TOO_FEW, Table, count, limited, percent, score
from cipherward.report.facts import Facts, clean, shortened
from cipherward.runs.result_json import Changed, Noticed

_PARTS = ("", "train", "validation", "test")


def by_split(facts: Facts) -> Table | None:
    """Rows and outcomes by hospital and split, without small counts; None where the run did not record them."""
    each = facts.trained.by_hospital
    if len(each) != len(facts.names):
        return None
    counts = np.array([[n for part in _PARTS for n in item.counts(part)] for item in each], dtype=np.int64)
    counts = np.vstack([counts.sum(axis=0), counts])
    rows, positive = counts[:, ::2], counts[:, 1::2]
    few = small_counts.hidden(rows)
    # A count with the outcome and one without it follow from each other: what hides one hides both.
    hidden = small_counts.hidden(positive) | small_counts.hidden(rows - positive)
    names = ("All hospitals", *facts.names)
    lines = [_line(name, *parts) for name, *parts in zip(names, rows, positive, few, hidden, strict=True)]
    head = (
        "Hospital", "Rows", "With the outcome", "Outcome rate", "Training rows", "Training rows with the outcome",
        "Validation rows", "Validation rows with the outcome", "Test rows", "Test rows with the outcome",
    )  # fmt: skip
    note = f"Counts are not shown where {TOO_FEW} rows are with, or without, the outcome, or would follow from others."
    note = note if bool(few.any() or hidden.any()) else ""
    return limited("Rows and outcomes by hospital and split", head, lines, "result.json", note)


def _line(name: str, rows: Any, positive: Any, few: Any, hidden: Any) -> tuple[str, ...]:
    cells = [name]
    for part in range(len(_PARTS)):
        cells.append("not shown" if few[part] else count(int(rows[part])))
        cells.append("not shown" if hidden[part] or few[part] else count(int(positive[part])))
        if part == 0:
            rate = percent(positive[0] / rows[0] if rows[0] else 0.0)
            cells.append("not shown" if hidden[0] or few[0] else rate)
    return tuple(cells)


def personal(facts: Facts) -> Table | None:
    """What fine-tuning gained each hospital of a simulation; None where nobody fine-tuned."""
    head = (
        "Hospital", "Training rows", "Model", "AUROC, shared", "AUROC, personal", "Log loss, shared", "Log loss, personal",
    )  # fmt: skip
    lines = []
    for each in facts.personal:
        moved = f"moved {percent(each.share)} of the way to its own rows" if each.share else clean(each.why_not)
        auroc = [score(each.auroc[kind]) if each.auroc else "not shown" for kind in ("shared", "personal")]
        loss = [score(each.log_loss[kind]) if each.log_loss else "not shown" for kind in ("shared", "personal")]
        lines.append((shortened(clean(each.name)), _few(each.train_rows), moved, *auroc, *loss))
    note = (
        "On the hospital's own test rows. Validation rows decided how far a model moved; a gain within its error moves nothing. "
        "A personal model stays at its hospital: only a simulation sees this table."
    )
    return (
        limited("The shared model and each hospital's own", head, lines, "personalised.json", note) if lines else None
    )


def changed(facts: Facts) -> Table | None:
    """Values that were changed when the tables were read; None where there were none."""
    lines = [(_name(item), clean(item.column), clean(item.rule), _few(item.count)) for item in facts.result.changes]
    head = ("Hospital", "Column", "What was done", "Values")
    note = "The tables themselves were not changed. docs/data.md says what is read as what."
    return limited("Values that were changed", head, lines, "result.json", note, prose=True) if lines else None


def noticed(facts: Facts) -> Table | None:
    """What stands out in the hospitals' tables; None where nothing does."""
    lines = [(_name(item), clean(item.text)) for item in facts.result.about_data]
    return limited("About the data", ("Hospital", "Noticed"), lines, "result.json", prose=True) if lines else None


def left_out(facts: Facts) -> Table | None:
    """The study's columns that nothing was asked about; None where there are none."""
    lines = [(name, why) for name, why in facts.left_out.items()]
    head = ("Column", "Why")
    note = "Followed from what the hospitals signed with their approvals; every hospital and `cipherward verify` derive it again."
    return (
        limited("Columns of the study that were left out", head, lines, "inventories.cbor", note, prose=True)
        if lines
        else None
    )


def _name(item: Changed | Noticed) -> str:
    return shortened(clean(item.hospital))


def _few(found: int | None) -> str:
    if found is None or small_counts.shown(found) is None:
        return f"under {small_counts.SMALL}"
    return count(found)
