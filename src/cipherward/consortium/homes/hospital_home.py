"""A hospital's folder in the consortium: its own settings, the members that its people confirmed, where its table is."""

from __future__ import annotations

import math
import re
from pathlib import Path

from cipherward.consortium.homes.home import Home
from cipherward.consortium.homes.registers import Registers
from cipherward.consortium.membership import members as members_list
from cipherward.consortium.membership.members import MembersList
from cipherward.data.database import Database, Source, placed
from cipherward.data.extract_chain import innermost
from cipherward.errors import ProtocolError, RefusedError, StorageError, WireError
from cipherward.store import files

MOST_EXAMPLES = 24


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
        return self._source(self.data_settings)

    def source_of(self, register: str) -> Source:
        """Where the table of this name is: [registers.NAME] of hospital.toml, or [data] where there is none.

        Raises:
            StorageError: the settings do not say, or two names lead to one table.
        """
        registers = self.register_settings
        sources = {name: self._source(given) for name, given in registers.items()}
        known = [*sources.values(), self.data_source]
        if len({str(_table(source)) for source in known}) < len(known):
            raise StorageError(
                f"{self.path / self.settings_file}: two of [data] and [registers] are one table",
                hint="a register is a table of its own, with patients of its own: two names for one table escape every rule",
            )
        return sources.get(register, self.data_source)

    @property
    def register_settings(self) -> dict[str, dict[str, str]]:
        """[registers] as it stands in hospital.toml: tables beside [data], by the name that studies give them."""
        found = self.settings.get("registers", {})
        if not isinstance(found, dict):
            raise StorageError(
                f"{self.path / self.settings_file}: [registers.NAME] says where a table is, as [data] does"
            )
        return {str(name): self._checked(given) for name, given in found.items()}

    def _source(self, given: dict[str, str]) -> Source:
        if "path" in given:
            return self.path / given["path"]
        file = given.get("password_file")
        url = placed(given["database"], self.path)
        return Database(url, given["query"], given.get("password_env", ""), self.path / file if file else None)

    @property
    def data_settings(self) -> dict[str, str]:
        """[data] as it stands in hospital.toml: path, or database and query."""
        return self._checked(self.settings.get("data"))

    def _checked(self, data: object) -> dict[str, str]:
        found = data if isinstance(data, dict) else {}
        wanted = {"path"} if "path" in found else {"database", "query"}
        optional = set() if "path" in found else {"password_env", "password_file"}
        whole = wanted <= found.keys() <= wanted | optional and all(isinstance(v, str) and v for v in found.values())
        if not whole or {"password_env", "password_file"} <= found.keys():
            raise StorageError(
                f"{self.path / self.settings_file}: [data] does not say where the hospital's table is",
                hint="write path, or database and query with at most one of password_env and password_file",
            )
        return dict(found)

    @property
    def device(self) -> str:
        """Where local training runs: "auto", "cpu" or "cuda"."""
        found = self.settings.get("device", "auto")
        if found not in ("auto", "cpu", "cuda"):
            raise StorageError(f'{self.path / self.settings_file}: device is "auto", "cpu" or "cuda"')
        return str(found)

    @property
    def longest_seconds(self) -> float:
        """How long one step of a study, such as training for a round, may take here: longest_hours, 24 unless it is set."""
        found = self.settings.get("longest_hours", 24)
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < math.inf:
            raise StorageError(f"{self.path / self.settings_file}: longest_hours is a number of hours above 0")
        return 3600.0 * found

    @property
    def examples(self) -> int:
        """How many of this hospital's own images or series its own report shows: examples, 0 unless it is set."""
        found = self.settings.get("examples", 0)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= MOST_EXAMPLES:
            raise StorageError(
                f"{self.path / self.settings_file}: examples is a whole number from 0 to {MOST_EXAMPLES}"
            )
        return found

    @property
    def policy_file(self) -> Path:
        return self.path / "policy.toml"

    @property
    def ledger_file(self) -> Path:
        return self.path / "ledger.sqlite"

    @property
    def ledger_counter(self) -> Path:
        """How many transactions the ledger has seen, apart from it."""
        return self.path / "ledger.count"

    @property
    def outbox_folder(self) -> Path:
        return self.path / "outbox"

    @property
    def registers_folder(self) -> Path:
        return self.path / "registers"

    @property
    def first_key_file(self) -> Path:
        return self.path / "first.key"

    @property
    def first_key(self) -> bytes:
        """The key under which this hospital's blocks, agreements and budget began (rule 4).

        Raises:
            StorageError: the file that says so is damaged.
        """
        if not self.first_key_file.exists():
            return self.identity.public_key
        key = (
            bytes.fromhex(text)
            if re.fullmatch("[0-9a-f]{64}", text := files.read(self.first_key_file).decode())
            else b""
        )
        if not key:
            raise StorageError(f"{self.first_key_file} is no key", hint="restore it from a backup")
        return key

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
        """What says whether the table can be used: the settings, the table where it is a file, and the registers."""
        settings = self.path / self.settings_file
        watched = (settings, *Registers(self.registers_folder).watched())
        try:
            sources = [self.data_source, *(self._source(given) for given in self.register_settings.values())]
        except StorageError:
            return watched
        paths = [source for source in sources if isinstance(source, Path)]
        behind = [source for source in map(innermost, paths) if isinstance(source, Path)]
        return (*watched, *dict.fromkeys([*paths, *behind]))

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
            facts = {"version": newest.version, "fingerprint": newest.fingerprint}
            self.log("members list offered", facts | {"hint": "compare it by phone, then: cipherward hospital confirm"})
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

    def keys_of(self, name: str) -> tuple[bytes, ...]:
        """Every identity key that the confirmed list ever gave a member, oldest first."""
        path = self._chain_file("confirmed")
        chain = (
            members_list.open_chain(files.read(path), self.consortium_id, self.coordinator_key) if path.exists() else ()
        )
        return members_list.keys_of(chain, name)

    def _kept(self, which: str) -> MembersList | None:
        path = self._chain_file(which)

        def read() -> MembersList | None:
            if not path.exists():
                return None
            return members_list.open_chain(files.read(path), self.consortium_id, self.coordinator_key)[-1]

        return self.remembered.get(which, [path], read)

    def _chain_file(self, which: str) -> Path:
        return self.path / "members" / f"{which}.chain"


def _table(source: Source) -> Source:
    """What a source reads in the end: two extracts may be about one table."""
    found = innermost(source) if isinstance(source, Path) else source
    return found.resolve() if isinstance(found, Path) else found
