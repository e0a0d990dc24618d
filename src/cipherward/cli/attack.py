"""`cipherward attack`: known attacks on federated learning, run on simulated hospitals."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cipherward.cli.choosing import folder_for, names_in, study_named, words_of
from cipherward.cli.stopping import StopAfterSum
from cipherward.cli.telling import Teller
from cipherward.cli.terminal import doing, print_json

if TYPE_CHECKING:
    from cipherward.attacks.results import Attacks, Row
    from cipherward.attacks.running import Step


def attack(
    study: str = typer.Argument("readmission", help="A study.toml, or the name of a built-in study."),
    attacks: str = typer.Option(
        None, "--attacks", help="Which attacks, with commas; default: all. docs/attacks.md explains each one."
    ),
    seeds: int = typer.Option(1, "--seeds", min=1, help="How many seeds each attack runs with."),
    out: Path = typer.Option(
        None, "--out", help="Folder; the one of an interrupted run goes on. Default: runs/attack-<study>-<time>."
    ),
    data: Path = typer.Option(None, "--data", help="The study's data: a file or folder, instead of a download."),
    json: bool = typer.Option(
        False, "--json", help="Print attacks.json on standard output, progress on standard error."
    ),
) -> None:
    """Run known attacks on the study's training, all hospitals simulated here: what each gets, without and with protection.

    Ctrl-C stops it; the same command with the same --out goes on, and attacks that are done are not run again.
    """
    from cipherward.attacks import page, running

    chosen, base = study_named(study)
    path = out or folder_for("attack", chosen)
    given = {"--attacks": attacks, "--seeds": seeds, "--data": data}
    words = words_of("attack", study, given)
    options = running.Options(names=names_in(attacks), n_seeds=seeds, data=data, base=base, command=shlex.join(words))
    say = _Teller(to_stderr=json)
    say.begins(chosen, f"attacks with {seeds} seed(s), into {path}")
    stop = StopAfterSum(what="step of the attack")
    doing("  reading the tables")
    found = running.attack_study(
        chosen,
        path,
        options,
        on_step=say.step,
        on_data=say.about_data,
        on_not_run=say.not_run,
        say=say.progress,
        should_stop=stop,
    )
    doing("  writing the report")
    page.write(path)
    if json:
        print_json(found.model_dump(mode="json"))
    say.finish(found, path)


class _Teller(Teller):
    """Also says what the attacks do, and what they gave."""

    _said_how = False

    def step(self, step: Step) -> None:
        self._place = f"  {step.number:>2} of {step.total}  {step.attack:<14} seed {step.seed}"
        if step.seconds is None:
            doing(self._place)
        else:
            self(f"{self._place}   {'done before' if step.kept else f'{step.seconds:.1f} s'}")

    def not_run(self, attack: str, words: str) -> None:
        if not self._said_how:
            self(
                "Not everything can be run here; the rest runs. After an installation the same command with the same --out"
            )
            self("runs these attacks anew:")
        self._said_how = True
        self(f"  {attack} is not run {words}")

    def progress(self, what: str) -> None:
        doing(f"{self._place}   {what}")

    def finish(self, found: Attacks, path: Path) -> None:
        from cipherward.attacks import results

        for told in found.attacks:
            self()
            self(told.title, bold=True)
            if told.why_not:
                self(f"  not run on this study: {told.why_not}")
            rows = [row for row in found.rows if row.attack == told.name]
            shown = _first_to_read(rows)
            for setting, group in itertools.groupby(shown, key=lambda row: (row.setting, row.seed)):
                self(f"  {setting[0]}{f' (seed {setting[1]})' if len(found.seeds) > 1 else ''}")
                for row in group:
                    self(f"    {_measured(row)}")
            if len(shown) < len(rows):
                self(f"  {len(rows) - len(shown)} more numbers of this attack are in the report.")
        self()
        self("These are these attacks on these rows: what they do not get, another attack may.")
        self(f"Report:   {path / 'report.html'}")
        self(f"Results:  {path / results.TABLE}, {path / results.NAME}")


def _first_to_read(rows: Sequence[Row]) -> list[Row]:
    """What a bar is set for; of an attack that has none the first number of each setting."""
    barred = [row for row in rows if row.bar]
    return barred or [next(group) for _, group in itertools.groupby(rows, key=lambda row: (row.setting, row.seed))]


def _measured(row: Row) -> str:
    from cipherward.attacks import page

    value = page.interval(row) if row.value is not None else row.words
    return f"{row.measure}: {value}{f'   wanted: {row.bar}' if row.bar else ''}"
