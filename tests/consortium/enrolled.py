"""A small consortium on disk: real homes, real keys, files carried by hand."""

from __future__ import annotations

from pathlib import Path

from tests import simulator

from cipherward.consortium.approval import approvals
from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import enrolment
from cipherward.consortium.service import offering
from cipherward.study import Study

NOW = 1_800_000_000.0


def coordinator(folder: Path, name: str = "icu-net") -> CoordinatorHome:
    return enrolment.create_coordinator(folder, name=name, servers=["tls://localhost:4222"], listen="127.0.0.1:4222")


def hospital(folder: Path, table: Path | None = None) -> HospitalHome:
    if table is None:
        table = folder.parent / "some.csv"
        table.write_text("age\n1\n")
    return enrolment.create_hospital(folder, data=table)


def join(home: CoordinatorHome, own: HospitalHome, name: str) -> None:
    """Invitation, request, admission: all three files by hand."""
    request = enrolment.accept_invitation(own, enrolment.invite(home, name))
    enrolment.accept_admission(own, enrolment.admit(home, request).admission)


class Consortium:
    """A coordinator and enrolled hospitals clinic-1 ... clinic-n, each with its table, all confirmed by everybody."""

    def __init__(self, folder: Path, n: int = 4) -> None:
        tables = simulator.write_tables(folder / "tables", n, rows=100)
        self.coordinator = coordinator(folder / "coordinator")
        self.hospitals = {}
        for index in range(1, n + 1):
            name = f"clinic-{index}"
            self.hospitals[name] = hospital(folder / name, tables / f"{name}.csv")
            join(self.coordinator, self.hospitals[name], name)
        for home in self.hospitals.values():
            home.receive_members(self.coordinator.chain())
            home.confirm_members()
        self.first = self.hospitals["clinic-1"]

    def freeze(self, study: Study) -> Study:
        return offering.freeze(study, self.coordinator.members, self.coordinator.coordinator_key)

    def offer(self, study: Study, name: str = "clinic-1") -> OfferedStudy:
        return approvals.keep_offer(self.hospitals[name], study.to_toml().encode(), b"")


def alarms(home: CoordinatorHome | HospitalHome) -> list[str]:
    return [str(line["event"]) for line in home.alarms()]
