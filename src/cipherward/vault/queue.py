"""What waits to be stored: a folder that survives the process, filled without waiting for any store.

An item is a note, NUMBER.json, and its content beside it, NUMBER.data, which shares its bytes with the file that was put where the
file system can do that. Nothing is synced: what a power failure takes is put again from the run folder.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from cipherward.errors import StorageError
from cipherward.store import files
from cipherward.vault.catalogue import Label


@dataclass(frozen=True)
class Item:
    """One object that waits, or with an empty `content` an order: to erase what is of the label's study and kind, and of a file
    with the name in its path, if there is one."""

    number: int
    label: Label
    content: Path | None
    reason: str = ""

    def is_about(self, label: Label) -> bool:
        """Whether an order is about the object with this label."""
        return _is_about(self.label, label)

    @property
    def size(self) -> int:
        """Bytes that wait."""
        try:
            return self.content.stat().st_size if self.content else 0
        except OSError:
            return 0


@dataclass(frozen=True)
class Behind:
    """How far a vault is behind: objects and bytes that wait, and why, if it is not only a matter of time."""

    objects: int
    size: int
    reason: str = ""


class Queue:
    """Safe to use from several threads.

    Raises:
        StorageError: from every method, when the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._next = 1 + max((int(path.stem) for path in folder.glob("[0-9]*.json")), default=0)
        except (OSError, ValueError) as error:
            raise self._failed(error) from None

    def put(self, label: Label, content: bytes | Path) -> None:
        """Take in one object."""
        with self._lock:
            path = self.folder / f"{self._next:08d}.data"
            try:
                if isinstance(content, bytes):
                    path.write_bytes(content)
                else:
                    files.link(content, path)
                self._note(label, "")
            except OSError as error:
                raise self._failed(error) from None

    def order_erasure(self, label: Label, reason: str) -> None:
        """What is of this study and kind, and of a file with the name in the label's path where it has one, is erased: here at
        once, in the vault when its turn comes."""
        for item in self.items():
            if item.content and _is_about(label, item.label):
                self.done(item)
        with self._lock:
            try:
                self._note(label, reason)
            except OSError as error:
                raise self._failed(error) from None

    def items(self) -> list[Item]:
        """What waits, oldest first; a note that a power failure cut short is left out."""
        found = []
        for path in sorted(self.folder.glob("[0-9]*.json")):
            try:
                note = files.json_object(path.read_bytes())
                label, reason = Label(**note["label"]), str(note["reason"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
            content = path.with_suffix(".data")
            if content.exists() or reason:
                found.append(Item(int(path.stem), label, None if reason else content, reason))
        return found

    def done(self, item: Item) -> None:
        """The vault lists it: forget it."""
        try:
            for ending in ("json", "data"):
                (self.folder / f"{item.number:08d}.{ending}").unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from None

    def _note(self, label: Label, reason: str) -> None:
        note = json.dumps({"label": asdict(label), "reason": reason})
        (self.folder / f"{self._next:08d}.json").write_text(note, "utf-8")
        self._next += 1

    def _failed(self, error: Exception) -> StorageError:
        why = getattr(error, "strerror", None) or type(error).__name__
        return StorageError(f"cannot use the vault's queue {self.folder}: {why}", hint="free space, check permissions")


def _is_about(order: Label, label: Label) -> bool:
    name = label.path.rpartition("/")[2]
    return (order.study, order.kind) == (label.study, label.kind) and order.path in ("", name)
