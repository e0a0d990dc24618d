"""The head of a review, for whoever reads nothing else: what leaves, who can see it, what can be inferred, until when."""

from __future__ import annotations

from cipherward.consortium.approval.what_leaves import Outgoing
from cipherward.crypto import schemes
from cipherward.crypto.scheme import Opener
from cipherward.study import Study

_UNSTATED = "not stated in the study; ask the coordinator"


def in_short(study: Study, leaves: tuple[Outgoing, ...]) -> tuple[tuple[str, str], ...]:
    """(question, answer) in the order of reading."""
    return (
        ("What leaves", _what_leaves()),
        ("Who can see it", _who_sees(study)),
        ("What can be inferred", _inferred(study, leaves)),
        ("Until when", _until_when(study)),
        ("Purpose", _one_line(study.purpose)),
        ("Legal basis", _one_line(study.legal_basis)),
        ("Contact", _one_line(study.contact)),
    )


def _what_leaves() -> str:
    return (
        "numbers that are computed from all of this hospital's rows (section 3), encrypted, to be added up over the "
        "hospitals. The rows themselves, patient ids and the names of files stay here."
    )


def _who_sees(study: Study) -> str:
    numbers = study.thresholds
    sums = (
        f"The sums, each over at least {numbers.min_contributors} hospitals, and what is made of them are seen by the "
        "coordinator and by every hospital in section 6."
    )
    if schemes.facts(study.aggregation.scheme).opener is Opener.COORDINATOR:
        return f"the coordinator holds a key that could open this hospital's own numbers; its rule forbids it. {sums}"
    return f"nobody alone can open this hospital's own numbers; section 4 says who could together. {sums}"


def _inferred(study: Study, leaves: tuple[Outgoing, ...]) -> str:
    open_end = "can reveal something about single patients, most where few rows are counted together; nothing in this study bounds how much."
    said = []
    if study.own_noise and any(kind.noisy for kind in leaves):
        said.append("from sums with noise, about one patient no more than section 5 says.")
    if study.privacy:
        said.append(f"from the training updates, about one {study.privacy.unit} no more than section 5 says.")
    if not leaves or any(not kind.noisy for kind in leaves):
        said.append(f"the {'other ' if said else ''}sums are exact: they {open_end}")
    return " ".join(text[0].upper() + text[1:] if index else text for index, text in enumerate(said))


def _until_when(study: Study) -> str:
    end = (
        f"{study.until}, the last day (UTC); afterwards"
        if study.until
        else "the study sets no date. Once this hospital withdraws or the study is over,"
    )
    return f"{end} nothing more is computed here for it. Sums that were opened, and the model, stay with those who have them."


def _one_line(text: str) -> str:
    return " ".join(text.split()) or _UNSTATED
