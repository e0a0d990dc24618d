"""Openings that a coordinator has lost and hospitals have verified: they bring them back, and each is checked like one of an auditor's.

A sum that was opened once is never opened again: whoever verified it refuses to take part in it a second time.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from cipherward.errors import CipherwardError, ProtocolError
from cipherward.runs import verify
from cipherward.runs.folder import RunDirectory
from cipherward.store import files


def after(run: RunDirectory, sums: int) -> Iterator[tuple[int, bytes]]:
    """At a hospital: the openings that it has verified, of whoever has only the first `sums` of them."""
    for round in run.rounds_with_openings():
        if round >= sums:
            yield round, files.read(run.opening(round))


def keep(run: RunDirectory, round: int, opening: bytes) -> bool:
    """At the coordinator: keep the opening of the next sum, if it is there no more; whether it was new. What was begun of that sum
    anew since the restore is dropped.

    Raises:
        ProtocolError: it does not prove the sum that is next. StorageError: the disk failed.
    """
    known = len(run.rounds_with_openings())
    if round < known:
        return False
    if round > known:
        raise ProtocolError(f"the opening of sum {round}, and {known} are here")
    path = run.opening(round)
    files.write(path, opening)
    try:
        for _ in verify.replay(verify.open_run(run.path)):
            pass
    except CipherwardError as error:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise ProtocolError(f"an opening that was brought does not hold: {error.message}") from None
    shutil.rmtree(run.journal, ignore_errors=True)
    return True
