"""The loops of a service go on, and say so, whatever a part of it raises; only what cannot be stopped starts it anew."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.consortium import enrolled
from tests.ports import closed_port

from cipherward.consortium.homes.alarms import open_alarms
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.service import letters
from cipherward.consortium.service.hospital_desk import HospitalDesk
from cipherward.consortium.service.letters import Alive, Refusal
from cipherward.crypto.identity import Identity
from cipherward.transport import hospital_service, serving


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HospitalHome]:
    """An enrolled hospital whose server is not there."""
    for name in ("LOOK_SECONDS",):
        monkeypatch.setattr(hospital_service, name, 0.02)
    for name in ("AGAIN_SECONDS", "WATCH_SECONDS", "HEARTBEAT_SECONDS"):
        monkeypatch.setattr(serving, name, 0.05)
    home = enrolled.coordinator(tmp_path / "c")
    made = enrolled.hospital(tmp_path / "north")
    enrolled.join(home, made, "north")
    settings = made.path / "hospital.toml"
    with closed_port() as port:
        settings.write_text(settings.read_text().replace("localhost:4222", f"127.0.0.1:{port}"))
        yield HospitalHome(made.path)


def run(home: HospitalHome, until: Callable[[], bool]) -> bool:
    """The real service, stopped by SIGTERM once `until` holds."""

    async def both() -> bool:
        service = asyncio.create_task(hospital_service.serve(home, lambda line: None))
        for _ in range(2_000):
            if until() or service.done():
                break
            await asyncio.sleep(0.05)
        held = until()
        if not service.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await service
        return held

    return asyncio.run(both())


def failing(times: int, error: BaseException, real: Callable[..., Any]) -> tuple[Callable[..., Any], list[int]]:
    calls = [0]

    def call(*given: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] <= times:
            raise error
        return real(*given, **named)

    return call, calls


@pytest.mark.parametrize("method", ["poll", "report", "status"])
@pytest.mark.parametrize("error", [ValueError("x"), MemoryError(), RecursionError()], ids=lambda e: type(e).__name__)
def test_whatever_a_look_raises_the_next_look_comes_and_an_alarm_says_what_it_was(
    own: HospitalHome, monkeypatch: pytest.MonkeyPatch, method: str, error: Exception
) -> None:
    broken, calls = failing(3, error, getattr(HospitalDesk, method))
    monkeypatch.setattr(HospitalDesk, method, broken)
    assert run(own, lambda: calls[0] > 5 and bool((own.read_status() or {}).get("running")))
    assert any(type(error).__name__ in alarm.reason for alarm in open_alarms(own.path))


def test_a_certificate_that_cannot_be_read_is_said_and_tried_again(own: HospitalHome) -> None:
    good = own.tls_certificate.read_bytes()
    own.tls_certificate.write_bytes(b"damaged")

    def said() -> bool:
        return any("cannot read the certificate" in alarm.reason for alarm in open_alarms(own.path))

    assert run(own, said)
    own.tls_certificate.write_bytes(good)


def test_a_study_that_never_ends_makes_the_service_start_itself_again(
    own: HospitalHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(HospitalDesk, "overdue", lambda self: True)
    monkeypatch.setattr(os, "execv", lambda path, words: started.append(path))
    assert run(own, lambda: bool(started))
    assert "service restarts" in [line["event"] for line in own.log_lines()]


def test_a_sign_of_life_does_not_make_a_service_look_round_more_often(own: HospitalHome) -> None:
    pace = serving.Pace(0.25)
    pace._noticed = float("-inf")
    other = Identity(bytes(32))
    for body, seconds in ((Alive(1, 1), serving.IDLE_SECONDS), (Refusal(("policy",)), 0.25)):
        pace.notice(letters.seal(other, COORDINATOR_NAME, letters.NO_STUDY, body, from_coordinator=False))
        assert pace.seconds == seconds
