"""A coordinator that lies with its true key, hospitals that lie, and bytes that are no letters: refused, logged, nothing
leaves."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.consortium import consortium
from tests.consortium.consortium import Consortium, declared, document
from tests.consortium.packets_in import kinds_in, packets_in

from cipherward import study as study_document
from cipherward.consortium.approval import approvals
from cipherward.consortium.homes import received_models as received
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import enrolment
from cipherward.consortium.service import letters, offering
from cipherward.consortium.service.letters import NO_STUDY, Alert, Body, Members, Offer, Packets, Stopped
from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.disclosure.standing import Agreement
from cipherward.errors import RefusedError, StudyError
from cipherward.parties import decisions
from cipherward.study import Study
from cipherward.sums.digests import Entry
from cipherward.sums.messages import (
    Announce,
    Certificate,
    ConsentRequest,
    Manifest,
    Opening,
    Receipt,
    VoidRequest,
    sign,
)
from cipherward.sums.packets import pack, unpack

ME = "clinic-1"


@pytest.fixture(scope="module")
def running_once(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    """A study that everybody approved, in the middle of its second sum; closed."""
    four = Consortium(tmp_path_factory.mktemp("running"), 4)
    four.start(document(4))
    four.approve()
    four.poll()
    while four.queue:
        four.step()
        if not four.queue:
            four.poll()
        if four.status().get("step") == "deal" and four.sums_opened == 1:
            break
    assert four.queue
    four.close()
    return four


@pytest.fixture
def running(running_once: Consortium, tmp_path: Path) -> Iterator[Consortium]:
    """A copy of it that goes on from there."""
    made = running_once.copied(tmp_path / "running")
    made.put_down(made.desk.start())
    assert (made.status()["step"], made.sums_opened) == ("deal", 1)
    assert made.queue
    made.queue.extend((ME, "coordinator", letter) for letter in made.desks[ME].poll())  # its approval, once per start
    yield made
    made.close()


def from_coordinator(four: Consortium, study: bytes, body: Body, *, to: str = ME) -> bytes:
    """A letter that the coordinator signs, whatever it says."""
    return letters.seal(four.home.identity, to, study, body, from_coordinator=True)


def digest_of(four: Consortium) -> bytes:
    return bytes.fromhex(four.status()["digest"])


def frozen(four: Consortium) -> Study:
    return study_document.load(four.home.study_folders()[-1] / "study.toml")


def refused(four: Consortium, letter: bytes, words: str, *, name: str = ME) -> None:
    """Nothing is answered, the ledger is as it was, and the alarm says why."""
    ledger = four.desks[name].home.ledger_file
    before, rows = len(four.alarms(name)), _rows(ledger)
    assert four.desks[name].receive(letter) == []
    assert len(four.alarms(name)) > before
    assert words in four.alarms(name)[-1]
    assert _rows(ledger) == rows


def refusal_of(four: Consortium, letter: bytes, name: str = ME) -> tuple[str, ...]:
    """The reasons in a hospital's letter, which is a refusal."""
    key = four.hospital(name).identity.public_key
    body = letters.open_letter(letter, to="coordinator", key=key, from_coordinator=False).body
    assert isinstance(body, letters.Refusal)
    return body.reasons


def _rows(ledger: Path) -> list[Any]:
    import sqlite3

    with sqlite3.connect(ledger) as db:
        return [db.execute(f"SELECT * FROM {table}").fetchall() for table in ("sums", "receipts", "charges")]  # noqa: S608


# which study


def test_a_study_that_was_never_offered_gets_nothing(running: Consortium) -> None:
    announce = Announce(bytes(32), 0, 0, ())
    packet = pack("Announce", sign(running.home.identity, bytes(32 * [7]), COORDINATOR, announce))
    refused(running, from_coordinator(running, bytes(32 * [7]), Packets((packet,))), "never offered here")


def test_a_study_that_was_changed_after_its_approval_is_another_study_and_nobody_approved_it(
    running: Consortium,
) -> None:
    changed = frozen(running).with_overrides(training={"rounds": 1})
    offer = Offer(changed.to_toml(), b"")
    assert running.desks[ME].receive(from_coordinator(running, changed.digest(), offer)) == []
    assert len(approvals.offers(running.hospital(ME))) == 2
    announce = pack(
        "Announce", sign(running.home.identity, changed.digest(), COORDINATOR, Announce(bytes(32), 0, 0, ()))
    )
    refused(running, from_coordinator(running, changed.digest(), Packets((announce,))), "nobody here has approved")


def test_an_offer_of_another_study_than_its_letter_names_is_refused(running: Consortium) -> None:
    changed = frozen(running).with_overrides(training={"rounds": 9})
    refused(
        running,
        from_coordinator(running, bytes([1] * 32), Offer(changed.to_toml(), b"")),
        "not the one that its letter",
    )


def test_packets_of_one_study_in_a_letter_about_another_are_refused(running: Consortium) -> None:
    other = bytes([9] * 32)
    packet = pack("Announce", sign(running.home.identity, other, COORDINATOR, Announce(bytes(32), 1, 0, ())))
    refused(running, from_coordinator(running, digest_of(running), Packets((packet,))), "belongs to another study")


def test_a_study_file_that_was_changed_on_the_hospital_s_disk_runs_nothing(four: Consortium) -> None:
    four.begin(document(4))
    path = approvals.offers(four.hospital(ME))[0].folder / "study.toml"
    path.write_text(path.read_text().replace("rounds = 2", "rounds = 3"))
    four.restart_hospital(ME)
    assert [refusal_of(four, letter) for letter in four.desks[ME].poll()] == [("files",)]
    assert four.desks[ME].poll() == []
    assert len([reason for reason in four.alarms(ME) if "was changed" in reason]) == 1
    assert four.desks[ME].status()[0]["phase"] == "damaged"
    announce = Announce(bytes(32), 0, 0, ())
    packet = pack("Announce", sign(four.home.identity, bytes.fromhex(path.parent.name), COORDINATOR, announce))
    refused(four, from_coordinator(four, bytes.fromhex(path.parent.name), Packets((packet,))), "never offered here")


def test_a_damaged_study_at_a_hospital_stops_no_other(four: Consortium) -> None:
    first = four.start(document(4))
    path = four.hospital(ME).path / "studies" / first.name / "study.toml"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    four.restart_hospital(ME)
    second = four.start(document(4, name="another"))
    four.approve()
    four.pump()
    assert four.desk.status()[1]["phase"] == "finished"
    assert simulator.holds(second)
    assert any("study cannot run" in reason for reason in four.alarms(ME))
    path.write_bytes(whole)
    for name in four.names:
        home = four.hospital(name)
        approvals.approve(home, approvals.find(home, first.name), "Dr Example", Agreement.YES)
    four.pump()
    assert four.desk.status()[0]["approved"] == four.names
    assert "damaged" not in {study["phase"] for study in four.desks[ME].status()}


def test_a_damaged_opening_at_a_hospital_is_an_alarm_and_stops_no_other_study(four: Consortium) -> None:
    first = four.begin(document(4))
    four.pump()
    (kept,) = four.hospital(ME).models.glob("tiny-*/receipts/0000/opening.cbor")
    kept.write_bytes(kept.read_bytes()[:-50])
    four.restart_hospital(ME)
    announce = Announce(bytes(32), 9, 0, ())
    packet = pack("Announce", sign(four.home.identity, bytes.fromhex(first.name), COORDINATOR, announce))
    refused(four, from_coordinator(four, bytes.fromhex(first.name), Packets((packet,))), "files of the study 'tiny'")


# who takes part


def test_a_hospital_that_nobody_confirmed_is_named_and_the_study_refused(four: Consortium) -> None:
    """The coordinator invents a fourth hospital, or gives a real one a key of its own."""
    four.start(document(4))
    real = frozen(four)
    own = Identity(bytes([5] * 32)).public_key.hex()
    invented = [h.model_dump() for h in real.hospitals]
    invented[3] |= {"name": "clinic-99", "public_key": own}
    replaced = [h.model_dump() for h in real.hospitals]
    replaced[2] |= {"public_key": own}
    for hospitals, name in ((invented, "clinic-99"), (replaced, "clinic-3")):
        lie = real.with_overrides(top={"hospitals": hospitals})
        four.desks[ME].receive(from_coordinator(four, lie.digest(), Offer(lie.to_toml(), b"")))
        home = four.hospital(ME)
        offer = next(offer for offer in approvals.offers(home) if offer.digest == lie.digest())
        with pytest.raises(RefusedError, match=name):
            approvals.approve(home, offer, "Dr Example", Agreement.YES)
        # Even where somebody signs it, the service looks again.
        signature = declared(home, lie.digest(), Agreement.YES)
        stated = wire.encode(decisions.Approval(lie.digest(), b"", "Dr Example", 1, signature))
        signed = home.identity.sign("approval", lie.digest(), 1, stated)
        (offer.folder / "approval").write_bytes(signed)
        packet = pack("Announce", sign(four.home.identity, lie.digest(), COORDINATOR, Announce(bytes(32), 0, 0, ())))
        refused(four, from_coordinator(four, lie.digest(), Packets((packet,))), name)


def test_a_policy_that_is_tightened_while_the_study_runs_ends_the_contributions(running: Consortium) -> None:
    home = running.hospital(ME)
    text = home.policy_file.read_text()
    assert "max_rounds = " in text
    lines = ["max_rounds = 1" if line.startswith("max_rounds") else line for line in text.splitlines()]
    home.policy_file.write_text("\n".join(lines) + "\n")
    joined = [letter for _, to, letter in running.queue if to == ME and b"Joined" in letter]
    assert joined
    refused(running, joined[0], "rounds 2 (at most 1)")


def test_a_study_that_its_people_never_approved_gets_no_answer_whatever_is_asked(four: Consortium) -> None:
    folder = four.start(document(4))
    study = frozen(four).digest()
    assert folder.name == study.hex()
    for body in (Announce(bytes(32), 0, 0, ()), VoidRequest(bytes(32))):
        packet = pack(type(body).__name__, sign(four.home.identity, study, COORDINATOR, body))
        refused(four, from_coordinator(four, study, Packets((packet,))), "nobody here has approved")


# which round


def test_shares_of_a_round_that_was_never_trained_are_not_released(running: Consortium) -> None:
    study, identity = digest_of(running), running.home.identity
    manifest = Manifest(bytes([3] * 32), tuple(Entry(i, bytes(32)) for i in (1, 2, 3, 4)), bytes(32))
    request = ConsentRequest(sign(identity, study, COORDINATOR, manifest), (), ())
    packet = pack("ConsentRequest", wire.encode(request))
    refused(running, from_coordinator(running, study, Packets((packet,))), "not about a sum that I take part in")
    certificate = pack("Certificate", wire.encode(Certificate(bytes(32), (b"x",))))
    refused(running, from_coordinator(running, study, Packets((certificate,))), "refused: ")


# what a letter is


class Trap:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def test_code_and_pickles_are_bytes_that_nobody_opens(running: Consortium, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    poison = pickle.dumps(Trap(mark))
    study, identity = digest_of(running), running.home.identity
    for letter in (
        poison,
        b"CWL1" + poison,
        from_coordinator(running, study, Packets((poison,))),
        from_coordinator(running, study, Packets((pack("Announce", poison),))),
        from_coordinator(running, study, Packets((pack("Opening", identity.sign("Opening", study, 0, poison)),))),
        from_coordinator(running, bytes([2] * 32), Offer(poison.decode("latin-1"), poison)),
        from_coordinator(running, bytes([2] * 32), Offer("model = 'import os'\n", b"")),
        from_coordinator(running, NO_STUDY, Members(poison)),
        from_coordinator(running, study, Alert(2, poison)),
    ):
        before = len(running.alarms(ME))
        for answer in running.desks[ME].receive(letter):
            # An opening that proves nothing is answered with "verification failed", an offer that is none with one word.
            opened = letters.open_letter(
                answer, to="coordinator", key=running.hospital(ME).identity.public_key, from_coordinator=False
            )
            if opened.kind == "Refusal":
                assert opened.body.reasons == ("offer",)
            else:
                assert kinds_in(answer) == ("Receipt",)
        assert len(running.alarms(ME)) > before
    assert not mark.exists()


def test_a_letter_of_an_unknown_kind_is_refused(running: Consortium) -> None:
    payload = b"print('hello')"
    head = wire.encode(letters._Head(ME, digest("letter", payload)))
    signed = running.home.identity.sign("letter/Execute", digest_of(running), COORDINATOR, head)
    letter = b"CWL1" + len(signed).to_bytes(4, "big") + signed + payload
    refused(running, letter, "no known kind")


def test_forged_misdirected_and_altered_letters_are_refused(running: Consortium) -> None:
    study = digest_of(running)
    thief = Identity(bytes([5] * 32))
    refused(running, letters.seal(thief, ME, study, Stopped("x"), from_coordinator=True), "forged signature")
    own = running.hospital(ME).identity
    refused(running, letters.seal(own, ME, study, Stopped("x"), from_coordinator=False), "unknown sender")
    refused(running, from_coordinator(running, study, Stopped("x"), to="clinic-2"), "a letter to 'clinic-2'")
    good = from_coordinator(running, study, Stopped("an end"))
    refused(running, good[:-1] + b"!", "not the signed one")
    for cut in range(0, len(good), 7):
        refused(running, good[:cut], "letter refused")
    assert running.desks[ME].status()[0]["phase"] == "running"


def test_the_coordinator_refuses_letters_that_are_not_their_sender_s_own(running: Consortium) -> None:
    study = digest_of(running)
    two = running.hospital("clinic-2")
    approval = approvals.offers(two)[0].approval
    for sender, letter, words in (
        (
            "clinic-1",
            letters.seal(two.identity, "coordinator", study, Packets((b"\x02",)), from_coordinator=False),
            "forged",
        ),
        ("clinic-9", b"CWL1", "not an active member"),
        (
            "clinic-1",
            letters.seal(
                running.hospital(ME).identity, "coordinator", study, letters.Approval(approval), from_coordinator=False
            ),
            "signed by somebody else",
        ),
        ("clinic-1", b"", "not a letter"),
    ):
        assert running.desk.receive(sender, letter) == []
        assert words in running.alarms("coordinator")[-1]


# breaches


def test_a_breach_takes_one_hospital_out_and_all_others_see_the_evidence(four: Consortium) -> None:
    """The coordinator shows clinic-1 another model than everybody else."""
    folder = four.begin(document(5 - 1, aggregation={"deadline_seconds": 30.0}))
    lied = False

    def hand_over(sender: str, to: str, letter: bytes) -> None:
        nonlocal lied
        if to == ME and not lied and "Opening" in kinds_in(letter) and four.sums_opened == 2:
            lied = True
            signed = unpack(packets_in(letter)[0])[1]
            lie = dataclasses.replace(simulator.signed_body(signed, Opening), next_model=bytes(32))
            packet = pack("Opening", sign(four.home.identity, digest_of(four), COORDINATOR, lie))
            letter = from_coordinator(four, digest_of(four), Packets((packet,)))
        Consortium.hand_over(four, sender, to, letter)

    four.hand_over = hand_over  # type: ignore[method-assign]
    for _ in range(30):
        four.pump()
        four.now += 31
        four.restart_hospital(ME)
    status = four.status()
    assert (status["phase"], status["breached"]) == ("finished", [ME])
    assert four.desks[ME].status()[0]["phase"] == "breach"
    assert any("breach" in alarm for alarm in four.alarms(ME))
    assert any("breach" in alarm for alarm in four.alarms("coordinator"))
    for name in four.names[1:]:
        assert any("breach reported" in alarm for alarm in four.alarms(name))
        evidence = approvals.offers(four.hospital(name))[0].folder / "alerts" / "hospital-1.cbor"
        assert simulator.signed_body(evidence.read_bytes(), Receipt).outcome == "breach"
        assert received.received(four.hospital(name))[0].verified
    assert [1 in line for line in simulator.contributors(folder)] == [True, True, False, False]


def test_an_alert_without_the_hospital_s_own_word_is_refused(running: Consortium) -> None:
    study = digest_of(running)
    forged = sign(running.home.identity, study, 2, Receipt(b"", 0, b"", "breach", "made up", b""))
    refused(running, from_coordinator(running, study, Alert(2, forged)), "forged signature")
    harmless = sign(running.hospital("clinic-2").identity, study, 2, Receipt(b"", 0, b"", "preserved", "all well", b""))
    refused(running, from_coordinator(running, study, Alert(2, harmless)), "without a breach")
    refused(running, from_coordinator(running, study, Alert(0, harmless)), "")


# starting


def test_a_study_that_cannot_run_is_refused_with_every_problem_named(four: Consortium, tmp_path: Path) -> None:
    wrong = document(5, aggregation={"scheme": "plain"})
    with pytest.raises(StudyError) as caught:
        offering.start(four.home, wrong, four.now)
    text = "\n".join(caught.value.problems)
    assert "plain" in text
    assert "clinic-5" in text
    enrolment.revoke(four.home, "clinic-2")
    with pytest.raises(StudyError, match="clinic-2"):
        offering.start(four.home, document(4), four.now)
    assert not list(four.home.studies.glob("*")) if four.home.studies.exists() else True


def test_the_same_study_is_not_started_twice(four: Consortium) -> None:
    offering.start(four.home, document(4), four.now)
    with pytest.raises(StudyError, match="started before"):
        offering.start(four.home, document(4), four.now)
    offering.start(four.home, document(4, name="tiny-2"), four.now)


def test_a_new_member_is_confirmed_by_people_before_a_study_with_it_runs(four: Consortium) -> None:
    table = simulator.write_tables(four.folder / "more", 5) / "clinic-5.csv"
    consortium.join(four.folder, four.home, "clinic-5", table)
    four.held["clinic-5"] = []
    four.pump()
    home = four.hospital(ME)
    assert home.offered is not None
    assert home.confirmed is not None
    assert home.offered.version > home.confirmed.version
    offering.start(four.home, document(5), four.now)
    four.pump()
    with pytest.raises(RefusedError, match="clinic-5"):
        approvals.approve(home, approvals.offers(home)[0], "Dr Example", Agreement.YES)
    home.confirm_members(home.offered)
    approvals.approve(home, approvals.offers(home)[0], "Dr Example", Agreement.YES)
    assert HospitalHome(home.path).confirmed == home.offered
