"""The page of a study whose result is tables and no model: the tables, what left each hospital, and how it was verified."""

from __future__ import annotations

from typing import Any

from cipherward.data import catalogue as sources
from cipherward.report import page, rendering, words
from cipherward.report.facts import Facts, clean


def render(facts: Facts) -> str:
    """The page as text."""
    return rendering.render("answers.html", _content(facts))


def _content(facts: Facts) -> dict[str, Any]:
    study = facts.study
    toml = clean(study.to_toml())
    return {
        **page.details(facts),
        "title": clean(study.title or study.name),
        "description": clean(study.description),
        "name": study.name,
        "synthetic": study.synthetic,
        "source": sources.words(study.data.source),
        "outcome": f"{clean(study.data.outcome)} = {clean(study.data.positive)}",
        "budget": facts.result.privacy,
        "noise": words.noise_on_counts(study),
        "not_protected": (words.LEAKAGE[False], *words.NOT_PROTECTED),
        "terms": words.TERMS,
        "toml": toml[: page.MAX_TOML],
        "toml_cut": len(toml) > page.MAX_TOML,
    }
