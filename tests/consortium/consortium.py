"""A consortium in one process: real homes, enrolled as people would, and letters that a test carries by hand."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from tests import public_split, simulator

from cipherward import study as study_document
from cipherward.consortium.approval import approvals
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import enrolment
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.service import offering
from cipherward.consortium.service.coordinator_desk import CoordinatorDesk
from cipherward.consortium.service.hospital_desk import HospitalDesk
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.disclosure.standing import Agreement
from cipherward.parties import asking, inventories, who_stands
from cipherward.parties.inventories import Inventory
from cipherward.runs import verify
from cipherward.store import files
from cipherward.study import Study
from cipherward.sums import hospital_steps as steps
from cipherward.sums.messages import Opening, unsign
from cipherward.sums.votes import Member

NOW = 1_800_000_000.0


def document(n: int, /, **sections: Any) -> Study:
    """The tiny study as people write it for a deployment: no paths. Unless it says otherwise, every hospital may be singled
    out, so that any of them may be missing from a sum."""
    hospitals = [{"name": f"clinic-{i}"} for i in range(1, n + 1)]
    made = simulator.document(n, **({"singled_out": "all"} | sections | {"hospitals": hospitals}))
    return study_document.parse(made, origin="tests")


def sign(home: HospitalHome, offered: approvals.OfferedStudy) -> bytes:
    """People approve, and answer the question of rule 3 as the study proposes."""
    return approvals.approve(home, offered, "Dr Example", who_stands.answer_of(offered.study, home.name))


def declared(home: HospitalHome, study: bytes, answer: Agreement = Agreement.NO, index: int = 1) -> bytes:
    """What a hospital declares of an empty table, signed."""
    return inventories.sign(home.identity, index, Inventory(study, int(answer), 0, ()))


def found(
    folder: Path, n: int, *, url: str = "tls://127.0.0.1:4222", rows: int = 80, own_split: bool = False
) -> CoordinatorHome:
    """A coordinator's home in folder/coordinator and `n` enrolled hospitals' in folder/clinic-1 ..., whose registers have the
    public split, as on the local engine; with `own_split` none has begun a register. All are copies of homes that are made
    once in a process: two foundings alike have the same keys."""
    made_by = simulator.write_tables, simulator.document  # tests put others in their places
    shutil.copytree(_founded(n, url, rows, own_split, made_by).name, folder, dirs_exist_ok=True)
    return CoordinatorHome(folder / "coordinator")


@functools.cache
def _founded(
    n: int, url: str, rows: int, own_split: bool, made_by: tuple[Callable[..., Any], ...]
) -> tempfile.TemporaryDirectory[str]:
    made = tempfile.TemporaryDirectory(prefix="cipherward-founded-")
    folder = Path(made.name)
    tables = simulator.write_tables(folder / "tables", n, rows=rows)
    home = enrolment.create_coordinator(
        folder / "coordinator", name="Test consortium", servers=[url], listen=url.removeprefix("tls://")
    )
    for index in range(1, n + 1):
        join(folder, home, f"clinic-{index}", tables / f"clinic-{index}.csv")
    for index in range(1, n + 1):
        hospital = HospitalHome(folder / f"clinic-{index}")
        hospital.confirm_members(hospital.receive_members(home.chain()))
        if not own_split:
            public_split.deal(hospital, simulator.study(n))
    return made


def join(folder: Path, home: CoordinatorHome, name: str, table: Path) -> HospitalHome:
    """One hospital, from the invitation to the certificate; it confirms nothing. Its settings lead to the table from where they
    are, so that all of it can be copied."""
    enrolment.create_hospital(folder / name, data=table)
    settings = folder / name / "hospital.toml"
    found = settings.read_text()
    settings.write_text(found.replace(str(table.resolve()), os.path.relpath(table, folder / name)))
    hospital = HospitalHome(folder / name)
    request = enrolment.accept_invitation(hospital, enrolment.invite(home, name))
    hospital = HospitalHome(folder / name)
    enrolment.accept_admission(hospital, enrolment.admit(home, request).admission)
    return hospital


Carried = Callable[[str, str, bytes], None]
"""Told (from, to, letter) of every letter before it is handed over."""


@dataclass
class Consortium:
    """Everyone, with a clock that a test moves. `restart` says whom to start anew before each letter. `rows`: of a
    table, about; where nobody agrees to be singled out, every part of it has to be large enough for the default policy."""

    folder: Path
    n: int
    now: float = NOW
    carried: list[tuple[str, str, bytes]] = field(default_factory=list)
    before: Carried = lambda sender, to, letter: None
    reachable: set[str] = field(default_factory=set)
    url: str = "tls://127.0.0.1:4222"
    rows: int = 80
    own_split: bool = False

    def __post_init__(self) -> None:
        if not (self.folder / "coordinator").exists():
            found(self.folder, self.n, url=self.url, rows=self.rows, own_split=self.own_split)
        self.home = CoordinatorHome(self.folder / "coordinator")
        self.names = [f"clinic-{i}" for i in range(1, self.n + 1)]
        self.reachable = set(self.names)
        self.queue: deque[tuple[str, str, bytes]] = deque()
        self.held: dict[str, list[tuple[str, str, bytes]]] = {name: [] for name in self.names}
        self.desks = {name: HospitalDesk(HospitalHome(self.folder / name)) for name in self.names}
        self.desk = CoordinatorDesk(self.home, lambda: self.now)

    def copied(self, folder: Path) -> Consortium:
        """Another, that goes on in `folder` from where this one, which is closed, has come; every process has just started."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return replace(self, folder=folder, carried=[])

    def close(self) -> None:
        for desk in self.desks.values():
            desk.close()

    def restart_host(self) -> None:
        """The coordinator's process dies and starts again."""
        self.home = CoordinatorHome(self.home.path)
        self.desk = CoordinatorDesk(self.home, lambda: self.now)
        self.put_down(self.desk.start())

    def restart_hospital(self, name: str) -> None:
        """A hospital's process dies and starts again."""
        self.desks[name].close()
        self.desks[name] = HospitalDesk(HospitalHome(self.folder / name))

    def give_table(self, name: str, written: str) -> None:
        """Another section [data] for a hospital's settings, which runs anew with it."""
        settings = self.hospital(name).path / "hospital.toml"
        text = settings.read_text()
        settings.write_text(f"{text[: text.index('[data]')]}[data]\n{written}\n")
        self.restart_hospital(name)

    def hospital(self, name: str) -> HospitalHome:
        return self.desks[name].home

    def start(self, study: Study, **options: Any) -> Path:
        """`coordinator start`, and the offers arrive."""
        folder = offering.start(self.home, study, self.now, **options)
        self.pump()
        return folder

    def approve(self, *names: str) -> None:
        for name in names or self.names:
            home = self.hospital(name)
            offers = approvals.whole_offers(home)[0]
            sign(home, ([offer for offer in offers if not offer.approval] or offers)[-1])

    def begin(self, study: Study, **options: Any) -> Path:
        """As `start`, and `approve` by all, where nothing has happened yet: a copy of one to which that has happened, made once in
        a process. Every process has just started."""
        assert not self.home.study_folders()
        self.close()
        shutil.copytree(_begun(self, study, options).name, self.folder, dirs_exist_ok=True)
        self.__post_init__()
        (folder,) = self.home.study_folders()
        return folder

    def withdraw(self, name: str) -> None:
        home = self.hospital(name)
        approvals.withdraw(home, approvals.offers(home)[-1])

    def put_down(self, letters: list[tuple[str, bytes]]) -> None:
        for name, letter in letters:
            (self.queue if name in self.reachable else self.held[name]).append((COORDINATOR_NAME, name, letter))

    def come_back(self, name: str) -> None:
        """What waited in a mailbox is fetched."""
        self.reachable.add(name)
        self.queue.extend(self.held[name])
        self.held[name].clear()

    def poll(self) -> None:
        """Both ends look at their files and clocks once."""
        for name in sorted(self.reachable):
            self.queue.extend((name, COORDINATOR_NAME, letter) for letter in self.desks[name].poll())
        self.put_down(self.desk.tick())

    def pump(self, most: int = 5_000) -> None:
        """Carry letters until nothing more comes of it."""
        self.poll()
        while self.queue:
            assert most, "letters without end"
            most -= 1
            self.step()
            if not self.queue:
                self.poll()

    def step(self) -> None:
        """Carry one letter."""
        sender, to, letter = self.queue.popleft()
        self.before(sender, to, letter)
        self.carried.append((sender, to, letter))
        self.hand_over(sender, to, letter)

    def hand_over(self, sender: str, to: str, letter: bytes) -> None:
        if to == COORDINATOR_NAME:
            self.put_down(self.desk.receive(sender, letter))
        else:
            self.queue.extend((to, COORDINATOR_NAME, answer) for answer in self.desks[to].receive(letter))

    def alarms(self, name: str) -> list[str]:
        """The reasons of a party's alarms, oldest first."""
        home = self.home if name == COORDINATOR_NAME else self.hospital(name)
        return [f"{line['event']}: {line.get('reason', '')}" for line in home.alarms()]

    def status(self) -> dict[str, Any]:
        """The newest study as the coordinator sees it."""
        return self.desk.status()[-1]

    @property
    def sums_opened(self) -> int:
        """Of the newest study; for what looks at every letter, as the whole status takes as long as some letters."""
        return len(list(self.desk._studies.values())[-1].run.rounds_with_openings())


_once: dict[object, tempfile.TemporaryDirectory[str]] = {}


def _begun(like: Consortium, study: Study, options: dict[str, Any]) -> tempfile.TemporaryDirectory[str]:
    """The folder of a consortium like this one in which all have approved this study; closed."""
    founded = like.n, like.url, like.rows, like.own_split, simulator.write_tables, simulator.document
    key = (founded, like.now, study.to_toml(), tuple(sorted(options.items())))
    if key not in _once:
        _once[key] = tempfile.TemporaryDirectory(prefix="cipherward-begun-")
        made = replace(like, folder=Path(_once[key].name), carried=[], before=lambda sender, to, letter: None)
        made.start(study, **options)
        made.approve()
        made.close()
    return _once[key]


def opened(path: Path) -> list[tuple[bytes, NDArray[Any]]]:
    """Per sum of a run directory: the digest of the state that follows, and the opened sums."""
    run = verify.open_run(path)
    states = list(verify.replay(run))
    auditor = Member(run.rules, COORDINATOR, Identity(bytes(32)))
    result = []
    for before, after in itertools.pairwise(states):
        data = files.read(run.files.opening(before.state.sums_done))
        opening = unsign(data, Opening, study=run.rules.study, keys=run.rules.keys, sender=COORDINATOR)
        task = asking.task_of(run.rules, before.state, opening.attempt)
        verified = steps.verify(auditor, task, opening, own_header=None, consented=None)
        result.append((after.state.digest(), verified.sums))
    return result
