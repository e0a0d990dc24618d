"""`cipherward personalise`: after a run on one machine, the model fine-tuned at each of its hospitals."""

from __future__ import annotations

from pathlib import Path

import typer

from cipherward.cli.homes import JSON


def personalise(
    run_dir: Path = typer.Argument(help="Directory of a finished run on one machine."),
    json: bool = JSON,
) -> None:
    """Fine-tune a run's model at each of its hospitals, on that hospital's own rows, and say what each gains. The report has it, too.

    A hospital's validation rows decide how far its model moves; where they show no gain, it keeps the shared one.
    """
    from cipherward.cli.terminal import doing, print_json
    from cipherward.report import page
    from cipherward.runs import personal_file
    from cipherward.simulation import witnessed
    from cipherward.simulation.personalised import personalise_run

    doing("  training at each hospital")
    found = personalise_run(run_dir)
    page.write(run_dir)
    witnessed.look(run_dir)
    if json:
        print_json([each.to_json() for each in found])
        return
    for each in found:
        typer.echo(personal_file.words(each))
    typer.echo(f"Report:   {run_dir / page.NAME}")
    typer.echo(f"Models:   {run_dir / 'hospitals' / 'N' / personal_file.MODEL}, one hospital's each")
