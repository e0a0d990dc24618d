"""A review as plain text, to be read on a screen or printed and signed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from cipherward.consortium.approval.datacheck import OwnData
from cipherward.consortium.approval.review import Review
from cipherward.consortium.approval.what_leaves import Outgoing

WIDTH = 100
_HANGING = re.compile(r" *(?:- |[\w.-]+ {2,})?")
"""What the lines after a line's first stand under: a point's text, or what is said of a column."""


def to_text(review: Review, width: int = WIDTH) -> str:
    """The whole review in lines of at most `width` characters, ending in a line break. Names and descriptions are others'
    text: no control characters."""
    lines = ("".join(c if c.isprintable() else "?" for c in line) for line in _lines(review))
    return "\n".join(folded for line in lines for folded in _folded(line, width)) + "\n"


def is_heading(line: str) -> bool:
    """Whether a line of the text begins a section."""
    return line == "In short" or re.match(r"[0-9]+\. |Study |This study can", line) is not None


def _folded(line: str, width: int) -> list[str]:
    found = _HANGING.match(line)
    under = found[0] if found else ""
    after = " " * min(len(under) + 2 * under.isspace(), width // 2)
    return textwrap.wrap(line, width, subsequent_indent=after, break_on_hyphens=False) or [""]


def _lines(review: Review) -> Iterator[str]:
    yield f"Study {review.study}: {review.title or '(no title)'}"
    yield from _line(review.description, "")
    if review.synthetic:
        yield "The study says that its patients are synthetic: nobody's data."
    yield ""
    yield "In short"
    for question, answer in review.in_short:
        yield from _line(f"{question}: {answer}", "   - ")
    yield from _line(f"Who approves: {_approver(review)}", "   - ")
    yield ""
    yield f"For {review.hospital}. Status: {review.status}."
    yield "To compare by phone:"
    yield f"   study        {review.digest}"
    yield f"   coordinator  {review.coordinator_fingerprint}"
    yield ""
    yield "1. What is computed"
    parameters = f", {review.n_parameters:,} numbers" if review.n_parameters else ""
    yield from _points(
        [
            f"Model: {review.model}{parameters}. It learns to predict {review.outcome}.",
            f"Training rounds: at most {review.rounds}.",
        ]
    )
    yield from _points((*review.choices, *review.carried))
    yield ""
    yield "2. What is read here, in this hospital's own table (nothing of this section is sent)"
    yield from _data(review.data)
    yield ""
    yield "3. What leaves this hospital, encrypted, to be added up over the hospitals"
    for kind in review.leaves:
        yield from _outgoing(kind)
    if not review.leaves:
        yield "   Not computed, as the model cannot be made here; the reason stands at the end."
    yield f"   In all about {size(review.total_bytes_up)} in the whole study."
    yield ""
    yield "4. Who can open it"
    yield from _points(review.opening)
    yield ""
    yield "5. Differential privacy: a bound on what anyone can learn about one patient from what is opened"
    yield from _points(review.privacy)
    yield ""
    yield "6. Who takes part. Compare these fingerprints by phone before you confirm a member"
    width = max(len(partner.name) for partner in review.partners)
    for partner in review.partners:
        own = "this hospital" if partner.name == review.hospital else partner.standing
        yield f"   {partner.name:<{width}}  {partner.fingerprint}  {own}"
    yield from _points(review.sizes)
    yield ""
    yield "7. This hospital's policy (policy.toml)"
    if review.policy_broken:
        yield from _points(f"Refused: {clause}." for clause in review.policy_broken)
    else:
        yield "   Every clause allows this study."
    yield ""
    yield "8. The question that the approval answers; there is no default"
    yield from _points(review.singled_out)
    yield ""
    yield "9. What the approval says of this hospital's table, to everybody in the study"
    yield from _points(review.declared)
    yield ""
    if review.shown:
        yield "10. What this study shows of blocks and keys"
        yield from _points(review.shown)
        yield ""
    if review.contested:
        yield "This study waits for people, also when it is approved:"
        yield from _points([review.contested])
        yield ""
    if review.refusals:
        yield "This study cannot be approved now:"
        yield from _points(review.refusals)
    else:
        yield f'This study can be approved: cipherward hospital approve {review.study} --as "NAME"'


def _data(data: OwnData) -> Iterator[str]:
    if data.rows:
        of = f" of {data.patients:,} patients" if data.patients is not None else ""
        rate = "not shown (small counts)" if data.outcome_rate is None else f"{data.outcome_rate:.1%}"
        said = f"; rows with the outcome: {rate}" if data.has_rate else ""
        yield f"   {data.rows:,} rows{of}{said}; columns not read: {data.unused}"
    yield from _points(data.register)
    columns = (*data.keys, *data.columns)
    width = max((len(column.name) for column in columns), default=0)
    for column in columns:
        if not column.present:
            yield from _line(
                f"{column.name:<{width}}  MISSING in the table, reads as missing: {column.described}", "   "
            )
            continue
        notes = [column.described]
        if column.is_empty:
            notes.append("EMPTY here: not one row has a value")
        elif column.missing != 0:
            notes.append(f"{_count(column.missing)} without a value")
        if column.outside != 0:
            notes.append(f"{_count(column.outside)} outside the range (cut to it)")
        yield f"   {column.name:<{width}}  {', '.join(notes)}"
    if data.assumed or data.changes or data.about:
        yield "   About this data:"
        yield from _points(f"How the file was read: {text}." for text in data.assumed)
        yield from _points(f"Column {each.column!r}, {_values(each.count)}: {each.rule}." for each in data.changes)
        yield from _points(f"{text[0].upper()}{text[1:]}" for text in data.about)
    if data.few:
        yield from _line(
            f"Too few rows here (cell_min in policy.toml) of these: {', '.join(data.few)}. In sums about them this hospital "
            "does not count among those that hide each other, and says so; a sum needs enough hospitals that do.",
            "   ",
        )
    for problem in data.problems:
        yield from _line(f"PROBLEM: {problem}", "   ")


def _outgoing(kind: Outgoing) -> Iterator[str]:
    times = f"at most {kind.times} times" if kind.times > 1 else "once"
    traffic = f"about {size(kind.bytes_up)} out, {size(kind.bytes_down)} in"
    yield f"   {kind.title} ({times}): {kind.count:,} numbers; {traffic}"
    if kind.noisy:
        yield from _line("with noise that this hospital adds itself, for its own patients", "     ")
    elif kind.has_private_updates:
        yield from _line("the change of the model with the noise of section 5; every other number exact", "     ")
    else:
        yield from _line("exact, without noise: it can reveal something about a single patient", "     ")
        if kind.gives_up_noise:
            yield from _line("it could carry noise; the study asks for none (noise.enabled = false)", "     ")
    for group in kind.groups:
        yield from _line(f"{group.count:,} x {group.meaning}", "     - ")


def _approver(review: Review) -> str:
    if review.approved_by:
        return f"{review.approved_by}. Name and time are in the signed approval, which the coordinator keeps."
    return "nobody yet. Name and time of the person who does are signed, and kept by the coordinator, too."


def size(n_bytes: int) -> str:
    """Bytes for people: 950 bytes, 78 kB, 1.3 MB."""
    if n_bytes < 1_000:
        return f"{n_bytes} bytes"
    return f"{n_bytes / 1e3:.0f} kB" if n_bytes < 1_000_000 else f"{n_bytes / 1e6:.1f} MB"


def _count(count: int | None) -> str:
    return "fewer than 10 rows" if count is None else f"{count:,} rows"


def _values(count: int | None) -> str:
    return "fewer than 10 values" if count is None else f"{count:,} values"


def _points(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from _line(text, "   - ")


def _line(text: str, indent: str) -> list[str]:
    return [indent + re.sub(r"[\t-\r]", " ", text)] if text else []
