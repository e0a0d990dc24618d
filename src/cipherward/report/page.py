"""report.html: one run on one page, without scripts, fonts, images or links from elsewhere.

The page is made of the run directory alone and holds no time of its making, so the same run gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cipherward.crypto.scheme import Opener
from cipherward.data import catalogue as sources
from cipherward.learning import catalogue as kinds
from cipherward.report import (
    blocks,
    charts,
    costs,
    drawn,
    exposed,
    pictures,
    predictors,
    rendering,
    rows,
    served,
    tables,
    words,
)
from cipherward.report.blocks import Table
from cipherward.report.facts import Facts, clean, gather
from cipherward.store import files

NAME = "report.html"
MAX_BYTES = 3_000_000
MAX_TOML = 300_000


def write(path: Path) -> Facts:
    """Write report.html, auroc.svg (of another outcome than a binary one rounds.svg) and hospitals.svg into a finished run's directory, and give back what they say.

    A run whose files do not prove it gets a report too, which says so: see `Facts.holds`.

    Raises:
        StorageError: no run directory, not finished, damaged, or it cannot be written.
        AuditError, StudyError, DataError: study or initial model are not what they claim to be.
    """
    from cipherward.report import answers, other  # which show parts of this page

    facts = gather(path)
    if facts.model is None:
        page = answers.render(facts)
    elif facts.study.data.outcome_type != "binary":
        page = other.render(facts, details(facts))
        shown = other.pictures(facts)
        pictures.write(path, facts, {pictures.BY_ROUND: shown.by_round, pictures.HOSPITALS: shown.alone})
    else:
        content = _content(facts)
        page = rendering.render("report.html", content)
        figures = content["figures"]
        pictures.write(path, facts, {pictures.AUROC: figures["auroc"], pictures.HOSPITALS: figures["pooled"]})
    files.write(path / NAME, page.encode())
    return facts


def _answers(facts: Facts) -> list[Table]:
    """The result's own tables."""
    return [
        Table(
            clean(t.title),
            tuple(clean(name) or "What" for name in t.header),
            tuple(tuple(map(clean, row)) for row in t.rows),
        )
        for t in facts.tables
    ]


def details(facts: Facts) -> dict[str, Any]:
    """What the pages of a run and of a comparison both show of one run: flow, sums, verification."""
    numbers = facts.study.thresholds
    shown = tables.example(facts)
    fill = {"threshold": numbers.threshold, "n": len(facts.names), "consents": shown.consents if shown else 0}
    return {
        "facts": facts,
        "scheme": facts.scheme.name,
        "is_open": facts.scheme.opener is Opener.ANYONE,
        "is_shared": facts.scheme.opener is Opener.HOSPITALS,
        "scheme_text": facts.scheme.protection.format(**fill),
        "opener": facts.scheme.opening.format(**fill),
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
        "exposed": exposed.tables(facts),
        "inferred": exposed.inferred(facts),
        "sees_all": True,
        "numbers": numbers,
        "warnings": numbers.warnings(),
        "quorum": numbers.explain(),
        "outcome": predictors.outcome(facts.study),
        "reservations": [clean(text) for text in facts.result.warnings],
        "changed": rows.changed(facts),
        "noticed": rows.noticed(facts),
        "left_out": rows.left_out(facts),
        "predictors": predictors.predictors(facts),
        "coefficients": predictors.coefficients(facts),
        "answers": _answers(facts),
        "figures_of_result": drawn.figures(facts),
        "served": served.figure(facts),
    }


def _content(facts: Facts) -> dict[str, Any]:
    study, result = facts.study, facts.simulated
    toml = clean(study.to_toml())
    alone = sorted(result.auroc_local.values())
    auroc = {"federated": result.auroc_federated, "centralised": result.auroc_centralised}
    return {
        **details(facts),
        "title": clean(study.title or study.name),
        "description": clean(study.description),
        "name": study.name,
        "synthetic": study.synthetic,
        "own_tables": sources.source(study.data.source).is_own_tables,
        "own_code": kinds.kind_of(study.model).is_own_code,
        "source": sources.words(study.data.source),
        "model": _model(facts),
        "rounds": result.rounds,
        "converged": result.converged_early,
        "auroc": {name: blocks.with_interval(value, facts.interval(value)) for name, value in auroc.items()},
        "alone": f"{alone[0]:.3f} to {alone[-1]:.3f}",
        "n_test": result.federated.n,
        "n_test_positive": result.federated.n_positive,
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
        "personal": rows.personal(facts),
        "versions": tables.versions(facts),
        "budget": result.privacy,
        "noise": words.noise_on_counts(study),
        "not_protected": (words.LEAKAGE[result.privacy is not None], *words.NOT_PROTECTED),
        "terms": words.TERMS,
        "toml": toml[:MAX_TOML],
        "toml_cut": len(toml) > MAX_TOML,
        "device": clean(result.device),
        "small": blocks.SMALL,
    }


def _model(facts: Facts) -> str:
    return f"{kinds.words(facts.study.model.kind)}, {blocks.count(facts.trained.n_parameters)} parameters"
