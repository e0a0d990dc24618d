"""The question that every approval answers, in words for doctors and lawyers: may this hospital be singled out?"""

from __future__ import annotations

from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.disclosure.blocks import ALONE
from cipherward.parties import who_stands


def words(offered: OfferedStudy) -> str:
    """The question, with what this study makes of either answer."""
    return "\n\n".join(paragraphs(offered))


def paragraphs(offered: OfferedStudy) -> list[str]:
    """The same, one paragraph after the other."""
    study = offered.study
    register = study.hospitals[offered.index - 1].register_name
    said = [
        "MAY THIS HOSPITAL BE SINGLED OUT by what is opened?",
        f"The answer holds for the table {register!r} of this hospital in all studies, past and future. It can be changed from "
        "no to yes at any time, and never back: a yes also makes readable what was opened before.",
        "NO: this hospital stands in sums only together with its whole block, so that subtracting sums over other hospitals leaves "
        "nothing of it alone. Not covered: all others of its block that work together; and sums of answers to different questions, or of "
        f"updates of models that differ, where all but one hospital answer alike. {_block(offered)} The price: while this hospital, or another of its block that said no, "
        "is away, a sum waits for it, or goes on without the whole block.",
        "YES: the study need not wait for this hospital. Whoever sees the opened sums, that is the coordinator and every "
        "hospital, may be able to subtract them and so read this hospital's counts and its update exactly; from these, "
        "something about single patients.",
        _noise(offered),
    ]
    if not who_stands.hides_single_updates(study):
        said.append(
            f"Under this study's scheme ({study.aggregation.scheme}) the coordinator can read single updates in any case: "
            "taking part is a yes."
        )
    return said


def _block(offered: OfferedStudy) -> str:
    study, blocks = offered.study, who_stands.blocks_of(offered.study)
    registers = who_stands.registers_of(study)
    own = registers[offered.index - 1]
    digest = blocks.of(own)
    if digest == ALONE:
        return "This study lists no block for this hospital, so it takes part only with a yes."
    others = [h.name for h, r in zip(study.hospitals, registers, strict=True) if blocks.of(r) == digest and r != own]
    return f"Its block in this study: this hospital, {', '.join(others)} ({digest.hex()[:12]})."


def _noise(offered: OfferedStudy) -> str:
    noise = offered.study.own_noise
    if noise is None:
        return "Nothing that this study opens carries noise of this hospital's own: all figures are exact."
    return (
        "Counts and sums that can bear it carry this hospital's own noise "
        f"(epsilon {noise.epsilon:g}, delta {noise.delta:g}), which hides single patients under either answer; training "
        "updates and scores are exact."
    )
