"""The server's configuration: TLS 1.3 with certificates on both sides, and what each member may do.

Every member has a NATS account of its own, and imports from the coordinator's account exactly four services: publish to
its own mailbox, fetch from its own, rewind it, acknowledge; and one stream, on which the coordinator says how it is. Permissions within one shared account would not do: a
message may name any subject for the reply, the server publishes the reply with its own rights, and a hospital could so
write into another one's mailbox. Accounts confine replies too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.membership.authority import COORDINATOR_NAME, check_subject
from cipherward.errors import ProtocolError
from cipherward.store import files
from cipherward.transport import subjects

Users = Mapping[str, str]
"""The subject of the newest certificate (`authority.subject`) of the coordinator and of each active member, by name."""

MAILBOX_BYTES = 2 << 30
ACCOUNTS_FILE = "members.conf"
SERVER_FILE = "nats.conf"


@dataclass(frozen=True)
class Route:
    """One server's place in a cluster: where it listens for the others, and where it finds them (host:port)."""

    cluster: str
    listen: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class ServerSettings:
    """One server. `listen` is host:port; `max_store_bytes` bounds what all mailboxes together may take on disk."""

    folder: Path
    listen: str
    certificate: Path
    key: Path
    authority: Path
    name: str = "cipherward"
    max_store_bytes: int = 256 << 30
    route: Route | None = None
    monitor_port: int | None = None

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])


def settings_of(home: CoordinatorHome) -> ServerSettings:
    """The server that a coordinator starts itself."""
    return ServerSettings(
        folder=home.server_folder.resolve(),
        listen=home.listen,
        certificate=home.server_certificate.resolve(),
        key=home.server_key.resolve(),
        authority=home.authority_certificate.resolve(),
    )


def write_for(home: CoordinatorHome) -> None:
    """Write the files of a coordinator's server, or those that its operator includes, from the members list.

    Raises:
        StorageError: the folder cannot be written.
    """
    if home.managed:
        write_server(settings_of(home), home.users())
    else:
        write_accounts(home.server_folder / ACCOUNTS_FILE, home.users())


def write_server(settings: ServerSettings, users: Users) -> Path:
    """Write nats.conf and members.conf into the server's folder; returns the path of nats.conf.

    Raises:
        ProtocolError: a name or a subject that cannot be a member's.
        StorageError: the folder cannot be written.
    """
    write_accounts(settings.folder / ACCOUNTS_FILE, users)
    path = settings.folder / SERVER_FILE
    files.write(path, _server(settings).encode())
    return path


def write_accounts(path: Path, users: Users) -> None:
    """Write who may do what: the file that the operator of an existing server includes in its configuration.

    That server needs JetStream and `tls { verify_and_map: true, handshake_first: true, min_version: "1.3" }` with the
    consortium's authority as `ca_file`.

    Raises:
        ProtocolError: a name or a subject that cannot be a member's, or no coordinator.
        StorageError: the file cannot be written.
    """
    checked = {name: check_subject(name, text) for name, text in sorted(users.items())}
    if COORDINATOR_NAME not in checked:
        raise ProtocolError("the message server needs the coordinator's certificate")
    files.write(path, _accounts(checked).encode())


def _server(settings: ServerSettings) -> str:
    tls = [
        f"  cert_file: {_text(settings.certificate)}",
        f"  key_file: {_text(settings.key)}",
        f"  ca_file: {_text(settings.authority)}",
        "  timeout: 10",
    ]
    lines = [
        "# Written by cipherward; changed whenever a member is admitted or revoked.",
        f"server_name: {_text(settings.name)}",
        f"listen: {_text(settings.listen)}",
        f"pid_file: {_text(settings.folder / 'nats.pid')}",
        f"log_file: {_text(settings.folder / 'nats.log')}",
        "logfile_size_limit: 16MB",
        "logfile_max_num: 4",
        "max_payload: 1MB",
        "max_pending: 64MB",
        'write_deadline: "30s"',
        'ping_interval: "20s"',
        "# the server keeps 1 KB in memory of each ended connection, of 10,000 unless told otherwise",
        "max_closed_clients: 64",
        "tls {",
        *tls,
        "  verify_and_map: true",
        '  min_version: "1.3"',
        "  # no plain-text greeting that somebody on the way could change",
        "  handshake_first: true",
        "}",
        "jetstream {",
        f"  store_dir: {_text(settings.folder / 'jetstream')}",
        f"  max_file_store: {settings.max_store_bytes}",
        "  max_memory_store: 16MB",
        "}",
    ]
    if settings.monitor_port is not None:
        lines.append(f'http: "127.0.0.1:{settings.monitor_port}"')
    if settings.route is not None:
        lines += [
            "cluster {",
            f"  name: {_text(settings.route.cluster)}",
            f"  listen: {_text(settings.route.listen)}",
            "  no_advertise: true",
            f"  routes: [{', '.join(_text(f'tls://{other}') for other in settings.route.others)}]",
            "  tls {",
            *("  " + line for line in tls),
            "    verify: true",
            '    min_version: "1.3"',
            "  }",
            "}",
        ]
    return "\n".join([*lines, f"include {ACCOUNTS_FILE}", ""])


def _accounts(users: Users) -> str:
    members = [name for name in users if name != COORDINATOR_NAME]
    exports = [line for member in members for line in _exports(member)]
    lines = [
        "# Written by cipherward: what each member may do. A certificate that is not here has no access.",
        "accounts {",
        f"  {subjects.COORDINATOR_ACCOUNT}: {{",
        "    jetstream: enabled",
        f"    users: [ {{ user: {_text(users[COORDINATOR_NAME])} }} ]",
        "    exports: [",
        *exports,
        f"      {{ stream: {subjects.STATE} }}",
        "    ]",
        "  }",
    ]
    for member in members:
        lines += _member(member, users[member])
    return "\n".join([*lines, "}", ""])


def _services(member: str) -> tuple[tuple[str, bool], ...]:
    """The four services of a member: subject, and whether one request has many answers."""
    return (
        (f"{subjects.mailbox(subjects.UP, member)}.>", False),
        (subjects.next_message(subjects.DOWN, member), True),
        (subjects.reset(subjects.DOWN, member), False),
        (subjects.acknowledgements(member), False),
    )


def _exports(member: str) -> list[str]:
    return [
        f"      {{ service: {_text(subject)}, accounts: [{_text(_account(member))}]"
        f"{', response_type: stream' if many else ''} }}"
        for subject, many in _services(member)
    ]


def _member(member: str, subject: str) -> list[str]:
    allowed = ", ".join(_text(service) for service, _ in _services(member))
    return [
        f"  {_text(_account(member))}: {{",
        f"    users: [ {{ user: {_text(subject)}, permissions: {{",
        f"      publish: [{allowed}]",
        f"      subscribe: [{_text(subjects.inbox(member) + '.>')}, {subjects.STATE}]",
        "    } } ]",
        "    imports: [",
        *(
            f"      {{ service: {{ account: {subjects.COORDINATOR_ACCOUNT}, subject: {_text(service)} }} }}"
            for service, _ in _services(member)
        ),
        f"      {{ stream: {{ account: {subjects.COORDINATOR_ACCOUNT}, subject: {subjects.STATE} }} }}",
        "    ]",
        "  }",
    ]


def _account(member: str) -> str:
    return f"M_{member}"


def _text(value: str | Path) -> str:
    return json.dumps(str(value), ensure_ascii=False)
