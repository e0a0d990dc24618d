"""Which letters have been handled: one append-only file for each sender, so that a repeat is recognised after a crash."""

from __future__ import annotations

import os
from pathlib import Path

from cipherward.errors import StorageError
from cipherward.store import files

_KEEP = 2_000
# A letter comes twice because its acknowledgement was lost: the sender repeats the one it has not seen acknowledged, and
# a server that lost power repeats what it was told in the two minutes before (its own sync interval). Older ones come
# from nobody but a liar, and nodes know a packet that they have answered.
_BYTES = 32


class Handled:
    """The ids (32 bytes) of the last 2,000 letters or more of each sender, at most 128 KB in memory.

    Raises:
        StorageError: from every method, when the folder cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, bytearray] = {}

    def has(self, sender: str, letter: bytes) -> bool:
        """Whether this letter of `sender` was handled."""
        known = self._of(sender)
        at = known.rfind(letter)  # a repeat is most likely of the newest
        while at > 0 and at % _BYTES:
            at = known.rfind(letter, 0, at + _BYTES - 1)
        return at >= 0

    def add(self, sender: str, letter: bytes) -> None:
        """Remember for good that a letter was handled."""
        known = self._of(sender)
        try:
            # Not synced: after a power failure the letter may come again, as after a crash just before this line.
            with files.opened(f"{self.folder}/{sender}.handled", os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
                files.write_whole(file, f"{letter.hex()}\n".encode("ascii"))
        except OSError as error:
            del self._known[sender]  # read again, without the part of a line that a full disk may have taken
            raise StorageError(f"cannot write {self._path(sender)}: {error.strerror}", hint="free space") from None
        known += letter
        if len(known) >= 2 * _KEEP * _BYTES:
            del self._known[sender]  # read again with its newest half, and cut on the disk

    def _of(self, sender: str) -> bytearray:
        if sender not in self._known:
            self._known[sender] = self._load(sender)
        return self._known[sender]

    def _load(self, sender: str) -> bytearray:
        path = self._path(sender)
        lines = files.read(path).decode("ascii", "replace").splitlines() if path.exists() else []
        whole = [line for line in lines if len(line) == 2 * _BYTES and set(line) <= set("0123456789abcdef")][-_KEEP:]
        # a line torn by a power failure or a full disk would swallow the next one
        files.write(path, "".join(f"{line}\n" for line in whole).encode())
        return bytearray(bytes.fromhex("".join(whole)))

    def _path(self, sender: str) -> Path:
        return self.folder / f"{sender}.handled"
