"""A log as its author writes it, as others read it, and as it is when somebody has touched it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cipherward.audit import entries, notes, proofs, reading
from cipherward.audit.entries import Event
from cipherward.audit.log import AuditLog
from cipherward.audit.notes import Key
from cipherward.audit.reading import Read, checkpoint_file
from cipherward.audit.witness import ForkError, Witness
from cipherward.crypto.identity import Identity
from cipherward.crypto.merkle import Tree, leaf_hash
from cipherward.errors import AuditError

NAME = "cipherward/log"
AUTHOR = Identity(b"\x01" * 32)
KEY = Key(NAME, AUTHOR.public_key)
HOSPITALS = {number: Identity(bytes([number + 1]) * 32) for number in (1, 2, 3)}
WITNESSES = {n: Key(f"cipherward/hospital-{n}", i.public_key, notes.WITNESS) for n, i in HOSPITALS.items()}
SIZE, EVERY = 40, 8


def write(folder: Path, count: int = SIZE, *, cosign: bool = True, what: str = "receipt") -> AuditLog:
    """A log with a head every eight entries, cosigned by three."""
    log = AuditLog(folder, AUTHOR, NAME, clock=lambda: 1_700_000_000.0)
    witnesses = {n: Witness(identity, WITNESSES[n].name, KEY) for n, identity in HOSPITALS.items()}
    for number in range(0, count, EVERY):
        log.add(Event(what, {"sum": at, "hospital": "clinic-1"}) for at in range(number, min(number + EVERY, count)))
        head = log.checkpoint()
        assert head
        if cosign:
            answers = {n: w.answer(log.request(head, w.known.size), 1_700_000_001) for n, w in witnesses.items()}
            log.take((answer, WITNESSES[n]) for n, answer in answers.items())
    return log


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write(folder)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "log"))


def read(folder: Path) -> Read:
    return reading.read(folder / "audit.jsonl", reading.checkpoint_files(folder), KEY, WITNESSES)


def lines(folder: Path) -> list[bytes]:
    return (folder / "audit.jsonl").read_bytes().splitlines()


def put(folder: Path, found: list[bytes]) -> None:
    (folder / "audit.jsonl").write_bytes(b"".join(line + b"\n" for line in found))


def again(found: list[bytes]) -> list[bytes]:
    """The same entries, numbered and linked anew, as somebody does who knows how."""
    after, made = entries.FIRST, []
    for number, line in enumerate(found):
        entry = entries.read(line)
        made.append(entries.write(Event(entry.event, entry.facts, entry.files), number, 1_700_000_000.0, after))
        after = reading.after(leaf_hash(made[-1]))
    return made


def changed(line: bytes) -> bytes:
    return line.replace(b"clinic-1", b"clinic-2")


def test_a_log_as_it_was_written_holds_and_says_by_whom(whole: Path) -> None:
    found = read(whole)
    assert (found.size, found.problems, found.signed(3), found.signed(4)) == (SIZE, [], SIZE, 0)
    assert [head.size for head in found.heads] == [8, 16, 24, 32, 40]


def test_another_process_of_the_author_goes_on_where_the_first_was(folder: Path) -> None:
    first, second = AuditLog(folder, AUTHOR, NAME), AuditLog(folder, AUTHOR, NAME)
    first.add([Event("one")])
    second.add([Event("two")])
    first.add([Event("three")])
    first.checkpoint()
    assert (read(folder).size, read(folder).problems) == (SIZE + 3, [])
    assert second.size == SIZE + 2


@pytest.mark.parametrize("at", [0, 1, 7, 8, 20, SIZE - 2])
def test_a_changed_entry_is_named(folder: Path, at: int) -> None:
    found = lines(folder)
    found[at] = changed(found[at])
    put(folder, found)
    (problem,) = read(folder).problems
    assert problem.startswith(f"entry {at} ")


@pytest.mark.parametrize("at", [0, 1, 7, 8, 20, SIZE - 1])
def test_a_deleted_entry_is_named(folder: Path, at: int) -> None:
    found = lines(folder)
    del found[at]
    put(folder, found)
    assert read(folder).problems[0].startswith(f"entry {at} ")


@pytest.mark.parametrize("at", [0, 8, 20, SIZE])
def test_an_inserted_entry_is_named(folder: Path, at: int) -> None:
    found = lines(folder)
    after = reading.after(leaf_hash(found[at - 1])) if at else entries.FIRST
    found.insert(at, entries.write(Event("receipt"), at, 1_700_000_000.0, after))
    put(folder, found)
    result = read(folder)
    if at == SIZE:  # an entry that no head covers yet, as every log has while it is written
        assert (result.problems, result.size, result.signed()) == ([], SIZE + 1, SIZE)
    else:
        assert result.problems[0].startswith(f"entry {at} ")


def test_entries_in_another_order_are_named(folder: Path) -> None:
    found = lines(folder)
    found[10], found[12] = found[12], found[10]
    put(folder, found)
    assert read(folder).problems[0].startswith("entry 10 ")


@pytest.mark.parametrize("size", [0, 1, 8, 39])
def test_a_tail_that_was_cut_off_is_missed(folder: Path, size: int) -> None:
    put(folder, lines(folder)[:size])
    assert read(folder).problems == [f"entry {size} is missing: there were 40 entries when a head was signed"]


def test_a_tail_that_was_cut_off_with_its_heads_is_missed_by_who_has_a_later_head(folder: Path) -> None:
    kept = reading.read_checkpoint(checkpoint_file(folder, 40))
    put(folder, lines(folder)[:24])
    for size in (32, 40):
        checkpoint_file(folder, size).unlink()
    assert read(folder).problems == []
    found = reading.read(folder / "audit.jsonl", reading.checkpoint_files(folder), KEY, WITNESSES, elsewhere=[kept])
    assert found.problems == ["entry 24 is missing: there were 40 entries when a head was signed"]


def test_a_change_with_everything_after_it_written_anew_is_found_at_the_next_head(folder: Path) -> None:
    found = lines(folder)
    found[18] = changed(found[18])
    put(folder, again(found))
    (problem,) = read(folder).problems
    assert "one of the entries 16 to 23 is not the one" in problem
    assert "and 3 witness(es) cosigned" in problem


@pytest.mark.parametrize("keeps_cosignatures", [False, True])
def test_what_the_author_signs_again_has_no_cosignature(folder: Path, keeps_cosignatures: bool) -> None:
    found = lines(folder)
    found[18] = changed(found[18])
    found = again(found)
    put(folder, found)
    tree = Tree()
    for number, line in enumerate(found, start=1):
        tree.append(leaf_hash(line))
        path = checkpoint_file(folder, number)
        if number > 18 and path.exists():
            lie = notes.sign(AUTHOR, notes.Checkpoint(NAME, number, tree.root()))
            if keeps_cosignatures:
                for line_ in reading.read_checkpoint(path).lines[1:]:
                    lie = lie.with_line(line_)
            path.write_text(lie.text)
    result = read(folder)
    assert result.signed(1) == 16
    if keeps_cosignatures:
        assert all("hospital-1 on the checkpoint is not its own" in problem for problem in result.problems)
        assert len(result.problems) == 3
    else:
        assert (result.problems, result.signed()) == ([], SIZE)


def test_a_witness_refuses_a_log_that_was_rewritten_and_cosigns_one_that_goes_on(tmp_path: Path) -> None:
    honest, other = write(tmp_path / "a", 8), write(tmp_path / "b", 24, what="another")
    kept: list[str] = []
    witness = Witness(HOSPITALS[1], WITNESSES[1].name, KEY, keep=kept.append)
    head, lie = honest.checkpoint(), other.checkpoint()
    assert head
    assert lie
    first = witness.answer(honest.request(head, 0), 1)
    assert kept == [first]
    with pytest.raises(ForkError, match="does not begin with the 8 entries"):
        witness.answer(other.request(lie, 8), 2)
    assert witness.answer(other.request(lie, 0), 2) == "8\n"
    reborn = Witness(HOSPITALS[1], WITNESSES[1].name, KEY, kept[0])
    honest.add([Event("one more")])
    later = honest.checkpoint()
    assert later
    with pytest.raises(ForkError):
        reborn.answer(other.request(reading.read_checkpoint(checkpoint_file(other.folder, 8)), 8), 3)
    assert notes.parse(reborn.answer(honest.request(later, 8), 3)).checkpoint.size == 9
    with pytest.raises(AuditError, match="damaged"):
        Witness(HOSPITALS[2], WITNESSES[2].name, KEY, kept[0])
    with pytest.raises(AuditError, match="damaged"):
        Witness(HOSPITALS[1], WITNESSES[1].name, Key("cipherward/another-log", AUTHOR.public_key), kept[0])


def test_a_witness_that_knows_less_says_what_it_knows_and_the_empty_log_needs_no_proof(tmp_path: Path) -> None:
    log = write(tmp_path, cosign=False)
    head = log.checkpoint()
    assert head
    witness = Witness(HOSPITALS[1], WITNESSES[1].name, KEY)
    assert witness.answer(log.request(head, 8), 1) == "0\n"  # asked for more than it has seen, which is no fork
    with pytest.raises(ForkError, match="without proof"):
        witness.answer(f"old 0\n{notes.hash_lines([bytes(32)])}\n{head.text}", 1)
    assert witness.known.size == 0


def test_a_cosignature_of_another_witness_or_on_another_log_is_not_kept(tmp_path: Path) -> None:
    log, other = write(tmp_path / "a", 8, cosign=False), write(tmp_path / "b", 8, cosign=False, what="another")
    head, lie = log.checkpoint(), other.checkpoint()
    assert head
    assert lie
    own, foreign = (
        Witness(HOSPITALS[1], WITNESSES[1].name, KEY).answer(at.request(signed, 0), 1)
        for at, signed in ((log, head), (other, lie))
    )
    for answer, witness in ((own, WITNESSES[2]), (foreign, WITNESSES[1])):
        with pytest.raises(AuditError, match="no head of this log"):
            log.take([(answer, witness)])
    assert log.take([(own, WITNESSES[1])]) == 8


def test_a_log_without_a_head_is_not_continued_where_its_entries_do_not_follow_each_other(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, AUTHOR, NAME)
    log.add(Event("receipt", {"hospital": "clinic-1"}) for _ in range(3))
    found = lines(tmp_path)
    put(tmp_path, [changed(found[0]), *found[1:]])
    with pytest.raises(AuditError, match="entry 1 does not follow"):
        AuditLog(tmp_path, AUTHOR, NAME)


def test_a_witness_does_not_step_back(tmp_path: Path) -> None:
    log = write(tmp_path, 16)
    witness = Witness(HOSPITALS[1], WITNESSES[1].name, KEY)
    new, old = (reading.read_checkpoint(checkpoint_file(tmp_path, size)) for size in (16, 8))
    witness.answer(log.request(new, 0), 1)
    with pytest.raises(ForkError):
        witness.answer(f"old 16\n\n{old.text}", 2)
    assert witness.known == new.checkpoint


@pytest.mark.parametrize(
    "request_", ["", "old 0\n", "old x\n\n{head}", "new 0\n\n{head}", "old 0\nAA==\n\n{head}", "old 0\n\n"]
)
def test_what_is_no_request_is_refused(whole: Path, request_: str) -> None:
    head = reading.read_checkpoint(checkpoint_file(whole, 8))
    with pytest.raises(AuditError):
        Witness(HOSPITALS[1], WITNESSES[1].name, KEY).answer(request_.replace("{head}", head.text), 1)


def test_a_request_that_somebody_else_signed_is_refused(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, HOSPITALS[2], NAME)
    log.add([Event("receipt")])
    head = log.checkpoint()
    assert head
    with pytest.raises(AuditError, match="has not signed"):
        Witness(HOSPITALS[1], WITNESSES[1].name, KEY).answer(log.request(head, 0), 1)


def test_a_line_that_a_crash_tore_is_cut_off_and_a_damaged_log_is_not_continued(folder: Path) -> None:
    path = folder / "audit.jsonl"
    path.write_bytes(path.read_bytes() + b'{"after":"')
    log = AuditLog(folder, AUTHOR, NAME)
    log.add([Event("receipt")])
    log.checkpoint()
    assert (read(folder).problems, read(folder).size) == ([], SIZE + 1)
    put(folder, lines(folder)[:20])
    with pytest.raises(AuditError, match="is not the log of 41 entries"):
        AuditLog(folder, AUTHOR, NAME)


def test_every_byte_of_a_log_counts(whole: Path, tmp_path: Path) -> None:
    data, rng = (whole / "audit.jsonl").read_bytes(), random.Random(5)
    path = tmp_path / "audit.jsonl"
    for _ in range(60):
        at, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
        path.write_bytes(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
        assert reading.read(path, reading.checkpoint_files(whole), KEY, WITNESSES).problems


WRONG: list[Callable[[], bytes]] = [
    lambda: b"[]",
    lambda: b"7",
    lambda: b'{"after":"","at":"x","event":"e"}',
    lambda: b'{"after":"","at":"x","event":"e","n":"0"}',
    lambda: b'{"after":"","at":"x","event":"e","n":0.0}',
    lambda: b'{"after":"","at":"x","event":"e", "n":0}',
    lambda: b'{"at":"x","after":"","event":"e","n":0}',
    lambda: b'{"after":"","at":"x","event":"e","files":[],"n":0}',
    lambda: b'{"after":"","at":"x","event":"e","n":0,"n":0}',
    lambda: b'{"after":"","at":"x","event":"\\u0065","n":0}',
    lambda: b"[" * 100_000,
    lambda: b"\xff",
]


@pytest.mark.parametrize("line", WRONG)
def test_what_is_no_entry_in_its_only_form_is_refused(line: Callable[[], bytes]) -> None:
    with pytest.raises(AuditError, match="only form"):
        entries.read(line())


@pytest.mark.parametrize("value", [1.5, True, None, 1 << 53, {1: 2}, {"é": 1}, b"bytes"])
def test_facts_that_an_entry_has_no_place_for_are_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        entries.write(Event("e", {"fact": value}), 0, 0.0, "")


def test_a_proof_file_stands_alone_and_proves_one_entry_only(whole: Path) -> None:
    tree = Tree()
    for line in lines(whole):
        tree.append(leaf_hash(line))
    head = reading.read_checkpoint(checkpoint_file(whole, 40))
    proof = proofs.inclusion(tree, 17, head)
    assert proof.startswith("c2sp.org/tlog-proof@v1\nindex 17\n")
    found, who = proofs.check(proof, lines(whole)[17], KEY, WITNESSES)
    assert (found.size, set(who)) == (40, {1, 2, 3})
    assert proofs.check(proof.replace("index", "extra AAAA\nindex", 1), lines(whole)[17], KEY, {})[0] == found
    for wrong, at in ((proof, 16), (proof.replace("index 17", "index 16"), 17), (proof.replace("@v1", "@v2"), 17)):
        with pytest.raises(AuditError):
            proofs.check(wrong, lines(whole)[at], KEY, WITNESSES)
    forged = notes.sign(HOSPITALS[1], head.checkpoint)
    old = reading.read_checkpoint(checkpoint_file(whole, 16)).checkpoint
    for check in (
        lambda: proofs.check(proofs.inclusion(tree, 17, forged), lines(whole)[17], KEY, {}),
        lambda: proofs.check_extension(proofs.consistency(tree, 16, forged), old, KEY),
    ):
        with pytest.raises(AuditError, match="has not signed"):
            check()
    extension = proofs.consistency(tree, 16, head)
    assert proofs.check_extension(extension, old, KEY) == head.checkpoint
    with pytest.raises(AuditError):
        proofs.check_extension(extension, notes.Checkpoint(NAME, 16, bytes(32)), KEY)
    with pytest.raises(AuditError, match="no signed head"):
        proofs.inclusion(tree, 40, head)
