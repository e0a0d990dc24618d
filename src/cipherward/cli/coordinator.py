"""`cipherward coordinator`: the consortium from the coordinator's side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cipherward.cli.homes import HOME, JSON, SEEN, carry, members_json, show_alarms, show_health, show_members
from cipherward.cli.service_log import JSON_LOG, run_service, show_status, teller

if TYPE_CHECKING:
    from cipherward.consortium.homes.coordinator_home import CoordinatorHome

app = typer.Typer(
    help="Run a consortium of real hospitals: invite and admit them, start studies.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("init")
def init(
    folder: Path = typer.Argument(metavar="DIR", help="New folder: the coordinator's home."),
    name: str = typer.Option(None, "--name", help="The consortium's name; default: the folder's."),
    host: list[str] = typer.Option(
        None, "--host", help="Name or address under which hospitals reach this machine; may be repeated."
    ),
    port: int = typer.Option(4222, "--port", min=1, max=65535, help="Port of the message server."),
    server: list[str] = typer.Option(
        None, "--server", help="Use this NATS server (tls://host:port) instead of starting one; may be repeated."
    ),
) -> None:
    """Make a consortium: certificate authority, the coordinator's keys, configuration of the message server.

    Without --host and --server: a trial on this machine only.
    """
    from cipherward.consortium.membership import addresses, enrolment
    from cipherward.crypto.identity import fingerprint

    hosts = [addresses.host(each) for each in host or ["localhost", "127.0.0.1"]]
    servers = server or [f"tls://{addresses.in_url(each)}:{port}" for each in hosts]
    home = enrolment.create_coordinator(
        folder,
        name=name or folder.resolve().name,
        servers=servers if server or host else servers[:1],
        hosts=hosts if host or not server else (),
        listen=f"{'0.0.0.0' if host else '127.0.0.1'}:{port}",  # noqa: S104 - hospitals dial in from elsewhere
        managed=not server,
    )
    write_server_files(home)
    typer.echo(f"Consortium {home.consortium} in {folder}; message server: {', '.join(home.servers)}")
    typer.echo(f"Coordinator's identity, to read out by phone:  {fingerprint(home.coordinator_key)}")
    typer.echo("Back up this folder now, and keep it closed: it holds the consortium's keys.")
    if server:
        typer.echo(f"Have your server include {home.server_folder / 'members.conf'}; it changes with every member.")
    typer.echo(f"Next:  cipherward coordinator invite NAME --home {folder}")


@app.command("invite")
def invite(
    name: str = typer.Argument(help="The hospital's name: lower-case letters, digits, hyphens."),
    days: int = typer.Option(14, "--days", min=1, max=365, help="How long the invitation is good."),
    renew: bool = typer.Option(False, "--renew", help="To a member: a new certificate for the identity it has."),
    out: Path = typer.Option(None, "--out", help="File to write; default: NAME-invitation.txt here."),
    home: Path = HOME,
) -> None:
    """Write a one-time invitation for a hospital. An earlier one of that name becomes void."""
    from cipherward.consortium.membership import enrolment
    from cipherward.crypto.identity import fingerprint

    own = _open(home)
    text = enrolment.invite(own, name, days=days, renew=renew)
    carry(out or Path(f"{name}-invitation.txt"), text, "Invitation", private=True)
    typer.echo(f"It works once, for {days} days. Hand it to {name} privately; say by phone who you are:")
    typer.echo(f"  Coordinator's identity:  {fingerprint(own.coordinator_key)}")


@app.command("admit")
def admit(
    request: Path = typer.Argument(help="The hospital's request file."),
    out: Path = typer.Option(None, "--out", help="File to write; default: NAME-admission.txt here."),
    home: Path = HOME,
) -> None:
    """Check a hospital's request against its invitation, issue its certificate, add it to the members list."""
    from cipherward.consortium.membership import enrolment, members
    from cipherward.store import files

    own = _open(home)
    admitted = enrolment.admit(own, files.read(request))
    write_server_files(own)
    name = admitted.member.name
    carry(out or Path(f"{name}-admission.txt"), admitted.admission, "Admission")
    typer.echo(f"{name} is a member: version {own.members.version} of the members list.")
    typer.echo("Compare by phone with what the hospital's own terminal shows:")
    typer.echo(f"  Identity of {name}:     {admitted.member.fingerprint}")
    typer.echo(f"  Certificate of {name}:  {members.grouped(admitted.member.certificate)}")
    typer.echo(f"If they differ: cipherward coordinator revoke {name}")


@app.command("members")
def members(
    out: Path = typer.Option(None, "--out", help="Write the signed list for `cipherward hospital confirm --members`."),
    json: bool = JSON,
    home: Path = HOME,
) -> None:
    """Show the members list with the fingerprints to compare by phone."""
    from cipherward.cli.terminal import print_json
    from cipherward.consortium.membership import invitations

    own = _open(home)
    newest = own.members
    if json:
        print_json(members_json(newest))
    else:
        show_members(newest)
    if out:
        what = f"list of the consortium {own.consortium}, version {newest.version}"
        carry(out, invitations.armour("members", what, own.chain()), "Members list")


@app.command("revoke")
def revoke(name: str = typer.Argument(help="The hospital's name."), home: Path = HOME) -> None:
    """Take a hospital out: its certificate opens nothing any more, and no new study can list it."""
    from cipherward.consortium.membership import enrolment

    own = _open(home)
    newest = enrolment.revoke(own, name)
    write_server_files(own)
    typer.echo(f"{name} is revoked: version {newest.version} of the members list.")
    typer.echo("Running studies that list it go on without it while their quorum holds.")
    typer.echo(f"Tell the other hospitals; the list's fingerprint is now  {newest.fingerprint}")


@app.command("renew")
def renew(home: Path = HOME) -> None:
    """Renew the certificates of the message server and of the coordinator; those of hospitals: invite --renew."""
    from cipherward.consortium.membership import authority, enrolment
    from cipherward.store import files

    own = _open(home)
    enrolment.renew(own)
    write_server_files(own)
    end = authority.expires(files.read(own.server_certificate))
    typer.echo(
        f"Certificates renewed; the server's is valid until {end:%Y-%m-%d}. A running service takes them by itself."
    )


@app.command("alarms")
def alarms(seen: bool = SEEN, json: bool = JSON, home: Path = HOME) -> None:
    """Show what people must look at, each thing once: who, what, first, last, how often."""
    show_alarms(_open(home), seen=seen, json=json)


@app.command("start")
def start(
    study: Path = typer.Argument(help="The study.toml that people wrote; its hospitals are members."),
    begin_after: float = typer.Option(
        None, "--begin-after", min=0.0, help="Seconds after which a quorum is enough; default: wait for all listed."
    ),
    home: Path = HOME,
) -> None:
    """Freeze a study with its members' keys and offer it to its hospitals. It begins when they have approved it."""
    import time

    from cipherward import study as document
    from cipherward.consortium.homes.lock import is_served
    from cipherward.consortium.service import known, offering
    from cipherward.data import units
    from cipherward.parties import inventories, weighing, who_stands
    from cipherward.tasks.catalogue import make_task

    own = _open(home)
    folder = offering.start(own, document.load(study), time.time(), begin_after=begin_after)
    typer.echo(f"Study digest, which every hospital approves:  {folder.name}")
    typer.echo(f"Files: {folder}")
    frozen = document.load(folder / "study.toml")
    if any(column.unit for column in frozen.columns) and not units.can_be_told():
        typer.echo("The study's units were not looked at: pip install 'cipherward[units]' (pint, ucumvert)")
    typer.echo("With the answers that the study proposes; each hospital's people give theirs when they approve:")
    typer.echo("\n".join(who_stands.if_missing(frozen)))
    if needed := inventories.patients_needed(frozen):
        typer.echo(needed)
    is_first = len(own.study_folders()) == 1  # reviews say it of every register that no study has settled it for
    if is_first and (settled := weighing.settles(make_task(frozen).weights())):
        typer.echo(settled)
    typer.echo("Next, at each hospital: cipherward hospital review, then approve; here: cipherward coordinator status")
    if waits := known.contested(own, frozen.digest()):
        typer.echo(f"It waits for people: {waits}")
    if not is_served(own):
        typer.echo(f"The service is not running: cipherward coordinator serve --home {home}")


@app.command("stop")
def stop(
    study: str = typer.Argument(help="Name, or the first digits of the digest."),
    reason: str = typer.Option("stopped by the coordinator", "--reason", help="What hospitals are told."),
    home: Path = HOME,
) -> None:
    """End a study after its current sum. What was certified stays verified; there is no way back."""
    from cipherward.consortium.service import offering

    folder = offering.stop(_open(home), study, reason)
    typer.echo(f"{folder.name[:12]} stops after its current sum.")


@app.command("withdraw-model")
def withdraw_model(
    study: str = typer.Argument(help="Name, or the first digits of the digest."),
    reason: str = typer.Option(..., "--reason", help="What hospitals are told: no patient, no name."),
    home: Path = HOME,
) -> None:
    """Withdraw a study's final model, such as after a fault: signed, logged, hospitals are told, `predict` refuses it. For good."""
    import time

    from cipherward import study as document
    from cipherward.consortium.service import offering
    from cipherward.runs import withdrawn
    from cipherward.runs.folder import RunDirectory

    own = _open(home)
    folder = offering.find(own, study)
    found = document.load(folder / "study.toml")
    withdrawn.withdraw(RunDirectory(folder), found, own.identity, reason, time.time())
    own.log("model withdrawn", {"study": found.name, "digest": folder.name, "reason": reason})
    typer.echo(f"The model of {found.name} is {withdrawn.words_of(folder, found)}")
    typer.echo(
        "The service tells the hospitals; what was opened, and copies of the model elsewhere, it cannot take back."
    )


@app.command("restored")
def restored(
    study: str = typer.Argument(help="Name, or the first digits of the digest."),
    source: str = typer.Option(..., "--from", help="What it was restored from, such as: tape of 3 May."),
    home: Path = HOME,
) -> None:
    """Say that a study's folder was brought back from a copy: its audit log begins again, and says so. `vault restore` says it itself."""
    import time

    from cipherward.consortium.service import offering
    from cipherward.runs import earlier_logs

    own = _open(home)
    folder = offering.find(own, study)
    earlier_logs.note_restore(folder, source, time.time())
    own.log("study restored", {"digest": folder.name, "from": source})
    typer.echo(
        "The service begins a new audit log for it, and asks the hospitals what they remember of the earlier one."
    )


@app.command("split")
def split(
    part: list[str] = typer.Option(
        ..., "--part", help="Hospitals of one part, by name, with commas; once for each part."
    ),
    home: Path = HOME,
) -> None:
    """Propose to split a block of hospitals into parts; every member signs at its own machine, or nothing changes."""
    from cipherward.consortium.service import declared, known

    own = _open(home)
    parts = [[name.strip() for name in each.split(",")] for each in part]
    names = declared.names_of(own)
    proposed = declared.propose(own, known.blocks_begun(own), names, parts)
    typer.echo(
        f"Block {proposed.whole.digest.hex()[:12]}, to be split into {len(parts)} parts of which none ever merges again:"
    )
    for one in proposed.parts:
        typer.echo(f"  {', '.join(sorted(names[m.hospital] for m in one.members))}")
    typer.echo(
        "The service sends it to its members; each signs: cipherward hospital splits, then sign-split. See status."
    )


@app.command("serve")
def serve(json: bool = JSON_LOG, home: Path = HOME) -> None:
    """Run the consortium: message server (where this folder says so), offers, studies. SIGTERM stops it at any moment."""
    from cipherward.transport import coordinator_service as coordinator

    run_service(coordinator.serve(_open(home), teller(json)))


@app.command("status")
def status(json: bool = JSON, home: Path = HOME) -> None:
    """Show the service and every study: its step, who has answered, for whom it waits."""
    show_status(_open(home), json=json)


@app.command("health")
def health(json: bool = JSON, home: Path = HOME) -> None:
    """Check keys, certificates, members list and service; exit code 1 when something is not in order."""
    from cipherward.consortium.homes import health as checks

    show_health(checks.coordinator(_open(home)), json=json)


def write_server_files(home: CoordinatorHome) -> None:
    """Rewrite the message server's configuration from the members list; a running service notices and applies it."""
    from cipherward.transport import configuration

    configuration.write_for(home)


def _open(path: Path) -> CoordinatorHome:
    from cipherward.consortium.homes.coordinator_home import CoordinatorHome

    return CoordinatorHome(path)
