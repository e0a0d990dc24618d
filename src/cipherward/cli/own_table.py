"""`cipherward data check` and `data draft`: a hospital's own table, in its own terminal. Nothing leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cipherward.data.checking import Checked
    from cipherward.data.tables import RawTable
    from cipherward.study import Study

MAPPING = typer.Option(None, "--mapping", help="Mapping file whose table SOURCE is, in place of the one that it names.")
SOURCE = typer.Argument(metavar="SOURCE", help="The table: a file of any kind that docs/data.md names, or an extract.")


def check(
    source: Path = SOURCE,
    study: str = typer.Option(..., "--study", help="Study file, or the name of a built-in study."),
    mapping: Path = MAPPING,
    json: bool = typer.Option(False, "--json", help="Machine-readable output."),
) -> None:
    """Say what of a table fits a study and what does not, what each rule changes, and how to mend it. Nothing leaves."""
    from cipherward.cli.choosing import study_named
    from cipherward.cli.terminal import print_json, say
    from cipherward.data import checking
    from cipherward.errors import DataError
    from cipherward.tasks.catalogue import make_task

    chosen, _ = study_named(study)
    if chosen.hospitals:
        make_task(chosen)  # what the study itself does not fit is no fault of the table
    try:
        found = checking.check(_read(source, mapping), chosen)
    except DataError as error:
        if not json:
            raise
        found = checking.unreadable(str(source), error)
    room = _room(chosen, found.n_rows) if found.n_rows else ""
    if json:
        print_json(found.to_json() | {"capacity": room})
    else:
        for line in (*lines(found), *([f"Note: {room}"] if room else [])):
            say(line)
    raise typer.Exit(0 if found.fits else 1)


def _room(study: Study, n_rows: int) -> str:
    """A warning where the study's model has more parameters than the table has rows; "" where it has not, or cannot be made here."""
    from cipherward.data.preprocess import n_features
    from cipherward.errors import CipherwardError
    from cipherward.learning import capacity, models
    from cipherward.learning.outcomes import outcome_of

    if study.task != "train":
        return ""
    outputs, shape = outcome_of(study.data).model_outputs, study.input_shape
    try:
        made = models.build(study.model, n_features(study.columns), study.seed, outputs=outputs, shape=shape)
    except CipherwardError:
        return ""
    return capacity.warning(models.n_parameters(made), n_rows, "this table has at most")


def _read(source: Path, mapping: Path | None) -> RawTable:
    from cipherward.data.local_mapping import of_table
    from cipherward.data.tables import read_table

    return of_table(mapping, source) if mapping else read_table(source)


def lines(found: Checked) -> Iterator[str]:
    """What was found, for people."""
    patients = "" if found.n_patients is None else f" of {found.n_patients:,} patients"
    outcome = "" if found.n_outcome is None else f"; {found.n_outcome:,} with the outcome"
    yield f"{found.origin}: {found.n_rows:,} rows{patients}{outcome}"
    for text in found.assumed:
        yield f"How it was read: {text}."
    width = max(len(column.name) for column in found.columns)
    for column in found.columns:
        words = [column.described if column.role == "feature" else f"{column.role}: {column.described}"]
        if not column.is_there:
            words.append(
                "REQUIRED, and not in the table"
                if column.is_required
                else "not in the table, which may be: no value in any row"
            )
        elif column.n_missing:
            words.append(f"{column.n_missing:,} without a value")
        yield f"  {column.name:<{width}}  {'; '.join(words)}"
        for change in column.changes:
            yield f"  {'':<{width}}    {change.count:,} changed: {change.rule}"
    if found.unused:
        yield f"Not read, as the study does not declare them: {len(found.unused)} column(s)."
    for text in (*found.units, *found.about):
        yield f"Note: {text}"
    for problem in found.problems:
        yield f"PROBLEM: {problem}"
    if found.fits:
        yield "This table fits the study. Nothing was sent anywhere."
    else:
        yield f"This table does not fit the study: {len(found.problems)} problem(s) above. Nothing was sent anywhere."


def draft(
    source: Path = SOURCE,
    out: Path = typer.Option(Path("study.toml"), "--out", help="Study file to write."),
    outcome: str = typer.Option("", "--outcome", help="Column to predict; default: guessed by name."),
    patient: str = typer.Option("", "--patient", help="Column with the patient's id; default: guessed by name."),
    mapping: Path = MAPPING,
    least: int = typer.Option(10, "--least", min=5, help="Patients that have a category which is named, at least."),
    force: bool = typer.Option(False, "--force", help="Write over a file that exists."),
) -> None:
    """Write a first study with a data dictionary from a table, for people to correct. No cells but frequent categories are in it."""
    from cipherward.cli.terminal import quoted
    from cipherward.data import drafting
    from cipherward.errors import StorageError
    from cipherward.store import files
    from cipherward.study import parse

    if out.exists() and not force:
        raise StorageError(f"{out} exists", hint="choose another file with --out, or --force to write over it")
    raw = _read(source, mapping)
    found = drafting.draft(raw, outcome=outcome, patient=patient, least=least)
    parse(found.document, origin="the draft")
    files.write(out, found.to_toml().encode())
    for text in raw.assumed:
        typer.echo(f"How it was read: {text}.")
    for line in (*found.said, *found.counts):
        typer.echo(f"Guessed: {line}")
    typer.echo(
        f"{out}: {len(found.document['columns'])} column(s) of {raw.table.width}, from {raw.table.height:,} rows. Correct it, then:"
    )
    with_mapping = ("--mapping", mapping) if mapping else ()
    typer.echo(f"  {quoted('cipherward', 'data', 'check', source, *with_mapping, '--study', out)}")
