"""The `cipherward` command. Prints and exit codes live in this package only.

Exit codes: 0 done; 1 an error with a hint; 2 wrong usage; 3 a privacy breach was detected; 4 a run's files do not hold;
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys

import typer

from cipherward.cli import (
    alert,
    attack,
    audit,
    cohort,
    compare,
    coordinator,
    data,
    drift,
    export,
    exposure,
    extras,
    hospital,
    passport,
    personalise,
    predict,
    report,
    run,
    studies,
    vault,
    verify,
)
from cipherward.cli.terminal import INTERRUPTED, fail, settle, take_over
from cipherward.errors import CipherwardError

app = typer.Typer(
    name="cipherward",
    help="Train one clinical model across hospitals; only encrypted sums are opened, and every hospital recomputes the result.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("cohort")(cohort.cohort)
app.command("drift")(drift.drift)
app.command("compare")(compare.compare)
app.command("attack")(attack.attack)
app.command("predict")(predict.predict)
app.command("alert")(alert.alert)
app.command("export")(export.export)
app.command("passport")(passport.passport)
app.command("personalise")(personalise.personalise)
app.command("verify")(verify.verify)
app.command("report")(report.report)
app.command("exposure")(exposure.exposure)
app.command("studies")(studies.studies)
app.add_typer(data.app, name="data")
app.add_typer(coordinator.app, name="coordinator")
app.add_typer(hospital.app, name="hospital")
app.add_typer(vault.app, name="vault")
app.add_typer(audit.app, name="audit")


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"cipherward {installed('cipherward')}")
        raise typer.Exit


def main() -> None:
    """Entry point: turns every deliberate error into text and an exit code."""
    take_over()
    try:
        app(prog_name="cipherward")
    except CipherwardError as error:
        sys.exit(fail(error))
    except ModuleNotFoundError as error:
        if said := extras.missing(error):
            sys.exit(fail(said))
        raise
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer's way to end at Ctrl-C
            typer.echo("\nstopped", err=True)
        raise
    finally:
        settle()
