"""What a party of the consortium keeps on disk, one folder each. Only public parts of it ever leave.

| file | coordinator | hospital | secret |
|---|---|---|---|
| `consortium.toml` | name, servers, what the server listens on | | no |
| `hospital.toml` | | own name, consortium, servers, where its table is | no, and it never leaves |
| `policy.toml` | | the privacy officer's floors (`policyfile`) | no |
| `identity.key`, `tls.key` | own | own | yes, 0600 |
| `authority.key`, `server.key` | the consortium's CA, the message server's | | yes, 0600 |
| `authority.crt`, `tls.crt` | own | from invitation and admission | no |
| `server.crt`, `certificates/` | issued to the message server, to members | | no |
| `members/` | every version, signed | the version confirmed and the newest offered | no |
| `invitations/` | digest of each one-time token | | no |
| `studies/<digest>/` | openings, receipts, models | the study offered, approval, withdrawal | |
| `ledger.sqlite`, `outbox/`, `models/` | | own | 0600 |
| `log.jsonl`, `status.json` | ids, sizes, reasons | ids, sizes, reasons | no |
"""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cipherward.crypto.identity import Identity
from cipherward.deployment import members as members_list
from cipherward.deployment.authority import COORDINATOR_NAME
from cipherward.deployment.members import MembersList
from cipherward.errors import ProtocolError, RefusedError, StorageError, WireError
from cipherward.store import files

SECRET_FILES = ("identity.key", "tls.key", "authority.key", "server.key", "ledger.sqlite")


class Home:
    """The folder of one party.

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
    def coordinator_key(self) -> bytes:
        """The coordinator's public Ed25519 key, 32 bytes."""
        raise NotImplementedError

    @property
    def consortium_id(self) -> bytes:
        """What every signature within the consortium is bound to, 32 bytes."""
        return members_list.consortium_id(self.consortium, self.coordinator_key)

    # what happens

    def log(self, event: str, facts: Mapping[str, object]) -> None:
        """Append one line to log.jsonl: time, level, event; ids, sizes and reasons only."""
        self._write_log("info", event, facts)

    def alarm(self, event: str, facts: Mapping[str, object]) -> None:
        """Like `log`, for what people must look at."""
        self._write_log("alarm", event, facts)

    def alarms(self) -> list[dict[str, Any]]:
        """Every alarm logged so far, oldest first."""
        return [line for line in self.log_lines() if line.get("level") == "alarm"]

    def log_lines(self) -> list[dict[str, Any]]:
        """The log; lines cut short by a crash are left out."""
        path = self.path / "log.jsonl"
        found = []
        for line in files.read(path).splitlines() if path.exists() else ():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                found.append(entry)
        return found

    def write_status(self, status: Mapping[str, object]) -> None:
        """What the running service is doing, for `status` and `health`; `time` is added."""
        document = {"time": _now(), "pid": os.getpid()} | dict(status)
        files.write(self.path / "status.json", (json.dumps(document, indent=2) + "\n").encode())

    def read_status(self) -> dict[str, Any] | None:
        """What `write_status` wrote last, None when nothing (or nothing readable) is there."""
        path = self.path / "status.json"
        try:
            document = json.loads(files.read(path))
        except (StorageError, ValueError):
            return None
        return document if isinstance(document, dict) else None

    # studies

    def study_folder(self, digest: bytes) -> Path:
        """studies/<digest hex>; not created here."""
        return self.studies / digest.hex()

    def study_folders(self) -> list[Path]:
        """Every study folder that holds a study.toml, oldest first."""
        found = [path.parent for path in self.studies.glob("*/study.toml")]
        return sorted(found, key=lambda path: (path.stat().st_mtime, path.name))

    # checks

    def check_private(self, path: Path) -> None:
        """Raises StorageError when a secret file is missing or can be read by other users of this machine."""
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError as error:
            raise StorageError(
                f"cannot read {path}: {error.strerror or error}", hint="restore the folder from its backup"
            ) from None
        if mode & 0o077:
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
        files.append(self.path / "log.jsonl", json.dumps(line, default=str))


class CoordinatorHome(Home):
    """The coordinator's folder, made by `enrolment.create_coordinator`."""

    settings_file = "consortium.toml"
    made_by = "make the folder with: cipherward coordinator init DIR"
    name = COORDINATOR_NAME

    @property
    def coordinator_key(self) -> bytes:
        return self.identity.public_key

    @property
    def listen(self) -> str:
        """host:port on which a managed server listens."""
        return self._text("listen")

    @property
    def managed(self) -> bool:
        """Whether the coordinator starts the server itself."""
        return bool(self.settings.get("managed", True))

    @property
    def authority_key(self) -> Path:
        return self.path / "authority.key"

    @property
    def server_certificate(self) -> Path:
        return self.path / "server.crt"

    @property
    def server_key(self) -> Path:
        return self.path / "server.key"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names and addresses under which hospitals reach the server; its certificate is for these."""
        return tuple(_host(url) for url in self.servers)

    @property
    def server_folder(self) -> Path:
        """Configuration, permissions and storage of a managed server."""
        return self.path / "server"

    def chain(self) -> bytes:
        """Every version of the members list, signed, as one message for `HospitalHome.receive_members`."""
        return members_list.pack_chain(self._versions())

    @property
    def members(self) -> MembersList:
        """The newest version."""
        return members_list.open_chain(self.chain(), self.consortium_id, self.coordinator_key)[-1]

    def publish(self, members: MembersList) -> None:
        """Sign and keep a new version."""
        path = self.path / "members" / f"{members.version:06d}.signed"
        if path.exists():
            raise StorageError(
                f"version {members.version} of the members list exists already",
                hint="two commands ran at the same time; repeat yours",
            )
        files.write(path, members_list.sign(self.identity, members))

    def certificate(self, name: str) -> Path:
        """The TLS certificate that was issued to a member."""
        return self.path / "certificates" / f"{name}.crt"

    def _versions(self) -> tuple[bytes, ...]:
        return tuple(files.read(path) for path in sorted((self.path / "members").glob("*.signed")))


class HospitalHome(Home):
    """A hospital's folder, made by `enrolment.create_hospital`."""

    settings_file = "hospital.toml"
    made_by = "make the folder with: cipherward hospital init DIR --data TABLE"

    @property
    def name(self) -> str:
        """This hospital's name in the consortium (and its mailbox)."""
        return self._text("name")

    @property
    def is_enrolled(self) -> bool:
        """Whether the coordinator has admitted this hospital."""
        return self.tls_certificate.exists() and bool(self.settings.get("name"))

    @property
    def coordinator_key(self) -> bytes:
        try:
            key = bytes.fromhex(self._text("coordinator_key"))
        except ValueError:
            key = b""
        if len(key) != 32:
            raise StorageError(f"{self.path / self.settings_file}: coordinator_key is not a key of 64 hex digits")
        return key

    @property
    def data_path(self) -> Path:
        """This hospital's own table; a relative path starts at the home folder."""
        return self.path / self.data_setting

    @property
    def data_setting(self) -> str:
        """The table's path as it stands in hospital.toml."""
        data = self.settings.get("data")
        path = data.get("path") if isinstance(data, dict) else None
        if not isinstance(path, str) or not path:
            raise StorageError(
                f"{self.path / self.settings_file}: [data] path is missing", hint="write where the hospital's table is"
            )
        return path

    @property
    def device(self) -> str:
        """Where local training runs: "auto", "cpu" or "cuda"."""
        found = self.settings.get("device", "auto")
        if found not in ("auto", "cpu", "cuda"):
            raise StorageError(f'{self.path / self.settings_file}: device is "auto", "cpu" or "cuda"')
        return str(found)

    @property
    def policy_file(self) -> Path:
        return self.path / "policy.toml"

    @property
    def ledger_file(self) -> Path:
        return self.path / "ledger.sqlite"

    @property
    def outbox_folder(self) -> Path:
        return self.path / "outbox"

    @property
    def models(self) -> Path:
        """Received models: models/<study name>-<first 12 hex digits of the digest>/."""
        return self.path / "models"

    # members

    @property
    def confirmed(self) -> MembersList | None:
        """The version of the members list that this hospital's people confirmed."""
        return self._kept("confirmed")

    @property
    def offered(self) -> MembersList | None:
        """The newest version that the coordinator sent; equal to `confirmed` once it is confirmed."""
        return self._kept("offered")

    def receive_members(self, chain: bytes) -> MembersList:
        """Keep a newer members list for people to look at; nothing is confirmed by this.

        Raises:
            FaultyCoordinatorError: a rollback or a fork; logged as an alarm, nothing was kept.
            WireError, ProtocolError: malformed or forged; logged as an alarm, nothing was kept.
        """
        try:
            opened = members_list.open_chain(chain, self.consortium_id, self.coordinator_key)
            newest = members_list.follow(self.confirmed, opened)
            before = self.offered
            if before and newest.version >= before.version:
                members_list.follow(before, opened)
        except (WireError, ProtocolError) as error:
            self.alarm("members list refused", {"reason": error.message})
            raise
        if before is None or newest.version > before.version:
            files.write(self._chain_file("offered"), chain)
            self.log("members list offered", {"version": newest.version, "fingerprint": newest.fingerprint})
        return newest

    def confirm_members(self, compared: MembersList) -> MembersList:
        """Pin the offered version, whose fingerprints people have compared.

        Raises:
            RefusedError: no list was offered, or meanwhile another one than they `compared`.
        """
        path = self._chain_file("offered")
        if not path.exists():
            raise RefusedError(
                "there is no members list to confirm", hint="enroll first: cipherward hospital enroll ADMISSION"
            )
        data = files.read(path)
        chain = members_list.open_chain(data, self.consortium_id, self.coordinator_key)
        newest = members_list.follow(self.confirmed, chain)
        if newest.digest() != compared.digest():
            raise RefusedError(
                f"meanwhile version {newest.version} of the members list has arrived", hint="compare that one"
            )
        files.write(self._chain_file("confirmed"), data)
        self.log("members list confirmed", {"version": newest.version, "fingerprint": newest.fingerprint})
        return newest

    def _kept(self, which: str) -> MembersList | None:
        path = self._chain_file(which)
        if not path.exists():
            return None
        return members_list.open_chain(files.read(path), self.consortium_id, self.coordinator_key)[-1]

    def _chain_file(self, which: str) -> Path:
        return self.path / "members" / f"{which}.chain"


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


def _read_toml(path: Path, made_by: str) -> dict[str, Any]:
    if not path.exists():
        raise StorageError(f"no {path.name} in {path.parent}", hint=f"give the folder with --home, or {made_by}")
    try:
        return tomllib.loads(files.read(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} is not valid TOML: {error}", hint="correct the file at the place named") from None


def _host(url: str) -> str:
    return urlsplit(url if "://" in url else f"tls://{url}").hostname or url


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
