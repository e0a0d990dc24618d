"""`cipherward cohort`: the "Table 1" over all hospitals of a study, without a model."""

from __future__ import annotations

from pathlib import Path

import typer

from cipherward.cli.choosing import study_named
from cipherward.cli.stopping import StopAfterSum


def cohort(
    study: str = typer.Argument("readmission", help="A study.toml, or the name of a built-in study."),
    data: Path = typer.Option(None, "--data", help="The study's data: a file or folder, instead of a download."),
    out: Path = typer.Option(None, "--out", help="Run directory; default: runs/<study>-<time>."),
    json: bool = typer.Option(
        False, "--json", help="Print the description on standard output as JSON, progress on standard error."
    ),
) -> None:
    """Describe the patients of all hospitals together: rows, missing values, means, quartiles, categories, by outcome.

    Only sums over the hospitals are opened. Every hospital is simulated in this process; between real hospitals a study
    with task = "describe" does the same.
    """
    from cipherward.cli.run import Teller
    from cipherward.cli.terminal import print_json
    from cipherward.report import page
    from cipherward.simulation import simulate

    chosen, base = study_named(study)
    if chosen.task != "describe":
        chosen = chosen.with_overrides(
            top={"task": "describe", "settings": {}, "privacy": None}, noise={"narrow": False}
        )
    stop, say = StopAfterSum(), Teller(to_stderr=json)
    say.start(chosen)
    result = simulate.run_study(
        chosen, data=data, base=base, out=out, on_data=say.about_study, on_progress=say.progress, should_stop=stop
    )
    page.write(result.path)
    if json:
        shown = ("rows", "groups", "columns", "noise_on_counts")
        print_json({key: result.summary[key] for key in shown if key in result.summary})
    say.finish(result)
