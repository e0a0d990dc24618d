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
| `studies/<digest>/` | openings, receipts, models | the study offered, approval, withdrawal | |
| `ledger.sqlite`, `outbox/`, `models/` | | own | 0600 |
| `log.jsonl`, `status.json` | ids, sizes, reasons | ids, sizes, reasons | no |
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from urllib.parse import urlsplit

from cipherward.consortium.homes.home import Home
from cipherward.consortium.membership import authority
from cipherward.consortium.membership import members as members_list
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.membership.members import MembersList
from cipherward.data.database import Database, Source
from cipherward.errors import ProtocolError, RefusedError, StorageError, WireError
from cipherward.store import files

_LAST_PORT = 65_535


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
        found = self._text("listen")
        host, _, port = found.rpartition(":")
        if not host or not re.fullmatch("[0-9]{1,5}", port) or int(port) > _LAST_PORT:
            raise StorageError(
                f'{self.path / self.settings_file}: listen is not host:port such as "127.0.0.1:4222"',
                hint="correct this line",
            )
        return found

    @property
    def managed(self) -> bool:
        """Whether the coordinator starts the server itself."""
        return bool(self.settings.get("managed", True))

    @property
    def replicas(self) -> int:
        """On how many servers of a cluster every mailbox is kept: 1, 3 or 5."""
        found = self.settings.get("replicas", 1)
        if found not in (1, 3, 5):
            raise StorageError(f"{self.path / self.settings_file}: replicas is 1, 3 or 5")
        return int(found)

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
        further = self.settings.get("hosts", [])
        listed = further if isinstance(further, list) else []
        try:
            named = [_host(url) for url in self.servers]
        except ValueError:
            raise StorageError(
                f'{self.path / self.settings_file}: servers is not a list such as ["tls://host:4222"]',
                hint="correct this line",
            ) from None
        return tuple(dict.fromkeys((*named, *map(str, listed))))

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

    def users(self) -> dict[str, str]:
        """The subject of the newest certificate of the coordinator and of each active member: who may connect. A member
        whose certificate file is damaged here is left out, so that it does not keep the others from working; `health`
        names it.

        Raises:
            StorageError, ProtocolError: the coordinator's own certificate is missing or damaged.
        """
        found = {self.name: authority.subject(files.read(self.tls_certificate))}
        for member in self.members.active:
            with contextlib.suppress(StorageError, ProtocolError):
                found[member.name] = authority.subject(files.read(self.certificate(member.name)))
        return found

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
    def next_tls_key(self) -> Path:
        """The key of a certificate that was asked for and has not come; the one in use stays until it has."""
        return self.path / "tls-next.key"

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
    def data_source(self) -> Source:
        """Where this hospital's own table is; relative paths start at the home folder."""
        given = self.data_settings
        if "path" in given:
            return self.path / given["path"]
        file = given.get("password_file")
        return Database(
            given["database"], given["query"], given.get("password_env", ""), self.path / file if file else None
        )

    @property
    def data_settings(self) -> dict[str, str]:
        """[data] as it stands in hospital.toml: path, or database and query; and the name of the cut, if it has one."""
        data = self.settings.get("data")
        found = data if isinstance(data, dict) else {}
        wanted = {"path"} if "path" in found else {"database", "query"}
        optional = {"cut"} if "path" in found else {"cut", "password_env", "password_file"}
        whole = wanted <= found.keys() <= wanted | optional and all(isinstance(v, str) and v for v in found.values())
        if not whole or {"password_env", "password_file"} <= found.keys():
            raise StorageError(
                f"{self.path / self.settings_file}: [data] does not say where the hospital's table is",
                hint="write path, or database and query with at most one of password_env and password_file",
            )
        return dict(found)

    @property
    def data_cut(self) -> str:
        """The name that people gave to what the table holds now; empty if they gave none. See docs/operations.md."""
        return self.data_settings.get("cut", "")

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

    def model_folder(self, study: str, digest: bytes) -> Path:
        """Where the openings, receipts and model of the study of this name and digest are kept; not created here."""
        return self.models / f"{study}-{digest.hex()[:12]}"

    def rule_files(self) -> tuple[Path, ...]:
        """What decides whether a study is refused here: the policy, and the members that were confirmed."""
        return self.policy_file, self._chain_file("confirmed")

    def data_files(self) -> tuple[Path, ...]:
        """What says whether the table can be used: the settings, and the table where it is a file."""
        settings = self.path / self.settings_file
        try:
            source = self.data_source
        except StorageError:
            return (settings,)
        return (settings, source) if isinstance(source, Path) else (settings,)

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

    def confirm_members(self, compared: MembersList | None = None) -> MembersList:
        """Pin the offered version, whose fingerprints people have compared.

        Args:
            compared: the version that they saw; a newer one that has come meanwhile is not pinned.

        Raises:
            RefusedError: no list was offered, or meanwhile another one.
        """
        path = self._chain_file("offered")
        if not path.exists():
            raise RefusedError(
                "there is no members list to confirm", hint="enroll first: cipherward hospital enroll ADMISSION"
            )
        data = files.read(path)
        chain = members_list.open_chain(data, self.consortium_id, self.coordinator_key)
        newest = members_list.follow(self.confirmed, chain)
        if compared and newest.digest() != compared.digest():
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


def _host(url: str) -> str:
    return urlsplit(url if "://" in url else f"tls://{url}").hostname or url
