"""Which studies a service looks at now. In years most of them are over, and nothing comes to their folders any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from cipherward.store import files

IN_TURN = 4
"""Studies at rest that each look takes whatever their folders say: deeper inside, something may have come to them."""


class Study(Protocol):
    """What both parties' studies have."""

    @property
    def digest(self) -> bytes: ...

    @property
    def folders(self) -> tuple[Path, ...]:
        """What changes when a file comes to the study's own folders, or goes."""


S = TypeVar("S", bound=Study)
_Stamps = tuple[files.Stamp | None, ...]


class Resting:
    """A study is looked at until there is nothing to do for it; then when its folders change, when a letter comes, and in turn."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Stamps | None] = {}

    def __contains__(self, study: bytes) -> bool:
        """Whether a look has found nothing to do for a study."""
        return self._known.get(study) is not None

    def due(self, studies: Iterable[S]) -> Iterator[tuple[S, Callable[[], None]]]:
        """The studies to look at, each with what is called when there is nothing left to do for it."""
        turn = set(islice(self._known, IN_TURN))
        for study in studies:
            now = tuple(map(files.stamp, study.folders))
            if study.digest in self._known and study.digest not in turn and self._known[study.digest] in (None, now):
                continue
            self.wake(study.digest)
            yield study, partial(self._rest, study.digest, now)

    def later(self, study: bytes) -> None:
        """One that was over when the service started, the oldest first: it is looked at in its turn, so that a start need not read all
        of them, and the newest before the others."""
        self._known = {study: None, **self._known}

    def wake(self, study: bytes) -> None:
        """Something has come for a study, or may have."""
        self._known.pop(study, None)

    def _rest(self, study: bytes, now: _Stamps) -> None:
        if all(map(files.is_settled, now)):
            self._known[study] = now
