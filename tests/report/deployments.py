"""Deployed studies whose parties have written their reports: one without trouble, one with every kind of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any
from unittest import mock

from tests.consortium.consortium import Consortium, document
from tests.consortium.packets_in import kinds_in, packets_in
from tests.parties.liars_in_a_sum import Liar
from tests.simulator import signed_body

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service import letters
from cipherward.consortium.service.coordinator_desk import CoordinatorDesk
from cipherward.consortium.service.hospital_desk import HospitalDesk
from cipherward.consortium.service.letters import Packets
from cipherward.crypto.identity import COORDINATOR
from cipherward.errors import UnfitUpdateError
from cipherward.report import deployed
from cipherward.sums.messages import Opening, sign
from cipherward.sums.packets import pack, unpack
from cipherward.tasks.hospital_work import HospitalWork

TROUBLE = {"threshold": 5, "corrupt": 1, "dropouts": 3, "min_contributors": 4, "deadline_seconds": 30.0}


def finished(folder: Path, *, data: dict[str, Any] | None = None, **sections: Any) -> Consortium:
    """Four hospitals that have finished a study; each service has looked at its files since."""
    four = _reporting(folder, 4)
    four.start(document(4, data={"test_fraction": 0.4, **(data or {})}, **sections))
    four.approve()
    four.pump()
    _report(four)
    return four


def troubled(folder: Path) -> Consortium:
    """Eight hospitals: clinic-3 spoils a sum and is found out, an update of clinic-7 arrives damaged, clinic-6 declines one
    sum, clinic-8 withdraws, the coordinator shows clinic-1 another model than the others."""
    eight = _reporting(folder, 8)
    study = document(8, training={"rounds": 14}, data={"test_fraction": 0.4}, aggregation=TROUBLE)
    eight.start(study)
    eight.approve()
    honest = HospitalWork.values
    damaged: list[int] = []
    shown: list[int] = []

    def hand_over(sender: str, to: str, letter: bytes) -> None:
        opened = eight.status()["sums_opened"]
        kinds = kinds_in(letter)
        if to == "clinic-3" and "Joined" in kinds:
            _make_liar(eight)
        if sender == "clinic-7" and "Update" in kinds and opened == 1 and not damaged:
            damaged.append(1)
            good = packets_in(letter)[0]
            spoilt = Packets((good[:-1] + bytes([good[-1] ^ 1]),))
            study = bytes.fromhex(eight.status()["digest"])
            identity = eight.hospital("clinic-7").identity
            letter = letters.seal(identity, "coordinator", study, spoilt, from_coordinator=False)
        if "ConsentRequest" in kinds and opened == 11 and "clinic-8" not in eight.status()["withdrawn"]:
            eight.withdraw("clinic-8")
        if to == "clinic-1" and "Opening" in kinds and opened == 13 and not shown:
            shown.append(1)
            study = bytes.fromhex(eight.status()["digest"])
            lie = dataclasses.replace(signed_body(unpack(packets_in(letter)[0])[1], Opening), next_model=bytes(32))
            packet = pack("Opening", sign(eight.home.identity, study, COORDINATOR, lie))
            letter = letters.seal(eight.home.identity, to, study, Packets((packet,)), from_coordinator=True)
        Consortium.hand_over(eight, sender, to, letter)

    def values(self: HospitalWork, state: Any) -> Any:
        guarded: Any = eight.desks["clinic-6"]._all_studies()[0]._opened_node().work
        if state.sums_done == 10 and self is guarded._inner:
            raise UnfitUpdateError("training diverged", reason="diverged")
        return honest(self, state)

    eight.hand_over = hand_over  # type: ignore[method-assign]
    with mock.patch.object(HospitalWork, "values", values):
        for _ in range(40):
            eight.pump()
            eight.now += 31
    _report(eight)
    return eight


def folder_of(made: Consortium, name: str) -> Path:
    if name == "coordinator":
        return made.home.study_folders()[0]
    (path,) = made.hospital(name).models.glob("tiny-*")
    return path


def _make_liar(made: Consortium) -> None:
    """Hospital clinic-3 deals shares that lie on no polynomial, in the first training sum."""
    site = made.desks["clinic-3"]._all_studies()[0]._opened_node()
    if not isinstance(site.rules.scheme, Liar):
        site.rules = dataclasses.replace(site.rules, scheme=Liar(lambda: site.state.sums_done == 1, "polynomial"))
        site._me = dataclasses.replace(site._me, rules=site.rules)


def _reporting(folder: Path, n: int) -> Consortium:
    made = Consortium(folder, n, rows=200)
    made.desk = CoordinatorDesk(made.home, lambda: made.now, deployed.write)
    for name, desk in made.desks.items():
        desk.close()
        made.desks[name] = HospitalDesk(HospitalHome(made.folder / name), deployed.write)
    return made


def _report(made: Consortium) -> None:
    made.desk.report()
    for desk in made.desks.values():
        desk.report()
