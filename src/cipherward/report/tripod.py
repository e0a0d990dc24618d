"""The TRIPOD+AI checklist (Collins et al. 2024, BMJ 385:e078378) of a study that develops a model, as far as its study, its opened sums
and its figures answer it. What only people know is open, and named so. Item texts are paraphrased; the numbers are the checklist's."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from cipherward.crypto.scheme import Opener
from cipherward.report.passport_facts import Known

OPEN = "[ ]"
"""In the place of what nobody has said."""


@dataclass(frozen=True)
class Item:
    """One item. `of`: what it asks; `said`: what is known, "" for nothing; `left`: what people still have to say, "" for nothing."""

    number: str
    section: str
    of: str
    said: str
    left: str

    @property
    def state(self) -> str:
        if self.said and not self.left:
            return "answered"
        return "in part" if self.said else "open"


def checklist(known: Known) -> tuple[Item, ...]:
    """Every item, in order."""
    said, whole = _said(known), _answered(known)
    items = tomllib.loads(files("cipherward.report").joinpath("tripod.toml").read_text("utf-8"))
    return tuple(
        Item(number, section, of, said.get(number, ""), "" if number in whole else left)
        for section, listed in items.items()
        for number, (of, left) in listed.items()
    )


def _said(k: Known) -> dict[str, str]:
    """What is known of an item, by its number."""
    study, n = k.study, len(k.names)
    return {
        "1": k.title,
        "3a": study.purpose or study.description,
        "3b": study.purpose,
        "4": f"A model is developed over {n} hospitals, and measured on test rows of the same hospitals.",
        "5a": f"Tables of {n} hospitals ({', '.join(k.names)}); source: {k.source}.",
        "6a": f"{n} hospitals.",
        "7": k.preparation,
        "8a": f"{k.outcome}.",
        "9a": f"{len(k.columns)} columns were declared before anything was computed; {k.left_out}",
        "9b": "; ".join(k.columns) + ".",
        "10": k.sizes,
        "11": k.missing,
        "12a": k.parts,
        "12b": k.handled,
        "12c": k.building,
        "12d": "Each hospital finds the model's figures on its own test rows; they stay there."
        if not k.is_simulated
        else "The run on one machine measures the model at each hospital.",
        "12e": k.measures,
        "12f": "None.",
        "12g": "`cipherward predict`, from the model file; `cipherward export` writes ONNX.",
        "13": k.imbalance,
        "14": k.fairness,
        "15": k.output,
        "16": "None by design: patients of each hospital are dealt to both at random.",
        "17": study.legal_basis,
        "18c": f"The study document was frozen before the first sum, and its digest approved: {k.digest}.",
        "18e": "Rows stay at each hospital. Opened sums and receipts are in the run folder.",
        "18f": f"{k.software}, Apache-2.0; the study document repeats the study.",
        "20a": k.sizes,
        "20b": k.characteristics,
        "20c": "Both are drawn from the same tables at random.",
        "21": k.sizes,
        "22": k.specification,
        "23a": k.performance,
        "23b": k.by_hospital,
        "24": "None.",
        "26": " ".join(k.limits),
        "27a": k.at_use,
    }


def _answered(k: Known) -> set[str]:
    """The items of which this study leaves nothing to say, where others do."""
    found = {"9b": k.described, "14": k.has_subgroups, "15": k.threshold, "23a": k.has_subgroups, "23b": k.is_simulated}
    return {number for number, is_whole in found.items() if is_whole}


def markdown(known: Known) -> str:
    """The checklist as Markdown, ending in a line break."""
    items = checklist(known)
    by_state = {
        state: [each.number for each in items if each.state == state] for state in ("open", "in part", "answered")
    }
    lines = [
        f"# TRIPOD+AI checklist: {known.title}",
        "",
        f"Filled by {known.software} from the study (digest `{known.digest}`), its verified receipts and its figures. {OPEN} is for people to fill in; a draft, "
        "and no statement that a report of this study is complete.",
        "",
        f"Open: {', '.join(by_state['open'])}. In part: {', '.join(by_state['in part'])}. Answered: {', '.join(by_state['answered'])}.",
        "",
    ]
    section = ""
    for each in items:
        if each.section != section:
            section = each.section
            lines += [f"## {section}", ""] if lines[-1] == "" else ["", f"## {section}", ""]
        lines.append(f"- **{each.number}** {each.of} ({each.state})")
        if each.said:
            lines.append(f"    - {each.said}")
        if each.left:
            lines.append(f"    - {OPEN} {each.left}")
    return "\n".join(lines) + "\n"


def who_reads(known: Known) -> str:
    """Who could read one hospital's contribution, in a clause."""
    if known.opener is Opener.ANYONE:
        return "anyone could read single contributions (no protection)"
    if known.opener is Opener.COORDINATOR:
        return "the coordinator holds a key that could read single contributions"
    return "nobody alone can read a single contribution"
