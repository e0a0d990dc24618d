"""The files in a party's home, damaged or edited by hand: settings, policy, logs, letters that wait, what was handled."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomli_w
from tests.consortium.enrolled import coordinator, hospital, join
from tests.fuzz.decoders import OWN_FILE, Decoder
from tests.fuzz.mutation import BINARY, TEXT

from cipherward.cli import service_log
from cipherward.consortium.approval import policyfile
from cipherward.consortium.homes import health, lock, received_models
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.home import Home
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import enrolment
from cipherward.consortium.service import offering
from cipherward.errors import CipherwardError, WireError
from cipherward.parties.policy import Policy
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files
from cipherward.store.handled import Handled
from cipherward.store.outbox import SLOT_BYTES, Outbox, Progress, Waiting
from cipherward.transport.configuration import settings_of
from cipherward.transport.serving import Follower
from cipherward.transport.tls import server_address

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def everything(folder: Path) -> Iterator[Decoder]:
    folder.mkdir(parents=True)
    home, own = coordinator(folder / "coordinator"), hospital(folder / "clinic-1")
    join(home, own, "clinic-1")
    yield from settings(home, HospitalHome(own.path))
    yield address()
    yield policy(folder / "policy.toml")
    yield from small_files(folder, home)
    yield from logs(home)
    yield from waiting(folder / "outbox")


def settings(home: CoordinatorHome, own: HospitalHome) -> Iterator[Decoder]:
    def facts(found: Home) -> list[Any]:
        common = [found.consortium, found.servers, found.coordinator_key, found.consortium_id]
        if isinstance(found, CoordinatorHome):
            server = settings_of(found)
            return [*common, server.host, server.port, found.managed, found.replicas, found.hosts]
        assert isinstance(found, HospitalHome)
        return [*common, found.name, found.device, str(found.data_source), found.is_enrolled]

    def decoder(name: str, kind: type[CoordinatorHome] | type[HospitalHome], file: Path) -> Decoder:
        def read(data: bytes) -> tuple[Home, list[Any]]:
            file.write_bytes(data)
            found = kind(file.parent)
            return found, facts(found)

        def holds(data: bytes, value: tuple[Home, list[Any]]) -> bool:
            for url in value[0].servers:  # checked where they are dialled
                with suppress(CipherwardError):
                    server_address(url)
            return all(type(fact) in (str, bytes, bool, int, tuple) and fact != "" for fact in value[1])

        return Decoder(name, [files.read(file)], read, holds, mutations=TEXT)

    yield decoder("consortium-toml", CoordinatorHome, home.path / "consortium.toml")
    yield decoder("hospital-toml", HospitalHome, own.path / "hospital.toml")


def address() -> Decoder:
    def dial(data: bytes) -> str:
        return server_address(data.decode("utf-8", "replace"))

    urls = [b"tls://localhost:4222", b"tls://[::1]:4222", b"tls://coordinator.example.org"]
    return Decoder("server-address", urls, dial, lambda data, url: server_address(url) == url, mutations=TEXT)


def policy(path: Path) -> Decoder:
    def read(data: bytes) -> Policy:
        path.write_bytes(data)
        return policyfile.load(path)

    def same(data: bytes, value: Policy) -> bool:
        stated = {key: each for key, each in policyfile.clauses(value).items() if each is not None}
        return policyfile.parse(tomli_w.dumps(stated), "again") == value

    lines = [line for line in policyfile.DEFAULT.splitlines() if line and not line.startswith("#")]
    limits = "\n".join([*lines, "max_epsilon = 8.0"]).replace('columns = "*"', 'columns = ["age", "sex"]')
    return Decoder("policy-toml", [limits.encode(), "\n".join(lines).encode()], read, same, mutations=TEXT)


def small_files(folder: Path, home: CoordinatorHome) -> Iterator[Decoder]:
    enrolment.invite(home, "clinic-2")
    path = home.path / "invitations" / "clinic-2.toml"

    def read_invitation(data: bytes) -> Any:
        path.write_bytes(data)
        return enrolment._read_invitation(path)

    def holds(data: bytes, kept: Any) -> bool:
        return len(bytes.fromhex(kept["token_key"])) == 32 and type(kept["used"]) is bool and int(kept["expires"]) > 0

    yield Decoder("invitation-record", [path.read_bytes()], read_invitation, holds, mutations=TEXT, tries=OWN_FILE)

    def read_started(data: bytes) -> Any:
        StudyFolder(folder).started.write_bytes(data)
        return offering.facts(folder)

    valid = [json.dumps({"offered": 1.8e9, "begin_after": after}).encode() for after in (None, 3600.0)]

    def moments(data: bytes, found: Any) -> bool:
        return found["offered"] == found["offered"] and (found["begin_after"] is None or found["begin_after"] >= 0)

    yield Decoder("started-json", valid, read_started, moments, mutations=TEXT, tries=OWN_FILE)

    def read_status(data: bytes) -> Any:
        (home.path / "status.json").write_bytes(data)
        found = home.read_status()
        with lock.only_one(home):  # a service runs, and this is what it said last
            finding = health._service(home)
        assert lock.silence(home) >= 0
        if found is None:
            assert not finding.holds
            raise WireError("no status")
        return finding

    home.write_status({"running": True, "connected": True, "doing": "waiting", "reason": "connected"})
    status = files.read(home.path / "status.json")
    yield Decoder(
        "status-json", [status], read_status, lambda data, value: bool(value.what), mutations=TEXT, tries=OWN_FILE
    )

    received = folder / "models" / "tiny"
    received.mkdir(parents=True)

    def read_verification(data: bytes) -> Any:
        (received / "verification.json").write_bytes(data)
        found = received_models._examine(received)
        assert not found.verified  # there is no model
        if found.digest == "":
            raise WireError(found.problem)
        return found

    line = {"round": 0, "outcome": "preserved", "phrase": "preserved", "detail": ""}
    document = {"study": "tiny", "study_digest": "ab" * 32, "rounds": 2, "auroc": 0.75, "sums": [line]}
    verification = json.dumps(document, indent=2).encode()
    yield Decoder(
        "verification-json",
        [verification],
        read_verification,
        lambda data, v: type(v.rounds) is int,
        mutations=TEXT,
        tries=OWN_FILE,
    )


def logs(home: CoordinatorHome) -> Iterator[Decoder]:
    """log.jsonl: a line that is damaged is left out."""
    path = home.path / "log.jsonl"
    home.alarm("breach", {"study": "tiny"})
    tail = Follower(home)
    whole = b"".join(path.read_bytes().splitlines(keepends=True)[-3:])

    def read(data: bytes) -> list[Any]:
        tail._offset = 0
        path.write_bytes(data)
        found = home.log_lines()
        assert health._alarms(home, NOW).what == "alarms"
        assert tail.new_lines() == found[: len(found)] or not data.endswith(b"\n")
        for entry in found:
            service_log.line(entry)
        return found

    def objects(data: bytes, found: list[Any]) -> bool:
        return all(type(entry) is dict for entry in found)

    yield Decoder("log-jsonl", [whole], read, objects, mutations=TEXT, refuses=False, tries=OWN_FILE)


def waiting(folder: Path) -> Iterator[Decoder]:
    letters = (b"first letter", b"", b"third" * 50)
    outbox = Outbox(folder)
    for letter in letters:
        outbox.put(letter)
    slots = folder / "small.slots"
    with slots.open("rb") as file:
        heads = [file.read(SLOT_BYTES)[:400] for _ in letters]

    def read(data: bytes) -> list[bytes]:
        with slots.open("r+b") as file:
            file.write(data[:SLOT_BYTES].ljust(len(heads[2]) + 200, b"\0"))
        # What its digest does not confirm is not there, as after a power failure.
        return [b"".join(each.pieces(900_000)) for each in Outbox(folder).pending()]

    def were_put(data: bytes, found: list[bytes]) -> bool:
        return set(found) <= set(letters)

    yield Decoder("slots", heads, read, were_put, refuses=False, tries=OWN_FILE)
    one = Waiting(1, bytes(16), 5, slots)
    note, notes = outbox._note(one), list[bytes]()
    for sent in (Progress(3, 17), Progress(12, 40_000)):
        outbox.mark(one, sent)
        notes.append(note.read_bytes())

    def progress(data: bytes) -> Progress:
        note.write_bytes(data)
        return outbox.progress(one)

    def counts(data: bytes, found: Progress) -> bool:
        return found == Progress()  # its chunks are sent again

    yield Decoder("upload-note", notes, progress, counts, mutations=(*TEXT, *BINARY), refuses=False, tries=OWN_FILE)
    known = os.urandom(32), os.urandom(32)
    handled = Handled(folder / "handled")
    for each in known:
        handled.add("clinic-1", each)
    path = folder / "handled" / "clinic-1.handled"

    def ids(data: bytes) -> list[bytes]:
        path.write_bytes(data)
        found = Handled(folder / "handled")._of("clinic-1")
        return [bytes(found[at : at + 32]) for at in range(0, len(found), 32)]

    def whole_ids(data: bytes, found: list[bytes]) -> bool:
        return all(len(each) == 32 and each.hex().encode() in data for each in found)

    yield Decoder("handled", [path.read_bytes()], ids, whole_ids, mutations=(*TEXT, *BINARY), refuses=False)
