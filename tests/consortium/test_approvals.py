"""What a hospital keeps of the coordinator's offers, and when its yes counts."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest
from tests import simulator
from tests.consortium.consortium import declared
from tests.consortium.enrolled import Consortium, alarms, hospital, join

from cipherward import study as study_document
from cipherward.consortium.approval import approvals, offer_check
from cipherward.consortium.membership import enrolment
from cipherward.consortium.service import offering
from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.disclosure.standing import Agreement
from cipherward.errors import (
    CipherwardError,
    ProtocolError,
    RefusedError,
    StorageError,
    StudyError,
    WireError,
)
from cipherward.parties import decisions
from cipherward.parties.decisions import Approval
from cipherward.simulation.simulate import run_study
from cipherward.study import Study
from cipherward.tasks.catalogue import make_task


@pytest.fixture
def everyone(tmp_path: Path) -> Consortium:
    return Consortium(tmp_path)


def draft(**sections: object) -> Study:
    return simulator.study(4, **sections)


def test_freezing_puts_members_keys_in_and_takes_paths_out(everyone: Consortium) -> None:
    frozen = everyone.freeze(draft())
    assert frozen.is_frozen
    assert all(not h.path for h in frozen.hospitals)
    members = everyone.coordinator.members
    for listed in frozen.hospitals:
        member = members.find(listed.name)
        assert member is not None
        assert listed.public_key == member.public_key.hex()
    assert frozen.coordinator_key == everyone.coordinator.coordinator_key.hex()


def test_a_study_that_cannot_go_over_a_network_is_not_frozen_and_every_reason_is_named(everyone: Consortium) -> None:
    enrolment.revoke(everyone.coordinator, "clinic-2")
    study = simulator.study(5, aggregation={"scheme": "plain"}, model={"kind": "custom"})
    with pytest.raises(StudyError) as caught:
        everyone.freeze(study)
    text = "\n".join(caught.value.problems)
    for words in ("'plain'", "model.package", "'clinic-5' is not a member", "'clinic-2' is revoked"):
        assert words in text


def test_a_draft_for_a_deployment_needs_no_paths_and_a_simulation_does(tmp_path: Path, everyone: Consortium) -> None:
    document = simulator.document(4)
    for each in document["hospitals"]:
        del each["path"]
    pathless = study_document.parse(document, origin="x")
    with pytest.raises(StudyError, match="no path for hospital"):
        make_task(pathless)
    assert everyone.freeze(pathless).digest() == everyone.freeze(draft()).digest()
    with pytest.raises(CipherwardError, match="names no path"):
        run_study(everyone.freeze(pathless), base=tmp_path, out=tmp_path / "run")


def test_a_kept_offer_is_the_study_byte_for_byte_and_kept_once(everyone: Consortium) -> None:
    frozen = everyone.freeze(draft())
    offered = everyone.offer(frozen)
    assert everyone.offer(frozen).folder == offered.folder
    assert offered.study == frozen
    assert offered.digest == frozen.digest()
    assert (offered.index, offered.status) == (1, "pending review")
    assert everyone.offer(frozen, "clinic-3").index == 3
    assert [each.study.name for each in approvals.offers(everyone.first)] == ["tiny"]


def _with_hospital(frozen: Study, **change: str) -> Study:
    hospitals = [hospital.model_dump() for hospital in frozen.hospitals]
    hospitals[0] |= change
    return frozen.with_overrides(top={"hospitals": hospitals})


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (lambda f: f.with_overrides(top={"coordinator_key": "ab" * 32}), "of another coordinator"),
        (lambda f: _with_hospital(f, public_key="cd" * 32), "another key for this hospital"),
        (lambda f: _with_hospital(f, name="clinic-9"), "does not list this hospital"),
        (lambda f: _with_hospital(f, path="/etc/passwd"), "names paths"),
        (lambda f: f.with_overrides(top={"title": "x\x1b[2Jy"}), "control characters"),
        (lambda f: f.with_overrides(top={"title": "x\nThis study can be approved"}), "control characters"),
        (
            lambda f: f.with_overrides(data={"date_column": "day", "test_from": "2021-01-01"}),
            "split belongs to the register",
        ),
        (lambda f: draft(), "not frozen"),
    ],
)
def test_a_dishonest_offer_is_refused_alarmed_and_not_kept(everyone: Consortium, lie: object, words: str) -> None:
    study = lie(everyone.freeze(draft()))  # type: ignore[operator]
    with pytest.raises(CipherwardError, match=words):
        everyone.offer(study)
    assert alarms(everyone.first) == ["study offer refused"]
    assert approvals.offers(everyone.first) == []


def test_a_coordinator_is_told_at_once_that_a_split_by_time_is_for_simulations(everyone: Consortium) -> None:
    with pytest.raises(StudyError, match="the split belongs to the register"):
        everyone.freeze(draft(data={"date_column": "day", "test_from": "2021-01-01"}))


@pytest.mark.parametrize(
    "document", [b"", b"\xff", b"a = ", b"x" * (offer_check.MAX_STUDY_BYTES + 1), b"a=" + b"[" * 5000]
)
def test_an_offer_that_is_no_study_is_refused(everyone: Consortium, document: bytes) -> None:
    with pytest.raises((StudyError, WireError)):
        approvals.keep_offer(everyone.first, document, b"")
    assert alarms(everyone.first) == ["study offer refused"]


def test_a_ckks_key_comes_only_with_a_study_that_names_it(everyone: Consortium) -> None:
    plain = everyone.freeze(draft())
    with pytest.raises(ProtocolError, match="uses none"):
        approvals.keep_offer(everyone.first, plain.to_toml().encode(), b"key")
    named = offering.freeze(
        draft(aggregation={"scheme": "ckks"}),
        everyone.coordinator.members,
        everyone.coordinator.coordinator_key,
        b"a public key",
    )
    with pytest.raises(ProtocolError, match="not the one that the study names"):
        approvals.keep_offer(everyone.first, named.to_toml().encode(), b"another public key")
    kept = approvals.keep_offer(everyone.first, named.to_toml().encode(), b"a public key")
    assert kept.ckks_public == b"a public key"


def test_an_approval_convinces_the_coordinator_of_one_hospital_and_one_study(everyone: Consortium) -> None:
    frozen = everyone.freeze(draft())
    offered = everyone.offer(frozen, "clinic-3")
    data = approvals.approve(everyone.hospitals["clinic-3"], offered, "Dr Example", Agreement.YES)
    assert offered.status == "approved"
    assert offered.approval == data
    assert decisions.open_approval(data, frozen) == 3
    assert approvals.approve(everyone.hospitals["clinic-3"], offered, "Dr Example", Agreement.YES) == data
    other = everyone.freeze(draft(seed=4))
    with pytest.raises(ProtocolError, match="another study"):
        decisions.open_approval(data, other)
    for at in range(0, len(data), 7):
        with pytest.raises((WireError, ProtocolError)):
            decisions.open_approval(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], frozen)


def test_the_approver_and_the_time_are_signed(everyone: Consortium) -> None:
    offered = everyone.offer(everyone.freeze(draft(name="named")), "clinic-2")
    assert offered.approved_by == ""
    before = time.time()
    data = approvals.approve(everyone.hospitals["clinic-2"], offered, "Dr. Ada Example", Agreement.YES)
    sender, stated = decisions.approval_of(data, offered.study)
    assert (sender, stated.approver) == (2, "Dr. Ada Example")
    assert int(before) <= stated.at <= time.time()
    assert offered.approved_by == stated.words


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201, "\x1b[2J"])
def test_an_approval_needs_a_name_that_can_be_shown(everyone: Consortium, name: str) -> None:
    offered = everyone.offer(everyone.freeze(draft(name="nameless")))
    with pytest.raises(RefusedError, match="names the person"):
        approvals.approve(everyone.first, offered, name, Agreement.YES)
    body = wire.encode(Approval(offered.digest, bytes(32), name, 1, declared(everyone.first, offered.digest)))
    with pytest.raises(ProtocolError, match="name of a person"):
        decisions.open_approval(everyone.first.identity.sign("approval", offered.digest, 1, body), offered.study)


def test_nobody_approves_for_a_hospital(everyone: Consortium) -> None:
    frozen = everyone.freeze(draft())
    own = declared(everyone.first, frozen.digest())
    body = wire.encode(Approval(frozen.digest(), bytes(32), "Dr Example", 1_800_000_000, own))
    by_coordinator = everyone.coordinator.identity.sign("approval", frozen.digest(), COORDINATOR, body)
    in_anothers_name = everyone.first.identity.sign("approval", frozen.digest(), 2, body)
    stranger = Identity(b"\x09" * 32).sign("approval", frozen.digest(), 1, body)
    for data in (by_coordinator, in_anothers_name, stranger):
        with pytest.raises(ProtocolError):
            decisions.open_approval(data, frozen)


def test_a_withdrawal_is_not_an_approval_and_final(everyone: Consortium) -> None:
    frozen = everyone.freeze(draft())
    offered = everyone.offer(frozen)
    approval = approvals.approve(everyone.first, offered, "Dr Example", Agreement.YES)
    data = approvals.withdraw(everyone.first, offered)
    assert offered.status == "withdrawn"
    assert decisions.open_withdrawal(data, frozen) == 1
    with pytest.raises(ProtocolError):
        decisions.open_withdrawal(approval, frozen)
    with pytest.raises(ProtocolError):
        decisions.open_approval(data, frozen)
    with pytest.raises(RefusedError, match="has withdrawn"):
        approvals.approve(everyone.first, offered, "Dr Example", Agreement.YES)


def test_a_study_outside_the_policy_is_not_approved_and_the_clause_is_named(everyone: Consortium) -> None:
    policy = everyone.first.policy_file
    policy.write_text(policy.read_text().replace("max_rounds = 1000", "max_rounds = 1"))
    offered = everyone.offer(everyone.freeze(draft()))
    with pytest.raises(RefusedError, match="rounds 2"):
        approvals.approve(everyone.first, offered, "Dr Example", Agreement.YES)
    assert offered.status == "pending review"
    assert alarms(everyone.first) == ["study refused"]


def test_a_roster_with_a_member_that_nobody_confirmed_here_is_refused_by_name(
    everyone: Consortium, tmp_path: Path
) -> None:
    join(everyone.coordinator, hospital(tmp_path / "new"), "clinic-5")
    offered = everyone.offer(everyone.freeze(simulator.study(5)))
    with pytest.raises(RefusedError, match="clinic-5 is not on the members list that was confirmed here"):
        approvals.approve(everyone.first, offered, "Dr Example", Agreement.YES)
    everyone.first.receive_members(everyone.coordinator.chain())
    with pytest.raises(RefusedError, match="clinic-5"):
        approvals.approve(everyone.first, offered, "Dr Example", Agreement.YES)
    everyone.first.confirm_members()
    approvals.approve(everyone.first, offered, "Dr Example", Agreement.YES)


def test_a_revoked_member_or_a_member_with_other_keys_stops_the_study_here(everyone: Consortium) -> None:
    frozen = everyone.freeze(draft())
    offered = everyone.offer(frozen)
    approvals.check(everyone.first, offered)
    enrolment.revoke(everyone.coordinator, "clinic-2")
    everyone.first.receive_members(everyone.coordinator.chain())
    approvals.check(everyone.first, offered)
    everyone.first.confirm_members()
    with pytest.raises(RefusedError, match="clinic-2 is revoked"):
        approvals.check(everyone.first, offered)
    changed = everyone.freeze(draft(hospitals=[{"name": f"clinic-{i}", "path": "x"} for i in (1, 3, 4)]))
    forged = changed.with_overrides(
        top={
            "hospitals": [
                h.model_dump() | ({"public_key": "ef" * 32} if h.name == "clinic-3" else {}) for h in changed.hospitals
            ]
        }
    )
    with pytest.raises(RefusedError, match="clinic-3 has another identity key"):
        approvals.check(everyone.first, everyone.offer(forged))


def test_a_study_changed_on_disk_is_not_the_one_offered(everyone: Consortium) -> None:
    offered = everyone.offer(everyone.freeze(draft()))
    path = offered.folder / "study.toml"
    path.write_text(path.read_text().replace("rounds = 2", "rounds = 3"))
    with pytest.raises(StorageError, match="was changed"):
        approvals.offers(everyone.first)


def test_a_study_is_found_by_name_or_digest_and_never_by_guess(everyone: Consortium) -> None:
    one = everyone.offer(everyone.freeze(draft()))
    two = everyone.offer(everyone.freeze(draft(seed=9)))
    assert approvals.find(everyone.first, two.digest.hex()[:8]).digest == two.digest
    with pytest.raises(StudyError, match="2 studies are called"):
        approvals.find(everyone.first, "tiny")
    for selector in ("", one.digest.hex()[:3], "other"):
        with pytest.raises(StudyError, match="no study"):
            approvals.find(everyone.first, selector)


def test_the_offers_repr_is_short(everyone: Consortium) -> None:
    offered = everyone.offer(everyone.freeze(draft()))
    assert len(repr(offered)) < 300
    assert dataclasses.asdict(offered)["index"] == 1
