"""report.html of a study that ran between real parties: what one of them knows, and why it does not know the rest.

Made from a study's folder at the coordinator, or from a hospital's folder of a received model, and from nothing else.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cipherward.errors import CipherwardError, StorageError
from cipherward.learning import catalogue as kinds
from cipherward.learning.intervals import auroc_interval
from cipherward.parties import decisions
from cipherward.report import (
    answers,
    blocks,
    charts,
    figures,
    incidents,
    other,
    own_examples,
    page,
    rendering,
    tables,
    words,
)
from cipherward.report.blocks import Figure, Mark, Table, limited
from cipherward.report.costs import label
from cipherward.report.facts import Facts, clean, gather
from cipherward.report.page import NAME
from cipherward.report.svg import Axis, key
from cipherward.runs.folder import RunDirectory
from cipherward.runs.result_json import OwnFigures, document, parse
from cipherward.runs.study_folder import APPROVALS, OWN_RESULTS, VERIFICATION, StudyFolder
from cipherward.store import files

REASONS = {
    "coordinator": {
        "each": "A deployed coordinator never has this: no figure of a single hospital leaves it. Each hospital finds its own "
        "in its own report.",
        "data": "A deployed coordinator never has this: rows and outcomes of one hospital stay there; their sums are in the "
        "opened statistics.",
        "distance": "A deployed coordinator never has this: how far a hospital's local model moves stays in the hospital.",
    },
    "hospital": {
        "each": "No hospital has figures of another one.",
        "data": "No hospital has rows or counts of another one.",
        "distance": "It was not kept: the distance is known during local training only.",
    },
}
CENTRALISED = "Nobody has this: a model trained on all rows in one place needs the rows in one place."
TIME = "Not recorded: each party's clock is its own, and how long a hospital trains stays there."
TRAFFIC = (
    "Not recorded here: the transport counts letters, not sums. What one sum sends is in what each hospital reviewed before "
    "it approved the study."
)


def is_deployed(path: Path) -> bool:
    """Whether a run's folder is that of a deployed party rather than of a simulation."""
    run = RunDirectory(path)
    files = StudyFolder(path)
    return files.started.exists() or (files.verification.exists() and not run.simulation.exists())


def write(path: Path) -> Facts:
    """Write report.html into the study's folder, and give back what was found when its files were verified.

    Raises:
        StorageError: no such folder, not finished, damaged, or it cannot be written.
        AuditError, StudyError, DataError: study or initial model are not what they claim to be.
    """
    facts = gather(path)
    index = _index(path, facts)
    facts = seen_by(facts, index)
    if facts.model is None:
        text = answers.render(facts)
    elif facts.study.data.outcome_type != "binary":
        text = other.render(facts, _of_other(path, facts, index))
    else:
        text = rendering.render("deployed.html", _content(path, facts, index, own_figures(path)))
    files.write(path / NAME, text.encode(), private=bool(index))
    return facts


def seen_by(facts: Facts, index: int) -> Facts:
    """Without the receipts of other hospitals, which never come to hospital `index`: their absence says nothing. 0: as is."""
    if not index:
        return facts
    lines = [tuple(line for n, line in enumerate(item.findings, 1) if n == index) for item in facts.sums]
    sums = tuple(dataclasses.replace(s, findings=kept) for s, kept in zip(facts.sums, lines, strict=True))
    return dataclasses.replace(facts, sums=sums)


def shared_content(path: Path, facts: Facts, index: int) -> dict[str, Any]:
    """What every page of a deployed study shows, finished or not. `index`: of the hospital whose page it is; 0: the coordinator's."""
    study = facts.study
    toml = clean(study.to_toml())
    shared = page.details(facts)
    if index:
        shared |= {"verification": own_verification(facts)}
    else:
        shared |= {"set_aside": incidents.quarantined(path, facts)}
    return {
        **shared,
        "simulated": False,
        "sees_all": not index,
        "role": "hospital" if index else "coordinator",
        "me": facts.names[index - 1] if index else "",
        "title": clean(study.title or study.name),
        "description": clean(study.description),
        "name": study.name,
        "synthetic": study.synthetic,
        "taking_part": taking_part(facts, index, approvers(path, facts, index)),
        "terms": [entry for entry in words.TERMS if entry[0] != "Centralised"],
        "toml": toml[: page.MAX_TOML],
        "toml_cut": len(toml) > page.MAX_TOML,
    }


def _content(path: Path, facts: Facts, index: int, own: OwnFigures | None) -> dict[str, Any]:
    study, result = facts.study, facts.trained
    auroc = result.auroc_federated
    shared = shared_content(path, facts, index)
    return {
        **shared,
        "model": f"{kinds.words(study.model.kind)}, {blocks.count(result.n_parameters)} parameters",
        "rounds": result.rounds,
        "converged": result.converged_early,
        "auroc": blocks.with_interval(auroc, facts.interval(auroc)),
        "n_test": result.federated.n,
        "n_test_positive": result.federated.n_positive,
        "n_train": result.n_train_rows,
        "auroc_figure": charts.auroc(facts),
        "breaches": [] if index else incidents.breaches(path, facts),
        "decisions": None if index else incidents.decisions(path, facts),
        "own": own_rows(own) if own and own.auroc else None,
        "own_why_not": clean(own.why_not) if own else "",
        "own_rows": _own_table(own) if own else None,
        "examples": own_examples.read(path, study) if index else None,
        "calibration": charts.calibration(facts),
        "roc": charts.roc(facts),
        "figures_of_it": _measured(facts),
        "why": REASONS[shared["role"]] | {"centralised": CENTRALISED, "time": TIME, "traffic": TRAFFIC},
        "budget": result.privacy,
        "noise": words.noise_on_counts(study),
        "not_protected": (words.LEAKAGE[result.privacy is not None], *words.NOT_PROTECTED),
        "small": blocks.SMALL,
    }


def _of_other(path: Path, facts: Facts, index: int) -> dict[str, Any]:
    """What the page of a model of another outcome than a binary one shows of this party."""
    shared = shared_content(path, facts, index)
    file = path / OWN_RESULTS
    own = document(file, files.read(file)) if file.exists() else None
    return {
        **shared,
        "breaches": [] if index else incidents.breaches(path, facts),
        "decisions": None if index else incidents.decisions(path, facts),
        "terms": other.terms(facts),
        "examples": own_examples.read(path, facts.study) if index else None,
        "own_rows": other.own_table(facts, own) if own else None,
        "own_why_not": clean(str(own.get("why_not", ""))) if own else "",
        "why": REASONS[shared["role"]] | {"centralised": CENTRALISED, "time": TIME, "traffic": TRAFFIC},
    }


def own_rows(own: OwnFigures) -> Figure:
    """The federated model and, where there is one, this hospital's own, on its own test rows."""
    positive, n = own.test_positive or 0, own.test_rows or 0  # which an AUROC comes with
    drawn = [
        (name, shape, style, own.auroc[which])
        for which, name, shape, style in (
            ("federated", "federated model", "circle", "fed"),
            ("local", "trained alone", "triangle", "loc"),
        )
        if which in own.auroc
    ]
    spans = [auroc_interval(value, positive, n - positive) for *_, value in drawn]
    ends = [end for span in spans for end in span]
    chart = figures.rows_of([name for name, *_ in drawn], Axis.over([*ends], "AUROC, this hospital's test rows"), 50)
    for place, ((_, shape, style, value), span) in enumerate(zip(drawn, spans, strict=True)):
        figures.with_ends(chart, figures.level(place), value, span, shape, style)
    shows = f"On this hospital's own {blocks.count(n)} test rows the federated model reaches {drawn[0][3]:.3f}"
    if len(drawn) > 1:
        gap = drawn[0][3] - drawn[1][3]
        shows += (
            f", {figures.beside(gap)} the model trained here alone; where intervals overlap widely, that may be chance"
        )
    table = Table(
        "AUROC (95 % interval) on this hospital's own test rows",
        ("Model", "AUROC (95 % interval)"),
        tuple((name, blocks.with_interval(v, span)) for (name, *_, v), span in zip(drawn, spans, strict=True)),
    )
    title = "The model on this hospital's own patients"
    legend = tuple((key(shape, style, line=True), name) for name, shape, style, _ in drawn)
    return Figure("2", title, f"{shows}.", chart, legend, table)


def _own_table(own: OwnFigures) -> Table:
    named = (
        ("Rows", own.rows), ("With the outcome", own.positive),
        ("Training rows", own.train_rows), ("Test rows", own.test_rows),
    )  # fmt: skip
    rows = [(text, blocks.TOO_FEW if n is None else blocks.count(n)) for text, n in named]
    return Table("This hospital's own rows", ("What", "Rows"), tuple(rows), "Computed here, and never sent.")


def approvers(path: Path, facts: Facts, index: int) -> dict[str, str]:
    """Who approved at each hospital and when, as far as the party whose folder it is knows."""
    if index:
        said = facts.result.approved_by or {}
        return {name: clean(said[name]) for name in facts.names if name in said}
    found = {}
    for place, file in StudyFolder(path).who_said(APPROVALS).items():
        with contextlib.suppress(CipherwardError, IndexError):
            found[facts.names[place - 1]] = clean(decisions.approval_of(files.read(file), facts.study)[1].words)
    return found


def taking_part(facts: Facts, index: int, approved_by: Mapping[str, str]) -> Table:
    """Every hospital's part, and who approved it there; at the coordinator (index 0) also its receipts."""
    opened = [item for item in facts.sums if item.opened]
    rows: list[tuple[blocks.Cell, ...]] = []
    for place, name in enumerate(facts.names, start=1):
        inside = sum(place in item.contributors for item in opened)
        if index:
            mine = " (this hospital)" if place == index else ""
            rows.append((name + mine, approved_by.get(name, "known there"), f"{inside} of {len(opened)}"))
            continue
        kept = [item.findings[place - 1] for item in facts.sums]
        held = sum(line.holds and line.outcome != "no receipt" for line in kept)
        approved = approved_by.get(name, "not approved")
        rows.append(
            (name, approved, f"{inside} of {len(opened)}", Mark(held == len(kept) or None, f"{held} of {len(kept)}"))
        )
    head = ("Hospital", "Approved by", "Sums that it contributed to", *(() if index else ("Receipts that hold",)))
    return limited("Who took part, from the certified lists of contributions", head, rows, "receipts/")


def own_verification(facts: Facts) -> list[Table]:
    """The findings about the one hospital that `seen_by` has left."""
    rows = [
        (
            label(facts, item.round),
            tables.verdict(line.holds, line.outcome),
            line.detail,
        )
        for item in facts.sums
        for line in item.findings
    ]
    head = ("Sum", "This hospital's receipt", "Its part")
    return [
        limited(
            "This hospital's receipt of each sum, checked again from the files", head, rows, "receipts/", prose=True
        ),
        *tables.audit(facts),
    ]


def _measured(facts: Facts) -> Table:
    names = {"auroc": "AUROC", "auprc": "AUPRC", "brier": "Brier score", "log_loss": "Log loss"}
    rows = tuple((text, blocks.score(getattr(facts.trained.federated, name))) for name, text in names.items())
    return Table("The federated model on the test rows of all hospitals together", ("Measure", "Value"), rows)


def _index(path: Path, facts: Facts) -> int:
    """Which hospital's folder it is, from the receipts in it; 0: the coordinator's."""
    if not (path / VERIFICATION).exists():
        return 0
    ends = {file.stem.rpartition("-")[2] for file in (path / "receipts").glob("*/hospital-[0-9]*.cbor")}
    found = {int(end) for end in ends if end.isdecimal()}
    if len(found) != 1 or not found <= set(range(1, len(facts.names) + 1)):
        raise StorageError(f"{path} does not hold the receipts of one hospital", hint="restore it from a backup")
    return found.pop()


def own_figures(path: Path) -> OwnFigures | None:
    """What own.json says; None where there is none. Raises StorageError: damaged."""
    file = path / OWN_RESULTS
    try:
        return parse(file, files.read(file), OwnFigures) if file.exists() else None
    except StorageError as error:
        raise StorageError(error.message, hint="remove it: the service computes it again") from None
