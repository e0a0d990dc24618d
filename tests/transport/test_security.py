"""What a hostile hospital, or somebody without a certificate, tries: every attempt is refused by the server itself."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from tests.transport.consortium import Consortium, running, until, until_mailboxes_exist

from cipherward.consortium.membership import authority
from cipherward.errors import TransportError
from cipherward.store import files
from cipherward.transport import link as links
from cipherward.transport import subjects
from cipherward.transport.link import Dialer, Link
from cipherward.transport.tls import Connection, client_context

FORBIDDEN_PUBLISH = [
    subjects.next_message("down", "beta"),  # reading B's mailbox
    subjects.next_message("up", "beta"),
    subjects.next_message("up", "alpha"),  # what is on its way to the coordinator is not A's any more
    subjects.reset("down", "beta"),
    "$JS.ACK.DOWN_beta.box.1.1.1.1.1",
    "up.beta.chunk",  # publishing as B
    "down.beta.chunk",
    "down.alpha.chunk",  # as the coordinator
    "$JS.API.INFO",  # the management interface
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.STREAM.DELETE.UP_beta",
    "$JS.API.STREAM.PURGE.UP_alpha",
    "$JS.API.STREAM.MSG.GET.UP_beta",
    "$JS.API.DIRECT.GET.UP_beta",
    "$JS.API.CONSUMER.CREATE.DOWN_alpha",
    "$JS.API.CONSUMER.DELETE.DOWN_alpha.box",
    "$JS.API.CONSUMER.PAUSE.DOWN_alpha.box",
    "$SYS.REQ.SERVER.PING",
    "anything.else",
    "_INBOX_beta.x",
]
FORBIDDEN_SUBSCRIBE = [
    ">",
    "up.beta.>",
    "up.alpha.>",
    "down.alpha.>",
    "_INBOX_beta.>",
    "_INBOX_coordinator.>",
    "$SYS.>",
]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    """One server for the attempts that change nothing."""
    made = Consortium(tmp_path_factory.mktemp("standing"))
    made.server.start(made.users())
    yield made
    made.server.stop()


@pytest.fixture(autouse=True)
def fresh_log(standing: Consortium) -> None:
    standing.log.events.clear()


async def dial(consortium: Consortium, name: str) -> Link:
    return await Dialer(consortium.connection(name), consortium.log).dial()


def violations(consortium: Consortium) -> list[str]:
    return [str(alarm["reason"]) for alarm in consortium.log.alarms("permission violation")]


@pytest.mark.parametrize("subject", FORBIDDEN_PUBLISH)
def test_a_hospital_cannot_publish_anywhere_but_into_its_own_mailbox(standing: Consortium, subject: str) -> None:
    async def story() -> None:
        link = await dial(standing, "alpha")
        await link.client.publish(subject, b"", reply=link.client.new_inbox())
        await until(lambda: any(subject.lower() in reason.lower() for reason in violations(standing)), 5)
        await link.close()

    asyncio.run(story())
    assert any("Publish Violation" in line and subject in line for line in standing.server.refusals())


@pytest.mark.parametrize("subject", FORBIDDEN_SUBSCRIBE)
def test_a_hospital_cannot_listen_anywhere_but_in_its_own_inbox(standing: Consortium, subject: str) -> None:
    async def story() -> None:
        link = await dial(standing, "alpha")
        await link.client.subscribe(subject)
        await until(lambda: any(subject.lower() in reason.lower() for reason in violations(standing)), 5)
        await link.close()

    asyncio.run(story())
    assert any("Subscription Violation" in line for line in standing.server.refusals())


@pytest.mark.parametrize(
    "reply",
    [
        "up.beta.chunk",
        "down.beta.chunk",
        "$JS.API.STREAM.DELETE.UP_beta",
        "$JS.API.STREAM.PURGE.UP_beta",
        "_INBOX_beta.x",
    ],
)
@pytest.mark.parametrize("request_subject", ["up.alpha.chunk", subjects.next_message("down", "alpha")])
def test_a_hospital_cannot_make_the_server_write_elsewhere_by_naming_the_reply(
    consortium: Consortium, reply: str, request_subject: str
) -> None:
    async def story() -> None:
        async with running(consortium.coordinator()):
            await until_mailboxes_exist(consortium)
        hub, alpha, beta = [await dial(consortium, name) for name in ("coordinator", "alpha", "beta")]
        manager = hub.client.jsm()
        heard = await beta.client.subscribe("_INBOX_beta.>")
        await beta.client.flush()
        for subject in ("down.alpha.chunk", "up.beta.chunk", "down.beta.chunk"):
            await hub.client.jetstream().publish(subject, b"x")
        before = await contents(manager)
        await alpha.client.publish(request_subject, b'{"batch":1,"no_wait":true}', reply=reply)
        await alpha.client.flush()
        await asyncio.sleep(0.3)
        assert await contents(manager) == before
        assert heard.pending_msgs == 0
        for link in (hub, alpha, beta):
            await link.close()

    async def contents(manager: nats.js.manager.JetStreamManager) -> dict[str, tuple[int, int]]:
        states = {name: (await manager.stream_info(name)).state for name in ("UP_beta", "DOWN_beta")}
        return {name: (state.messages, state.last_seq) for name, state in states.items()}

    asyncio.run(story())


def refused(consortium: Consortium, connection: Connection) -> TransportError:
    with pytest.raises(TransportError) as caught:
        asyncio.run(Dialer(connection, consortium.log).dial())
    assert caught.value.hint
    return caught.value


def wait_for_server_log(consortium: Consortium, *words: str) -> None:
    lines: list[str] = []

    def is_there() -> bool:
        lines.extend(consortium.server.refusals())
        return any(all(word in line for word in words) for line in lines)

    asyncio.run(until(is_there))


def test_no_certificate_is_refused_on_both_sides(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(connection: Connection) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(connection.authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    monkeypatch.setattr(links, "client_context", without)
    assert "none was shown" in refused(consortium, consortium.connection("alpha")).message
    assert consortium.log.alarms("refused by the server")
    wait_for_server_log(consortium, "TLS handshake error", "didn't provide a certificate")


def test_an_expired_certificate_is_refused_before_dialling(consortium: Consortium) -> None:
    error = refused(consortium, consortium.connection("alpha", valid_days=-1))
    assert "expired on" in error.message


def test_an_expired_certificate_is_refused_by_the_server_too(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cipherward.transport.tls.check_validity", lambda certificate: None)
    assert "it has expired" in refused(consortium, consortium.connection("alpha", valid_days=-1)).message
    assert consortium.log.alarms("refused by the server")
    wait_for_server_log(consortium, "TLS handshake error", "expired")


def test_a_certificate_of_another_authority_is_refused_on_both_sides(consortium: Consortium) -> None:
    connection = consortium.connection("alpha")
    other_cert, other_key = authority.create_authority("Other")
    request = authority.signing_request(files.read(connection.key), "alpha")
    files.write(connection.certificate, authority.client_certificate(other_cert, other_key, request, "alpha"))
    assert "refuses this member's certificate" in refused(consortium, connection).message
    assert consortium.log.alarms("refused by the server")
    wait_for_server_log(consortium, "TLS handshake error", "unknown authority")


def test_a_server_of_another_authority_is_not_trusted(consortium: Consortium, tmp_path: Path) -> None:
    connection = consortium.connection("alpha")
    files.write(consortium.authority_file, authority.create_authority("Other")[0])
    assert "does not prove to be the consortium's server" in refused(consortium, connection).message
    assert consortium.log.alarms("refused by the server")


def test_a_server_under_another_name_is_not_trusted(consortium: Consortium) -> None:
    url = f"tls://127.0.0.2:{consortium.settings.port}"
    consortium.server.stop()
    listening = Consortium(consortium.folder / "wide")
    assert listening.url != url
    settings = consortium.settings
    object.__setattr__(settings, "listen", f"127.0.0.2:{settings.port}")
    consortium.server.start(consortium.users())
    error = refused(consortium, consortium.connection("alpha", servers=(url,)))
    assert "does not prove to be the consortium's server" in error.message


def test_tls_1_2_is_refused_on_both_sides(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    def old(connection: Connection) -> ssl.SSLContext:
        context = client_context(connection)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    monkeypatch.setattr(links, "client_context", old)
    assert "TLS 1.3" in refused(consortium, consortium.connection("alpha")).message
    wait_for_server_log(consortium, "TLS handshake error", "unsupported versions")


def test_a_server_that_speaks_only_tls_1_2_is_refused(consortium: Consortium) -> None:
    async def story() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(consortium.settings.certificate, consortium.settings.key)
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        connection = consortium.connection("alpha", servers=(f"tls://localhost:{port}",))
        with pytest.raises(TransportError, match=r"TLS 1\.3"):
            await Dialer(connection, consortium.log).dial()
        server.close()

    asyncio.run(story())


def test_a_server_without_tls_learns_nothing(consortium: Consortium) -> None:
    """An attacker on the way answers with a plain greeting that asks for no TLS."""
    seen = bytearray()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.15.0","max_payload":1048576}\r\n')
        seen.extend(await reader.read(100_000))
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connection = consortium.connection("alpha", servers=(f"tls://localhost:{port}",))
        with pytest.raises(TransportError):
            await Dialer(connection, consortium.log).dial()
        server.close()

    asyncio.run(story())
    assert seen[:1] == b"\x16"  # a TLS handshake record
    assert b"CONNECT" not in seen


def test_a_certificate_for_a_name_that_was_never_admitted_is_refused(consortium: Consortium) -> None:
    assert "never admitted, or revoked" in refused(consortium, consortium.connection("gamma")).message
    assert consortium.log.alarms("refused by the server")
    wait_for_server_log(consortium, "authentication error")


def test_the_servers_own_certificate_opens_no_mailbox(consortium: Consortium) -> None:
    settings = consortium.settings
    connection = Connection("alpha", (consortium.url,), settings.certificate, settings.key, settings.authority)
    assert "never admitted, or revoked" in refused(consortium, connection).message


def test_a_revoked_member_is_disconnected_and_refused_and_the_others_stay(consortium: Consortium) -> None:
    async def story() -> None:
        alpha, beta = await dial(consortium, "alpha"), await dial(consortium, "beta")
        await asyncio.to_thread(consortium.server.reload, consortium.users("beta"))
        await asyncio.wait_for(alpha.lost.wait(), 60)
        with pytest.raises(TransportError, match="never admitted, or revoked"):
            await dial(consortium, "alpha")
        await beta.client.flush()
        assert not beta.lost.is_set()
        await asyncio.to_thread(consortium.server.reload, consortium.users("alpha", "beta", "gamma"))
        await (await dial(consortium, "alpha")).close()
        await (await dial(consortium, "gamma")).close()
        assert not beta.lost.is_set()
        await beta.close()

    asyncio.run(story())
    assert consortium.log.alarms("refused by the server")
    wait_for_server_log(consortium, "authentication error")


def test_an_earlier_certificate_of_a_member_that_is_admitted_again_is_refused(consortium: Consortium) -> None:
    earlier = consortium.connection("alpha")
    stolen = consortium.folder / "stolen"
    shutil.copytree(earlier.certificate.parent, stolen)
    thief = dataclasses.replace(earlier, certificate=stolen / "tls.crt", key=stolen / "tls.key")

    async def story() -> None:
        listening = await Dialer(thief, consortium.log).dial()
        await asyncio.to_thread(consortium.server.reload, consortium.users("beta"))
        await asyncio.wait_for(listening.lost.wait(), 60)
        consortium.connection("alpha", valid_days=31)  # admitted again, with a new certificate
        await asyncio.to_thread(consortium.server.reload, consortium.users("alpha", "beta"))
        await (await dial(consortium, "alpha")).close()
        with pytest.raises(TransportError, match="never admitted, or revoked"):
            await Dialer(thief, consortium.log).dial()

    asyncio.run(story())
    wait_for_server_log(consortium, "authentication error")


def test_addresses_that_a_server_advertises_are_never_dialled(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hostile server inserts its own address into its greeting, then drops the connection."""
    dialled: list[int] = []
    opened = asyncio.open_connection

    async def noting(host: str, port: int, **options: object) -> object:
        dialled.append(port)
        return await opened(host, port, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "open_connection", noting)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = {
            "server_id": "x",
            "version": "2.15.0",
            "max_payload": 1 << 20,
            "connect_urls": ["127.0.0.1:9", "[::1]:9"],
        }
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
                await asyncio.sleep(0.1)
                break
        writer.close()

    async def story() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(consortium.settings.certificate, consortium.settings.key)
        server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        consortium.url = f"tls://localhost:{port}"
        post = consortium.hospital("alpha")
        async with running(post):
            await until(lambda: len(dialled) >= 4)
        server.close()
        assert set(dialled) == {port}

    asyncio.run(story())
