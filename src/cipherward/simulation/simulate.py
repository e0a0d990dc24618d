"""A whole study on one machine: every hospital trains, encrypts, consents and verifies; the sums are all that is opened.

`run_study` is the public entry. It writes a run directory from which `cipherward predict`, `cipherward verify` and a
resumed run work. Per-hospital figures and the centralised model are a simulation's privilege: a deployed coordinator
never has what they are computed from.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from cipherward import study as study_document
from cipherward.crypto import schemes
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import InterruptedRunError, StudyError
from cipherward.learning import models
from cipherward.learning.devices import Device, check_device, device_used
from cipherward.learning.model_kind import Factory
from cipherward.parties import culprits
from cipherward.parties.coordinator_node import Phase
from cipherward.parties.hospital_node import HospitalNode
from cipherward.parties.outcomes import Outcome
from cipherward.privacy import budget as privacy_ledger
from cipherward.privacy import noise as privacy_plan
from cipherward.runs import continuing, fingerprint, modelfile, verify
from cipherward.runs.archive import Archive
from cipherward.runs.folder import RunDirectory, create, sources_of
from cipherward.runs.result import findings, sum_line, versions
from cipherward.runs.result_json import sum_lines
from cipherward.simulation import make_parties, on_one_machine
from cipherward.simulation.network import LocalEngine, Network, Traffic
from cipherward.simulation.witnessed import WitnessedLog
from cipherward.store import files
from cipherward.study import Study
from cipherward.tasks.catalogue import begin, make_task
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import ResultTable
from cipherward.tasks.yardsticks import Yardsticks

PHASES = ("train", "encrypt", "add", "consent", "release", "open", "verify", "evaluate")


@dataclass(frozen=True)
class Progress:
    """What a caller is told after every finished sum. `shown` and `words`: as `Task.shown` and `Task.words`."""

    round: int
    purpose: str
    contributors: int
    n_hospitals: int
    shown: Mapping[str, Any]
    words: tuple[str, str]
    seconds: float
    opened: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunResult:
    """A finished run. `summary` is what result.json holds; `tables` the same for people, of a task that makes no model."""

    path: Path
    summary: Mapping[str, Any]
    outcomes: tuple[Outcome, ...] = field(repr=False)
    tables: tuple[ResultTable, ...] = ()


OnProgress = Callable[[Progress], None]
OnData = Callable[[Study, Sequence[HospitalData]], None]


def run_study(
    study: Study,
    *,
    data: Path | None = None,
    base: Path | None = None,
    out: Path | None = None,
    device: Device = "auto",
    module: Factory | None = None,
    network: Network | None = None,
    yardsticks: Yardsticks | None = None,
    on_data: OnData | None = None,
    on_frozen: Callable[[Study], object] | None = None,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    archive: Archive | None = None,
    continued: Path | None = None,
) -> RunResult:
    """Run a study with every party in this process.

    Args:
        study: a checked study, see `cipherward.load_study`.
        data: file or folder with the study's data, instead of its own source path or download.
        base: folder against which paths in the study are resolved.
        out: a new or empty folder; default runs/<study>-<time>.
        device: "auto", "cpu" or "cuda"; where local training runs.
        module: for model.kind "custom": called with the number of input features, returns a torch.nn.Module that maps
            float32[n, n_features] to one logit per row.
        network: what happens to packets on their way (tests).
        yardsticks: the centralised and local-only models, where they are known already from a run on the same data with
            the same seed and training settings.
        on_data: called once with the study as it will run and every hospital's rows, before anything is trained or written.
        on_frozen: called with the frozen study.
        on_progress: called after every sum.
        should_stop: asked between sums; True stops the run so that it can be resumed.
        archive: keeps encrypted copies in a vault; whoever made it closes it.
        continued: a finished run from whose model the study goes on.

    Raises:
        StudyError, DataError: before anything runs, with every mistake found.
        BudgetExceededError: a hospital's privacy budget is spent; names the hospital.
        QuorumError, SuspectError, FaultyCoordinatorError, StorageError: the run stopped; what was opened is on disk.
        InterruptedRunError: `should_stop` said so.
    """
    on_one_machine.check(study)
    first = None
    if continued:
        study, first = continuing.start(study, continued)
    else:
        continuing.refuse(study, "a run that is given no earlier one")
    task = make_task(study, module)
    models.check_factory(study.model, module)
    privacy_plan.check_study(study)
    schemes.check_installed(study.aggregation.scheme)
    check_device(device)
    hospitals = load_hospitals(study, data, base or Path())
    study = on_one_machine.for_few_rows(study, task, hospitals)
    make_task(study, module).check(hospitals)
    if on_data:
        on_data(study, hospitals)
    run = create(out, study)
    keys = make_parties.make_keys(run, len(hospitals), study.aggregation.scheme)
    frozen = make_parties.freeze(study, [hospital.name for hospital in hospitals], keys)
    left_out = make_parties.declare(frozen, hospitals, keys, run)
    state = continuing.begun(frozen, module, first, left_out) if first else begin(frozen, module, left_out=left_out)
    if initial := modelfile.of(state):
        modelfile.save(run.initial_model, initial)
    sources = {"data": str(data.resolve()) if data else "", "base": str((base or Path()).resolve())}
    run.write_json(run.simulation, sources)
    for index, hospital in enumerate(hospitals, start=1):
        fingerprint.hold(run.hospital(index), hospital)
    run.write_study(frozen)
    if on_frozen:
        on_frozen(frozen)
    made = run, frozen, keys, hospitals, device, network, yardsticks, on_progress, should_stop, [state]
    with files.put_off(run.path):
        return _Simulation(*made, archive=archive).run()


def resume_study(
    path: Path,
    *,
    device: Device = "auto",
    module: Factory | None = None,
    network: Network | None = None,
    yardsticks: Yardsticks | None = None,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    archive: Archive | None = None,
) -> RunResult:
    """Go on with an interrupted run from its files: sums already opened are replayed, not repeated.

    Raises:
        StorageError, StudyError, DataError, AuditError: the run directory is incomplete or does not prove its rounds.
        CipherwardError: what `run_study` raises.
    """
    run = RunDirectory(path)
    if not run.study.exists():
        raise run.missing()
    if run.result.exists():
        raise StudyError(f"the run {path} is finished", hint="start a new run, or open its result.json")
    frozen = study_document.load(run.study)
    models.check_factory(frozen.model, module)
    data, base = sources_of(run)
    hospitals = load_hospitals(frozen, data, base)
    for index, hospital in enumerate(hospitals, start=1):
        fingerprint.hold(run.hospital(index), hospital)
    keys = make_parties.load_keys(run, len(hospitals), frozen.aggregation.scheme)
    states: list[StudyState] = []
    closed: list[bytes] = []
    for replayed in verify.replay(verify.open_run(run.path, module)):
        states.append(replayed.state)
        closed += replayed.closed
    made = run, frozen, keys, hospitals, device, network, yardsticks, on_progress, should_stop, states
    with files.put_off(run.path):
        return _Simulation(*made, closed, archive).run()


class _Simulation:
    """One run from its (possibly replayed) states to the result."""

    def __init__(
        self,
        run: RunDirectory,
        study: Study,
        keys: make_parties.Keys,
        hospitals: list[HospitalData],
        device: Device,
        network: Network | None,
        yardsticks: Yardsticks | None,
        on_progress: OnProgress | None,
        should_stop: Callable[[], bool],
        states: list[StudyState],
        closed: Sequence[bytes] = (),
        archive: Archive | None = None,
    ) -> None:
        self.run_directory = run
        self.study = study
        self.hospitals = hospitals
        self.device = device
        self.yardsticks = yardsticks
        self.on_progress = on_progress
        self.should_stop = should_stop
        self.archive = archive
        self.hub = make_parties.make_coordinator(
            study, keys, states[-1], run, closed, keeps_updates=archive is not None
        )
        self.sites: dict[int, HospitalNode] = {}
        shared = make_parties.share(study, keys)
        for index, hospital in enumerate(hospitals, start=1):
            site = make_parties.make_hospital(
                study, index, keys, states[0], hospital, run, device=device, shared=shared
            )
            site.state = states[min(site.ledger.receipts(study.digest()), len(states) - 1)]
            self.sites[index] = site
        self.engine = LocalEngine(self.hub, self.sites, network)
        self.audit = WitnessedLog(run, study, keys)
        self.purposes: list[str] = []
        self.sum_seconds: list[float] = []

    def _seconds(self) -> dict[str, float]:
        """Seconds spent so far by phase, all parties together."""
        seconds = dict.fromkeys(PHASES, 0.0)
        sites = self.sites.values()
        for spent in (self.hub.spent, *(site.spent for site in sites), *(site.work.spent for site in sites)):
            for phase, value in spent.items():
                seconds[phase] = seconds.get(phase, 0.0) + value
        return seconds

    def run(self) -> RunResult:
        try:
            digest = self.study.digest().hex()
            self.run_directory.write_log("engine", "run started", {"study": self.study.name, "digest": digest})
            self.audit.look()
            if self.archive:
                self.archive.begin(self.run_directory, self.study)
            self._recover()
            if self.study.privacy:
                self.run_directory.write_log("engine", "privacy", self.study.privacy.model_dump(mode="json"))
            while not self.hub.finished:
                if self.should_stop():
                    raise self._stopped(f"stopped after {self.hub.state.sums_done} sum(s); nothing is lost")
                self._one_sum()
            self.engine.last_call()
            return self._finish()
        except KeyboardInterrupt:
            raise self._stopped("stopped at once; no sum that was opened is lost") from None
        finally:
            self.audit.close()
            for site in self.sites.values():
                site.ledger.close()

    def _stopped(self, said: str) -> InterruptedRunError:
        path = shlex.quote(str(self.run_directory.path))
        return InterruptedRunError(said, hint=f"go on with: cipherward run --resume {path}")

    def _recover(self) -> None:
        """Take up the sum in which an earlier process ended; note one that it had finished and not noted."""
        self.hub.recover()
        if self.hub.phase is not Phase.IDLE:
            self._one_sum()
        elif self.hub.reports and not self._is_noted(self.hub.reports[-1].round):
            self._one_sum(is_finished=True)
        self.engine.last_call()

    def _is_noted(self, round: int) -> bool:
        path = self.run_directory.rounds
        return path.exists() and round in sum_lines(path, files.read(path))

    def _one_sum(self, *, is_finished: bool = False) -> None:
        started, before = perf_counter(), self._seconds()
        if is_finished:
            self.engine.traffic.append(Traffic())
        else:
            self.engine.run_sum()
        seconds = perf_counter() - started
        report, state, traffic = self.hub.reports[-1], self.hub.state, self.engine.traffic[-1]
        purpose = report.purpose
        self.purposes.append(purpose)
        self.sum_seconds.append(seconds)
        line: dict[str, Any] = {
            **sum_line(report, state),
            "bytes_up": traffic.up,
            "bytes_down": traffic.down,
            "seconds": seconds,
            # A deployed coordinator knows neither.
            "simulation": {
                "seconds_by_phase": {phase: value - before.get(phase, 0.0) for phase, value in self._seconds().items()},
                "local_distance": {
                    index: site.work.notes[report.round]["distance"]
                    for index, site in self.sites.items()
                    if "distance" in site.work.notes.get(report.round, {})
                },
            },
        }
        files.append(self.run_directory.rounds, json.dumps(line))
        self.run_directory.write_log(
            "coordinator", "sum finished", {k: line[k] for k in ("sum", "purpose", "contributors", "opened")}
        )
        self.audit.look()
        if self.archive:
            self.archive.sum_done(report.round, report.contributors, state)
        if self.on_progress:
            self.on_progress(
                Progress(
                    report.round,
                    purpose,
                    len(report.contributors),
                    len(self.sites),
                    state.task.shown(state.inner),
                    state.task.words(state.inner),
                    seconds,
                    report.opened,
                    tuple(culprits.sentences(culprits.facts(state))) if not report.opened else (),
                )
            )

    def _finish(self) -> RunResult:
        state, run = self.hub.state, self.run_directory
        if self.study.synthetic:
            run.write_example(self.hospitals[0].table.head(20))
        if model := modelfile.of(state):
            modelfile.save(run.model, model)
        pooled = state.task.pooled(state.inner, [site.work for site in self.sites.values()], self.yardsticks)
        outcomes = tuple(site.outcomes[-1] for site in self.sites.values() if site.outcomes)
        summary = self._summary(state, pooled)
        summary["warnings"] = list(state.task.warnings(summary))
        tables = state.task.tables(summary)
        run.write_tables(tables)
        run.write_json(run.result, summary)
        run.write_log("engine", "run finished", {"model": state.digest().hex()})
        self.audit.look()
        return RunResult(run.path, summary, outcomes, tables)

    def _summary(self, state: StudyState, pooled: Mapping[str, Any]) -> dict[str, Any]:
        # The kind of sum that the study consists of: its rounds, where it has rounds.
        main = Counter(self.purposes).most_common(1)[0][0] if self.purposes else ""
        counted = [k for k, purpose in enumerate(self.purposes) if purpose == main]
        n = len(self.sites)

        def mean_bytes(direction: str) -> float | None:
            totals = [sum(getattr(self.engine.traffic[k], direction).values()) / n for k in counted]
            return sum(totals) / len(totals) if totals else None

        up = mean_bytes("up")
        n_parameters = state.n_parameters
        names = [hospital.name for hospital in self.hospitals]
        return {
            **findings(state),
            **pooled,
            "privacy": privacy_ledger.describe(
                self.study,
                {names[index - 1]: site.budget.report() for index, site in self.sites.items() if site.budget},
            ),
            "bytes_up_per_parameter": up / n_parameters if up is not None and n_parameters else None,
            "bytes_up_per_hospital_round": up,
            "bytes_down_per_hospital_round": mean_bytes("down"),
            "seconds": self._seconds(),
            "seconds_per_sum": self.sum_seconds,
            # A hospital's own state moves only when it has verified what leads there.
            "verified": {
                names[index - 1]: site.state.digest() == state.digest() and not site.stopped
                for index, site in self.sites.items()
            },
            "changes": [
                {"hospital": hospital.name, "column": change.column, "rule": str(change.rule), "count": change.count}
                for hospital in self.hospitals
                for change in hospital.changes
            ],
            "about_data": [
                {"hospital": hospital.name, "column": finding.column, "text": finding.text}
                for hospital in self.hospitals
                for finding in hospital.about
            ],
            "set_aside": [dataclasses.asdict(item) for item in self.hub.set_aside],
            "device": device_used(self.study.model, self.device),
            "versions": versions(),
        }
