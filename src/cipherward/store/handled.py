"""Which letters have been handled: one append-only file for each sender, so that a repeat is recognised after a crash."""

from __future__ import annotations

from pathlib import Path

from cipherward.errors import StorageError
from cipherward.store import files

_KEEP = 10_000
_HEX = 64


class Handled:
    """The ids (32 bytes) of the last 10,000 letters or more of each sender.

    Raises:
        StorageError: from every method, when the folder cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, dict[bytes, None]] = {}

    def has(self, sender: str, letter: bytes) -> bool:
        """Whether this letter of `sender` was handled."""
        return letter in self._of(sender)

    def add(self, sender: str, letter: bytes) -> None:
        """Remember for good that a letter was handled."""
        known = self._of(sender)
        try:
            # Not synced: after a power failure the letter may come again, as after a crash just before this line.
            with self._path(sender).open("a", encoding="ascii") as file:
                file.write(letter.hex() + "\n")
        except OSError as error:
            raise StorageError(f"cannot write {self._path(sender)}: {error.strerror}", hint="free space") from None
        known[letter] = None
        if len(known) >= 2 * _KEEP:
            del self._known[sender]  # read again with its newest half, and cut on the disk

    def _of(self, sender: str) -> dict[bytes, None]:
        if sender not in self._known:
            self._known[sender] = self._load(sender)
        return self._known[sender]

    def _load(self, sender: str) -> dict[bytes, None]:
        path = self._path(sender)
        lines = files.read(path).decode("ascii", "replace").splitlines() if path.exists() else []
        whole = [line for line in lines if len(line) == _HEX and set(line) <= set("0123456789abcdef")][-_KEEP:]
        # a line torn by a power failure would swallow the next one
        files.write(path, "".join(f"{line}\n" for line in whole).encode())
        return dict.fromkeys(bytes.fromhex(line) for line in whole)

    def _path(self, sender: str) -> Path:
        return self.folder / f"{sender}.handled"
