"""The report's tables: what left each hospital, what was opened, comparison, verification, versions."""

from __future__ import annotations

import statistics
from collections import Counter

from cipherward.crypto.scheme import Opener
from cipherward.parties import culprits
from cipherward.report.blocks import (
    Cell,
    Code,
    Mark,
    Table,
    count,
    limited,
    score,
    short,
    size,
    with_interval,
)
from cipherward.report.costs import label
from cipherward.report.facts import Facts, Sum, clean
from cipherward.report.words import READABLE, READERS
from cipherward.runs.audit_trail import ENDING, REPORT
from cipherward.runs.result_json import Measured
from cipherward.runs.verify import Line

_MAX_COLUMNS = 10


def comparison(facts: Facts) -> Table:
    """This run, the centralised model and the hospitals alone, side by side."""
    result = facts.simulated
    took = [line.seconds for line in facts.rounds.values() if line.purpose == "train" and line.seconds is not None]
    alone = sorted(result.auroc_local.values())
    leaves = "one unencrypted contribution per sum"
    if facts.scheme.opener is not Opener.ANYONE:
        leaves = "nothing readable: one encrypted contribution per sum"

    def measured(auroc: float, found: Measured) -> tuple[str, ...]:
        figures = (score(value) for value in (found.auprc, found.brier, found.log_loss))
        return with_interval(auroc, facts.interval(auroc)), *figures

    sent = size(result.bytes_up_per_hospital_round) if result.bytes_up_per_hospital_round is not None else "–"
    mean = f"{statistics.mean(took):.2f} s" if took else "–"
    of_alone = f"{score(alone[0])} to {score(alone[-1])}, median {score(statistics.median(alone))}"
    rows = (
        (
            f"this run: federated, scheme {facts.scheme.name}",
            leaves,
            READERS[facts.scheme.opener],
            *measured(result.auroc_federated, result.federated),
            sent,
            mean,
        ),
        (
            "centralised: all rows in one place",
            "every row",
            "whoever holds the pool",
            *measured(result.auroc_centralised, result.centralised),
            "–",
            "–",
        ),
        *(
            (
                f"another kind of model, all rows in one place: {clean(other.name)}",
                "every row",
                "whoever holds the pool",
                *measured(other.measured.auroc, other.measured),
                "–",
                "–",
            )
            for other in result.others
        ),
        ("each hospital alone", "nothing", "nobody", of_alone, *"–––––"),
    )
    head = (
        "Way to train", "What leaves a hospital", "Who can read one hospital's part", "AUROC (95 % interval)",
        "AUPRC", "Brier score", "Log loss", "Sent per hospital and round", "Mean time of a round",
    )  # fmt: skip
    return Table("The same model, trained in different ways, on the same pooled test rows", head, rows)


def readable(facts: Facts) -> str:
    """Who could read one hospital's contribution."""
    return READABLE[facts.scheme.opener].format(threshold=facts.study.thresholds.threshold)


def example(facts: Facts) -> Sum | None:
    """The sum whose flow is shown in detail: the first training round that was opened."""
    opened = [item for item in facts.sums if item.opened]
    return next(
        (item for item in opened if item.purpose == "train"), max(opened, key=lambda s: s.n_values, default=None)
    )


def left(facts: Facts, shown: Sum) -> Table:
    """What left each hospital in one sum."""
    line = facts.rounds.get(shown.round)
    sent, received = (line.bytes_up, line.bytes_down) if line else ({}, {})
    rows: list[tuple[Cell, ...]] = []
    for index, name in enumerate(facts.names, start=1):
        traffic = [size(by[str(index)]) if str(index) in by else "not recorded" for by in (sent, received)]
        inside = index in shown.contributors
        rows.append(
            (
                name,
                short(shown.payloads.get(index, "")),
                *(traffic if sent or received else []),
                Mark(inside or None, "in the sum" if inside else "not in the sum"),
                READERS[facts.scheme.opener] if inside else "–",
            )
        )
    traffic = ["Sent", "Received"] if sent or received else []  # a deployed party's transport counts letters, not sums
    head = ("Hospital", "Digest of its contribution", *traffic, "Part of the sum", "Who could read it")
    caption = (
        f"What left each hospital in {label(facts, shown.round)}: one contribution of {count(shown.n_values)} values"
    )
    note = f"Each contribution was readable by {readable(facts)}."
    return limited(caption, head, rows, "receipts/", note)


def contents(shown: Sum) -> Table:
    """What the values of one sum mean."""
    groups: Counter[str] = Counter()
    for meaning, values in shown.parts:
        groups[meaning] += values
    rows = [(meaning, count(values)) for meaning, values in groups.items()]
    return Table("What the sum over hospitals consists of", ("Content", "Values"), tuple(rows))


def opened(facts: Facts) -> Table:
    """Every sum of the run."""
    n = len(facts.names)
    rows: list[tuple[Cell, ...]] = [
        (
            label(facts, item.round),
            Mark(True, f"{count(item.n_values)} values") if item.opened else Mark(None, "void: did not open"),
            f"{len(item.contributors)} of {n}" if item.opened else "–",
            f"{item.consents} of {n}",
            size(item.total_bytes),
            short(item.total),
            short(item.manifest),
            short(item.model),
        )
        for item in facts.sums
    ]
    head = (
        "Sum", "Opened", "Contributors", "Consents", "Size as sent", "Digest of the sum",
        "Digest of the list of contributions", "Digest of the model that follows",
    )  # fmt: skip
    return limited("What was opened, sum by sum", head, rows, "receipts/")


_CHANGES = ("no audit entry", "not cosigned", "log signed")
_PAGES = ENDING[REPORT]
_OF_THE_LOG = ("sums in the log", "earlier log", "model withdrawn")


def verification(facts: Facts) -> list[Table]:
    """Per hospital and sum where that stays readable, otherwise per sum; then what is out of the ordinary."""
    n = len(facts.names)
    if n <= _MAX_COLUMNS:
        head = ("Sum", *facts.names)
        rows: list[tuple[Cell, ...]] = [
            (label(facts, item.round), *(verdict(line.holds, line.outcome) for line in item.findings))
            for item in facts.sums
        ]
        caption = "Each hospital's receipt of each sum, checked again from the files"
    else:
        head = ("Sum", "Hold", "No receipt", "Do not hold")
        rows = []
        for item in facts.sums:
            bad = [line for line in item.findings if not line.holds]
            none = sum(line.outcome == "no receipt" for line in item.findings)
            held = n - len(bad) - none
            kept = Mark(held == n or None, f"{held} of {n}")
            rows.append((label(facts, item.round), kept, str(none), Mark(not bad, str(len(bad)))))
        caption = f"Receipts of {n} hospitals by sum, checked again from the files"
    tables = [limited(caption, head, rows, "the output of cipherward verify")]
    void = {item.round for item in facts.sums if item.findings and all(map(_is_void, item.findings))}
    unusual = [line for line in facts.findings if not line.holds or line.outcome in ("no receipt", "round void")]
    if unusual:
        found: list[tuple[Cell, ...]] = [
            (label(facts, number), "all", Mark(None, "round void"), "the sum did not open, and every hospital says so")
            for number in sorted(void)
        ]
        found += [
            (_called(facts, line), clean(line.hospital), verdict(line.holds, line.outcome), clean(line.detail))
            for line in unusual
            if not (_is_void(line) and line.round in void)
        ]
        head = ("Sum", "Hospital", "Receipt", "Detail")
        tables.append(
            limited("What is out of the ordinary", head, found, "the output of cipherward verify", prose=True)
        )
    return [*tables, *audit(facts)]


def audit(facts: Facts) -> list[Table]:
    """Whose word the log's entries are; what does not fit them. Nothing that changes after the end of the study, such as the page's
    own entry: a page that is written again is the same."""
    rows: list[tuple[Cell, ...]] = []
    for line in facts.audit[:-1]:
        is_own = line.outcome in ("file missing", "file changed") and any(name in line.detail for name in _PAGES)
        if line.outcome in _CHANGES or is_own:
            continue
        if line.gap or not line.holds or line.outcome in _OF_THE_LOG:
            rows.append(_found(line))
    rows += [_found(line) for line in facts.audit[-1:]]
    if not rows:
        return []
    caption = "The audit log; cipherward verify says how it is now"
    return [limited(caption, ("What", "Found", "Detail"), rows, "the output of cipherward verify", prose=True)]


def _found(line: Line) -> tuple[Cell, ...]:
    mark = Mark(None, "gap") if line.gap else Mark(line.holds, "holds" if line.holds else "does not hold")
    return clean(line.outcome), mark, clean(line.detail)


def _called(facts: Facts, line: Line) -> str:
    return "final model" if line.purpose == "model" else label(facts, line.round)


def _is_void(line: Line) -> bool:
    return line.holds and line.outcome == "round void"


def verdict(holds: bool, outcome: str) -> Mark:
    """What a hospital's receipt says of a sum."""
    if not holds:
        return Mark(False, outcome)
    if outcome in ("no receipt", "round void"):
        return Mark(None, outcome)
    return Mark(True, "verified" if "Preserved" in outcome else "verified, unprotected")


def set_aside(facts: Facts) -> Table | None:
    """Messages that the coordinator could not use; None where there were none."""
    kept = facts.result.set_aside
    rows = [(_name(facts, item.sender), clean(item.kind), clean(item.reason)) for item in kept]
    return (
        limited("Messages that were set aside", ("Hospital", "Message", "Reason"), rows, "log.jsonl") if rows else None
    )


def unopened(facts: Facts) -> list[str]:
    """The sums that did not open, and who is proved to have spoiled them, in sentences."""
    told = {
        "failed_sums": [failed.model_dump() for failed in facts.result.failed_sums],
        "false_shares": [false.model_dump() for false in facts.result.false_shares],
    }
    return [clean(text) for text in culprits.sentences(told)]


def missing(facts: Facts) -> Table | None:
    """Sums that went on without some hospitals; None where all took part in all."""
    rows: list[tuple[Cell, ...]] = []
    for item in facts.sums:
        expected = item.admitted or range(1, len(facts.names) + 1)
        away = [facts.names[index - 1] for index in expected if index not in item.contributors]
        if away and item.opened:
            some = ", ".join(away[:_MAX_COLUMNS]) + (
                f" and {len(away) - _MAX_COLUMNS} more" if len(away) > _MAX_COLUMNS else ""
            )
            rows.append((label(facts, item.round), str(len(away)), some))
    caption = "Sums that went on without some hospitals"
    return limited(caption, ("Sum", "Missing", "Hospitals"), rows, "rounds.jsonl") if rows else None


def _name(facts: Facts, index: int) -> str:
    return facts.names[index - 1] if 1 <= index <= len(facts.names) else f"hospital {index}"


def versions(facts: Facts) -> Table:
    """Software versions of the run."""
    rows = tuple((clean(name), Code(clean(value))) for name, value in facts.simulated.versions.items())
    return Table("Versions", ("Package", "Version"), rows)
