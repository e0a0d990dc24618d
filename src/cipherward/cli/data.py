"""`cipherward data`: the public data sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from cipherward.cli import own_table
from cipherward.cli.homes import HOME

TRIAL_DAYS = 90
"""For how long the example's study may run."""

app = typer.Typer(
    help="Data: check a table against a study, draft a study from a table, public data sets, synthetic examples.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


app.command("check")(own_table.check)
app.command("draft")(own_table.draft)


@app.command("list")
def list_sets(json: bool = typer.Option(False, "--json", help="Machine-readable output.")) -> None:
    """List the public data sets with publisher, licence and size."""
    from dataclasses import asdict

    from cipherward.cli.terminal import print_json
    from cipherward.data.public import DATASETS

    if json:
        print_json([asdict(dataset) for dataset in DATASETS.values()])
        return
    for dataset in DATASETS.values():
        typer.echo(f"{dataset.name:14} {dataset.title} ({dataset.publisher}; {dataset.licence})")


@app.command("fetch")
def fetch(name: str = typer.Argument(help="Name from `cipherward data list`.")) -> None:
    """Download a data set from its publisher, check its SHA-256, keep it in the cache."""
    from cipherward.data.public import fetch as download

    path: Path | None = download(name)
    typer.echo(str(path) if path else f"{name} needs no download")


@app.command("example")
def example(
    folder: Path = typer.Argument(metavar="DIR", help="New or empty folder."),
    hospitals: int = typer.Option(4, "--hospitals", min=3, max=50, help="How many hospitals."),
    encounters: int = typer.Option(1_000, "--encounters", min=50, help="Mean number of rows of a hospital's table."),
    seed: int = typer.Option(1, "--seed", min=0, help="Another seed gives other patients."),
) -> None:
    """Write a study and one synthetic table for each hospital: a trial of a consortium without real data."""
    from cipherward.cli.terminal import quoted

    study, tables = write_example(folder, n_hospitals=hospitals, encounters=encounters, seed=seed)
    typer.echo("The patients are synthetic: made by a generator, nobody's data.")
    typer.echo(f"Study:   {study}")
    for name, table in tables.items():
        typer.echo(f"Table:   {table}  (for {name})")
    typer.echo(f"Try it on this machine alone:  {quoted('cipherward', 'run', study)}")


@app.command("ward")
def ward(
    path: Path = typer.Argument(metavar="FILE", help="New Parquet file."),
    patients: int = typer.Option(20, "--patients", min=1, max=10_000, help="How many patients."),
    days: int = typer.Option(14, "--days", min=1, max=366, help="How many days of each."),
    seed: int = typer.Option(1, "--seed", min=0, help="That of the run: another seed gives other hospitals."),
    hospital: int = typer.Option(1, "--hospital", min=1, help="Whose devices: 1 is the study's first hospital."),
) -> None:
    """Write new days of a synthetic ward, for a model of the study `wearables`: `cipherward alert` scores them."""
    import io

    from cipherward.cli.terminal import quoted
    from cipherward.data import wearables
    from cipherward.errors import StorageError
    from cipherward.store import files

    if path.suffix.lower() != ".parquet":
        raise StorageError(f"{path}: series are written as Parquet", hint="name a file that ends in .parquet")
    if path.exists():
        raise StorageError(f"{path} exists", hint="choose a new file; nothing was overwritten")
    out = io.BytesIO()
    wearables.ward(patients, days, 1.0, seed, hospital - 1).write_parquet(out)
    files.write(path, out.getvalue())
    typer.echo("The patients are synthetic: made by a generator, nobody's data.")
    shown = quoted("cipherward", "alert", "RUN_DIR", path, "--id", wearables.PATIENT, "--day", "day")
    typer.echo(f"Alerts:  {shown}")


def write_example(folder: Path, *, n_hospitals: int, encounters: int, seed: int) -> tuple[Path, dict[str, Path]]:
    """study.toml and hospital-1.csv, hospital-2.csv, ... in a new folder: (study, table by hospital).

    The study runs as it is on one machine (`cipherward run`) and in a consortium, where its paths are left out.

    Raises:
        StorageError: the folder is not empty, or cannot be written.
    """
    import io

    from cipherward import study as study_document
    from cipherward.consortium.homes.home import prepare
    from cipherward.data import cohorts
    from cipherward.store import files
    from cipherward.study import Cohort

    cohort = Cohort(n_hospitals=n_hospitals, encounters_per_hospital=encounters)
    names = [f"hospital-{number}" for number in range(1, n_hospitals + 1)]
    built_in = study_document.load_builtin("readmission").model_dump(mode="json")
    data = built_in["data"] | {"source": "files", "cohort": None}
    document = built_in | {
        "name": "readmission-trial",
        "title": "30-day readmission, synthetic trial",
        "description": "SYNTHETIC: a trial of a consortium. Every row is generated; no real patient stands behind any.",
        "purpose": "A trial of the software and of the ways between the parties. The model is not meant for patients.",
        "contact": "whoever runs this trial; name a person and a telephone number here",
        "until": (datetime.now(UTC) + timedelta(days=TRIAL_DAYS)).date().isoformat(),
        "seed": seed,
        "data": data,
        "hospitals": [{"name": name, "path": f"{name}.csv"} for name in names],
    }
    study = study_document.parse(document, origin="the example")
    prepare(folder)
    tables = {}
    for index, name in enumerate(names):
        table, _ = cohorts.generate(cohort, seed, index)
        buffer = io.BytesIO()
        table.write_csv(buffer)
        tables[name] = folder / f"{name}.csv"
        files.write(tables[name], buffer.getvalue())
    files.write(folder / "study.toml", study.to_toml().encode())
    return folder / "study.toml", tables


@app.command("part")
def part(
    table: Path = typer.Argument(metavar="TABLE", help="Table with one or more rows for each patient."),
    patient: str = typer.Option(..., "--patient", help="Column that names the patient: all rows of one stay together."),
    share: float = typer.Option(
        0.05, "--share", min=0.001, max=0.5, help="Share of the patients that go into the part."
    ),
    key: Path = typer.Option(
        ..., "--key", help="Secret file that decides who; made when missing. Keep it: later extracts."
    ),
    out: Path = typer.Option(..., "--part", help="File to write: the part, for a register of its own."),
    rest: Path = typer.Option(
        ..., "--rest", help="File to write: everybody else, from now on the table without the part."
    ),
    home: Path = HOME,
) -> None:
    """Set a throwaway part of a table's patients aside, for trials: by a secret key, the same patients in every extract.

    Before studies read the table: a register of the hospital's home with patients of both sides is refused.
    """
    import contextlib

    from cipherward.consortium.homes.hospital_home import HospitalHome
    from cipherward.consortium.homes.registers import Registers
    from cipherward.data.aside import set_aside
    from cipherward.store.ledger import Ledger

    if not (home / "hospital.toml").exists():
        typer.echo(f"{home} is no hospital's home (--home): nobody has looked whether studies have read this table.")
        found = set_aside(table, patient, share, key, part=out, rest=rest)
    else:
        own = HospitalHome(home)
        with contextlib.ExitStack() as stack:
            ledger = (
                stack.enter_context(contextlib.closing(Ledger(own.ledger_file))) if own.ledger_file.exists() else None
            )
            registers = Registers(own.registers_folder, ledger, looks_on=True)
            found = set_aside(table, patient, share, key, part=out, rest=rest, check=registers.check_parting)
    typer.echo(f"{out}: {found.part_rows:,} rows, for a register of its own")
    typer.echo(f"{rest}: {found.rest_rows:,} rows, without those patients")
    typer.echo(f"Keep {key}: with it every later extract is parted in the same way.")
