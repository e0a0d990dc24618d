"""report.html: one run on one page, without scripts, fonts, images or links from elsewhere.

The page is made of the run directory alone and holds no time of its making, so the same run gives the same bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cipherward.errors import StorageError
from cipherward.report import blocks, charts, costs, pictures, predictors, rendering, rows, tables, words
from cipherward.report.facts import Facts, clean, gather
from cipherward.store import files

NAME = "report.html"
MAX_BYTES = 3_000_000
MAX_TOML = 300_000


def write(path: Path) -> Facts:
    """Write report.html, auroc.svg and hospitals.svg into a finished run's directory, and give back what they say.

    A run whose files do not prove it gets a report too, which says so: see `Facts.holds`.

    Raises:
        StorageError: no run directory, not finished, damaged, or it cannot be written.
        AuditError, StudyError, DataError: study or initial model are not what they claim to be.
    """
    from cipherward.report import answers  # which shows parts of this page

    facts = gather(path)
    with what_is_damaged(path):
        if facts.tables:
            page = answers.render(facts)
        else:
            content = _content(facts)
            page = rendering.render("report.html", content)
            figures = content["figures"]
            pictures.write(path, facts, figures["auroc"], figures["pooled"])
    files.write(path / NAME, page.encode())
    return facts


@contextlib.contextmanager
def what_is_damaged(path: Path) -> Iterator[None]:
    """Inside, what is missing or odd in the files of a run becomes a StorageError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        raise StorageError(
            f"{path / 'result.json'} or rounds.jsonl lacks what a report needs, or is damaged: {error!r}",
            hint="restore the run directory from a backup; a run of another version needs that version's report",
        ) from None


def details(facts: Facts) -> dict[str, Any]:
    """What the pages of a run and of a comparison both show of one run: flow, sums, verification."""
    numbers = facts.study.thresholds
    shown = tables.example(facts)
    fill = {"threshold": numbers.threshold, "n": len(facts.names), "consents": shown.consents if shown else 0}
    return {
        "facts": facts,
        "scheme": facts.scheme,
        "scheme_text": words.SCHEMES[facts.scheme].format(**fill),
        "opener": words.OPENERS[facts.scheme].format(**fill),
        "readable": tables.readable(facts),
        "flow": shown,
        "flow_name": costs.label(facts, shown.round) if shown else "",
        "left": tables.left(facts, shown) if shown else None,
        "contents": tables.contents(shown) if shown else None,
        "opened": tables.opened(facts),
        "verification": tables.verification(facts),
        "set_aside": tables.set_aside(facts),
        "missing": tables.missing(facts),
        "unopened": tables.unopened(facts),
        "sees_all": True,
        "numbers": numbers,
        "warnings": numbers.warnings(),
        "quorum": numbers.explain(),
        "outcome": predictors.outcome(facts.study),
        "reservations": [clean(str(text)) for text in facts.result.get("warnings", [])],
        "changed": rows.changed(facts),
        "noticed": rows.noticed(facts),
        "predictors": predictors.predictors(facts),
        "coefficients": predictors.coefficients(facts),
    }


def _content(facts: Facts) -> dict[str, Any]:
    study, result = facts.study, facts.result
    budget: dict[str, Any] | None = result.get("privacy")
    toml = clean(study.to_toml())
    alone = sorted(result["auroc_local"].values())
    auroc = {name: float(result[f"auroc_{name}"]) for name in ("federated", "centralised")}
    return {
        **details(facts),
        "title": clean(study.title or study.name),
        "description": clean(study.description),
        "name": study.name,
        "synthetic": study.synthetic,
        "source": words.SOURCES[study.data.source],
        "model": _model(facts),
        "rounds": int(result["rounds"]),
        "converged": bool(result["converged_early"]),
        "auroc": {name: blocks.with_interval(value, facts.interval(value)) for name, value in auroc.items()},
        "alone": f"{alone[0]:.3f} to {alone[-1]:.3f}",
        "n_test": int(facts.federated["n"]),
        "n_test_positive": int(facts.federated["n_positive"]),
        "figures": {
            "auroc": charts.auroc(facts),
            "pooled": charts.hospitals_pooled(facts),
            "own": charts.hospitals_own(facts),
            "time_scatter": charts.time_scatter(facts),
            "calibration": charts.calibration(facts),
            "roc": charts.roc(facts),
            "time": costs.time(facts),
            "traffic": costs.traffic(facts),
            "distance": costs.distance(facts),
        },
        "comparison": tables.comparison(facts),
        "data": rows.by_split(facts),
        "versions": tables.versions(facts),
        "budget": budget,
        "noise": words.noise_on_counts(study),
        "not_protected": (words.LEAKAGE[budget is not None], *words.NOT_PROTECTED),
        "terms": words.TERMS,
        "toml": toml[:MAX_TOML],
        "toml_cut": len(toml) > MAX_TOML,
        "device": clean(str(result["device"])),
        "small": blocks.SMALL,
    }


def _model(facts: Facts) -> str:
    return f"{words.MODELS[facts.study.model.kind]}, {blocks.count(int(facts.result['n_parameters']))} parameters"
