"""A vault on a real S3 server, through its real client and a network that breaks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import simulator
from tests.vault.s3_server import BUCKET, KEY, SECRET, Server, serving

from cipherward.errors import StorageError
from cipherward.runs import carrier, in_vault
from cipherward.runs.archive import FOLDER, Archive
from cipherward.vault import access, keys
from cipherward.vault.access import Address
from cipherward.vault.catalogue import Label, Memory
from cipherward.vault.stores import FsspecStore, Store, open_store
from cipherward.vault.vault import create, open_vault
from cipherward.vault.writer import Writer

SOURCE = keys.Source(b"k" * 32)
LARGE = bytes(range(256)) * 12_000  # more than two chunks


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def through(server: Server) -> Iterator[Server]:
    yield server
    server.proxy.heal()


def store_at(server: Server, name: str, *, direct: bool = False) -> Store:
    store = open_store(f"s3://{BUCKET}/{name}", server.options(direct=direct))
    assert isinstance(store, FsspecStore)
    store.seconds = 60.0
    return store


def written(store: Store) -> Writer:
    writer = Writer(create(store, SOURCE), b"c" * 16, Memory(None), "test")
    writer.add(Label("updates", "ab" * 32, "large", 1), LARGE)
    writer.add(Label("log", "ab" * 32, "small", 1), b"small")
    writer.commit()
    return writer


def test_what_was_written_to_s3_is_read_erased_and_opens_with_a_new_key(server: Server) -> None:
    writer = written(store_at(server, "whole"))
    vault = open_vault(store_at(server, "whole"), SOURCE)
    catalogue = vault.read_catalogue()
    large, small = catalogue.of(kind="updates")[0], catalogue.of(kind="log")[0]
    assert vault.read(large, catalogue) == LARGE
    assert all(finding.holds for finding in vault.check(catalogue))
    writer.erase([large], "old")
    rotated = vault.rotate(keys.Source(b"n" * 32))
    again = open_vault(store_at(server, "whole"), keys.Source(b"n" * 32))
    catalogue = again.read_catalogue()
    assert catalogue.of() == [small]
    assert again.read(small, catalogue) == b"small"
    assert rotated.generation == again.generation == 2
    assert again.store.names("keys-000001") == []
    assert again.store.names("objects") == [small.name.hex()]


def test_an_upload_that_the_network_cuts_is_said_and_done_again(through: Server) -> None:
    writer = written(store_at(through, "cut"))
    through.proxy.cut()
    with pytest.raises(StorageError) as said:
        writer.add(Label("updates", "ab" * 32, "second", 2), LARGE[1:])
    assert SECRET not in str(said.value)
    assert KEY not in str(said.value)
    through.proxy.heal()
    writer.add(Label("updates", "ab" * 32, "second", 2), LARGE[1:])
    writer.commit()
    vault = open_vault(store_at(through, "cut"), SOURCE)
    catalogue = vault.read_catalogue()
    assert vault.read(catalogue.of(path="second")[0], catalogue) == LARGE[1:]


def test_a_server_that_is_silent_is_given_up_after_its_time(through: Server) -> None:
    writer = written(store_at(through, "silent"))
    through.proxy.silence()
    writer.vault.store.seconds = 2.0  # type: ignore[attr-defined]
    with pytest.raises(StorageError, match="cannot write the vault"):
        writer.add(Label("log", "ab" * 32, "second", 2), b"second")
    through.proxy.heal()
    writer.vault.store.seconds = 60.0  # type: ignore[attr-defined]
    writer.add(Label("log", "ab" * 32, "second", 2), b"second")
    writer.commit()


def test_a_bucket_that_is_gone_or_denied_is_said_without_credentials(server: Server) -> None:
    with pytest.raises(StorageError) as said:
        create(open_store("s3://no-such-bucket/vault", server.options(direct=True)), SOURCE)
    assert "s3://no-such-bucket/vault" in str(said.value)
    assert SECRET not in str(said.value)


def test_what_s3_returns_altered_is_found(server: Server) -> None:
    store = store_at(server, "altered", direct=True)
    written(store)
    for name in store.names("objects"):
        with store.open(f"objects/{name}") as file:
            whole = bytearray(file.read())
        whole[-1] ^= 1
        store.write(f"objects/{name}", [bytes(whole)])
    vault = open_vault(store, SOURCE)
    findings = list(vault.check(vault.read_catalogue()))
    assert len(findings) == 2
    assert not any(finding.holds for finding in findings)


@pytest.mark.parametrize("apart", [False, True])
def test_a_run_beside_s3_is_whole_there_and_holds_no_credential(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    """In this process or, as a command does it, in one of its own, which outlives the run."""
    monkeypatch.setenv(keys.KEY_VARIABLE, "ab" * 32)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    address = Address(f"s3://{BUCKET}/run-{apart}")
    archive = Archive(address, apart=apart)
    archive.check()
    with archive:
        simulator.run(tmp_path, simulator.study(3, training={"rounds": 1}), archive=archive)
    end = time.monotonic() + 60
    while archive.behind().objects and time.monotonic() < end:
        time.sleep(0.05)  # until the process has done its work
    with carrier.alone(tmp_path / "run" / FOLDER):
        assert archive.behind().objects == 0
    lines = list(in_vault.verify(address))
    assert all(line.holds for line in lines)
    assert sum(line.outcome == "encrypted update" for line in lines) == 9
    kept = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert SECRET.encode() not in kept
    assert b"ab" * 32 not in kept
    assert access.open_at(address).generation == 1
