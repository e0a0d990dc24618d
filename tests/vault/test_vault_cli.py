"""`cipherward vault` as people use it on a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests import simulator
from tests.cli.test_cli import call

from cipherward.runs.archive import Archive
from cipherward.simulation import witnessed
from cipherward.vault.access import Address

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CIPHERWARD_VAULT_KEY", "CIPHERWARD_VAULT_PASSPHRASE", "CIPHERWARD_VAULT_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def vault(tmp_path: Path, capsys: Capture) -> Path:
    path = tmp_path / "backup"
    code, out, err = call(capsys, "vault", "init", path)
    assert code == 0
    assert str(path) in out
    assert f"Vault key: {path}.key" in err
    return path


def put(capsys: Capture, vault: Path, name: str, content: bytes, *options: str) -> None:
    file = vault.parent / name
    file.write_bytes(content)
    assert call(capsys, "vault", "put", vault, file, *options)[0] == 0


def test_a_file_comes_back_as_it_was_and_its_newest_version_counts(vault: Path, capsys: Capture) -> None:
    put(capsys, vault, "notes.txt", b"first")
    put(capsys, vault, "notes.txt", b"second")
    out = vault.parent / "back.txt"
    assert call(capsys, "vault", "get", vault, "notes.txt", out)[0] == 0
    assert out.read_bytes() == b"second"
    code, listed, _ = call(capsys, "vault", "ls", vault, "--json")
    assert code == 0
    assert [(row["path"], row["size"]) for row in json.loads(listed)] == [("notes.txt", 5), ("notes.txt", 6)]


def test_a_check_names_what_is_damaged_and_missing_and_exits_with_4(vault: Path, capsys: Capture) -> None:
    put(capsys, vault, "a.txt", b"a" * 100)
    put(capsys, vault, "b.txt", b"b" * 100)
    assert call(capsys, "vault", "check", vault)[0] == 0
    first, second = sorted((vault / "objects").iterdir())
    whole = bytearray(first.read_bytes())
    whole[60] ^= 1
    first.write_bytes(whole)
    second.unlink()
    code, out, _ = call(capsys, "vault", "check", vault)
    assert code == 4
    assert "chunk 1 of 1 is not the one that was stored" in out
    assert "missing from the store" in out
    code, out, _ = call(capsys, "vault", "check", vault, "--json")
    assert [finding["holds"] for finding in json.loads(out)["findings"]] == [False, False]


def test_a_damaged_file_is_not_written_over_a_good_one(vault: Path, capsys: Capture) -> None:
    put(capsys, vault, "a.txt", b"a" * 100)
    (stored,) = (vault / "objects").iterdir()
    stored.write_bytes(stored.read_bytes()[:-1])
    out = vault.parent / "out.txt"
    out.write_bytes(b"good")
    code, _, err = call(capsys, "vault", "get", vault, "a.txt", out)
    assert code == 4
    assert "cut short" in err
    assert out.read_bytes() == b"good"
    assert not list(vault.parent.glob(".*.tmp"))


def test_an_older_copy_of_the_whole_vault_is_noticed_where_the_key_is(vault: Path, capsys: Capture) -> None:
    put(capsys, vault, "a.txt", b"a")
    shutil.copytree(vault, vault.parent / "older")
    put(capsys, vault, "b.txt", b"b")
    assert call(capsys, "vault", "ls", vault)[0] == 0
    shutil.rmtree(vault)
    (vault.parent / "older").rename(vault)
    code, out, _ = call(capsys, "vault", "check", vault)
    assert code == 4
    assert "older" in out


def test_pruning_erases_what_is_old_and_says_what_makes_it_final(vault: Path, capsys: Capture) -> None:
    put(capsys, vault, "a.txt", b"a")
    code, out, _ = call(capsys, "vault", "prune", vault, "--older-than", "1")
    assert (code, out.splitlines()[0]) == (0, "0 object(s) erased with their data keys; 0 left over removed")
    code, out, _ = call(capsys, "vault", "prune", vault, "--older-than", "0")
    assert "1 object(s) erased" in out
    assert "rotate-key" in out
    assert not list((vault / "objects").iterdir())
    assert call(capsys, "vault", "check", vault)[0] == 0
    assert call(capsys, "vault", "get", vault, "a.txt", vault.parent / "out")[0] == 1


def test_verification_of_a_run_whose_openings_were_pruned_says_by_which_rule_and_checks_the_rest(
    tmp_path: Path, capsys: Capture
) -> None:
    kept = {"openings": {"rounds": 2}, "models": {"keep": False}}
    vault = tmp_path / "backup"
    with Archive(Address(str(vault))) as archive:
        archive.check()
        path = simulator.run(tmp_path / "made", simulator.study(4, vault=kept), archive=archive).path
    assert archive.left.objects == 0
    witnessed.look(path)
    assert call(capsys, "vault", "put", vault, path)[0] == 0
    code, out, _ = call(capsys, "verify", vault)
    assert (code, "all hold" in out) == (0, False)
    assert (
        "openings were erased from the vault: 2 by the rule or reason 'openings: kept for 2 round(s)' (tombstones "
        in out
    )
    assert "erased: 2 file(s): openings: kept for 2 round(s) (audit entry " in out
    shown = call(capsys, "audit", "show", path, "--event", "vault objects erased", "--json")[1]
    assert {name for row in json.loads(shown) for name in row["erased"]} == {
        f"receipts/000{n}/opening.cbor" for n in (0, 1)
    }
    assert call(capsys, "verify", path)[0] == 0
    copy = tmp_path / "copy"
    assert call(capsys, "vault", "restore", vault, copy)[0] == 0
    assert "with " in call(capsys, "verify", copy)[1].splitlines()[0]
    receipt = next((copy / "receipts").glob("*/hospital-2.cbor"))
    whole = receipt.read_bytes()
    receipt.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    code, out, _ = call(capsys, "verify", copy)
    assert (code, "file changed" in out) == (4, True)


def test_what_a_command_erases_or_rekeys_is_in_the_log_of_whose_vault_it_is(tmp_path: Path, capsys: Capture) -> None:
    vault = tmp_path / "backup"
    with Archive(Address(str(vault))) as archive:
        archive.check()
        path = simulator.run(tmp_path / "made", simulator.study(4), archive=archive).path
    reason = "a consent was withdrawn"
    options = ("--kind", "models", "--older-than", "0", "--reason", reason)
    code, out, err = call(capsys, "vault", "prune", vault, *options, "--owner", path)
    assert (code, err) == (0, "")
    n = int(out.split()[0])
    assert n > 0
    shown = call(capsys, "audit", "show", path, "--event", "vault objects erased")[1]
    assert f"{n} object(s) were erased from the vault: {reason}" in shown
    assert "in no audit log" in call(capsys, "vault", "rotate-key", vault, "--owner", tmp_path)[2]
    assert call(capsys, "vault", "rotate-key", vault, "--owner", path)[0] == 0
    assert "the vault of this party has a new key" in call(capsys, "audit", "show", path)[1]
    assert call(capsys, "vault", "put", vault, path)[0] == 0
    for what in (vault, path):
        code, out, _ = call(capsys, "verify", what)
        assert (code, "BAD" in out) == (0, False), out


def test_a_new_key_takes_the_place_of_the_old_one(vault: Path, capsys: Capture) -> None:
    put(capsys, vault, "a.txt", b"a")
    key = vault.with_name("backup.key")
    before = key.read_bytes()
    assert call(capsys, "vault", "rotate-key", vault)[0] == 0
    assert key.read_bytes() != before
    assert call(capsys, "vault", "check", vault)[0] == 0
    key.write_bytes(before)
    code, _, err = call(capsys, "vault", "check", vault)
    assert code == 4
    assert "does not open with this key" in err


def test_a_change_of_key_that_was_cut_off_before_the_file_was_replaced_is_finished(
    vault: Path, capsys: Capture
) -> None:
    put(capsys, vault, "a.txt", b"a")
    key = vault.with_name("backup.key")
    before = key.read_bytes()
    assert call(capsys, "vault", "rotate-key", vault)[0] == 0
    key.rename(vault.with_name("backup.key.next"))  # as if the power had gone just before the file was replaced
    key.write_bytes(before)
    key.chmod(0o600)
    assert call(capsys, "vault", "check", vault)[0] == 0
    assert key.read_bytes() != before
    assert not vault.with_name("backup.key.next").exists()


def test_a_passphrase_or_a_key_of_the_environment_opens_and_is_not_printed(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, (name, secret) in enumerate(
        [("CIPHERWARD_VAULT_PASSPHRASE", "seven random words would be better"), ("CIPHERWARD_VAULT_KEY", "5e" * 32)]
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, secret)
            path = tmp_path / f"vault-{number}"
            printed = "".join(map(str, call(capsys, "vault", "init", path)))
            printed += "".join(map(str, call(capsys, "vault", "ls", path)))
            assert secret not in printed
            assert not path.with_name(f"{path.name}.key").exists()
        code, _, err = call(capsys, "vault", "ls", path)
        assert code == 1
        assert "no key for the vault" in err


def test_an_address_with_credentials_is_refused_and_not_repeated(capsys: Capture) -> None:
    code, out, err = call(capsys, "vault", "ls", "s3://AKIAKEY:hunter2@bucket/vault")
    assert code == 1
    assert "carries credentials" in err
    assert "hunter2" not in out + err
    assert "AKIAKEY" not in out + err


def test_a_vault_that_is_none_or_is_one_already_is_said(vault: Path, capsys: Capture) -> None:
    code, _, err = call(capsys, "vault", "ls", vault.parent / "nothing")
    assert code == 1
    assert "is no vault" in err
    code, _, err = call(capsys, "vault", "init", vault)
    assert code == 1
    assert "is a vault already" in err
    code, _, err = call(capsys, "vault", "ls", "nosuch://x/y")
    assert code == 1
    assert "nosuch://" in err
