"""A vault whose provider lies about everything that it keeps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.vault.vaults import CHAIN, KINDS, SOFTWARE, Filled, content, filled, label

from cipherward.errors import AuditError, StorageError
from cipherward.vault import codec, keys
from cipherward.vault.catalogue import Memory, Tombstone
from cipherward.vault.stores import LocalStore
from cipherward.vault.vault import create, open_vault
from cipherward.vault.writer import Writer


@pytest.fixture
def made(tmp_path: Path) -> Filled:
    return filled(tmp_path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return filled(tmp_path_factory.mktemp("kept"))


def problems(made: Filled, path: Path, memory: Memory | None = None) -> list[str]:
    """Everything that a check of the vault at `path` finds, with its key."""
    found: list[str] = []
    try:
        vault = open_vault(LocalStore(path), made.source)
        catalogue = vault.read_catalogue(memory, found)
        found += [f"{each.what}: {each.detail}" for each in vault.check(catalogue) if not each.holds]
    except (AuditError, StorageError) as error:
        found.append(error.message)
    return found


def stored_files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


def test_everything_that_was_put_in_is_read_again(made: Filled) -> None:
    vault = open_vault(LocalStore(made.path), made.source)
    catalogue = vault.read_catalogue(made.memory)
    assert len(catalogue.entries) == 2 * len(KINDS)
    for entry in catalogue.of():
        assert vault.read(entry, catalogue) == content(entry.label.kind, entry.label.sum)
    assert problems(made, made.path, made.memory) == []


def test_the_provider_finds_neither_content_nor_label_nor_the_same_bytes_twice(made: Filled) -> None:
    made.writer.add(label("updates", 3), content("updates"))  # the same content once more
    made.writer.commit()
    whole = b"".join(file.name.encode() + file.read_bytes() for file in stored_files(made.path))
    for kind in KINDS:
        assert kind.encode() not in whole
        assert content(kind)[:16] not in whole
    bodies = [file.read_bytes()[codec.HEADER_BYTES :] for file in (made.path / "objects").iterdir()]
    assert len(set(bodies)) == len(bodies)
    assert made.source.key not in whole
    assert made.source.key.hex() not in repr((made.vault, made.source, made.writer.catalogue))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_flipped_bit_in_any_file_of_the_vault_is_found(kept: Filled, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(stored_files(kept.path)))
    whole = file.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    altered = bytearray(whole)
    altered[bit // 8] ^= 1 << bit % 8
    file.write_bytes(altered)
    try:
        # JSON has several ways to write one thing: what is read is the same, or it is found.
        is_same = file.name.startswith("vault.") and _reads_the_same(kept)
        assert is_same or problems(kept, kept.path)
    finally:
        file.write_bytes(whole)


def _reads_the_same(kept: Filled) -> bool:
    try:
        return open_vault(LocalStore(kept.path), kept.source).id == kept.vault.id
    except (AuditError, StorageError):
        return False


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_file_that_is_cut_removed_or_another_one_is_found(kept: Filled, data: st.DataObject) -> None:
    files = stored_files(kept.path)
    file = data.draw(st.sampled_from(files))
    others = [other for other in files if other.parent == file.parent and other != file]
    whole = file.read_bytes()
    how = data.draw(st.sampled_from(["cut", "removed", "swapped"] if others else ["cut", "removed"]))
    if how == "cut":
        file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 3))])
    elif how == "removed":
        file.unlink()
    else:
        file.write_bytes(data.draw(st.sampled_from(others)).read_bytes())
    try:
        assert problems(kept, kept.path, kept.memory)
    finally:
        file.write_bytes(whole)


def test_a_vault_that_was_rolled_back_is_found_by_who_has_seen_the_newer_one(made: Filled) -> None:
    assert problems(made, made.before) == []  # whole in itself
    assert any("older" in text for text in problems(made, made.before, made.memory))
    with pytest.raises(AuditError, match="older"):
        open_vault(LocalStore(made.before), made.source).read_catalogue(made.memory)


def test_a_writer_adds_nothing_to_a_vault_that_was_rolled_back(made: Filled) -> None:
    vault = open_vault(LocalStore(made.before), made.source)
    with pytest.raises(AuditError, match="older than what was written to it"):
        Writer(vault, CHAIN, made.memory, SOFTWARE)


def test_an_object_of_the_same_file_at_an_earlier_time_is_not_taken_for_the_newest(made: Filled) -> None:
    older = made.writer.vault.name(label("log"), content("log"))[0].hex()
    newer = made.writer.vault.name(label("log", 2), content("log", 2))[0].hex()
    shutil.copy(made.path / "objects" / older, made.path / "objects" / newer)
    assert problems(made, made.path) == [f"log/0002 of study {'ab' * 6}: its header is another object's, or damaged"]


def test_a_segment_of_another_chain_or_place_does_not_fit(made: Filled) -> None:
    other = Writer(made.vault, b"d" * 16, Memory(None), SOFTWARE)
    other.add(label("log", 5), b"something")
    other.commit()
    chains = made.path / "chains"
    shutil.copy(chains / f"{(b'd' * 16).hex()}.000001", chains / f"{CHAIN.hex()}.000002")
    assert problems(made, made.path)


def test_two_writers_at_once_do_not_disturb_each_other(made: Filled) -> None:
    other = Writer(made.vault, b"d" * 16, Memory(None), SOFTWARE)
    for number in range(3, 6):
        for writer in (made.writer, other):
            writer.add(label("log", number), content("log", number) + writer.chain)
            writer.commit()
    catalogue = made.vault.read_catalogue()
    assert len(catalogue.entries) == 2 * len(KINDS) + 6
    assert problems(made, made.path) == []


def test_the_same_content_under_the_same_label_is_stored_once(made: Filled) -> None:
    before = len(stored_files(made.path))
    assert made.writer.add(label("log", 2), content("log", 2)) == 0
    made.writer.commit()
    again = Writer(open_vault(LocalStore(made.path), made.source), CHAIN, made.memory, SOFTWARE)
    assert again.add(label("log", 2), content("log", 2)) == 0
    assert len(stored_files(made.path)) == before


def test_an_upload_that_ended_before_its_segment_counts_for_nothing_and_is_done_again(made: Filled) -> None:
    made.writer.add(label("log", 3), b"half way")  # and the process dies
    again = Writer(open_vault(LocalStore(made.path), made.source), CHAIN, made.memory, SOFTWARE)
    assert len(again.catalogue.entries) == 2 * len(KINDS)
    again.add(label("log", 3), b"half way")
    again.commit()
    assert problems(made, made.path) == []


def test_a_process_that_dies_before_it_notes_its_segment_goes_on_after_it(made: Filled, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "vault.seen", tmp_path / "older.seen")
    made.writer.add(label("log", 3), b"third")
    made.writer.commit()
    again = Writer(open_vault(LocalStore(made.path), made.source), CHAIN, Memory(tmp_path / "older.seen"), SOFTWARE)
    assert again.head == made.writer.head
    again.add(label("log", 4), b"fourth")
    again.commit()
    assert problems(made, made.path) == []


def test_an_erased_object_is_gone_with_its_key_and_the_vault_says_so(made: Filled) -> None:
    everything = made.vault.read_catalogue()
    gone = [entry for entry in everything.of(kind="updates") if entry.label.sum == 1]
    made.writer.erase(gone, "older than 30 days")
    assert not (made.path / "objects" / gone[0].name.hex()).exists()
    catalogue = made.vault.read_catalogue()
    assert [stone.reason for stone in catalogue.tombstones.values()] == ["older than 30 days"]
    assert gone[0].name not in catalogue.keys
    assert gone[0].name not in catalogue.entries
    assert problems(made, made.path) == []
    of_segment = [file.name.rpartition(".")[0] for file in made.path.glob("keys-*/*")]
    assert len(of_segment) == len(set(of_segment)) == 3, "no earlier file still has the key"


def test_a_provider_that_kept_an_erased_object_cannot_have_it_opened_any_more(made: Filled, tmp_path: Path) -> None:
    gone = made.vault.read_catalogue().of(kind="updates")
    shutil.copytree(made.path, tmp_path / "copy")
    made.writer.erase(gone, "withdrawn")
    for entry in gone:
        shutil.copy(tmp_path / "copy" / "objects" / entry.name.hex(), made.path / "objects")
    assert len([text for text in problems(made, made.path) if "erased, and still there" in text]) == 2
    assert open_vault(LocalStore(made.path), made.source).read_catalogue().of(kind="updates") == []


def test_an_erasure_that_was_interrupted_is_said_and_can_be_finished(
    made: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = made.vault.read_catalogue().of(kind="updates")

    def no_more(*_: object) -> None:
        raise StorageError("the connection is gone")

    with monkeypatch.context() as broken:
        broken.setattr(made.vault.store, "remove", no_more)
        with pytest.raises(StorageError):
            made.writer.erase(gone, "withdrawn")
    assert any("erased, and still there" in text for text in problems(made, made.path))
    catalogue = made.vault.read_catalogue()
    made.vault.destroy(catalogue.tombstones, catalogue)
    assert problems(made, made.path) == []


def test_after_the_vault_key_was_changed_only_the_new_one_opens_anything(made: Filled, tmp_path: Path) -> None:
    shutil.copytree(made.path / "keys-000001", tmp_path / "old keys")
    objects = {file: file.read_bytes() for file in (made.path / "objects").iterdir()}
    new = keys.make_file(tmp_path / "new.key")
    made.vault.rotate(new)
    with pytest.raises(AuditError, match="does not open with this key"):
        open_vault(LocalStore(made.path), made.source)
    catalogue = open_vault(LocalStore(made.path), new).read_catalogue(made.memory)
    assert len(catalogue.entries) == 2 * len(KINDS)
    assert {file: file.read_bytes() for file in (made.path / "objects").iterdir()} == objects
    assert not stored_files(made.path / "keys-000001")
    with pytest.raises(StorageError, match="rotated meanwhile"):
        made.writer.commit([Tombstone(b"x" * 32, label("log"), 0, "")])


@pytest.mark.parametrize("after", range(1, 6))
def test_a_change_of_key_that_was_interrupted_leaves_a_vault_that_opens(
    made: Filled, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = keys.make_file(tmp_path / "new.key")
    calls: list[object] = []

    def dying(real: Callable[..., None]) -> Callable[..., None]:
        def call(*args: object) -> None:
            calls.append(args)
            if len(calls) > after:
                raise StorageError("the power is gone")
            real(*args)

        return call

    with monkeypatch.context() as broken:
        for name in ("write", "remove"):
            broken.setattr(made.vault.store, name, dying(getattr(made.vault.store, name)))
        with pytest.raises(StorageError):
            made.vault.rotate(new)
    works = []
    for source in (made.source, new):
        try:
            vault = open_vault(LocalStore(made.path), source)
        except AuditError:
            continue
        assert len(vault.read_catalogue().entries) == 2 * len(KINDS)
        works.append(vault)
    assert len(works) == 1
    again = works[0].rotate(keys.make_file(tmp_path / "third.key"))
    assert len(again.read_catalogue().entries) == 2 * len(KINDS)
    assert not [finding for finding in again.check(again.read_catalogue()) if not finding.holds]


def test_a_passphrase_opens_its_vault_and_another_does_not(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "vault")
    create(store, keys.from_passphrase("correct horse battery"))
    assert open_vault(store, keys.from_passphrase("correct horse battery")).read_catalogue().entries == {}
    with pytest.raises(AuditError, match="does not open with this key"):
        open_vault(store, keys.from_passphrase("correct horse batterie"))
    with pytest.raises(StorageError, match="opened with a passphrase"):
        open_vault(store, keys.Source(bytes(32)))


@pytest.mark.parametrize(
    "altered",
    [
        {"salt": bytes(15)},
        {"passes": 0},
        {"passes": 65},
        {"lanes": 0},
        {"lanes": 65},
        {"memory_kib": 31},
        {"memory_kib": (1 << 20) + 1},
    ],
)
def test_a_provider_cannot_have_a_passphrase_stretched_less_or_for_ever(altered: dict[str, Any]) -> None:
    with pytest.raises(StorageError, match="no vault has"):
        keys.Stretching(**({"salt": bytes(16)} | altered)).key("correct horse battery")


def test_a_vault_is_not_made_where_there_is_one_and_a_key_is_never_overwritten(made: Filled, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is a vault already"):
        create(LocalStore(made.path), made.source)
    with pytest.raises(StorageError, match="never overwritten"):
        keys.make_file(tmp_path / "vault.key")
    with pytest.raises(StorageError, match="is no vault"):
        open_vault(LocalStore(tmp_path / "nothing"), made.source)


def test_a_key_is_refused_where_others_can_read_it_or_it_is_none(tmp_path: Path) -> None:
    keys.make_file(tmp_path / "a.key")
    assert (tmp_path / "a.key").stat().st_mode & 0o077 == 0
    for mode in (0o644, 0o640, 0o620, 0o604):
        (tmp_path / "a.key").chmod(mode)
        with pytest.raises(StorageError, match="open to other users"):
            keys.from_file(tmp_path / "a.key")
    for text in ("no key", "1" * 62, "1" * 66):
        (tmp_path / "b.key").write_text(text)
        (tmp_path / "b.key").chmod(0o600)
        with pytest.raises(StorageError, match="does not hold a key"):
            keys.from_file(tmp_path / "b.key")
    with pytest.raises(StorageError, match="fewer than 12"):
        keys.from_passphrase("p" * 11)
    assert keys.from_passphrase("p" * 12).passphrase == "p" * 12
    with pytest.raises(StorageError, match="both set"):
        keys.from_environment({keys.KEY_VARIABLE: "1" * 64, keys.PASSPHRASE_VARIABLE: "long enough it is"})
    found = keys.from_environment({keys.KEY_VARIABLE: "1" * 64})
    assert found is not None
    assert found.key == b"\x11" * 32
    assert keys.from_environment({}) is None
    assert "1111" not in repr(found)
