"""A vault on Google Drive, through its real client library, against a local server that speaks the calls it makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.vault.drive_server import TOKEN, Drive

from cipherward.errors import StorageError
from cipherward.vault import keys
from cipherward.vault.catalogue import Label, Memory
from cipherward.vault.stores import Store, open_store
from cipherward.vault.vault import create, open_vault
from cipherward.vault.writer import Writer

pytest.importorskip("gdrive_fsspec", reason="the extra gdrive is not installed")
httplib2 = pytest.importorskip("httplib2", reason="the extra gdrive is not installed")

SOURCE = keys.Source(b"k" * 32)
LARGE = bytes(range(256)) * 30_000  # two parts of a resumable upload


@pytest.fixture
def drive() -> Iterator[Drive]:
    found = Drive()
    yield found
    found.close()


@pytest.fixture(scope="module")
def private_key() -> str:
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def options(drive: Drive, private_key: str, tmp_path: Path) -> dict[str, Any]:
    """A service account whose tokens come from the local server, and a transport that goes there."""
    account = {
        "type": "service_account",
        "client_email": "vault@example.org",
        "token_uri": f"{drive.url}/token",
        "private_key": private_key,
        "private_key_id": "1",
    }
    (tmp_path / "account.json").write_text(json.dumps(account))

    transport = httplib2.Http(timeout=60)
    there = transport.request

    def rerouted(uri: str, *args: Any, **kwargs: Any) -> Any:
        return there(uri.replace("https://www.googleapis.com", drive.url), *args, **kwargs)

    transport.request = rerouted
    return {"token": "service_account", "creds": str(tmp_path / "account.json"), "transport": transport}


def store_at(options: dict[str, Any]) -> Store:
    return open_store("gdrive://study/vault", options)


def written(store: Store) -> Writer:
    writer = Writer(create(store, SOURCE), b"c" * 16, Memory(None), "test")
    writer.add(Label("updates", "ab" * 32, "large", 1), LARGE)
    writer.add(Label("log", "ab" * 32, "small", 1), b"small")
    writer.commit()
    return writer


def test_what_was_written_to_drive_is_read_erased_and_opens_with_a_new_key(
    drive: Drive, options: dict[str, Any]
) -> None:
    writer = written(store_at(options))
    vault = open_vault(store_at(options), SOURCE)
    catalogue = vault.read_catalogue()
    large, small = catalogue.of(kind="updates")[0], catalogue.of(kind="log")[0]
    assert vault.read(large, catalogue) == LARGE
    assert all(finding.holds for finding in vault.check(catalogue))
    writer.erase([large], "old")
    assert drive.named(large.name.hex()) == []
    vault.rotate(keys.Source(b"n" * 32))
    again = open_vault(store_at(options), keys.Source(b"n" * 32))
    catalogue = again.read_catalogue()
    assert again.read(small, catalogue) == b"small"
    assert drive.tokens
    assert {call.split()[0] for call in drive.calls} == {"GET", "POST", "PUT", "DELETE"}


def test_an_upload_that_breaks_in_the_middle_leaves_nothing_and_is_done_again_once(
    drive: Drive, options: dict[str, Any]
) -> None:
    writer = written(store_at(options))
    before = len(drive.files)
    drive.cut_after = 1_000_000
    with pytest.raises(StorageError) as said:
        writer.add(Label("updates", "ab" * 32, "second", 2), LARGE[1:])
    assert TOKEN not in str(said.value)
    assert len(drive.files) == before
    drive.cut_after = None
    writer.add(Label("updates", "ab" * 32, "second", 2), LARGE[1:])
    writer.commit()
    catalogue = writer.vault.read_catalogue()
    (entry,) = catalogue.of(path="second")
    assert len(drive.named(entry.name.hex())) == 1
    assert writer.vault.read(entry, catalogue) == LARGE[1:]


def test_an_object_that_is_written_again_is_not_there_twice(drive: Drive, options: dict[str, Any]) -> None:
    store = store_at(options)
    written(store)
    for content in (b"first", b"second"):
        store.write("objects/twice", [content])
    assert len(drive.named("twice")) == 1
    with store.open("objects/twice") as file:
        assert file.read() == b"second"


@pytest.mark.parametrize("status", [403, 404, 500, 507])
def test_a_drive_that_refuses_is_said_with_its_status_and_without_its_token(
    drive: Drive, options: dict[str, Any], status: int
) -> None:
    writer = written(store_at(options))
    drive.refuses = status
    with pytest.raises(StorageError) as said:
        writer.add(Label("log", "ab" * 32, "second", 2), b"second")
    assert TOKEN not in str(said.value)
    assert "gdrive://study/vault" in str(said.value)


def test_what_drive_returns_altered_is_found(drive: Drive, options: dict[str, Any]) -> None:
    written(store_at(options))
    for identity, file in drive.files.items():
        if len(file["name"]) == 64:
            whole = bytearray(drive.content[identity])
            whole[-1] ^= 1
            drive.content[identity] = bytes(whole)
    vault = open_vault(store_at(options), SOURCE)
    assert not any(finding.holds for finding in vault.check(vault.read_catalogue()))
