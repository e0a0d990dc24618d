"""A number in a small file apart from the ledger: how many transactions it has seen. It only ever grows.

A ledger that was set back, or lost, has seen fewer, and has forgotten votes. A copy of the whole folder takes the number
with it: that is noticed by what others remember.
"""

from __future__ import annotations

from pathlib import Path

from cipherward.errors import OldLedgerError, StorageError
from cipherward.store import files

_WIDTH = 20

WAY_OUT = (
    "bring the current ledger back; where there is none: cipherward hospital withdraw STUDY for each study under way, wait until the "
    "sums under way have closed without this hospital, stop the service, move ledger.sqlite* and ledger.count away, cipherward "
    "hospital inherit FOLDER with the models/ of a block mate, start the service, and tell the other hospitals; with the identity "
    "key lost as well, a new key that every block mate confirms takes its place (docs/operations.md)"
)


def check(ledger: Path, seen: int, counter: Path) -> None:
    """Compare what a ledger has seen with the number that is kept apart from it.

    Raises:
        OldLedgerError: the ledger has seen less. StorageError: the file is damaged.
    """
    if not counter.exists():
        return
    text = files.read(counter).strip()
    if not text.isdigit():
        raise StorageError(
            f"{counter} holds no number, so nobody can say whether the ledger is the newest",
            hint=f"if ledger.sqlite was not touched, remove {counter.name}; else {WAY_OUT}",
        )
    if int(text) > seen:
        raise OldLedgerError(
            f"the ledger {ledger} was lost or set back: {seen} of its {int(text)} transactions are in it, and votes may be "
            "forgotten",
            hint=WAY_OUT,
        )


def keep(counter: Path, seen: int) -> None:
    """Called after each transaction. Raises StorageError.

    The number is always as wide, and written over the one before: a disk writes so few bytes whole.
    """
    line = f"{seen:0{_WIDTH}d}\n".encode()
    if files.size(counter) == len(line):
        files.overwrite(counter, line)
    else:
        files.write(counter, line, private=True)
