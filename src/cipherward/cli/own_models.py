"""`cipherward hospital models`, `predict` and `personalise`: what a hospital does with the models that it received."""

from __future__ import annotations

from pathlib import Path

import typer

from cipherward.cli.homes import HOME, JSON
from cipherward.cli.predict import write as write_predictions

_MODEL = typer.Argument(help="A model from `cipherward hospital models`: folder, study or digest.")


def models(json: bool = JSON, home: Path = HOME) -> None:
    """List the models received, with what this hospital itself verified about each."""
    from cipherward.cli.terminal import print_json
    from cipherward.consortium.homes import received_models as received
    from cipherward.consortium.homes.hospital_home import HospitalHome

    found = received.received(HospitalHome(home))
    if json:
        print_json([received.to_json(model) for model in found])
        return
    for model in found:
        if model.problem:
            typer.echo(f"BAD {model.folder.name}: {model.problem}")
            continue
        verdict = "verified here, every sum" if model.verified else "NOT verified here in every sum"
        auroc = f", AUROC {model.auroc:.3f}" if model.auroc is not None else ""
        typer.echo(f"{'ok ' if model.verified else 'BAD'} {model.folder.name}: {model.rounds} rounds{auroc}; {verdict}")
    if not found:
        typer.echo("No model has been received.")


def predict(
    model: str = _MODEL,
    table: Path = typer.Argument(help="Table with the study's columns (docs/data.md: which files)."),
    out: Path = typer.Option(None, "--out", help="Write the predictions to this CSV file; default: standard output."),
    id_column: str = typer.Option("", "--id", metavar="COLUMN", help="A column of TABLE to carry into the output."),
    personal: bool = typer.Option(False, "--personal", help="With the model that `personalise` made here."),
    home: Path = HOME,
) -> None:
    """Predict the outcome for each row of TABLE, offline, with a received model."""
    from cipherward.consortium.approval import modelcode, own_model, policyfile
    from cipherward.consortium.homes import received_models as received
    from cipherward.consortium.homes.hospital_home import HospitalHome
    from cipherward.runs import modelfile
    from cipherward.runs.prediction import predict_rows

    own = HospitalHome(home)
    chosen = received.find(own, model)
    if not chosen.verified:
        typer.echo("warning: this hospital has not verified every sum that led to this model", err=True)
    file = own_model.file_of(chosen) if personal else chosen.file
    module = modelcode.module_of(modelfile.load(file), policyfile.load(own.policy_file))
    write_predictions(predict_rows(file, table, module=module, id_column=id_column), out)


def personalise(model: str = _MODEL, json: bool = JSON, home: Path = HOME) -> None:
    """Fine-tune a received model on this hospital's own rows, as far as its validation rows bear it. Nothing leaves."""
    from cipherward.cli.terminal import doing, print_json, quoted
    from cipherward.consortium.approval import own_model
    from cipherward.consortium.homes import received_models as received
    from cipherward.consortium.homes.hospital_home import HospitalHome
    from cipherward.runs import personal_file

    own = HospitalHome(home)
    chosen = received.find(own, model)
    doing("  reading the table, training")
    found = own_model.personalise(own, chosen)
    if json:
        print_json(found.to_json())
        return
    typer.echo(personal_file.words(found))
    typer.echo(
        f"Personal model: {chosen.folder / personal_file.MODEL}. It is of this hospital's own rows: keep it here."
    )
    typer.echo(f"Predict:  {quoted('cipherward', 'hospital', 'predict', chosen.folder.name, 'TABLE', '--personal')}")


def add_to(app: typer.Typer) -> None:
    """Make these commands of an app."""
    for command in (models, predict, personalise):
        app.command(command.__name__)(command)
