"""`cipherward hospital`: membership, review and approval from a hospital's side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cipherward.cli import leaving, own_models
from cipherward.cli.homes import HOME, JSON, SEEN, Answer, carry, members_json, show_alarms, show_health, show_members
from cipherward.cli.registers import register, withdraw_patients
from cipherward.cli.service_log import JSON_LOG, run_service, show_status, teller

if TYPE_CHECKING:
    from cipherward.consortium.homes.hospital_home import HospitalHome
    from cipherward.consortium.membership.members import MembersList

app = typer.Typer(
    help="Take part in a consortium: enroll, review and approve studies, use the models.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


STUDY = typer.Argument(help="Name of the study, or the first digits of its digest.")


app.command("register")(register)
app.command("withdraw-patients")(withdraw_patients)


@app.command("init")
def init(
    folder: Path = typer.Argument(metavar="DIR", help="New folder: this hospital's home."),
    data: Path = typer.Option(
        None, "--data", help="This hospital's table, or its mapping file. The path never leaves."
    ),
    database: str = typer.Option(
        None, "--database", help="Or its database, without a password: postgresql+psycopg://reader@db/clinic."
    ),
    query: str = typer.Option("", "--query", help='With --database: one "SELECT ..." that answers the table.'),
    password_env: str = typer.Option("", "--password-env", help="Environment variable that holds the password."),
    password_file: Path = typer.Option(None, "--password-file", help="File of mode 0600 that holds the password."),
) -> None:
    """Make this hospital's home: identity key, settings, and the privacy officer's policy.toml."""
    from cipherward.consortium.membership import enrolment
    from cipherward.crypto.identity import fingerprint
    from cipherward.data.database import Database

    if (data is None) == (database is None) or (data and (query or password_env or password_file)):
        raise typer.BadParameter("give --data TABLE, or --database URL with --query")
    if password_env and password_file:
        raise typer.BadParameter("give --password-env or --password-file, not both")
    home = enrolment.create_hospital(folder, data=data or Database(database, query, password_env, password_file))
    typer.echo(f"Home in {folder}. Back it up, and keep it closed: it holds this hospital's keys.")
    typer.echo(f"Identity of this hospital:  {fingerprint(home.identity.public_key)}")
    typer.echo(f"For the privacy officer:    {home.policy_file}")
    typer.echo(f"Next:  cipherward hospital enroll INVITATION --home {folder}")


@app.command("enroll")
def enroll(
    file: Path = typer.Argument(help="The invitation; later the admission, which the same command recognises."),
    out: Path = typer.Option(None, "--out", help="Request file to write; default: NAME-request.txt here."),
    home: Path = HOME,
) -> None:
    """Join a consortium. With the invitation: make the keys here and write the request. With the admission: finish."""
    from cipherward.consortium.membership import authority, enrolment, invitations
    from cipherward.crypto.identity import fingerprint
    from cipherward.errors import WireError
    from cipherward.store import files

    own, text = _open(home), files.read(file)
    kind = invitations.kind_of(text)
    if kind == "invitation":
        request = enrolment.accept_invitation(own, text)
        carry(out or Path(f"{own.name}-request.txt"), request, "Request, public parts only")
        typer.echo(f"Consortium {own.consortium}; this hospital is {own.name}; servers: {', '.join(own.servers)}")
        typer.echo("Compare by phone with the coordinator:")
        typer.echo(f"  Coordinator's identity:     {fingerprint(own.coordinator_key)}")
        typer.echo(f"  Identity of this hospital:  {fingerprint(own.identity.public_key)}")
        typer.echo("Send the request to the coordinator. Next, with the answer:  cipherward hospital enroll ADMISSION")
    elif kind == "admission":
        admission = enrolment.accept_admission(own, text)
        typer.echo(f"{own.name} is a member of the consortium {own.consortium}.")
        typer.echo("Compare by phone with the coordinator:")
        typer.echo(f"  Identity of this hospital:     {fingerprint(own.identity.public_key)}")
        typer.echo(f"  Certificate of this hospital:  {authority.fingerprint(admission.certificate)}")
        typer.echo("Next:  cipherward hospital members, compare, then  cipherward hospital confirm")
    else:
        raise WireError(f"this is a {kind} file", hint="enroll takes the invitation, and then the admission")


@app.command("members")
def members(json: bool = JSON, home: Path = HOME) -> None:
    """Show the members list that is confirmed here, and what a newer one would change."""
    from cipherward.cli.terminal import print_json

    own = _open(home)
    confirmed, offered = own.confirmed, own.offered
    if json:
        print_json({"confirmed": members_json(confirmed), "offered": members_json(offered)})
        return
    if confirmed:
        show_members(confirmed, own.name)
    else:
        typer.echo("No members list is confirmed here.")
    if offered and (confirmed is None or offered.version > confirmed.version):
        typer.echo()
        _show_changes(own, confirmed, offered)
        typer.echo("Next, when all fingerprints are the same: cipherward hospital confirm")


@app.command("confirm")
def confirm(
    file: Path = typer.Option(None, "--members", help="A members file of the coordinator; default: the list received."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask: the fingerprints were compared."),
    home: Path = HOME,
) -> None:
    """Pin the newest members list, after people have compared its fingerprints by phone. The old members stay as they are."""
    from cipherward.consortium.membership import invitations
    from cipherward.errors import RefusedError
    from cipherward.store import files

    own = _open(home)
    if file:
        own.receive_members(invitations.dearmour("members", files.read(file)))
    confirmed, offered = own.confirmed, own.offered
    if offered is None:
        raise RefusedError("there is no members list to confirm", hint="first: cipherward hospital enroll ADMISSION")
    if confirmed and offered.version == confirmed.version:
        typer.echo(f"Version {confirmed.version} is confirmed already; there is no newer one.")
        return
    _show_changes(own, confirmed, offered)
    if not yes:
        typer.confirm("Have you compared these fingerprints by phone, and do they agree?", abort=True)
    newest = own.confirm_members(offered)
    typer.echo(f"Version {newest.version} of the members list is confirmed here.")


@app.command("review")
def review(
    study: str = typer.Argument("", help="Name of the study, or the first digits of its digest; none: list them."),
    data: Path = typer.Option(None, "--data", help="Check this table instead of the configured one."),
    out: Path = typer.Option(None, "--out", help="Also write the review to this text file."),
    json: bool = JSON,
    home: Path = HOME,
) -> None:
    """Say in plain words and numbers what a study reads, what leaves, who can open it; check this hospital's own table."""
    from cipherward.cli.terminal import doing, print_json, say, terminal_width
    from cipherward.consortium.approval import approvals, review_text
    from cipherward.consortium.approval import review as reviews
    from cipherward.store import files

    own = _open(home)
    if not study:
        offered, damaged = approvals.whole_offers(own)
        found = [
            {"study": offer.study.name, "digest": offer.digest.hex(), "status": offer.status} for offer in offered
        ] + [{"study": "?", "digest": folder.name, "status": error.message} for folder, error in damaged.items()]
        if json:
            print_json(found)
        else:
            for line in found:
                typer.echo(f"{line['study']}  {line['digest'][:12]}  {line['status']}")
            if not found:
                typer.echo("No study has been offered to this hospital.")
        return
    doing("  reading the table")
    result = reviews.review(own, approvals.find(own, study), table=data)
    if json:
        print_json(result.to_json())
    else:
        for told in review_text.to_text(result, min(review_text.WIDTH, terminal_width())).splitlines():
            say(told, bold=review_text.is_heading(told))
    if out:
        files.write(out, review_text.to_text(result).encode())


@app.command("approve")
def approve(
    study: str = STUDY,
    approver: str = typer.Option(
        ...,
        "--as",
        metavar="NAME",
        prompt="Name of the person who approves",
        help="Who approves; signed and sent along.",
    ),
    singled_out: Answer = typer.Option(
        None, "--singled-out", help="May this hospital be singled out by what is opened? Asked when left out."
    ),
    home: Path = HOME,
) -> None:
    """Sign the study's digest with your name and the time: this hospital takes part. Review it first."""
    from cipherward.cli.terminal import doing
    from cipherward.consortium.approval import approvals, own_inventory, own_standing, policyfile
    from cipherward.consortium.approval import singling_out as question
    from cipherward.consortium.membership import members
    from cipherward.disclosure.standing import Agreement

    own = _open(home)
    offered = approvals.find(own, study)
    doing("  reading the table")
    own_standing.check(own, offered)
    said = singled_out or _asked(question.words(offered))
    answer = own_standing.wider(own, offered, Agreement(said is Answer.yes))
    approvals.approve(own, offered, approver, answer)
    if answer is Agreement.YES and said is Answer.no:
        typer.echo("This hospital has said yes for this table before, and that stays: it may be singled out.")
    typer.echo(f"Approved: {offered.study.name}, digest {members.grouped(offered.digest)}")
    typer.echo(f"Signed, and sent to the coordinator with it: {offered.approved_by}")
    for line in own_inventory.words(offered.declared, offered.study, policyfile.load(own.policy_file).cell_min):
        typer.echo(line)
    typer.echo("The service sends the approval and takes part from now on (cipherward hospital serve).")


@app.command("withdraw")
def withdraw(
    study: str = STUDY,
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    home: Path = HOME,
) -> None:
    """Send nothing more to a study that could open a sum; its keys here are erased. Final."""
    from cipherward.consortium.approval import approvals

    own = _open(home)
    offered = approvals.find(own, study)
    if not offered.withdrawal:
        approvals.check_open(own, offered)
    if not yes:
        typer.confirm(f"Withdraw from {offered.study.name} for good?", abort=True)
    approvals.withdraw(own, offered)
    typer.echo(f"Withdrawn from {offered.study.name}: no further update leaves this hospital for it.")
    typer.echo("The running service erases its keys now; until then, or while it is stopped, the ledger holds them.")


@app.command("retry")
def retry(study: str = STUDY, home: Path = HOME) -> None:
    """Let a study run again that was set aside here because it ended or held up the service."""
    from cipherward.consortium.approval import approvals
    from cipherward.consortium.service.boundary import Boundary

    offered = approvals.find(_open(home), study)
    Boundary(offered.folder).retry()
    typer.echo(f"{offered.study.name} is tried again; the service notices by itself.")


leaving.add_to(app)


@app.command("alarms")
def alarms(seen: bool = SEEN, json: bool = JSON, home: Path = HOME) -> None:
    """Show what people must look at, each thing once: who, what, first, last, how often."""
    show_alarms(_open(home), seen=seen, json=json)


@app.command("policy")
def policy(json: bool = JSON, home: Path = HOME) -> None:
    """Check policy.toml, show what it allows, and say which of the studies offered it refuses."""
    from cipherward.cli.terminal import print_json
    from cipherward.consortium.approval import approvals, policyfile

    own = _open(home)
    found = policyfile.load(own.policy_file)
    clauses = policyfile.clauses(found)
    verdicts = {offer.study.name: found.broken(offer.study) for offer in approvals.whole_offers(own)[0]}
    if json:
        print_json({"clauses": clauses, "studies": {name: list(broken) for name, broken in verdicts.items()}})
        return
    typer.echo(f"{own.policy_file} is in order.")
    for name, value in clauses.items():
        typer.echo(f"  {name:<16}  {_words(value)}")
    for name, broken in verdicts.items():
        typer.echo(f"study {name}: {'refused: ' + '; '.join(broken) if broken else 'allowed'}")


own_models.add_to(app)


@app.command("doctor")
def doctor(json: bool = JSON, home: Path = HOME) -> None:
    """Find out what stands between this machine and the server: clock, certificate, disk, name, port, TLS, proxy."""
    from cipherward.transport import doctor as checks

    own = _open(home)
    if not json:
        typer.echo("Each step is tried now; one that gets no answer takes some seconds.")
    found = checks.examine(own)
    try:
        show_health(found, json=json)
    finally:
        if not json:
            typer.echo("\n".join(checks.for_network_team(own, found)))


@app.command("serve")
def serve(json: bool = JSON_LOG, home: Path = HOME) -> None:
    """Take part in approved studies. Dials out to the consortium's server only. SIGTERM stops it at any moment."""
    from cipherward.transport import hospital_service as hospital

    run_service(hospital.serve(_open(home), teller(json)))


@app.command("status")
def status(json: bool = JSON, home: Path = HOME) -> None:
    """Show the service, its connection, and every study offered to this hospital."""
    show_status(_open(home), json=json)


@app.command("health")
def health(json: bool = JSON, home: Path = HOME) -> None:
    """Check keys, policy, table, membership, certificate and service; exit code 1 when something is not in order."""
    from cipherward.consortium.homes import health as checks

    show_health(checks.hospital(_open(home)), json=json)


def _asked(question: str) -> Answer:
    """The answer of whoever sits at the terminal. There is no default: nobody agrees to this by pressing Enter."""
    import sys

    from cipherward.errors import RefusedError

    if not sys.stdin.isatty():
        raise RefusedError(
            "an approval answers whether this hospital may be singled out by what is opened, and nobody is here to be asked",
            hint="give --singled-out no or --singled-out yes; `cipherward hospital review STUDY` has the question",
        )
    for line in question.splitlines():
        typer.echo(line)
    return Answer(typer.prompt("May this hospital be singled out?", type=Answer))


def _show_changes(home: HospitalHome, confirmed: MembersList | None, offered: MembersList) -> None:
    from cipherward.consortium.membership import members

    since = f"since version {confirmed.version}, confirmed here" if confirmed else "nothing is confirmed here yet"
    typer.echo(f"Version {offered.version} of the members list is offered ({since}). Compare by phone:")
    typer.echo(f"  Fingerprint of the list:  {offered.fingerprint}")
    for change in members.changes(confirmed, offered):
        typer.echo(f"  {change.text}{'  (this hospital)' if change.member.name == home.name else ''}")


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "no limit" if value is None else str(value)


def _open(path: Path) -> HospitalHome:
    from cipherward.consortium.homes.hospital_home import HospitalHome

    return HospitalHome(path)
