"""A home's own audit log, in `audit/`: what concerns no study alone. Members and their confirmation, settings and policy, keys, restores,
deletions. Signed by the party itself; nobody cosigns it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from cipherward.audit import entries, reading
from cipherward.audit.entries import Event
from cipherward.audit.log import AuditLog
from cipherward.audit.notes import Key
from cipherward.audit.reading import LOG, Read
from cipherward.crypto.identity import Identity
from cipherward.runs.result import versions
from cipherward.store import files

FOLDER = "audit"
EVENTS = frozenset(
    {
        "consortium created", "home created", "invited", "invitation accepted", "admitted", "revoked",
        "certificates renewed", "request refused", "admission refused", "members list offered",
        "members list confirmed", "members list refused", "study started", "study offered", "study offer refused",
        "study approval signed", "study withdrawal signed", "study refused", "stop asked", "study stopped",
        "study set aside", "model received", "model withdrawn", "declaration", "declaration signed", "split proposed",
        "patients withdrawn", "batches out", "register read", "keys erased", "ledger taken over", "ledger rebuilt",
        "ledger too old", "home is older than a hospital's", "vault key made", "vault objects erased", "breach",
        "breach reported", "service started", "study restored", "vault created", "vault key rotated", "exported", "report written",
        "coordinator's audit log begun again", "a hospital's own log went back",
    }
)  # fmt: skip
"""Of what goes to a home's log.jsonl, what comes into its audit log, too."""
SETTINGS = "settings changed"


def origin(public_key: bytes) -> str:
    """The name of a home's log."""
    return f"cipherward/home/{hashlib.sha256(public_key).hexdigest()[:32]}"


class HomeLog:
    """`settings`: the files whose changes are noted, by their digests. Raises AuditError, StorageError: as `AuditLog`."""

    def __init__(self, home: Path, identity: Identity, settings: Iterable[Path]) -> None:
        self._log = AuditLog(home / FOLDER, identity, origin(identity.public_key))
        self._settings = tuple(settings)
        self._stamps: tuple[object, ...] = ()

    def add(self, event: str, facts: Mapping[str, object]) -> None:
        """An event of the home; changed settings come before it. Values that are neither text nor whole numbers become text."""
        software = {"software": versions()} if event == "service started" else {}
        self._log.add([*self._changed(), Event(event, entries.plain(facts) | software)])
        self._log.checkpoint()

    def look(self) -> None:
        """Note settings that people have changed."""
        stamps = tuple(files.stamp(path) for path in self._settings)
        if stamps == self._stamps:
            return
        self._stamps = stamps
        if changed := self._changed():
            self._log.add(changed)
            self._log.checkpoint()

    def _changed(self) -> list[Event]:
        now = {path.name: hashlib.sha256(files.read(path)).hexdigest() for path in self._settings if path.exists()}
        gone = {path.name: "" for path in self._settings if not path.exists() and self._log.covered.get(path.name)}
        new = {name: digest for name, digest in (now | gone).items() if self._log.covered.get(name) != digest}
        return [Event(SETTINGS, {}, new)] if new else []


def read(home: Path, public_key: bytes) -> tuple[Read, dict[str, str]]:
    """What a home's log holds, checked with its party's key, and the newest digest of each of its settings.

    Raises:
        StorageError: it cannot be read.
    """
    covered: dict[str, str] = {}
    folder = home / FOLDER
    author = Key(origin(public_key), public_key)
    heads = reading.checkpoint_files(folder)
    found = reading.read(folder / LOG, heads, author, {}, lambda index, entry: covered.update(entry.files))
    return found, covered
