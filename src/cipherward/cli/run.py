"""`cipherward run`: a whole study on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cipherward.cli import telling
from cipherward.cli.choosing import study_named
from cipherward.cli.stopping import StopAfterSum
from cipherward.cli.terminal import doing, lined_up, print_json, quoted
from cipherward.cli.vault import archive_for, tell_vault

if TYPE_CHECKING:
    from cipherward.data.sources import HospitalData
    from cipherward.simulation.simulate import Progress, RunResult
    from cipherward.study import Study
    from cipherward.tasks.task import ResultTable


_APART = 0.0005
"""From which on the opened figure, of scores that are counted in groups, is told apart from the exact one."""


class DeviceName(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def run(
    study: str = typer.Argument(
        None, help="A study.toml, or the name of a built-in study; default: readmission.", show_default=False
    ),
    data: Path = typer.Option(None, "--data", help="The study's data: a file or folder, instead of a download."),
    out: Path = typer.Option(None, "--out", help="Run directory; default: runs/<study>-<time>."),
    scheme: str = typer.Option(
        None, "--scheme", help="How sums are protected: quorum, ckks, plain or masks; default: the study's."
    ),
    rounds: int = typer.Option(None, "--rounds", min=1, help="Training rounds; default: the study's."),
    seed: int = typer.Option(None, "--seed", min=0, help="Seed of the model and of training; default: the study's."),
    device: DeviceName = typer.Option(DeviceName.auto, "--device", help="Where local training runs."),
    hospitals: int = typer.Option(
        None, "--hospitals", min=3, help="Synthetic cohort only: number of hospitals, at least 3."
    ),
    encounters: int = typer.Option(
        None, "--encounters", min=50, help="Synthetic cohort only: mean encounters per hospital."
    ),
    continued: Path = typer.Option(
        None,
        "--continue",
        metavar="RUN_DIR",
        help="Go on from the last model of this finished run, on the rows of now.",
    ),
    resume: Path = typer.Option(None, "--resume", help="Go on with the interrupted run in this directory."),
    vault: str = typer.Option(
        None, "--vault", metavar="URL", help="Keep encrypted copies there: a folder, s3:// or gdrive://."
    ),
    vault_key_file: Path = typer.Option(
        None,
        "--vault-key-file",
        envvar="CIPHERWARD_VAULT_KEY_FILE",
        help="The vault's key; default: the environment, or the file beside a local vault.",
    ),
    json: bool = typer.Option(
        False, "--json", help="Print result.json on standard output, progress on standard error."
    ),
) -> None:
    """Run a study: train, encrypt, add, open only sums, verify, evaluate. Without STUDY: the quick start.

    Every hospital is simulated in this process. The quick start's patients are synthetic.
    """
    if resume:
        _refuse_with_resume(study, data, out, scheme, rounds, seed, hospitals, encounters, continued)
        chosen, base = None, Path()
    else:
        # First the document, as its mistakes are cheap to find; only then what takes seconds to load.
        chosen, base = _study(study or "readmission", scheme, rounds, seed, hospitals, encounters)
    from cipherward.errors import InterruptedRunError
    from cipherward.report import page
    from cipherward.simulation import simulate, witnessed

    archive = archive_for(vault, vault_key_file, resume)
    stop = StopAfterSum()
    teller = Teller(to_stderr=json)
    with archive or nullcontext():
        if chosen is None:
            doing(f"  checking what {resume} holds")
            result = simulate.resume_study(
                resume, device=device.value, on_progress=teller.progress, should_stop=stop, archive=archive
            )
        else:
            teller.start(chosen)
            doing("  reading the tables")
            result = simulate.run_study(
                chosen,
                data=data,
                base=base,
                out=out,
                device=device.value,
                on_data=teller.about_study,
                on_frozen=teller.if_missing,
                on_progress=teller.progress,
                should_stop=stop,
                archive=archive,
                continued=continued,
            )
        teller.drawing()
        stop.over()
        try:
            page.write(result.path)
        except KeyboardInterrupt:
            raise InterruptedRunError(
                "stopped while the report was written; the run itself is finished",
                hint=f"write the report with: {quoted('cipherward', 'report', result.path)}",
            ) from None
        witnessed.look(result.path)
    if json:
        print_json(result.summary)
    teller.finish(result)
    if archive:
        witnessed.look(result.path)  # what the vault has erased by the study's rules
        tell_vault(archive, result.path)


def _refuse_with_resume(*given: object) -> None:
    from cipherward.errors import StudyError

    names = ("STUDY", "--data", "--out", "--scheme", "--rounds", "--seed", "--hospitals", "--encounters", "--continue")
    extra = [name for name, value in zip(names, given, strict=True) if value is not None]
    if extra:
        raise StudyError(
            f"--resume goes on with the study as it was frozen: {', '.join(extra)} cannot be given with it",
            hint="leave it out, or start a new run with it",
        )


def _study(
    name: str,
    scheme: str | None,
    rounds: int | None,
    seed: int | None,
    hospitals: int | None,
    encounters: int | None,
) -> tuple[Study, Path]:
    from cipherward.errors import StudyError

    chosen, base = study_named(name)
    sections: dict[str, dict[str, Any]] = {}
    if scheme:
        sections["aggregation"] = {"scheme": scheme}
    if rounds:
        sections["training"] = {"rounds": rounds}
    if seed is not None:
        sections["top"] = {"seed": seed}
    if hospitals or encounters:
        if chosen.data.cohort is None:
            raise StudyError("--hospitals and --encounters belong to the synthetic cohort", hint="leave them out")
        cohort = chosen.data.cohort.model_dump() | (
            ({"n_hospitals": hospitals} if hospitals else {})
            | ({"encounters_per_hospital": encounters} if encounters else {})
        )
        sections["data"] = {"cohort": cohort}
    return (chosen.with_overrides(**sections) if sections else chosen), base


class Teller(telling.Teller):
    """Also says how sums are protected, and what a run gave."""

    def start(self, study: Study) -> None:
        from cipherward.crypto import schemes
        from cipherward.crypto.scheme import Opener

        if not study.n_hospitals:
            return  # the error that follows says so
        self.begins(study, f"{study.n_hospitals} hospitals, scheme {study.aggregation.scheme}, seed {study.seed}")
        scheme = schemes.facts(study.aggregation.scheme)
        if scheme.caution:
            self(scheme.caution, fg="yellow")
        if scheme.opener is not Opener.ANYONE:
            self(study.thresholds.explain(is_shared=scheme.opener is Opener.HOSPITALS))
        for warning in study.thresholds.warnings():
            self(f"warning: {warning}", fg="yellow")
        if study.privacy:
            p = study.privacy
            self(
                f"Differential privacy of each {p.unit}: epsilon {p.epsilon:g}, delta {p.delta:g}, clipping norm "
                f"{p.clipping_norm:g}, for the updates of the training rounds (docs/privacy.md says what else leaves)."
            )
            if p.unit == "hospital":
                self("The model is measured at the end only: training rounds carry the noisy update and nothing else.")

    def about_study(self, study: Study, hospitals: Sequence[HospitalData]) -> None:
        """What anyone should know before anything is trained: the noise that these rows bear, and what is odd about them."""
        if own := study.own_noise:
            self(
                f"Noise on counts: epsilon {own.epsilon:g}, delta {own.delta:g} for each patient, added by each hospital; "
                "sums that carry none are exact."
            )
        else:
            self("Noise on counts: none. Every sum that carries no other noise is exact.")
        if study.group_rows == 1:
            self("Test scores: counted one by one; between hospitals a policy may refuse that (evaluation.group_rows).")
        self.about_data(hospitals)

    def if_missing(self, study: Study) -> None:
        """What would happen between hospitals, with the answers that the study gives."""
        from cipherward.parties import who_stands

        for line in who_stands.if_missing(study):
            self(line)
        doing("  first sum")

    def drawing(self) -> None:
        self("  writing figures and report")
        doing("  writing")

    def progress(self, done: Progress) -> None:
        name, figures = done.words
        who = f"{done.contributors} of {done.n_hospitals} hospitals"
        figures = figures if done.opened else "void: the sum did not open"
        self(f"  {name:<12} {who}   {figures + '   ' if figures else ''}{done.seconds:.2f} s")
        for note in done.notes:
            self(f"    {note}")
        doing("  next")

    def finish(self, result: RunResult) -> None:
        from cipherward.crypto import schemes
        from cipherward.crypto.scheme import Opener

        s = result.summary
        self()
        for outcome in result.outcomes:
            self(outcome.phrase, fg="green" if outcome.is_verified else "red")
        self()
        key = str(s.get("headline", "auroc"))
        has_model = f"{key}_federated" in s
        if has_model:
            self._accuracy(s, key)
        for table in () if has_model else result.tables:
            self._table(table)
        for line in telling.reshaped(s):
            self(line, fg="yellow")
        for warning in s["warnings"]:
            self(f"warning: {warning}", fg="yellow")
        if s["privacy"]:
            p = s["privacy"]
            self(
                f"Privacy budget of a {p['unit']}: epsilon {p['epsilon_spent']:.3g} of {p['epsilon']:g} spent at delta "
                f"{p['delta']:g} on {', '.join(p['covered'])}; {p['epsilon_left']:.3g} left."
            )
            self(f"  Not covered: {'; '.join(p['not_covered'])}.")
        if s["bytes_up_per_hospital_round"]:
            self(
                f"Sent per hospital and round: {s['bytes_up_per_hospital_round'] / 1e3:.0f} kB up, "
                f"{s['bytes_down_per_hospital_round'] / 1e3:.0f} kB down"
            )
        scheme = schemes.facts(s["scheme"])
        if scheme.opener is not Opener.ANYONE:
            if scheme.caution:
                self(scheme.caution)
            self("Only sums were opened. The sums and the model can still reveal training data: see docs/security.md.")
        self()
        self(f"Report:   {result.path / 'report.html'}")
        files = ["auroc.svg" if key == "auroc" else "rounds.svg", "hospitals.svg"] if has_model else []
        files += [f"{table.name}.csv" for table in result.tables]
        self(f"Results:  {', '.join(str(result.path / name) for name in ['result.json', *files])}")
        self(f"Verify:   {quoted('cipherward', 'verify', result.path)}")
        if not has_model:
            return
        rows = result.path / "example-rows.csv"
        self(f"Predict:  {quoted('cipherward', 'predict', result.path, rows if rows.exists() else 'TABLE.csv')}")

    def _accuracy(self, s: Mapping[str, Any], key: str) -> None:
        from cipherward.learning import outcomes

        local = s[f"{key}_local"].values()
        best = f", best possible {s[f'{key}_best_possible']:.4f}" if s[f"{key}_best_possible"] else ""
        title = outcomes.title_of(s.get("outcome_type", "binary"))
        opened, exact = s[f"{key}_federated"], s[f"{key}_federated_exact"]
        by_row = f" (row by row {exact:.4f})" if abs(opened - exact) >= _APART else ""
        self(f"{title} on the {s['n_test_rows']} pooled test rows: federated {opened:.4f}{by_row},")
        self(f"  centralised {s[f'{key}_centralised']:.4f}, hospitals alone {min(local):.4f} to {max(local):.4f}{best}")

    def _table(self, table: ResultTable) -> None:
        self(table.title)
        for line in lined_up([table.header, *table.rows]):
            self(line)
        self()
