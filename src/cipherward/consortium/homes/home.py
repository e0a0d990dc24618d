"""What a party of the consortium keeps on disk, one folder each. Only public parts of it ever leave.

| file | coordinator | hospital | secret |
|---|---|---|---|
| `consortium.toml` | name, servers, what the server listens on | | no |
| `hospital.toml` | | own name, consortium, servers, where its table is | no, and it never leaves |
| `policy.toml` | | the privacy officer's floors (`policyfile`) | no |
| `identity.key`, `tls.key` | own | own | yes, 0600 |
| `tls-next.key` | | from a renewal's request until its admission | yes, 0600 |
| `authority.key`, `server.key` | the consortium's CA, the message server's | | yes, 0600 |
| `authority.crt`, `tls.crt` | own | from invitation and admission | no |
| `server.crt`, `certificates/` | issued to the message server, to members | | no |
| `members/` | every version, signed | the version confirmed and the newest offered | no |
| `invitations/` | digest of each one-time token | | no |
| `declared/` | what hospitals signed outside studies | own, for the coordinator | no |
| `splits/` | splits proposed | splits proposed to it | no |
| `first.key` | | public key that this one's blocks began under, where it is another | no |
| `studies/<digest>/` | openings, receipts, models | the study offered, approval, withdrawal | |
| `ledger.sqlite`, `outbox/`, `models/` | | own | 0600 |
| `registers/` | | which rows studies may read (`registers`) | yes, 0600 |
| `vault.key` | of its vault, if it has one | the same | yes, 0600 |
| `audit/` | its own audit log | its own audit log | no |
| `witnessed/` | | heads of audit logs that it cosigned | no |
| `log.jsonl`, `status.json` | ids, sizes, reasons | ids, sizes, reasons | no |
"""

from __future__ import annotations

import copy
import itertools
import json
import os
import stat
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any

from cipherward.consortium.homes import home_log
from cipherward.consortium.homes.alarm_words import explained
from cipherward.consortium.homes.alarms import Alarms
from cipherward.consortium.homes.home_log import HomeLog
from cipherward.consortium.membership import members as members_list
from cipherward.crypto.identity import Identity
from cipherward.errors import CipherwardError, StorageError
from cipherward.runs.study_folder import STUDY
from cipherward.store import files, locks

SECRET_FILES = (
    "identity.key",
    "tls.key",
    "tls-next.key",
    "authority.key",
    "server.key",
    "vault.key",
    "ledger.sqlite",
    "registers/key",
)


_EACH_LOGGED = 32
REPEATED_SECONDS = 4.5

LOG_FILE = "log.jsonl"
LOG_BYTES, OLDER_LOGS = 8 << 20, 7
"""A home's log takes at most this many bytes in each of its files: 64 MiB in all."""


class Home(ABC):
    """The folder of one party. `over`: of the studies in it, those that were found to have ended.

    Raises:
        StorageError: from the constructor, when the folder is not a home of this kind or its settings are damaged.
    """

    settings_file = ""
    made_by = ""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings: dict[str, Any] = _read_toml(path / self.settings_file, self.made_by)
        self.authority_certificate = path / "authority.crt"
        self.tls_certificate = path / "tls.crt"
        self.tls_key = path / "tls.key"
        self.studies = path / "studies"
        self.declared = path / "declared"
        self.splits = path / "splits"
        self.remembered = files.Remembered()
        self.over: set[Path] = set()
        self._home_log: HomeLog | None = None
        self._log_trouble = ""
        self._in_log = threading.Lock()
        self._said: tuple[Mapping[str, object] | None, float] = None, 0.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    # who it is

    @cached_property
    def identity(self) -> Identity:
        """The long-lived signature key.

        Raises:
            StorageError: missing, damaged, or readable by others.
        """
        path = self.path / "identity.key"
        self.check_private(path)
        secret = files.read(path)
        if len(secret) != 32:
            raise StorageError(f"{path} is not a key", hint="restore the folder from its backup")
        return Identity(secret)

    @property
    def consortium(self) -> str:
        """The consortium's name."""
        return self._text("consortium")

    @property
    def servers(self) -> tuple[str, ...]:
        """URLs to connect to, such as tls://coordinator.example.org:4222."""
        found = self.settings.get("servers", [])
        if not isinstance(found, list) or not all(isinstance(url, str) for url in found):
            raise StorageError(f'{self.path / self.settings_file}: servers is not a list such as ["tls://host:4222"]')
        return tuple(found)

    @property
    @abstractmethod
    def coordinator_key(self) -> bytes:
        """The coordinator's public Ed25519 key, 32 bytes."""

    @property
    def consortium_id(self) -> bytes:
        """What every signature within the consortium is bound to, 32 bytes."""
        return members_list.consortium_id(self.consortium, self.coordinator_key)

    # what happens

    def log(self, event: str, facts: Mapping[str, object]) -> None:
        """Append one line to log.jsonl: time, level, event; ids, sizes and reasons only."""
        self._write_log("info", event, facts)

    def alarm(self, event: str, facts: Mapping[str, object]) -> None:
        """Like `log`, for what people must look at, with what it means and what to do. What comes again and again fills the log
        less and less often."""
        facts = explained(event, dict(facts))
        times = Alarms(self.path).add(event, facts, _now()).times
        if times <= _EACH_LOGGED:
            self._write_log("alarm", event, facts)
        elif times.bit_count() == 1:
            self._write_log("alarm", event, facts | {"times": times})

    def alarms(self) -> list[dict[str, Any]]:
        """Every line of the log that is an alarm, oldest first. `alarms.open_alarms` has them together, by kind and party."""
        return [line for line in self.log_lines() if line.get("level") == "alarm"]

    def log_lines(self) -> list[dict[str, Any]]:
        """The log with its older files; lines cut short by a crash are left out."""
        found = []
        for path in (*reversed(self._older_logs()), self.path / LOG_FILE):
            for line in files.read(path).splitlines() if path.exists() else ():
                try:
                    found.append(files.json_object(line))
                except ValueError:
                    continue
        return found

    def _older_logs(self) -> list[Path]:
        """log.1.jsonl ..., newest first, whether or not they exist."""
        return [self.path / f"log.{number}.jsonl" for number in range(1, OLDER_LOGS + 1)]

    def _turn_log(self) -> None:
        """Start a new log file when the present one is large; the oldest goes. Two processes may write: one of them turns."""
        path = self.path / LOG_FILE
        try:
            if not path.exists() or path.stat().st_size < LOG_BYTES:
                return
            with locks.lock(self.path / "log.lock"):
                if path.stat().st_size < LOG_BYTES:
                    return
                names = [path, *self._older_logs()]
                for older, newer in reversed(list(itertools.pairwise(names))):
                    if older.exists():
                        older.replace(newer)
        except OSError as error:
            raise StorageError(
                f"cannot turn the log {path}: {error.strerror or error}", hint="check the folder's permissions"
            ) from None

    def write_status(self, status: Mapping[str, object]) -> None:
        """What the running service is doing, for `status` and `health`; `time` is added. The same again is written every
        `REPEATED_SECONDS` only."""
        said, at = self._said
        if status == said and monotonic() < at + REPEATED_SECONDS:
            return
        document = {"time": _now(), "pid": os.getpid()} | dict(status)
        files.write(self.path / "status.json", (json.dumps(document, indent=2) + "\n").encode(), durable=False)
        self._said = copy.deepcopy(status), monotonic()

    def read_status(self) -> dict[str, Any] | None:
        """What `write_status` wrote last, None when nothing (or nothing readable) is there."""
        try:
            return files.json_object(files.read(self.path / "status.json"))
        except (StorageError, ValueError):
            return None

    # studies

    def study_folder(self, digest: bytes) -> Path:
        """studies/<digest hex>; not created here."""
        return self.studies / digest.hex()

    def study_folders(self) -> list[Path]:
        """Every study folder that holds a study.toml, oldest first."""
        try:
            with os.scandir(self.studies) as entries:
                folders = [Path(entry.path) for entry in entries if not entry.is_file()]
        except OSError:
            return []
        found = [
            (at[0], folder.name, folder) for folder in folders if _has_study(folder) and (at := files.stamp(folder))
        ]
        return [folder for _, _, folder in sorted(found)]

    # checks

    def check_private(self, path: Path) -> None:
        """Raises StorageError when a secret file is missing or can be read by other users of this machine."""
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError as error:
            raise StorageError(
                f"cannot read {path}: {error.strerror or error}", hint="restore the folder from its backup"
            ) from None
        if os.name == "posix" and mode & 0o077:
            raise StorageError(
                f"{path} holds a secret and is open to other users (mode {mode:03o})", hint=f"chmod 600 {path}"
            )

    def secret_files(self) -> list[Path]:
        """The secret files that this home has."""
        return [path for name in SECRET_FILES if (path := self.path / name).exists()]

    def _text(self, key: str) -> str:
        value = self.settings.get(key, "")
        if not isinstance(value, str) or not value:
            raise StorageError(f"{self.path / self.settings_file}: {key} is missing", hint=self.made_by)
        return value

    def _write_log(self, level: str, event: str, facts: Mapping[str, object]) -> None:
        line = {"time": _now(), "level": level, "event": event} | dict(facts)
        self._turn_log()
        files.append(self.path / LOG_FILE, json.dumps(line, default=str))
        if event in home_log.EVENTS:
            self._audited(lambda log: log.add(event, facts))

    def look_at_settings(self) -> None:
        """Changes that people made in the settings and in the policy come into the home's audit log."""
        self._audited(lambda log: log.look())

    def _audited(self, step: Callable[[HomeLog], None]) -> None:
        """What is wrong with the log is said once, and stops nothing."""
        if not (self.path / "identity.key").exists() or self._log_trouble:
            return
        try:
            if self._home_log is None:
                settings = (self.path / self.settings_file, self.path / "policy.toml")
                self._home_log = HomeLog(self.path, self.identity, settings)
            with self._in_log:  # a vault tells from its own thread
                step(self._home_log)
        except CipherwardError as error:
            self._log_trouble = error.message
            self.alarm("audit log cannot be written", {"reason": error.message, "hint": error.hint})


def prepare(path: Path) -> None:
    """Make the folder of a new home, readable by its owner only.

    Raises:
        StorageError: it exists and is not empty, or cannot be made. Nothing is ever overwritten.
    """
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise StorageError(
                f"{path} exists and is not an empty folder", hint="choose another folder; nothing was overwritten"
            )
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {path}: {error.strerror or error}", hint="choose another folder"
        ) from None


def _has_study(folder: Path) -> bool:
    return files.stamp(f"{folder}/{STUDY}") is not None


def _read_toml(path: Path, made_by: str) -> dict[str, Any]:
    if not path.exists():
        raise StorageError(f"no {path.name} in {path.parent}", hint=f"give the folder with --home, or {made_by}")
    try:
        return files.toml_table(files.read(path))
    except ValueError as error:
        raise StorageError(f"{path} is not valid TOML: {error}", hint="correct the file at the place named") from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
