"""What is left of a coordinator's earlier logs, and what of them was lost when it was restored from a copy that was behind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from cipherward.audit import reading
from cipherward.audit.entries import Entry
from cipherward.audit.notes import SignedCheckpoint
from cipherward.audit.reading import LOG
from cipherward.errors import CipherwardError
from cipherward.runs.audit_trail import GONE
from cipherward.runs.earlier_logs import Earlier
from cipherward.runs.log_names import author, origin, witnesses
from cipherward.runs.verify import Line
from cipherward.study import Study

_LOST = "earlier log"


def lines(
    run: Path, study: Study, earlier: Sequence[Earlier], heads: Sequence[SignedCheckpoint], covered: Collection[str]
) -> Iterator[Line]:
    """Of each earlier log whether it is the one that the coordinator's statement names, and which of its entries are lost.

    Args:
        heads: that somebody else has kept. covered: the files that the present log says are here.
    """
    expected = origin(study.digest())
    for one in earlier:
        if one.said.log != expected:
            yield _bad(one, f"the statement beside it is about another log, {one.said.log}")
        expected = one.successor
        try:
            yield from _log(run, study, one, heads, covered)
        except CipherwardError as error:
            yield _bad(one, error.message)


def _log(
    run: Path, study: Study, one: Earlier, heads: Sequence[SignedCheckpoint], covered: Collection[str]
) -> Iterator[Line]:
    key, keys = author(study, name=one.said.log), witnesses(study)
    answered = one.remembered()
    own = [reading.read_checkpoint(path) for path in reading.checkpoint_files(one.folder)]
    seen = [head for head in (*heads, *own, *answered.values()) if head is not None]
    seen = [head for head in seen if head.checkpoint.origin == one.said.log and head.signed_by(key) is not None]
    named: dict[str, tuple[int, str]] = {}

    def note(index: int, entry: Entry) -> None:
        named.update({name: (index, digest) for name, digest in entry.files.items()})

    there = [head for head in seen if head.checkpoint.size <= one.said.size]
    found = reading.read(one.folder / LOG, [], key, keys, note, there)
    for problem in found.problems:
        yield _bad(one, problem)
    if not found.problems and (found.size, found.root) != (one.said.size, one.said.root):
        yield _bad(one, f"it has {found.size} entries, and is not the log of {one.said.size} that the statement names")
    yield from _lost_files(run, one, named, covered)
    most = max((head.checkpoint.size for head in seen), default=0)
    restored = f"the coordinator was {one.said.reason} on {one.said.day} and began a new log"
    if most > one.said.size:
        by = sorted(
            {study.hospitals[i - 1].name for head in seen if head.checkpoint.size == most for i in head.signers(keys)}
        )
        who = f"; {', '.join(by)} cosigned {most} entries" if by else ""
        yield _gap(one, f"entries {one.said.size} to {most - 1} are lost: {restored}{who}")
    elif len(answered) < study.thresholds.threshold:
        yield _gap(one, f"{restored}; only {len(answered)} hospital(s) have said what they remember of the earlier one")
    else:
        known = f"{one.said.size} entries, and none of {len(answered)} hospitals remembers more"
        yield Line(0, "audit", "coordinator", _LOST, True, f"{restored}; of the earlier one there are {known}")


def _lost_files(run: Path, one: Earlier, named: dict[str, tuple[int, str]], covered: Collection[str]) -> Iterator[Line]:
    """What the earlier log names, and neither the folder nor the present log has."""
    for name, (index, digest) in named.items():
        if digest != GONE and name not in covered and not (run / name).is_file():
            yield _gap(one, f"entry {index} names {name}, which was not in the copy")


def _bad(one: Earlier, detail: str) -> Line:
    return Line(0, "audit", "coordinator", _LOST, False, f"earlier log {one.number}: {detail}")


def _gap(one: Earlier, detail: str) -> Line:
    return Line(0, "audit", "coordinator", _LOST, True, f"earlier log {one.number}: {detail}", gap=True)
