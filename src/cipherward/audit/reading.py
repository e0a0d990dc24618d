"""The log as anybody reads it: in one pass, with the same memory for any length.

Where something does not fit, the first entry that may be wrong is named. An entry says how the one before it hashed, so that a
change that does not rewrite everything after it is found where it is; whoever rewrites what follows is found at the next head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cipherward.audit import entries, notes
from cipherward.audit.entries import AFTER_DIGITS, Entry
from cipherward.audit.notes import Key, SignedCheckpoint
from cipherward.crypto.merkle import Range, leaf_hash
from cipherward.errors import AuditError, StorageError
from cipherward.store import files

LOG, CHECKPOINTS = "audit.jsonl", "checkpoints"
_DIGITS = 10


@dataclass(frozen=True)
class Head:
    """A signed head that the log has. `witnesses`: who cosigned it, by roster index, with the time (Unix seconds)."""

    size: int
    witnesses: Mapping[int, int]


@dataclass
class Read:
    """What was found in a log. `problems`: what does not hold, the first bad entry first."""

    size: int = 0
    root: bytes = field(default=b"", repr=False)
    heads: list[Head] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def signed(self, threshold: int = 0) -> int:
        """How many entries lie under a head with the author's signature and at least so many cosignatures."""
        return max((head.size for head in self.heads if len(head.witnesses) >= threshold), default=0)


def read(
    path: Path,
    checkpoints: list[Path],
    author: Key,
    witnesses: Mapping[int, Key],
    seen: Callable[[int, Entry], None] = lambda index, entry: None,
    elsewhere: list[SignedCheckpoint] | None = None,
) -> Read:
    """Read and check a whole log.

    Args:
        path: audit.jsonl.
        checkpoints: the files of its heads.
        author: whose log it has to be.
        witnesses: by roster index, whose cosignatures count.
        seen: called with every entry and its number.
        elsewhere: heads that somebody else has kept, which the log has to contain.

    Raises:
        StorageError: a file cannot be read.
    """
    found = Read()
    heads = _heads(checkpoints, author, witnesses, found)
    for head in elsewhere or ():
        if head.checkpoint.origin == author.name and head.signed_by(author) is not None:
            heads.setdefault(head.checkpoint.size, []).append(head)
    reader = _Reader(author, witnesses, heads, found)
    if path.exists():
        last: bytes | None = None
        for line in lines(path, 0, torn=True):
            if last is not None and not reader.take(last, line, seen):
                return reader.ended()
            last = line
        if last is not None and not reader.take(last, None, seen):
            return reader.ended()
    if missing := [size for size in heads if size > reader.tree.size]:
        said = f"there were {max(missing)} entries when a head was signed"
        found.problems.append(f"entry {reader.tree.size} is missing: {said}")
    return reader.ended()


def lines(path: Path, start: int, *, torn: bool = False) -> Iterator[bytes]:
    """The lines from byte `start` on, without their ends. `torn`: also a last one that has none.

    Raises:
        StorageError: unreadable.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            while line := file.readline(entries.MAX_BYTES + 1):
                if not line.endswith(b"\n") and not torn:
                    return
                yield line.removesuffix(b"\n")
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}", hint="check its permissions") from None


def after(leaf: bytes) -> str:
    """What the next entry says of this one."""
    return leaf.hex()[:AFTER_DIGITS]


def checkpoint_file(folder: Path, size: int) -> Path:
    """Where the head of `size` entries is kept."""
    return folder / CHECKPOINTS / f"{size:0{_DIGITS}d}"


def checkpoint_files(folder: Path, newest: int = 0) -> list[Path]:
    """The heads beside a log, by size; with `newest` so many of the last ones."""
    heads = folder / CHECKPOINTS
    names = [name for name in files.names_in(heads) if len(name) == _DIGITS and name[0].isdecimal()]
    return [heads / name for name in names[-newest:]]


def read_checkpoint(path: Path) -> SignedCheckpoint:
    """A head from its file; no signature is checked. Raises AuditError, StorageError."""
    try:
        return notes.parse(files.read(path).decode())
    except UnicodeDecodeError:
        raise AuditError(f"{path} is not a checkpoint") from None


def _heads(
    checkpoints: list[Path], author: Key, witnesses: Mapping[int, Key], found: Read
) -> dict[int, list[SignedCheckpoint]]:
    heads: dict[int, list[SignedCheckpoint]] = {}
    for path in checkpoints:
        try:
            head = read_checkpoint(path)
            if head.checkpoint.origin != author.name or head.signed_by(author) is None:
                raise AuditError(f"not a head that {author.name} has signed")
            if path.name != checkpoint_file(path.parent, head.checkpoint.size).name:
                raise AuditError(f"it is of {head.checkpoint.size} entries")
            head.signers(witnesses)
            heads.setdefault(head.checkpoint.size, []).append(head)
        except AuditError as error:
            found.problems.append(f"checkpoint {path.name}: {error.message}")
    return heads


class _Reader:
    """Takes one entry after the other; `proved`: how many were found under the last head."""

    def __init__(
        self, author: Key, witnesses: Mapping[int, Key], heads: dict[int, list[SignedCheckpoint]], found: Read
    ) -> None:
        self._author, self._witnesses, self._heads, self._found = author, witnesses, heads, found
        self.tree = Range()
        self._previous, self._proved = entries.FIRST, 0

    def take(self, line: bytes, following: bytes | None, seen: Callable[[int, Entry], None]) -> bool:
        """Whether this entry and the heads behind it hold; what does not is noted."""
        index = self.tree.size
        try:
            entry = entries.read(line)
        except AuditError as error:
            return self._bad(f"entry {index}: {error.message}")
        if entry.number != index:
            what = f"{entry.number} is there twice" if entry.number < index else f"{index} is missing"
            return self._bad(f"entry {what}: in place {index} is one that says that it is {entry.number}")
        leaf = leaf_hash(line)
        if entry.after != self._previous:
            is_whole = following is not None and _follows(following, leaf)
            which = f"entry {index - 1}" if is_whole else f"entry {index - 1} or {index}"
            return self._bad(f"{which} was changed: entry {index} followed another one")
        self.tree.append(leaf)
        if problem := self._differs(following, leaf):
            return self._bad(problem)
        seen(index, entry)
        self._previous = after(leaf)
        return True

    def _differs(self, following: bytes | None, leaf: bytes) -> str:
        """Whether the log is another one than a head of this size says; what holds is noted."""
        size = self.tree.size
        for head in self._heads.get(size, ()):
            who = head.signers(self._witnesses)
            if head.checkpoint.root != self.tree.root:
                by = f"{self._author.name} signed" + (f" and {len(who)} witness(es) cosigned" if who else "")
                alone = self._proved == size - 1 or (following is not None and not _follows(following, leaf))
                which = f"entry {size - 1}" if alone else f"one of the entries {self._proved} to {size - 1}"
                return f"{which} is not the one in the log of {size} entries that {by}"
            self._found.heads.append(Head(size, who))
            self._proved = size
        return ""

    def _bad(self, problem: str) -> bool:
        self._found.problems.append(problem)
        return False

    def ended(self) -> Read:
        self._found.size, self._found.root = self.tree.size, self.tree.root
        return self._found


def _follows(line: bytes, leaf: bytes) -> bool:
    try:
        return entries.read(line).after == after(leaf)
    except AuditError:
        return False
