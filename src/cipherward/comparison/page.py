"""report.html of a comparison: the ways to train side by side, and one federated run in detail.

Made from the compare directory alone: comparison.json, sizes.json and shift.json where they were run, and the run
directory of the first seed of scheme quorum (or of another federated arm), which is verified on the way. The same files give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cipherward.comparison import arms, figures, records, side_by_side, sweep_figures
from cipherward.comparison.records import Comparison
from cipherward.crypto import schemes
from cipherward.data import catalogue as sources
from cipherward.learning import catalogue as kinds
from cipherward.report import blocks, charts, costs, rendering, words
from cipherward.report import page as run_page
from cipherward.report.facts import Facts, clean, gather
from cipherward.store import files


@dataclass(frozen=True)
class Written:
    """What a report was made from. `detail`: the verified run that is shown in detail; None where it is not there (yet)."""

    comparison: Comparison
    detail: Facts | None = field(repr=False)

    @property
    def holds(self) -> bool:
        """Whether the files of the run shown in detail prove it."""
        return self.detail is None or self.detail.holds


def is_comparison(path: Path) -> bool:
    """Whether the folder is a compare directory, and not that of one run."""
    return (path / records.NAME).exists()


def write(path: Path) -> Written:
    """Write report.html into a compare directory, finished or not, and give back what it was made from.

    Raises:
        StorageError: no compare directory, a damaged file in it, or the page cannot be written.
        AuditError, StudyError, DataError: the run shown in detail is not what it claims to be.
    """
    found, sizes, shift = records.read(path), records.read_sizes(path), records.read_shift(path)
    run = _first_run(path, found)
    facts = gather(path / run) if run else None
    text = rendering.render("comparison.html", _content(path, found, sizes, shift, run, facts))
    files.write(path / run_page.NAME, text.encode())
    return Written(found, facts)


def _first_run(path: Path, c: Comparison) -> str:
    """The run directory, relative to `path`, of the federated arm that the page shows in detail; empty where none is finished."""
    arm = figures.federated_arm(c)
    run = next((seed.run for seed in arm.seeds if seed.run), None) if arm else None
    return run if run and (path / run / "result.json").exists() else ""


def _content(
    path: Path,
    c: Comparison,
    sizes: records.Sizes | None,
    shift: records.Shift | None,
    run: str,
    facts: Facts | None,
) -> dict[str, Any]:
    toml = clean(files.read(path / records.STUDY).decode("utf-8", "replace")) if (path / records.STUDY).exists() else ""
    if facts and not c.arm(arms.CENTRALISED):
        facts = replace(facts, result=facts.trained.model_copy(update={"centralised": None}))
    three = facts and c.arm(arms.CENTRALISED) and c.arm(arms.LOCAL)
    return {
        "outcome": f"{c.outcome} is positive",
        **(run_page.details(facts) if facts else {"facts": None}),
        "c": c,
        "title": c.title or c.study,
        "run": run,
        "model": f"{kinds.words(c.model)}, {blocks.count(c.n_parameters)} parameters",
        "cards": _cards(c),
        "not_drawn": figures.not_drawn(c),
        "figures": {
            "auroc": figures.auroc(c),
            "hospitals": figures.hospitals(c),
            "own": charts.hospitals_own(facts) if facts and three else None,
            "time_scatter": figures.against_time(c),
            "calibration": charts.calibration(facts) if facts else None,
            "roc": charts.roc(facts) if facts else None,
            "time": figures.time(c),
            "traffic": figures.traffic(c),
            "distance": costs.distance(facts) if facts else None,
            "size_time": sweep_figures.time(sizes) if sizes else None,
            "size_bytes": sweep_figures.bytes_up(sizes) if sizes else None,
            "shift": sweep_figures.shift(shift) if shift else None,
        },
        "sizes": sizes,
        "shift": shift,
        "shift_table": sweep_figures.shift_table(shift) if shift else None,
        "ways": side_by_side.words(c),
        "reached": side_by_side.reached(c),
        "cost": side_by_side.costs(c),
        "equality": side_by_side.equality(c),
        "said_of_arms": side_by_side.warnings(c),
        "data": side_by_side.data(c),
        "runs": side_by_side.runs(path, c, run, facts.holds if facts else False),
        "budgets": side_by_side.budgets(c),
        "coverage": side_by_side.coverage(c),
        "schemes": _schemes(c, facts),
        "not_protected": (words.LEAKAGE_COMPARED, *words.NOT_PROTECTED),
        "versions": side_by_side.versions(c),
        "terms": words.TERMS_COMPARED,
        "toml": toml[: run_page.MAX_TOML],
        "toml_cut": len(toml) > run_page.MAX_TOML,
        "source": sources.words(c.source),
    }


def _cards(c: Comparison) -> list[tuple[str, str, str, str]]:
    """Style, what, number, and what goes with it, for the numbers at the top of the page."""
    cards = []
    lead, metric = figures.federated_arm(c), "AUROC (95 % interval)"
    plain = c.arm(arms.UNPROTECTED) if lead and lead.name != arms.UNPROTECTED else None
    for arm, style, what in (
        (lead, "fed", f"Federated model, scheme {lead.scheme}" if lead else ""),
        (c.arm(arms.CENTRALISED), "cen", "Centralised model (all rows in one place)"),
        (plain, "loc", "Federated model without protection"),
    ):
        if arm and "auroc" in arm.metrics:
            number, _, rest = figures.interval(arm.metrics["auroc"]).partition(" ")
            cards.append((style, f"{what}, {metric}", number, rest))
    alone = [item.local.mean for item in c.hospitals_alone if item.local] if c.arm(arms.LOCAL) else []
    if alone:
        cards.append(("loc", "Hospitals alone, AUROC, lowest to highest", f"{min(alone):.3f} to {max(alone):.3f}", ""))
    n = blocks.count(c.n_test_rows)
    cards.append(("", "Test rows, all hospitals", n, f"{blocks.count(c.n_test_positive)} with the outcome"))
    seeds = f"{len(c.seeds)} seed{'s' if len(c.seeds) != 1 else ''}"
    cards.append(("", "Compared", f"{len(c.arms)} ways", f"{seeds}, {c.n_hospitals} hospitals, {c.rounds} rounds"))
    return cards


def _schemes(c: Comparison, facts: Facts | None) -> list[tuple[str, str]]:
    """What each scheme of the comparison does, in the order of the arms."""
    names = list(dict.fromkeys(arm.scheme for arm in c.arms if arm.scheme in schemes.CATALOGUE))
    threshold = facts.study.thresholds.threshold if facts else "a quorum of"
    fill = {"threshold": threshold, "n": c.n_hospitals}
    return [(name, schemes.facts(name).protection.format(**fill)) for name in names if name]
