"""Certificates are renewed while everything runs; nobody has to restart a service."""

from __future__ import annotations

import pytest
from tests.transport.test_services import Deployment, deployment

from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import authority, enrolment
from cipherward.store import files

pytestmark = pytest.mark.slow
__all__ = ["deployment"]


def connections(deployment: Deployment, name: str) -> int:
    return sum(line["event"] == "connected" for line in deployment.home(name).log_lines())


def test_the_coordinators_own_certificates_are_renewed_while_it_runs(deployment: Deployment) -> None:
    deployment.serve()
    for name in deployment.processes:
        deployment.until(lambda name=name: connections(deployment, name) == 1, f"{name} connected")  # type: ignore[misc]
    home = CoordinatorHome(deployment.paths["coordinator"])
    before = authority.subject(files.read(home.tls_certificate))
    enrolment.renew(home)
    assert authority.subject(files.read(home.tls_certificate)) != before
    deployment.until(lambda: connections(deployment, "coordinator") >= 2, "connected with the new certificate")
    deployment.start()
    deployment.approve()
    deployment.until(lambda: deployment.study().get("phase") == "finished", "finished")


def test_a_hospitals_certificate_is_renewed_while_it_runs(deployment: Deployment) -> None:
    deployment.serve("coordinator", "clinic-1")
    deployment.until(lambda: connections(deployment, "clinic-1") == 1, "connected")
    home = CoordinatorHome(deployment.paths["coordinator"])
    hospital = HospitalHome(deployment.paths["clinic-1"])
    request = enrolment.accept_invitation(hospital, enrolment.invite(home, "clinic-1", renew=True))
    admission = enrolment.admit(home, request).admission
    deployment.until(lambda: deployment.status("clinic-1").get("connected") is False, "cut off with the old one")
    enrolment.accept_admission(hospital, admission)
    deployment.until(lambda: connections(deployment, "clinic-1") == 2, "connected with the new one")
