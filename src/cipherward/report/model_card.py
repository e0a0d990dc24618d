"""A model card (Mitchell et al. 2019) of a verified run. What only people know is open, and named so."""

from __future__ import annotations

from collections.abc import Iterator

from cipherward.report.passport_facts import Known
from cipherward.report.tripod import OPEN, who_reads


def markdown(known: Known) -> str:
    """The card as Markdown, ending in a line break."""
    sections = list(_sections(known))
    left = [f"{title}: {line.replace(f'{OPEN} ', '')}" for title, lines in sections for line in lines if OPEN in line]
    found = [
        f"# Model card: {known.title}",
        "",
        f"Made by {known.software} from the study (digest `{known.digest}`), its verified receipts and its figures.",
        "",
        f"## Open points ({len(left)})",
        "",
        *(f"- {each}" for each in left),
    ]
    for title, lines in sections:
        found += ["", f"## {title}", "", *(f"- {line}" for line in lines)]
    return "\n".join(found) + "\n"


def _sections(k: Known) -> Iterator[tuple[str, list[str]]]:
    study = k.study
    yield (
        "Model",
        [
            f"What: {k.building}",
            f"File: {k.specification}",
            f"Who: {len(k.names)} hospitals ({', '.join(k.names)}) and a coordinator without rows. Contact: {study.contact or f'{OPEN} whom to ask'}",
            "Licence, and where the model may be used: " + f"{OPEN} to be said",
        ],
    )
    yield (
        "Intended use",
        [
            study.purpose or f"{OPEN} what it is for",
            f"Predicts: {k.outcome}.",
            f"{OPEN} users, place in care, and what it must not be used for",
            f"{OPEN} whether it is a medical device there",
        ],
    )
    yield (
        "Factors",
        [
            f"Predictors: {'; '.join(k.columns)}.",
            k.fairness or f"{OPEN} for which groups it may work worse: [evaluation] subgroups of a study measures it",
        ],
    )
    yield (
        "Training data",
        [
            f"Source: {k.source}.",
            k.sizes,
            k.parts,
            k.preparation,
            k.handled,
            k.missing,
            f"Class imbalance: {k.imbalance}",
        ],
    )
    yield "Measures and evaluation data", [k.measures, "Test rows of the same hospitals, other patients.", k.output]
    yield (
        "Quantitative analyses",
        [
            *(f"{name}: {value}" for name, value in k.figures),
            *([f"By subgroup: {k.of_subgroups}"] if k.has_subgroups else [f"{OPEN} by subgroup: none were declared"]),
            f"By hospital: {k.by_hospital}",
        ],
    )
    yield (
        "Privacy and ethics",
        [
            f"What left a hospital was opened as a sum only; scheme {k.facts.scheme.name}: {who_reads(k)}.",
            *k.privacy,
            f"Legal basis, as the study states it: {study.legal_basis or f'{OPEN} to be said'}",
        ],
    )
    yield "Caveats", [*k.limits, k.at_use, f"{OPEN} until when it may be used, and who watches its figures"]
