"""Is this party in order? Files, keys, certificates, table, policy, service: one finding each."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cipherward.consortium.approval import approvals, policyfile
from cipherward.consortium.homes.alarms import open_alarms
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.home import Home
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.homes.lock import SILENT_SECONDS, is_served, silence
from cipherward.consortium.membership import authority
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.service.signs_of_life import DISK_FULL, THE_COORDINATOR, ask_silent, clock_words, seen_words
from cipherward.consortium.service.signs_of_life import SILENT_SECONDS as UNHEARD_SECONDS
from cipherward.consortium.service.signs_of_life import moment as when
from cipherward.crypto.identity import fingerprint
from cipherward.data.database import read_source
from cipherward.errors import CipherwardError, VersionError
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files

WARN_DAYS = 30
_RECENT = timedelta(days=1)
_SKEW = timedelta(minutes=5)
LEAST_DISK, FULL_DISK = 1 << 30, 16 << 20
"""Bytes free on a home's disk below which people hear of it, and below which it counts as full."""


@dataclass(frozen=True)
class Finding:
    """One check. `detail` says what was found, `hint` what to do when it is not in order."""

    what: str
    holds: bool
    detail: str
    hint: str = ""


def coordinator(home: CoordinatorHome, now: datetime | None = None) -> list[Finding]:
    """Every check of a coordinator's home."""
    moment = now or datetime.now(UTC)
    return [
        _checked("keys", lambda: _keys(home)),
        _checked("members", lambda: f"version {home.members.version}, {len(home.members.active)} active"),
        *(_certificate(home, name, moment) for name in ("authority.crt", "server.crt", "tls.crt")),
        _checked("names", lambda: _names(home)),
        _checked("certificates of members", lambda: _issued(home, moment)),
        disk(home),
        clocks(home),
        _service(home),
        hospitals_seen(home, moment),
        _alarms(home, moment),
    ]


def hospital(home: HospitalHome, now: datetime | None = None) -> list[Finding]:
    """Every check of a hospital's home."""
    moment = now or datetime.now(UTC)
    found = [
        _checked("keys", lambda: _keys(home)),
        _checked("policy", lambda: _policy(home)),
        _checked("table", lambda: f"{read_source(home.data_source).table.height:,} rows"),
        disk(home),
    ]
    if not home.is_enrolled:
        return [*found, _membership(home)]
    return [
        *found,
        _members(home),
        _certificate(home, "tls.crt", moment),
        _service(home),
        clocks(home),
        coordinator_seen(home, moment),
        _studies(home),
        _alarms(home, moment),
    ]


def _membership(home: HospitalHome) -> Finding:
    if home.settings.get("name") and home.tls_key.exists():
        return Finding(
            "membership",
            False,
            "not enrolled: the request was made, and the coordinator's admission has not come",
            "send the request to the coordinator if that is not done, and wait for the admission",
        )
    hint = "ask the coordinator for an invitation, then: cipherward hospital enroll INVITATION"
    return Finding("membership", False, "not enrolled: not invited yet", hint)


def is_full(home: Home) -> bool:
    """Whether the home's disk counts as full."""
    return shutil.disk_usage(home.path).free < FULL_DISK


def disk(home: Home) -> Finding:
    """Room on the home's disk. A service on a full one cannot even write what its trouble is."""
    free = shutil.disk_usage(home.path).free
    said = f"{free / 2**30:.1f} GiB free" if free >= LEAST_DISK else f"{free >> 20} MiB free"
    said = f"the disk is full: {said}" if is_full(home) else said
    hint = "free space: nothing can be kept, and nothing leaves, when the disk is full"
    return Finding("disk", free >= LEAST_DISK, said, hint)


def clocks(home: Home) -> Finding:
    """Whether the others' clocks agree with this one, as far as their letters have shown it."""
    found = (home.read_status() or {}).get("clocks") or {}
    off = {name: float(by) for name, by in sorted(found.items()) if isinstance(by, int | float)}
    if not off:
        return Finding("clocks", True, "no other party's is known to differ")
    said = "; ".join(f"{name}: {clock_words(by)}" for name, by in off.items())
    return Finding(
        "clocks", False, f"wrong clock, here or there: {said}", "compare both with a third; set the wrong one (NTP)"
    )


def coordinator_seen(home: HospitalHome, now: datetime) -> Finding:
    """Whether the other end lives: a message server answers for a coordinator that is dead."""
    status = home.read_status() or {}
    if THE_COORDINATOR in (status.get("troubles") or {}) and is_served(home):
        return Finding("coordinator", False, DISK_FULL, "letters wait here and go out when there is room")
    at = (status.get("seen") or {}).get(COORDINATOR_NAME)
    if not isinstance(at, int | float):
        return Finding("coordinator", True, "no sign of life has been asked for yet")
    if status.get("connected") is False:
        return Finding("coordinator", True, f"not known while this hospital is not connected; last heard of {when(at)}")
    said = seen_words(at, now.timestamp())
    alive = now.timestamp() - at <= UNHEARD_SECONDS
    return Finding("coordinator", alive or not is_served(home), said, ask_silent([COORDINATOR_NAME]))


def hospitals_seen(home: CoordinatorHome, now: datetime) -> Finding:
    """Whether the members' services live, as far as they were ever heard of."""
    status = home.read_status() or {}
    seen = {name: at for name, at in (status.get("seen") or {}).items() if isinstance(at, int | float)}
    silent = {name: at for name, at in sorted(seen.items()) if now.timestamp() - at > UNHEARD_SECONDS}
    never = sorted(set(map(str, status.get("members") or ())) - seen.keys())
    said = [f"{name}: {seen_words(at, now.timestamp())}" for name, at in silent.items()]
    said += [f"{', '.join(never)}: no sign of life yet"] if never else []
    if not is_served(home) or status.get("connected") is False:
        return Finding("hospitals", True, "not known while this service is not running and connected")
    return Finding("hospitals", not silent, "; ".join(said) or "all are alive", ask_silent(silent))


def _studies(home: HospitalHome) -> Finding:
    """What waits for people here; that is no fault."""
    offered, unusable = approvals.whole_offers(home)
    damaged = [folder for folder, error in unusable.items() if not isinstance(error, VersionError)]
    if damaged:
        names = ", ".join(folder.name[:12] for folder in damaged)
        return Finding("studies", False, f"files of {names} are damaged", "restore the folder under studies/")
    waiting = [
        offer.study.name
        for offer in offered
        if offer.status == "pending review" and StudyFolder(offer.folder).ended() is None
    ]
    if not waiting:
        of_others = f"; {len(unusable)} of another version of cipherward stay as they are" if unusable else ""
        return Finding("studies", True, f"none waits for review{of_others}")
    first = f"cipherward hospital review {waiting[0]}"
    return Finding("studies", True, f"{', '.join(waiting)} waits for review: {first}", first)


def _keys(home: Home) -> str:
    secret = home.secret_files()
    for path in secret:
        home.check_private(path)
    return f"{len(secret)} secret files, readable by their owner only; identity {fingerprint(home.identity.public_key)}"


def _policy(home: HospitalHome) -> str:
    policyfile.load(home.policy_file)
    return "policy.toml is in order"


def _members(home: HospitalHome) -> Finding:
    try:
        confirmed, offered = home.confirmed, home.offered
    except CipherwardError as error:
        return Finding("members", False, error.message, error.hint)
    hint = "cipherward hospital members, compare fingerprints by phone, then cipherward hospital confirm"
    if confirmed is None:
        return Finding("members", False, "no members list is confirmed", hint)
    if offered and offered.version > confirmed.version:
        waiting = f"version {offered.version} waits for confirmation, version {confirmed.version} is confirmed"
        return Finding("members", False, waiting, hint)
    return Finding("members", True, f"version {confirmed.version} is confirmed, {len(confirmed.active)} active")


def _certificate(home: Home, name: str, now: datetime) -> Finding:
    def left() -> str:
        certificate = files.read(home.path / name)
        end, begin = authority.expires(certificate), authority.begins(certificate)
        if now + _SKEW < begin:
            raise CipherwardError(
                f"wrong clock: it says {now:%Y-%m-%d %H:%M} UTC, and the certificate begins on {begin:%Y-%m-%d %H:%M} UTC",
                hint="set this machine's clock (NTP)",
            )
        if end < now + timedelta(days=WARN_DAYS):
            days = (end - now).days
            raise CipherwardError(
                f"expires in {days} days ({end:%Y-%m-%d})" if days >= 0 else f"expired on {end:%Y-%m-%d}",
                hint="renew it: cipherward coordinator renew; a hospital's: cipherward coordinator invite NAME --renew",
            )
        return f"valid until {end:%Y-%m-%d}"

    return _checked(f"certificate {name}", left)


def _names(home: CoordinatorHome) -> str:
    """Whether the server's certificate is for every name in the settings."""
    missing = [host for host in home.hosts if host not in authority.hosts(files.read(home.server_certificate))]
    if missing:
        raise CipherwardError(
            f"server.crt is not for {', '.join(missing)}, which consortium.toml names: hospitals that dial it refuse the server",
            hint="cipherward coordinator renew, then restart the service",
        )
    return f"server.crt is for {', '.join(home.hosts)}"


def _issued(home: CoordinatorHome, now: datetime) -> str:
    """Whether every member's certificate can be used, and for how long."""
    problems = []
    for member in home.members.active:
        try:
            issued = files.read(home.certificate(member.name))
            authority.subject(issued)
            end = authority.expires(issued)
        except CipherwardError as error:
            problems.append(f"{member.name}: {error.message}")
            continue
        if end < now + timedelta(days=WARN_DAYS):
            problems.append(f"{member.name}: until {end:%Y-%m-%d}")
    if problems:
        raise CipherwardError("; ".join(problems), hint="cipherward coordinator invite NAME --renew")
    return f"none ends within {WARN_DAYS} days"


def _service(home: Home) -> Finding:
    status = home.read_status()
    start = f"start it: cipherward {'coordinator' if isinstance(home, CoordinatorHome) else 'hospital'} serve"
    if not is_served(home):
        last = f"; last seen {str(status['time'])[:19]}" if status and status.get("time") else ""
        return Finding("service", False, f"not running{last}", start)
    silent = silence(home)
    if status is None or silent > SILENT_SECONDS:
        said = f"nothing for {silent:.0f} s" if status and math.isfinite(silent) else "nothing yet"
        return Finding(
            "service", False, f"running, but it has said {said}", "if that lasts, look at its processor and disk"
        )
    if status.get("connected") is False:
        reason = str(status.get("reason") or "no reason known")
        return Finding("service", False, f"running, not connected: {reason}", _why(home))
    if troubles := status.get("troubles"):
        reasons = "; ".join(sorted({str(each["reason"]) for each in troubles.values()}))
        hint = f"cipherward {'coordinator' if isinstance(home, CoordinatorHome) else 'hospital'} status says since when"
        return Finding("service", False, f"running and connected, but letters do not pass: {reasons}", hint)
    return Finding("service", True, str(status.get("doing") or "running"))


def _why(home: Home) -> str:
    if isinstance(home, CoordinatorHome):
        return "look at the message server: server/nats.log in this folder, its port and its certificate"
    return "cipherward hospital doctor finds out where it ends: name, port, TLS, clock or certificate"


def _alarms(home: Home, now: datetime) -> Finding:
    party = "coordinator" if isinstance(home, CoordinatorHome) else "hospital"
    recent = [alarm for alarm in open_alarms(home.path) if _is_recent(alarm.last, now)]
    if not recent:
        return Finding("alarms", True, "none in the last day that nobody has acknowledged")
    said = ", ".join(f"{alarm.event}{f' ({alarm.who})' if alarm.who else ''}{_times(alarm.times)}" for alarm in recent)
    return Finding(
        "alarms", False, f"in the last day: {said}", f"cipherward {party} alarms; with --seen once they are looked into"
    )


def _times(number: int) -> str:
    return f", {number} times" if number > 1 else ""


def _is_recent(moment: str, now: datetime) -> bool:
    try:
        return now - datetime.fromisoformat(moment) < _RECENT
    except (ValueError, TypeError, OverflowError):
        return True


def _checked(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, check())
    except CipherwardError as error:
        return Finding(what, False, error.message, error.hint)
