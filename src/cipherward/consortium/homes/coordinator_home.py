"""The coordinator's folder in the consortium: keys of the authority, members, what the message server needs."""

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
from cipherward.errors import ProtocolError, StorageError
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
        return self.versions[-1]

    @property
    def versions(self) -> tuple[MembersList, ...]:
        """Every version, oldest first."""

        def read() -> tuple[MembersList, ...]:
            return members_list.open_chain(self.chain(), self.consortium_id, self.coordinator_key)

        return self.remembered.get("versions", self._version_files(), read)

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
        active = self.members.active

        def read() -> dict[str, str]:
            found = {self.name: authority.subject(files.read(self.tls_certificate))}
            for member in active:
                with contextlib.suppress(StorageError, ProtocolError):
                    found[member.name] = authority.subject(files.read(self.certificate(member.name)))
            return found

        certificates = (self.tls_certificate, *(self.certificate(member.name) for member in active))
        return dict(self.remembered.get("users", (*self._version_files(), *certificates), read))

    def _versions(self) -> tuple[bytes, ...]:
        return tuple(files.read(path) for path in self._version_files())

    def _version_files(self) -> list[Path]:
        return sorted((self.path / "members").glob("*.signed"))


def _host(url: str) -> str:
    return urlsplit(url if "://" in url else f"tls://{url}").hostname or url
