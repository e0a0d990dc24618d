"""The tables of a comparison: the ways to train side by side, runs, privacy ledgers, data."""

from __future__ import annotations

from pathlib import Path

from cipherward.comparison.arms import CENTRALISED
from cipherward.comparison.figures import interval
from cipherward.comparison.records import Arm, Comparison, Convergence, Estimate
from cipherward.errors import StorageError
from cipherward.privacy.budget import COVERED, NOT_COVERED
from cipherward.report.blocks import SMALL, TOO_FEW, Cell, Code, Mark, Table, count, limited, percent, seconds, size
from cipherward.runs import result_json

_EQUAL = 1e-3


def words(c: Comparison) -> Table:
    """What each way is for, how it works, and what it contributes."""
    head = ("Way to train", "Objective", "Methodology", "Primary contribution")
    rows = [(arm.label, arm.objective, arm.methodology, arm.primary_contribution) for arm in c.arms]
    return limited("What each way is for", head, rows, "comparison.csv")


def reached(c: Comparison) -> Table:
    """What each way reached."""
    gap = c.arm(CENTRALISED) is not None
    difference = ["Difference of AUROC to centralised"] if gap else []
    head = ("Way to train", "AUROC (95 % interval)", *difference, "AUPRC", "Brier score", "Rounds to convergence")
    rows = [
        (
            arm.label,
            _metric(arm, "auroc"),
            *([_difference(arm.difference_to_centralised)] if gap else []),
            _metric(arm, "auprc"),
            _metric(arm, "brier"),
            _convergence(arm.rounds_to_convergence),
        )
        for arm in c.arms
    ]
    note = (
        f"Mean over {len(c.seeds)} seed{'s' if len(c.seeds) != 1 else ''} and 95 % interval by bootstrap of patients over the {count(c.n_test_rows)} pooled test rows "
        "and the seeds; differences are taken on the same draws. Converged: from the first round after which the AUROC "
        "stays within 0.001 of the last."
    )
    return limited("What each way reaches", head, rows, "comparison.csv", note)


def costs(c: Comparison) -> Table:
    """What each way costs, and who can read what."""
    head = (
        "Way to train", "Time of a round", "Sent per hospital and round", "Received",
        "Who can read one hospital's update", "Drop-outs tolerated",
    )  # fmt: skip
    rows = [
        (
            arm.label,
            seconds(arm.seconds_per_round.mean) if arm.seconds_per_round else "–",
            *(
                size(n) if n is not None else "–"
                for n in (arm.bytes_up_per_hospital_round, arm.bytes_down_per_hospital_round)
            ),
            arm.who_can_read_one_update,
            str(arm.dropouts_tolerated) if arm.dropouts_tolerated is not None else "–",
        )
        for arm in c.arms
    ]
    note = "Who can read an update, and drop-outs, follow from the scheme that ran. Time is that of all parties, one after the other."
    return limited("What each way costs, and who can read what", head, rows, "comparison.csv", note)


def budgets(c: Comparison) -> Table | None:
    """The privacy ledger of every arm that has one."""
    rows: list[tuple[Cell, ...]] = []
    for arm in c.arms:
        if arm.privacy:
            p = arm.privacy
            kept = Mark(p.epsilon_spent <= p.epsilon * (1 + 1e-9), f"{p.epsilon_spent:.3g} of {p.epsilon:.3g}")
            left = max(p.epsilon - p.epsilon_spent, 0.0)
            rows.append((arm.label, f"one {p.unit}", kept, f"{left:.3g}", f"{p.delta:.3g}"))
    head = ("Way to train", "Unit", "Epsilon spent", "Epsilon left", "Delta")
    note = "The largest epsilon over hospitals and seeds; each seed is a study of its own, and whoever sees several adds them up."
    return limited("Ledger of differential privacy", head, rows, "comparison.json", note) if rows else None


def coverage(c: Comparison) -> list[tuple[str, str, str]]:
    """For each unit that an arm protects: the unit, what its budget is spent on, and what no budget covers."""
    units = sorted({arm.privacy.unit for arm in c.arms if arm.privacy})
    return [(unit, ", ".join(COVERED[unit]), "; ".join(NOT_COVERED[unit])) for unit in units]


def warnings(c: Comparison) -> list[str]:
    """What was said of single arms when their runs ended: unconverged, diverged, below the hospitals' own models."""
    return [f"{arm.label}: {said}" for arm in c.arms for said in arm.warnings]


def data(c: Comparison) -> Table | None:
    """Rows and outcomes by hospital, without small counts; None where there are none."""
    if not c.data:
        return None
    hidden = [
        item.positive is None or item.rows is None or min(item.positive, item.rows - item.positive) < SMALL
        for item in c.data
    ]
    rows: list[tuple[str, ...]] = []
    for item, is_hidden in zip(c.data, hidden, strict=True):
        shown = TOO_FEW if item.rows is None or item.rows < SMALL else count(item.rows)
        rows.append((item.name, shown, *(("not shown",) * 2 if is_hidden else _outcomes(item.rows, item.positive))))
    if all(item.rows is not None for item in c.data):
        total = sum(item.rows or 0 for item in c.data)
        # A total of the others would say that what is hidden counts as nothing.
        outcomes = ("not shown",) * 2 if any(hidden) else _outcomes(total, sum(item.positive or 0 for item in c.data))
        rows.insert(0, ("All hospitals", count(total), *outcomes))
    note = f"Outcomes are not shown where {TOO_FEW} rows are with, or without, the outcome." if any(hidden) else ""
    head = ("Hospital", "Rows", "With the outcome", "Outcome rate")
    return limited("Rows and outcomes by hospital, all splits", head, rows, "comparison.json", note)


def _outcomes(rows: int | None, positive: int | None) -> tuple[str, str]:
    return count(positive or 0), percent((positive or 0) / rows if rows else 0.0)


def runs(path: Path, c: Comparison, replayed: str, holds: bool) -> Table:
    """Every run directory of the comparison, and how far it was verified. `replayed`: the one verified for this page."""
    rows: list[tuple[Cell, ...]] = []
    for arm in c.arms:
        for seed in arm.seeds:
            if seed.run:
                rows.append(
                    (
                        arm.label,
                        str(seed.seed),
                        Code(seed.run),
                        _verified(path / seed.run),
                        _replayed(seed.run, replayed, holds),
                    )
                )
    head = (
        "Way to train",
        "Seed",
        "Run directory",
        "Hospitals that verified every sum",
        "From the files, for this page",
    )
    return limited("Federated runs, and how far each is verified", head, rows, "comparison.json")


def _replayed(run: str, replayed: str, holds: bool) -> Mark:
    if run != replayed:
        return Mark(None, "not checked again")
    return Mark(holds, "holds" if holds else "does not hold")


def _verified(run: Path) -> Mark:
    try:
        found = result_json.read(run / "result.json", result_json.Result).verified
    except StorageError:
        return Mark(None, "not recorded")
    held, n = sum(found.values()), len(found)
    return Mark(held == n or None, f"{held} of {n}")


def versions(c: Comparison) -> Table:
    """Software versions of the comparison."""
    return Table("Versions", ("Package", "Version"), tuple((name, Code(value)) for name, value in c.versions.items()))


def _metric(arm: Arm, name: str) -> str:
    found = arm.metrics.get(name)
    return interval(found) if found else "–"


def _difference(found: Estimate | None) -> str:
    if found is None:
        return "–"
    return f"{_signed(found.mean)} ({_signed(found.low)} to {_signed(found.high)})"


def _signed(value: float) -> str:
    text = f"{abs(value):.3f}"
    return text if text == "0.000" else f"{'+' if value > 0 else '−'}{text}"


def _convergence(found: Convergence | None) -> str:
    if found is None:
        return "–"
    if found.min == found.max:
        return f"{found.mean:g}"
    return f"{found.mean:.1f} ({found.min:g} to {found.max:g})"


def equality(c: Comparison) -> str:
    """How far each scheme's AUROC is from plain federated learning's, in words; empty where that was not compared."""
    found = {name: item.max_auroc_difference_per_seed for name, item in c.equal_to_plain.items()}
    if not found:
        return ""
    said = ", ".join(f"{name} {_small(value)}" for name, value in found.items())
    text = f"Largest difference of a scheme's AUROC to plain federated learning, over seeds: {said}."
    return f"{text} Protection costs time and bytes here, not AUROC." if max(found.values()) <= _EQUAL else text


def _small(value: float) -> str:
    return f"{value:.5f}" if value >= 1e-5 else "0" if value == 0 else "below 0.00001"
