"""Blocks, splits, successors, foundings and leaving between real homes: letters, files and what people decide."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_cli import call
from tests.consortium.consortium import Consortium, document
from tests.consortium.packets_in import kinds_in, packets_in

from cipherward.consortium.approval import approvals, consequences, declaring, own_standing, review, review_text
from cipherward.consortium.homes import exposure as own_exposure
from cipherward.consortium.homes import inheriting
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import enrolment
from cipherward.consortium.service import declared, giving_up, known, letters, offering
from cipherward.consortium.service.hospital_desk import HospitalDesk
from cipherward.consortium.service.letters import NO_STUDY, Declaration
from cipherward.crypto import wire
from cipherward.crypto.identity import Identity, Signed
from cipherward.data.aside import set_aside
from cipherward.disclosure.standing import Agreement
from cipherward.errors import CipherwardError, RefusedError, StorageError, StudyError
from cipherward.parties import declarations, listed, who_stands
from cipherward.parties.standing import Standing
from cipherward.runs import exposure
from cipherward.store import files
from cipherward.store.ledger import Ledger
from cipherward.study import Study, load, parse
from cipherward.sums.messages import Header, Opening
from cipherward.sums.packets import pack

SMALL = {"corrupt": 1, "dropouts": 1, "min_contributors": 3}
"""Of six hospitals: blocks of three are large enough."""


def asks(n: int, name: str = "first", **sections: Any) -> Study:
    """A study of hospitals that may not be singled out; short, since what it computes is not the point."""
    return document(n, **({"name": name, "singled_out": "never", "training": {"rounds": 1}} | sections))


def one_block(n: int) -> list[dict[str, Any]]:
    return [{"members": [{"hospital": f"clinic-{i}"} for i in range(1, n + 1)], "least": 3}]


@pytest.fixture(scope="module")
def six_once(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    return finished(tmp_path_factory.mktemp("six"), asks(6, blocks=one_block(6), aggregation=SMALL), 6)


@pytest.fixture
def six(six_once: Consortium, tmp_path: Path) -> Iterator[Consortium]:
    """Six hospitals in one block, which a first study has founded."""
    made = six_once.copied(tmp_path)
    yield made
    made.close()


@pytest.fixture
def five(tmp_path: Path) -> Iterator[Consortium]:
    made = Consortium(tmp_path, 5, rows=300)
    yield made
    made.close()


@pytest.fixture(scope="module")
def founded_once(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    return finished(tmp_path_factory.mktemp("five"), asks(5), 5)


@pytest.fixture
def founded(founded_once: Consortium, tmp_path: Path) -> Iterator[Consortium]:
    """Five hospitals whose block a first study of all has founded."""
    made = founded_once.copied(tmp_path)
    yield made
    made.close()


def finished(folder: Path, first: Study, n: int) -> Consortium:
    """A consortium whose first study is finished; closed."""
    made = Consortium(folder, n, rows=300)
    made.start(first)
    made.approve()
    made.pump()
    assert made.status()["phase"] == "finished"
    made.close()
    return made


def sums_of(folder: Path) -> set[frozenset[str]]:
    """Who is in the sums of a run."""
    return {frozenset(one.contributors) for one in exposure.of_path(folder).sums}


def said(made: Consortium, name: str) -> str:
    """The review of the newest study, on one line."""
    home = made.hospital(name)
    return " ".join(review_text.to_text(review.review(home, approvals.whole_offers(home)[0][-1])).split())


# splits


def propose(made: Consortium) -> None:
    names = declared.names_of(made.home)
    parts = [["clinic-1", "clinic-2", "clinic-3"], ["clinic-4", "clinic-5", "clinic-6"]]
    declared.propose(made.home, known.blocks_begun(made.home), names, parts)
    made.pump()


def sign(made: Consortium, *names: str) -> None:
    for name in names:
        home = made.hospital(name)
        declaring.sign_split(home, declaring.proposals(home)[0])
    made.pump()


def test_a_block_splits_when_all_have_signed_and_not_when_one_has_not(six: Consortium) -> None:
    three = asks(3, "second")
    with pytest.raises(StudyError, match="clinic-4, clinic-5, clinic-6"):
        six.start(three)
    propose(six)
    assert "proposed" in declaring.words(six.hospital("clinic-6"))[0]
    home = six.hospital("clinic-1")
    words = " ".join(consequences.of_split(declaring.proposals(home)[0].split, consequences.names_here(home)))
    assert "clinic-1, clinic-2, clinic-3 | clinic-4, clinic-5, clinic-6" in words
    assert "the total of the other parts as well" in words
    sign(six, "clinic-1", "clinic-2", "clinic-3", "clinic-4", "clinic-5")
    assert "not signed yet by clinic-6" in six.desk.blocks()[0]
    with pytest.raises(StudyError, match="rule 2"):
        six.start(three)
    forge_the_last(six)
    with pytest.raises(StudyError, match="rule 2"):
        six.start(three)
    sign(six, "clinic-6")
    assert "all have signed" in six.desk.blocks()[0]
    folder = six.start(three)
    assert "A block was split, as all its members have signed" in said(six, "clinic-1")
    six.approve("clinic-1", "clinic-2", "clinic-3")
    six.pump()
    assert sums_of(folder) == {frozenset({"clinic-1", "clinic-2", "clinic-3"})}
    assert len(load(folder / "study.toml").splits[0].signatures) == 6
    six.start(asks(6, "third", blocks=one_block(6), aggregation=SMALL))
    home = six.hospital("clinic-1")
    problems, _ = own_standing.before_approval(home, approvals.whole_offers(home)[0][-1])
    assert "bound to another block" in problems[0], "blocks never merge"


def forge_the_last(made: Consortium) -> None:
    """The coordinator is sent clinic-6's word by somebody else, and clinic-5's word about another split in its name."""
    _, split = declared.proposals(made.home)[0]
    forged = declarations.sign(Identity(bytes(32)), declarations.split(split))
    for name in ("clinic-5", "clinic-6"):
        sender = made.hospital(name).identity
        letter = letters.seal(sender, "coordinator", NO_STUDY, Declaration(forged), from_coordinator=False)
        made.hand_over(name, "coordinator", letter)
    assert any("forged" in line for line in made.alarms("coordinator"))


def test_a_split_into_a_part_that_is_too_small_is_not_proposed_and_not_looked_at(six: Consortium) -> None:
    names, blocks = declared.names_of(six.home), known.blocks_begun(six.home)
    with pytest.raises(StudyError, match="fewer than 3 members"):
        declared.propose(six.home, blocks, names, [["clinic-1", "clinic-2"], [f"clinic-{i}" for i in range(3, 7)]])
    with pytest.raises(StudyError, match="no block"):
        declared.propose(six.home, blocks, names, [["clinic-1"], ["clinic-2"]])
    whole = blocks[0]
    members = tuple(
        declarations.Proposed(m.hospital, m.name, int(number > 1)) for number, m in enumerate(whole.members)
    )
    small = wire.encode(declarations.Proposal(members, whole.least, whole.parent))
    with pytest.raises(CipherwardError, match="a split that may not be"):
        declaring.keep_proposal(six.hospital("clinic-1"), small)
    others = tuple(m for m in members if m.hospital != six.hospital("clinic-1").identity.public_key)
    with pytest.raises(CipherwardError, match="not in"):
        declaring.keep_proposal(
            six.hospital("clinic-1"), wire.encode(declarations.Proposal(others, whole.least, whole.parent))
        )


def test_a_hospital_signs_one_split_of_a_block(six: Consortium) -> None:
    propose(six)
    sign(six, "clinic-1")
    names = declared.names_of(six.home)
    parts = [["clinic-1", "clinic-2", "clinic-4"], ["clinic-3", "clinic-5", "clinic-6"]]
    declared.propose(six.home, known.blocks_begun(six.home), names, parts)
    six.pump()
    home = six.hospital("clinic-1")
    (other,) = [one for one in declaring.proposals(home) if not one.is_signed]
    with pytest.raises(RefusedError, match="another split of this block was signed here"):
        declaring.sign_split(home, other)


def test_a_replayed_split_signs_nothing_else(six: Consortium) -> None:
    """Every signature of a split shown for other parts of the block, and for the same parts of another block."""
    propose(six)
    sign(six, *six.names)
    folder = six.start(asks(3, "second"))
    good = load(folder / "study.toml").model_dump(mode="json")

    def refused(change: Any) -> None:
        changed = parse(good, origin="tests").model_dump(mode="json")
        change(changed)
        with pytest.raises(StudyError, match=r"rule [12]"):
            who_stands.blocks_of(parse(changed, origin="tests"))

    def other_parts(d: dict[str, Any]) -> None:
        one, two = d["splits"][0]["parts"]
        one["members"][0], two["members"][0] = two["members"][0], one["members"][0]

    def other_least(d: dict[str, Any]) -> None:
        for each in (d["splits"][0]["whole"], *d["splits"][0]["parts"]):
            each["least"] = 2

    def one_signature_less(d: dict[str, Any]) -> None:
        d["splits"][0]["signatures"].pop()

    def one_twice(d: dict[str, Any]) -> None:
        d["splits"][0]["signatures"][-1] = d["splits"][0]["signatures"][0]

    for change in (other_parts, other_least, one_signature_less, one_twice):
        refused(change)


# successors


def lose_machine(made: Consortium, name: str) -> HospitalHome:
    """Its home is gone: revoked, invited and admitted again with new keys, under its name."""
    enrolment.revoke(made.home, name)
    made.desks[name].close()
    new = made.folder / f"{name}-new"
    enrolment.create_hospital(new, data=made.folder / "tables" / f"{name}.csv")
    home = HospitalHome(new)
    request = enrolment.accept_invitation(home, enrolment.invite(made.home, name))
    home = HospitalHome(new)
    enrolment.accept_admission(home, enrolment.admit(made.home, request).admission)
    made.desks[name] = HospitalDesk(HospitalHome(new))
    for each in made.names:
        hospital = made.hospital(each)
        hospital.confirm_members(hospital.receive_members(made.home.chain()))
    made.pump()
    return made.hospital(name)


def test_a_hospital_whose_machine_was_lost_stands_in_its_block_again(founded: Consortium, tmp_path: Path) -> None:
    home = lose_machine(founded, "clinic-5")
    second = asks(5, "second")
    with pytest.raises(StudyError, match="clinic-5, of which this study lists a new key") as caught:
        founded.start(second)
    assert "confirm-successor" in caught.value.hint
    for name in founded.names[:3]:
        mate = founded.hospital(name)
        assert "clinic-5 has a new key" in declaring.words(mate)[0]
        declaring.confirm_successor(mate, *declaring.successor_of(mate, "clinic-5"))
    founded.pump()
    assert "not confirmed yet by clinic-4" in founded.desk.blocks()[0]
    with pytest.raises(StudyError, match="rule 4"):
        founded.start(second)
    mate = founded.hospital("clinic-4")
    declaring.confirm_successor(mate, *declaring.successor_of(mate, "clinic-5"))
    founded.pump()
    folder = founded.start(second)
    assert "has a new key" in said(founded, "clinic-1")
    assert "A false successor exposes its predecessor" in said(founded, "clinic-1")
    assert "its ledger does not know" in said(founded, "clinic-5")
    founded.desks["clinic-5"].close()
    ledger = [home.ledger_file, home.ledger_counter]
    for path in ledger:
        path.unlink(missing_ok=True)
    shutil.copytree(founded.folder / "clinic-5" / "registers", home.registers_folder)  # from a backup
    rebuilt = inheriting.inherit(home, [founded.hospital("clinic-1").models])
    (found,) = rebuilt.studies
    assert rebuilt.lost == ()
    assert found.sums == len(exposure.of_path(founded.home.study_folders()[0]).sums)
    founded.desks["clinic-5"] = HospitalDesk(HospitalHome(home.path))
    founded.approve()
    founded.pump()
    assert founded.status()["phase"] == "finished"
    assert sums_of(folder) == {frozenset(founded.names)}
    *others, stand = exposure.of_path(folder).registers
    (before,) = stand.predecessors
    assert exposure.register_words(stand) == (f"its key follows {before}",)
    assert not any(exposure.register_words(other) for other in others)
    (own,) = own_exposure.own(home).registers
    assert own.began_under == before
    register = who_stands.registers_of(load(folder / "study.toml"))[4]
    with_ledger = Ledger(home.ledger_file)
    assert Standing(with_ledger, register).binding.is_founded
    with_ledger.close()


def test_a_home_that_takes_over_the_old_one_brings_its_ledger_along(founded: Consortium) -> None:
    old = HospitalHome(founded.folder / "clinic-5")
    new = lose_machine(founded, "clinic-5")
    founded.desks["clinic-5"].close()
    for path in (new.ledger_file, new.ledger_counter):
        path.unlink(missing_ok=True)
    inheriting.succeed(new, old)
    with pytest.raises(CipherwardError, match="lost or set back"):
        HospitalDesk(HospitalHome(old.path))
    founded.desks["clinic-5"] = HospitalDesk(HospitalHome(new.path))
    founded.pump()
    folder = founded.start(asks(5, "second"))
    assert "its old key signed it" in said(founded, "clinic-2")
    founded.approve()
    founded.pump()
    assert sums_of(folder) == {frozenset(founded.names)}


def test_a_mate_confirms_one_successor_of_a_key(five: Consortium) -> None:
    lose_machine(five, "clinic-5")
    mate = five.hospital("clinic-1")
    old, new = declaring.successor_of(mate, "clinic-5")
    other = declarations.sign(mate.identity, declarations.succession(old, bytes(32)))
    (mate.declared).mkdir()
    (mate.declared / "earlier.signed").write_bytes(other)
    with pytest.raises(RefusedError, match="another successor of that key"):
        declaring.successor_of(mate, "clinic-5")
    assert new == five.hospital("clinic-5").identity.public_key
    with pytest.raises(RefusedError, match="no new key"):
        declaring.successor_of(mate, "clinic-4")


# foundings


def without_update_of(made: Consortium, name: str) -> None:
    """This hospital's contributions never arrive."""
    hand_over = made.hand_over

    def lossy(sender: str, to: str, letter: bytes) -> None:
        if sender != name or "Update" not in kinds_in(letter):
            hand_over(sender, to, letter)

    made.hand_over = lossy  # type: ignore[method-assign]


def begun_and_stopped(made: Consortium) -> Path:
    """A study whose first sum never had clinic-5's contribution; people have stopped it."""
    without_update_of(made, "clinic-5")
    folder = made.start(asks(5))
    made.approve()
    made.pump()
    ledger = made.desks["clinic-1"]._ledger
    assert Standing(ledger, who_stands.registers_of(load(folder / "study.toml"))[0]).binding.is_bound
    offering.stop(made.home, "first", "clinic-5 is gone")
    return folder


def test_a_vote_to_leave_a_sum_counts_wherever_it_stands_in_a_letter(five: Consortium) -> None:
    """A hospital that answers several packets at once says other things before."""
    begun_and_stopped(five)
    hand_over = five.hand_over

    def behind_another(sender: str, to: str, letter: bytes) -> None:
        if kinds_in(letter) == ("Vote",):
            study, packets = letters._parts(letter)[0].study, packets_in(letter)
            body = letters.Packets((pack("Receipt", b"of a sum before"), *packets))
            identity = five.hospital(sender).identity
            letter = letters.seal(identity, to, study, body, from_coordinator=False)
        hand_over(sender, to, letter)

    five.hand_over = behind_another  # type: ignore[method-assign]
    five.pump()
    assert "a quorum has voted void" in five.desk.status()[0]["given_up"]


def test_a_founding_is_given_up_with_void_certificates_and_the_others_are_free(five: Consortium) -> None:
    first = begun_and_stopped(five)
    four = asks(4, "second")
    with pytest.raises(StudyError, match="clinic-5"):
        offering.start(five.home, four, five.now)
    five.reachable -= {"clinic-3", "clinic-5"}
    five.pump()
    (status,) = five.desk.status()
    assert "3 of 4 void votes are here" in status["given_up"]
    with pytest.raises(StudyError, match="clinic-5"):
        offering.start(five.home, four, five.now)
    five.come_back("clinic-3")
    five.pump()
    assert "a quorum has voted void" in five.desk.status()[0]["given_up"]
    folder = five.start(four)
    assert "A founding is given up" in said(five, "clinic-1")
    five.approve("clinic-1", "clinic-2", "clinic-3", "clinic-4")
    five.pump()
    assert sums_of(folder) == {frozenset(five.names[:4])}
    assert not sums_of(first)


def test_a_document_that_gives_up_a_founding_without_proof_is_refused(five: Consortium) -> None:
    begun_and_stopped(five)
    five.pump()
    folder = five.start(asks(4, "second"))
    good = load(folder / "study.toml").model_dump(mode="json")
    home, offered = five.hospital("clinic-1"), approvals.whole_offers(five.hospital("clinic-1"))[0][-1]
    assert own_standing.before_approval(home, offered) == ((), "")

    def refused(given_up: list[dict[str, Any]]) -> None:
        bent = parse(good | {"name": "bent", "given_up": given_up}, origin="tests")
        with pytest.raises(StudyError, match="without void certificates"):
            approvals.keep_offer(home, bent.to_toml().encode(), b"")

    (given,) = good["given_up"]
    votes = given["attempts"][0]
    refused([given | {"attempts": [votes[:3]]}])
    refused([given | {"attempts": [[*votes[:3], votes[0]]]}])
    refused([given | {"attempts": [votes, votes]}])  # of attempt 1 there are none: these are about another attempt
    refused([given | {"number": 1}])
    refused([given | {"query": "11" * 32}])
    refused([given | {"study": "{}"}])
    refused([given | {"study": given["study"].replace("first", "other", 1)}])
    # Left out: whoever dealt is bound by its own ledger, and says so before anybody approves.
    bare = parse(good | {"name": "bare", "given_up": []}, origin="tests")
    kept = approvals.keep_offer(home, bare.to_toml().encode(), b"")
    (problem,) = own_standing.before_approval(home, kept)[0]
    assert "bound to another block" in problem
    assert "void certificates for every attempt" in problem
    with pytest.raises(RefusedError, match="bound to another block"):
        own_standing.check(home, kept)


def test_foundings_that_exclude_each_other_wait_and_are_shown_until_people_decide(five: Consortium) -> None:
    one = asks(5)
    other = asks(4, "second")
    five.start(one)
    five.start(other)
    for name in five.names:
        for offered in approvals.whole_offers(five.hospital(name))[0]:
            assert "people decide" in said(five, name) or name == "clinic-5"
            approvals.approve(five.hospital(name), offered, "Dr Example", Agreement.NO)
    five.pump()
    for status in five.desk.status():
        assert status["phase"] == "offered"
        assert "study first: clinic-1, clinic-2" in status["contested"] or "study second" in status["contested"]
        assert status["refused"]["clinic-1"] == ["blocks"]
    why = [status["why_not"] for status in five.desks["clinic-1"].status()]
    assert all("people decide" in words and "study second" in words for words in why)
    offering.stop(five.home, "second", "people decided")
    five.pump()
    assert five.desk.status()[0]["phase"] == "finished"
    assert five.desk.status()[0]["refused"] == {}


# leaving


def test_who_widens_to_yes_can_be_left_out_of_the_next_study(founded: Consortium) -> None:
    five = founded
    (first,) = five.home.study_folders()
    home = five.hospital("clinic-5")
    register, block = declaring.find_register(home, "table")
    words = " ".join(consequences.of_widening(register, block, consequences.names_here(home)))
    assert "at least 4" in words
    assert "never be taken back" in words
    declaring.widen(home, register)
    five.pump()
    assert Standing(five.desks["clinic-5"]._ledger, register).binding.agreement is Agreement.YES
    assert "clinic-5, table 'table': may be singled out" in five.desk.blocks()[0]
    folder = five.start(asks(4, "second"))
    assert "has signed that it may be singled out" in said(five, "clinic-1")
    five.approve(*five.names[:4])
    five.pump()
    assert sums_of(folder) == {frozenset(five.names[:4])}
    first_here = approvals.whole_offers(home)[0][0]
    assert own_standing.wider(home, first_here, Agreement.NO) is Agreement.YES
    assert own_standing.wider(five.hospital("clinic-1"), first_here, Agreement.NO) is Agreement.NO
    listed = load(folder / "study.toml")
    assert who_stands.blocks_of(listed).listed == who_stands.blocks_of(load(first / "study.toml")).listed
    forged = listed.model_dump(mode="json")
    signed = wire.decode(Signed, bytes.fromhex(forged["agreed"][0]["signature"]))
    other = Identity(bytes(32)).sign(signed.kind, signed.study, signed.sender, signed.body)
    forged["agreed"][0]["signature"] = other.hex()
    with pytest.raises(StudyError, match="has not signed"):
        who_stands.blocks_of(parse(forged, origin="tests"))


def test_who_ends_its_register_ends_the_block_and_the_others_are_told(founded: Consortium) -> None:
    home = founded.hospital("clinic-5")
    register, block = declaring.find_register(home, "table")
    words = " ".join(consequences.of_end(register, block, consequences.names_here(home)))
    assert "ITS BLOCK ENDS WITH IT: clinic-1, clinic-2, clinic-3, clinic-4 stand" in words
    declaring.end_register(home, register)
    founded.pump()
    for n in (4, 5):
        with pytest.raises(StudyError, match="clinic-5 has ended"):
            founded.start(asks(n, "second"))


def test_who_ends_its_register_in_the_middle_takes_part_in_nothing_more(five: Consortium) -> None:
    five.start(asks(5))
    home = five.hospital("clinic-5")
    register, _ = declaring.find_register(home, "table")
    assert declaring.end_register(home, register) == ["first"]
    five.pump()
    (offered,) = approvals.whole_offers(home)[0]
    assert offered.status == "withdrawn"
    with pytest.raises(RefusedError, match="people here have ended the table"):
        own_standing.check(home, offered)


# a trial


def with_registers(made: Consortium, register: str) -> None:
    """Each hospital sets a part of its patients aside and says where that table is."""
    for name in made.names:
        home = made.hospital(name).path
        table = made.folder / "tables" / f"{name}.csv"
        rows = [f"{number},{line}" for number, line in enumerate(4 * table.read_text().splitlines()[1:])]
        named = made.folder / f"{name}-patients.csv"
        named.write_text("\n".join(["patient,age,dose,ward,outcome", *rows]) + "\n")
        set_aside(named, "patient", 0.4, home / "aside.key", part=home / "trial.csv", rest=home / "rest.csv")
        shutil.rmtree(home / "registers", ignore_errors=True)  # of the table as it was before
        settings = home / "hospital.toml"
        text = settings.read_text().replace(f"../tables/{name}.csv", "rest.csv")
        settings.write_text(text + f'\n[registers.{register}]\npath = "trial.csv"\n')
        made.restart_hospital(name)


def read_as(register: str, n: int, name: str, **data: Any) -> Study:
    chosen = asks(n, name, **data).model_dump(mode="json")
    for hospital in chosen["hospitals"]:
        hospital["register_name"] = register
    return parse(chosen, origin="tests")


def test_a_trial_reads_a_register_of_its_own_and_leaves_the_real_one_free(five: Consortium) -> None:
    with_registers(five, "trial")
    trial = five.start(read_as("trial", 5, "trial", data={"patient_column": "patient"}))
    five.approve()
    five.pump()
    status = five.status()
    assert status["phase"] == "finished", status["reason"]
    assert sums_of(trial) == {frozenset(five.names)}
    real = five.start(asks(4, "real", data={"patient_column": "patient"}))
    five.approve(*five.names[:4])
    five.pump()
    assert sums_of(real) == {frozenset(five.names[:4])}, "nobody is bound to the block of the trial"


def test_one_table_is_not_read_under_two_names(founded: Consortium) -> None:
    founded.start(read_as("again", 5, "second"))
    home = founded.hospital("clinic-1")
    with pytest.raises(RefusedError, match="two names for one table escape every rule"):
        own_standing.check(home, approvals.whole_offers(home)[0][-1])
    settings = home.path / "hospital.toml"
    table = founded.folder / "tables" / "clinic-1.csv"
    settings.write_text(settings.read_text() + f'\n[registers.again]\npath = "{table}"\n')
    with pytest.raises(StorageError, match="are one table"):
        HospitalHome(home.path).source_of("again")


# a ledger that was lost, with the key still there


def test_a_lost_ledger_is_rebuilt_from_a_mates_openings_and_stays_bound(founded: Consortium) -> None:
    home = founded.hospital("clinic-3")
    founded.desks["clinic-3"].close()
    was = Ledger(home.ledger_file)
    charged = was.charges()
    was.close()
    for path in home.path.glob("ledger.*"):
        path.unlink()
    rebuilt = inheriting.inherit(home, [founded.hospital("clinic-2").models])
    (found,) = rebuilt.studies
    assert rebuilt.lost == ()
    assert found.sums == len(exposure.of_path(founded.home.study_folders()[0]).sums)
    founded.desks["clinic-3"] = HospitalDesk(HospitalHome(home.path))
    assert [row[5] for row in founded.desks["clinic-3"]._ledger.charges()] == [row[5] for row in charged if row[5]]
    four = asks(4, "second").model_dump(mode="json")
    four["hospitals"] = [
        hospital for hospital in asks(5).model_dump(mode="json")["hospitals"] if hospital["name"] != "clinic-5"
    ]
    founded.start(
        parse(
            four | {"blocks": [{"members": [{"hospital": f"clinic-{i}"} for i in range(1, 5)], "least": 3}]},
            origin="tests",
        )
    )
    home = founded.hospital("clinic-3")
    with pytest.raises(RefusedError, match="bound to another block"):
        own_standing.check(home, approvals.whole_offers(home)[0][-1])


# commands


@pytest.fixture
def says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is asked at the terminal says no, however often."""
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n" * 9))


@pytest.mark.usefixtures("says_no")
def test_the_commands_say_what_they_mean_before_they_ask(six: Consortium, capsys: pytest.CaptureFixture[str]) -> None:
    def typed(*words: object, code: int = 0) -> str:
        found, out, err = call(capsys, *words)
        assert found == code, err
        return " ".join(out.split())

    home = six.folder / "clinic-1"
    parts = ("--part", "clinic-1,clinic-2,clinic-3", "--part", "clinic-4, clinic-5,clinic-6")
    assert "none ever merges again" in typed("coordinator", "split", *parts, "--home", six.folder / "coordinator")
    assert "No split" in typed("hospital", "splits", "--home", home)
    six.pump()
    assert "NOT signed here" in typed("hospital", "splits", "--home", home)
    (one,) = json.loads(typed("hospital", "splits", "--json", "--home", home))
    assert [sorted(part) for part in one["parts"]] == [[f"clinic-{i}" for i in part] for part in ((1, 2, 3), (4, 5, 6))]
    asked = typed("hospital", "sign-split", one["split"][:8], "--home", home, code=1)
    assert "It cannot be taken back" in asked
    assert not declaring.proposals(six.hospital("clinic-1"))[0].is_signed
    assert "Signed" in typed("hospital", "sign-split", one["split"][:8], "--yes", "--home", home)
    assert "never be taken back" in typed("hospital", "widen", "--home", six.folder / "clinic-4", code=1)
    assert "Signed" in typed("hospital", "widen", "--yes", "--home", six.folder / "clinic-4")
    assert "ITS BLOCK ENDS" in typed("hospital", "end-register", "--home", six.folder / "clinic-5", code=1)
    assert "Signed" in typed("hospital", "end-register", "--yes", "--home", six.folder / "clinic-5")
    assert "ended by its people" in typed("exposure", "--home", six.folder / "clinic-5")
    typed("hospital", "widen", "another", "--yes", "--home", home, code=1)
    typed("hospital", "confirm-successor", "clinic-2", "--yes", "--home", home, code=1)
    six.pump()
    told = " | ".join(six.desk.blocks())
    assert "not signed yet by clinic-2, clinic-3, clinic-4, clinic-5, clinic-6" in told
    assert "clinic-4, table 'table': may be singled out" in told
    assert "clinic-5, table 'table': has ended" in told


@pytest.mark.usefixtures("says_no")
def test_a_successor_is_confirmed_at_the_terminal(five: Consortium, capsys: pytest.CaptureFixture[str]) -> None:
    lose_machine(five, "clinic-5")
    home = five.folder / "clinic-1"
    code, out, _ = call(capsys, "hospital", "confirm-successor", "clinic-5", "--home", home)
    assert code == 1
    assert "A FALSE SUCCESSOR EXPOSES ITS PREDECESSOR" in out
    assert call(capsys, "hospital", "confirm-successor", "clinic-5", "--yes", "--home", home)[0] == 0
    assert "clinic-5 has a new key" not in " ".join(declaring.words(five.hospital("clinic-1")))
    five.desks["clinic-5"].close()
    code, _, err = call(capsys, "hospital", "inherit", five.folder / "clinic-1", "--home", five.folder / "clinic-5-new")
    assert code == 1
    assert "no folder holds a study of this hospital" in err


def test_which_of_its_blocks_a_study_has_founded_its_first_opening_says(
    six: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = six.home.study_folders()
    blocks, openings, read = (
        {each.digest for each in listed.blocks_in(load(folder / "study.toml"))},
        list[Path](),
        files.read,
    )
    assert len(blocks) == 1

    def read_of(path: Path, start: int = 0) -> bytes:
        openings.append(path)
        return read(path, start)

    monkeypatch.setattr(files, "read", read_of)
    assert giving_up.founded_in(folder, blocks) == blocks
    assert openings == [folder / "receipts" / "0000" / "opening.cbor"]
    assert giving_up.founded_in(folder, {bytes(32)}) == frozenset()


def test_a_block_that_a_later_opening_names_is_founded_too(six: Consortium) -> None:
    (folder,) = six.home.study_folders()
    (block,) = {each.digest for each in listed.blocks_in(load(folder / "study.toml"))}
    path, later = folder / "receipts" / "0000" / "opening.cbor", bytes([1]) * 32

    def of_block(data: bytes) -> bytes:
        signed = wire.decode(Signed, data)
        header = dataclasses.replace(wire.decode(Header, signed.body), block=later)
        return wire.encode(dataclasses.replace(signed, body=wire.encode(header)))

    signed = wire.decode(Signed, path.read_bytes())
    opening = wire.decode(Opening, signed.body)
    other = dataclasses.replace(opening, headers=tuple(map(of_block, opening.headers)))
    files.write(
        folder / "receipts" / "0099" / "opening.cbor", wire.encode(dataclasses.replace(signed, body=wire.encode(other)))
    )
    assert giving_up.founded_in(folder, {block, later}) == {block, later}
