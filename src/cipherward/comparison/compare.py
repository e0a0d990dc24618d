"""The schemes side by side: the same data, the same seeds, one run for each arm and seed, one table.

Every federated arm is an ordinary run in its own run directory, which `cipherward verify` and `cipherward report` take
like any other. The centralised and local-only models are computed once for a seed and given to every run. What is done
stays done: a comparison that stops anywhere goes on from its directory.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from cipherward.comparison import arms
from cipherward.comparison.arms import Arm
from cipherward.comparison.results import Results, Seed, to_csv
from cipherward.data.partition import TRAIN
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import DataError, InterruptedRunError, StudyError
from cipherward.learning import models
from cipherward.learning.catalogue import kind_of
from cipherward.learning.devices import Device, check_device, device_used
from cipherward.privacy import noise as privacy_plan
from cipherward.report import page
from cipherward.runs import continuing, result_json
from cipherward.runs.folder import RunDirectory
from cipherward.simulation import make_parties, simulate
from cipherward.simulation.simulate import OnProgress
from cipherward.store import claims, files
from cipherward.study import Study
from cipherward.tasks import yardsticks
from cipherward.tasks.catalogue import begin, make_task
from cipherward.tasks.task import refuse_columns_apart, refuse_other_outcomes

NAME, TABLE = "comparison.json", "comparison.csv"


@dataclass(frozen=True)
class Step:
    """One run of a comparison, as a caller is told of it, before (`seconds` None) and after.

    `arm` is "yardsticks" for the centralised and local-only models of a seed. `kept`: it was done before.
    `seconds_left` estimates what remains of the runs, None as long as nothing is known.
    """

    arm: str
    seed: int
    number: int
    total: int
    auroc: float | None = None
    seconds: float | None = None
    kept: bool = False
    seconds_left: float | None = None


OnStep = Callable[[Step], None]
OnExtra = Callable[[str, int, int, str], None]
"""Called with "sizes" or "shift", how far it is, of how much, and what is done; of nothing: left out, and why."""

OnData = Callable[[Sequence[HospitalData]], None]


@dataclass(frozen=True)
class Options:
    """How a comparison runs. `names`: the arms, None for all. `command`: what people type to repeat it."""

    names: Sequence[str] | None = None
    n_seeds: int = 3
    data: Path | None = None
    base: Path | None = None
    device: Device = "auto"
    sizes: bool = True
    shift: bool = True
    command: str = ""


def compare_study(
    study: Study,
    out: Path,
    options: Options | None = None,
    *,
    on_step: OnStep | None = None,
    on_progress: OnProgress | None = None,
    on_extra: OnExtra | None = None,
    on_data: OnData | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run every arm for seeds study.seed, study.seed + 1, ...; what `out` holds already is not run again.

    Args:
        out: a new or empty folder, or one with the same comparison.
        on_step: called before and after every run; `on_progress`: after every sum of a run.
        on_data: called with every hospital's table before anything is trained.
        should_stop: asked between sums; True stops the comparison so that it can be resumed.

    Returns:
        the content of comparison.json.

    Raises:
        StudyError, DataError: before anything runs: an extra is missing, `out` holds another comparison.
        InterruptedRunError: `should_stop` said so.
        and what `run_study` raises.
    """
    options = options or Options()
    chosen = arms.choose(options.names)
    check_device(options.device)
    if kind_of(study.model).is_own_code:
        raise StudyError(
            "a comparison needs a model that a study describes, not one of kind custom",
            hint="take logistic-regression or mlp; `run_study` trains your own module under one scheme",
        )
    continuing.refuse(study, "a comparison")
    refuse_columns_apart(study, "a comparison")
    task = make_task(study)
    refuse_other_outcomes(study, "a comparison of ways to train")
    if not task.is_comparable:
        raise StudyError(
            f"a comparison trains one model in many ways, which task {study.task!r} does not",
            hint="`cipherward run` has the model of all rows in one place beside the shared one",
        )
    return _Comparison(study, out, chosen, options, on_step, on_progress, on_extra, on_data, should_stop).run()


def _open(study: Study, out: Path, chosen: Sequence[Arm], options: Options) -> None:
    """Claim the folder, or check that it holds this very comparison."""
    wanted = {
        "study_digest": study.digest().hex(),
        "arms": [arm.name for arm in chosen],
        "seeds": options.n_seeds,
        "device": device_used(study.model, options.device),
    }
    words = {
        "study_digest": "the study or an override",
        "arms": "--schemes",
        "seeds": "--seeds",
        "device": "--device",
    }
    claims.claim(out, "comparison", wanted, words)


@dataclass
class _Comparison:
    study: Study
    out: Path
    arms: tuple[Arm, ...]
    options: Options
    on_step: OnStep | None
    on_progress: OnProgress | None
    on_extra: OnExtra | None
    on_data: OnData | None
    should_stop: Callable[[], bool]
    _spent: dict[str, list[float]] = field(default_factory=dict)
    _number: int = 0

    def run(self) -> dict[str, Any]:
        seeds = [self.study.seed + k for k in range(self.options.n_seeds)]
        loaded = self._load(seeds)
        if self.on_data:
            self.on_data(loaded[seeds[0]])
        # One set of columns for all arms, also for those whose scheme would leave none out.
        protected = self.study.with_overrides(aggregation={"scheme": arms.PROTECTED})
        kept = make_parties.kept_columns(protected, loaded[seeds[0]])
        self.study = self.study.without_columns({c.name for c in self.study.columns} - {c.name for c in kept.columns})
        studies = {(arm.name, seed): self._study(arm, seed, loaded[seed]) for arm in self.arms for seed in seeds}
        for each in studies.values():
            privacy_plan.check_study(each)
        _open(self.study, self.out, self.arms, self.options)
        if not (self.out / "study.toml").exists():
            files.write(self.out / "study.toml", self.study.to_toml().encode())
        prepared = [self._prepare(seed, loaded[seed]) for seed in seeds]
        results = Results(self.study, self.out, prepared, self.options.command, self.options.device)
        for arm in self.arms:
            if arm.scheme:
                for seed in prepared:
                    self._one_run(arm, studies[arm.name, seed.seed], seed)
            results.add(arm)
            self._write(results.document(finished=False))
        self._extras()
        document = results.document(finished=True)
        self._write(document)
        return document

    def _load(self, seeds: Sequence[int]) -> dict[int, list[HospitalData]]:
        """The hospitals' data by seed; only a synthetic cohort depends on it."""
        first = load_hospitals(self.study, self.options.data, self.options.base or Path())
        found = {seeds[0]: first}
        for seed in seeds[1:]:
            again = self.study.data.cohort is not None
            found[seed] = (
                load_hospitals(self.study.with_overrides(top={"seed": seed}), None, Path()) if again else first
            )
        return found

    def _study(self, arm: Arm, seed: int, hospitals: Sequence[HospitalData]) -> Study:
        return arms.study_of(arm, self.study, seed, max(int((h.split == TRAIN).sum()) for h in hospitals))

    def _prepare(self, number: int, hospitals: list[HospitalData]) -> Seed:
        """The yardsticks of a seed: from their file, or trained now."""
        path = self.out / "yardsticks" / f"seed-{number}.json"
        plain = arms.study_of(arms.ARMS[arms.UNPROTECTED], self.study, number, 1)
        self._step("yardsticks", number)
        started = perf_counter()
        scaling, works = yardsticks.prepare(plain, hospitals, self.options.device)
        first = begin(plain).model
        assert first is not None  # noqa: S101  a comparison is of models; for the type checker
        kept = path.exists()
        if kept:
            found = yardsticks.load(path)
            if found.basis != yardsticks.basis_of(plain, first.weights, scaling, hospitals):
                raise StudyError(
                    f"the data are not those with which the comparison in {self.out} began",
                    hint="give the same --data, or choose another --out; nothing was changed",
                )
        else:
            self._may_go_on()
            module = models.build(plain.model, scaling.n_features, plain.seed, shape=plain.input_shape)
            found = yardsticks.compute(plain, module, first.weights, scaling, works)
            yardsticks.save(path, found)
        self._step("yardsticks", number, found.centralised.metrics.headline, perf_counter() - started, kept)
        return Seed(number, plain, hospitals, scaling, works, found)

    def _one_run(self, arm: Arm, study: Study, seed: Seed) -> None:
        """The arm's run for a seed: kept, resumed, or new."""
        run = RunDirectory(self.out / "arms" / arm.name / f"seed-{seed.seed}")
        kept = run.result.exists()
        self._step(arm.name, seed.seed)
        started = perf_counter()
        if not kept:
            self._may_go_on()
            options: dict[str, Any] = {
                "device": self.options.device,
                "yardsticks": seed.yardsticks,
                "on_progress": self.on_progress,
                "should_stop": self.should_stop,
            }
            try:
                if run.study_digest.exists():
                    simulate.resume_study(run.path, **options)
                else:
                    if run.path.exists():  # killed before its first sum: nothing was sent
                        shutil.rmtree(run.path)
                    data, base = self.options.data, self.options.base
                    simulate.run_study(study, data=data, base=base, out=run.path, **options)
            except InterruptedRunError:
                raise self._stopped() from None
        if not (run.path / page.NAME).exists():
            page.write(run.path)
        auroc = result_json.read(run.result, result_json.Simulated).auroc_federated_exact
        self._step(arm.name, seed.seed, auroc, perf_counter() - started, kept)

    def _extras(self) -> None:
        """The size sweep and the shift run; both keep what they have measured themselves."""

        def told(what: str) -> Callable[[int, int, str], None]:
            return lambda done, total, text: self.on_extra(what, done, total, text) if self.on_extra else None

        try:
            if self.options.sizes:
                from cipherward.comparison.sizes import run_sizes

                run_sizes(self.out, on_progress=told("sizes"), should_stop=self.should_stop)
            if self.options.shift:
                from cipherward.comparison.shift import run_shift

                tell = told("shift")
                try:
                    run_shift(
                        self.study,
                        self.out,
                        data=self.options.data,
                        base=self.options.base,
                        device=self.options.device,
                        on_progress=tell,
                        should_stop=self.should_stop,
                    )
                except DataError as error:  # such as too few rows for a shift: the comparison stands without
                    tell(0, 0, error.message)
        except InterruptedRunError:
            raise self._stopped() from None

    def _write(self, document: dict[str, Any]) -> None:
        files.write(self.out / TABLE, to_csv(document).encode())
        files.write(self.out / NAME, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())

    def _may_go_on(self) -> None:
        if self.should_stop():
            raise self._stopped()

    def _stopped(self) -> InterruptedRunError:
        again = self.options.command or "the same command"
        return InterruptedRunError(
            f"stopped; what is done stays in {self.out}", hint=f"go on with: {again} --out {shlex.quote(str(self.out))}"
        )

    def _step(
        self, name: str, seed: int, auroc: float | None = None, seconds: float | None = None, kept: bool = False
    ) -> None:
        if seconds is None:
            self._number += 1
        elif not kept:
            self._spent.setdefault(name, []).append(seconds)
        if self.on_step:
            left = self._seconds_left(including=name if seconds is None else None)
            self.on_step(Step(name, seed, self._number, self._total, auroc, seconds, kept, left))

    @property
    def _total(self) -> int:
        return self.options.n_seeds * (1 + sum(arm.scheme is not None for arm in self.arms))

    def _seconds_left(self, including: str | None) -> float | None:
        """From the mean of the runs of the same arm so far, or of all runs where there is none of that arm yet."""
        known = {name: sum(values) / len(values) for name, values in self._spent.items()}
        if not known:
            return None
        usual = sum(known.values()) / len(known)
        planned = ["yardsticks", *(arm.name for arm in self.arms if arm.scheme)]
        steps = [name for name in planned for _ in range(self.options.n_seeds)]
        rest = steps[self._number - (including is not None) :]
        return sum(known.get(name, usual) for name in rest)
