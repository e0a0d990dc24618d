"""`cipherward compare`: every scheme on the same data with the same seeds."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cipherward.cli.choosing import folder_for, names_in, study_named, words_of
from cipherward.cli.run import DeviceName
from cipherward.cli.stopping import StopAfterSum
from cipherward.cli.telling import Teller
from cipherward.cli.terminal import doing, print_json, terminal_width

if TYPE_CHECKING:
    from cipherward.comparison.compare import Step
    from cipherward.simulation.simulate import Progress

_TABLE_WIDTH = 108


def compare(
    study: str = typer.Argument("readmission", help="A study.toml, or the name of a built-in study."),
    schemes: str = typer.Option(
        None,
        "--schemes",
        help="Arms, with commas: centralised, local-only, plain, dp-1, dp-3, dp-8, masks, ckks, quorum, quorum-dp; default: all.",
    ),
    seeds: int = typer.Option(3, "--seeds", min=1, help="How many seeds each arm runs with."),
    out: Path = typer.Option(
        None,
        "--out",
        help="Folder; the one of an interrupted comparison goes on. Default: runs/compare-<study>-<time>.",
    ),
    data: Path = typer.Option(None, "--data", help="The study's data: a file or folder, instead of a download."),
    rounds: int = typer.Option(None, "--rounds", min=1, help="Training rounds; default: the study's."),
    device: DeviceName = typer.Option(DeviceName.auto, "--device", help="Where local training runs."),
    sizes: bool = typer.Option(True, "--sizes/--no-sizes", help="Measure models of 10 k to 10 M parameters too."),
    shift: bool = typer.Option(True, "--shift/--no-shift", help="Change two hospitals' case mix during a run too."),
    json: bool = typer.Option(
        False, "--json", help="Print comparison.json on standard output, progress on standard error."
    ),
) -> None:
    """Compare centralised, local-only and federated training under every scheme: accuracy, seconds, bytes, who reads what.

    Ctrl-C stops it; the same command with the same --out goes on, and what is done is not run again.
    """

    from cipherward.comparison import compare as comparison

    chosen, base = study_named(study)
    if rounds:
        chosen = chosen.with_overrides(training={"rounds": rounds})
    path = out or folder_for("compare", chosen)
    given = {"--schemes": schemes, "--seeds": seeds, "--data": data, "--rounds": rounds}
    words = words_of("compare", study, given)
    words += [] if device == DeviceName.auto else ["--device", device.value]
    words += [flag for flag, on in (("--no-sizes", sizes), ("--no-shift", shift)) if not on]
    options = comparison.Options(
        names=names_in(schemes),
        n_seeds=seeds,
        data=data,
        base=base,
        device=device.value,
        sizes=sizes,
        shift=shift,
        command=shlex.join(words),
    )
    say = _Teller(to_stderr=json)
    say.begins(chosen, f"{chosen.n_hospitals} hospitals, {seeds} seed(s), into {path}")
    stop = StopAfterSum()
    doing("  reading the tables")
    document = comparison.compare_study(
        chosen,
        path,
        options,
        on_step=say.step,
        on_progress=say.progress,
        on_extra=say.extra,
        on_data=say.about_data,
        should_stop=stop,
    )
    doing("  writing the report")
    _write_report(path)
    if json:
        print_json(document)
    say.finish(document, path)


def _write_report(path: Path) -> None:
    from cipherward.comparison import page as comparison_page

    comparison_page.write(path)


class _Teller(Teller):
    """Also says what the arms do, and what they gave."""

    def step(self, step: Step) -> None:
        name = "centralised and local-only" if step.arm == "yardsticks" else step.arm
        self._place = place = f"  {step.number:>3} of {step.total}  {name:<26} seed {step.seed}"
        if step.seconds is None:
            doing(place)
            return
        left = f"   about {_duration(step.seconds_left)} left" if step.seconds_left else ""
        spent = "done before" if step.kept else f"{step.seconds:.1f} s"
        self(f"{place}   AUROC {step.auroc:.4f}   {spent}{left}")

    def progress(self, done: Progress) -> None:
        doing(f"{self._place}   {done.words[0]}")

    def extra(self, what: str, done: int, total: int, text: str) -> None:
        self(f"  {what} {done} of {total}   {text}" if total else f"  {what} is left out: {text}")
        doing(f"  {what}")

    def finish(self, document: Mapping[str, Any], path: Path) -> None:
        self()
        self(
            f"On {document['n_test_rows']} pooled test rows ({document['n_test_patients']} patients), mean over "
            f"{len(document['seeds'])} seed(s) and 95 % interval over patients and seeds:",
            bold=True,
        )
        for line in table(document) if terminal_width() >= _TABLE_WIDTH else cards(document):
            self(line)
        self()
        self("Who could read one hospital's update:", bold=True)
        for arm in document["arms"]:
            self(f"  {arm['name']:<12} {arm['who_can_read_one_update']}")
        self()
        warned: dict[str, list[str]] = {}
        for arm in document["arms"]:
            for warning in arm["warnings"]:
                warned.setdefault(warning, []).append(arm["name"])
        for warning, names in warned.items():
            self(f"warning: {', '.join(names)}: {warning}", fg="yellow")
        for name, found in document["equal_to_plain"].items():
            most = found["max_auroc_difference_per_seed"]
            self(f"{name}: AUROC {f'differs from plain by at most {most:.1e}' if most else 'as of plain'} in each seed")
        self(f"Report:   {path / 'report.html'}")
        self(f"Results:  {path / 'comparison.csv'}, {path / 'comparison.json'}")


_AWAY = (
    "away: hospitals that may drop out, once they have sent their update, or where they agreed to be singled out;",
    "others are waited for.",
)


def table(document: Mapping[str, Any]) -> list[str]:
    """The arms side by side, at most _TABLE_WIDTH characters wide."""
    lines = [
        f"{'arm':<12}{'AUROC':<23}{'to centralised':<26}{'AUPRC':>6}{'Brier':>8}{'s/round':>9}{'kB up':>9}"
        f"{'rounds':>8}{'away':>6}"
    ]
    for arm in document["arms"]:
        metrics, seconds, rounds = arm["metrics"], arm["seconds_per_round"], arm["rounds_to_convergence"]
        up = arm["bytes_up_per_hospital_round"]
        lines.append(
            f"{arm['name']:<12}{_interval(metrics['auroc']):<23}{_interval(arm['difference_to_centralised'], '+'):<26}"
            f"{metrics['auprc']['mean']:>6.3f}{metrics['brier']['mean']:>8.4f}"
            f"{_cell(seconds and seconds['mean'], '.2f'):>9}{_cell(up and up / 1e3, '.1f'):>9}"
            f"{_cell(rounds and rounds['mean'], '.1f'):>8}{_cell(arm['dropouts_tolerated'], 'd'):>6}"
        )
    lines.append(
        "s/round: all parties together. kB up: per hospital and round. rounds: until AUROC stays within 0.001."
    )
    lines += _AWAY
    return lines


def cards(document: Mapping[str, Any]) -> list[str]:
    """The same for a narrow terminal: each arm by itself."""
    lines = []
    for arm in document["arms"]:
        metrics, seconds, rounds = arm["metrics"], arm["seconds_per_round"], arm["rounds_to_convergence"]
        up, away = arm["bytes_up_per_hospital_round"], arm["dropouts_tolerated"]
        lines.append(f"{arm['name']:<12}AUROC {_interval(metrics['auroc'])}")
        if arm["difference_to_centralised"]:
            lines.append(f"{'':<12}to centralised {_interval(arm['difference_to_centralised'], '+')}")
        lines.append(f"{'':<12}AUPRC {metrics['auprc']['mean']:.3f}   Brier {metrics['brier']['mean']:.4f}")
        facts = [f"{seconds['mean']:.2f} s"] if seconds else []
        facts += [f"{up / 1e3:.1f} kB up"] if up else []
        facts += [f"rounds: {rounds['mean']:.1f}"] if rounds else []
        facts += [f"away: {away}"] if away is not None else []
        if facts:
            lines.append(f"{'':<12}{', '.join(facts)}")
    lines.append("s: a round, all parties. kB up: a hospital, a round. rounds: until it settles.")
    lines += _AWAY
    return lines


def _interval(found: Mapping[str, float] | None, sign: str = "") -> str:
    if found is None:
        return "-"
    return f"{found['mean']:{sign}.3f} ({found['low']:{sign}.3f} to {found['high']:{sign}.3f})"


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _duration(seconds: float | None) -> str:
    whole = round(seconds or 0)
    return f"{whole} s" if whole < 100 else f"{round(whole / 60)} min"
