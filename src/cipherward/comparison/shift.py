"""The shift run: two hospitals' case mix changes in the middle of a study; the federated model against their own.

The federated side is the study itself, run by the real nodes under `quorum`. Each shifted hospital also trains a model
alone, from the same first weights, on the same rows, for the same number of epochs. Both are measured on the test rows
of the hospital's current case mix.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.comparison import case_mix
from cipherward.comparison.arms import PROTECTED
from cipherward.comparison.case_mix import MOSTLY, CaseMix, Score
from cipherward.data.preprocess import n_features
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import InterruptedRunError, StorageError, StudyError
from cipherward.learning import metrics, models, sgd
from cipherward.learning.baselines import Rows
from cipherward.learning.devices import Device
from cipherward.learning.model_kind import Factory, Module
from cipherward.runs import folder as rundir
from cipherward.simulation import make_parties
from cipherward.simulation.network import LocalEngine
from cipherward.store import files
from cipherward.study import Study
from cipherward.tasks import rounds as training_rounds
from cipherward.tasks.catalogue import begin
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TEST, TRAIN, rows_at
from cipherward.tasks.task import Model, refuse_other_outcomes

FILE = "shift.json"

OnProgress = Callable[[int, int, str], None]
"""Called with (rounds done, rounds in all, what was just done)."""

Auroc = dict[str, dict[str, float]]
"""By "federated" and "local", by hospital."""


def run_shift(
    study: Study,
    out: Path,
    *,
    data: Path | None = None,
    base: Path | None = None,
    rounds: int = 10,
    shift_round: int = 5,
    device: Device = "auto",
    module: Factory | None = None,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run `study` under quorum for `rounds` rounds with a shift, write `out`/shift.json and return what it holds.

    Differential privacy and early stopping of the study are left out of this run. Where the file holds this very run
    already, it is returned; a run that was stopped starts again.

    Args:
        data, base, device, module: as for `run_study`.
        shift_round: the first round (from 1) in which the two hospitals train on their new case mix.
        should_stop: asked before each round.

    Raises:
        StudyError: shift_round is not between 2 and `rounds`, or a study that cannot run.
        DataError: the tables are wrong, or too small for a shift.
        InterruptedRunError: `should_stop` said so.
        QuorumError, SuspectError, FaultyCoordinatorError, StorageError: as `run_study`.
    """
    refuse_other_outcomes(study, "a comparison of ways to train")
    if not 2 <= shift_round <= rounds:
        raise StudyError(
            f"shift_round {shift_round} is not between 2 and the {rounds} rounds",
            hint="leave at least one round before the shift, and one from it on",
        )
    chosen = study.with_overrides(
        top={"privacy": None}, training={"rounds": rounds, "patience": 0}, aggregation={"scheme": PROTECTED}
    )
    path, wanted = out / FILE, {"study_digest": chosen.digest().hex(), "shift_round": shift_round}
    if (found := _finished(path, wanted)) is not None:
        return found
    hospitals = load_hospitals(chosen, data, base or Path())
    score = case_mix.score_of(chosen.columns, hospitals)
    mixes = case_mix.choose(chosen, hospitals, score)
    with tempfile.TemporaryDirectory(prefix="cipherward-shift-") as folder:
        shift = _Shift(chosen, hospitals, mixes, Path(folder) / "run", device, module)
        try:
            by_round, at_shift = shift.run(shift_round, on_progress, should_stop)
        finally:
            shift.close()
    names = [hospitals[index - 1].name for index in mixes]
    document = {
        "study": study.name,
        **wanted,
        "scheme": PROTECTED,
        "rounds": rounds,
        "hospitals_shifted": names,
        "case_mix": _sentence(score, names, shift_round),
        "rows": {
            hospitals[index - 1].name: {"before": _counts(mix.before), "after": _counts(mix.after)}
            for index, mix in mixes.items()
        },
        "by_round": by_round,
        "before": _values(by_round[shift_round - 2]),
        "at_shift": at_shift,
        "after": _values(by_round[-1]),
    }
    files.write(path, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())
    return document


class _Shift:
    """The parties of the federated run, and beside them the shifted hospitals' own models."""

    def __init__(
        self,
        study: Study,
        hospitals: list[HospitalData],
        mixes: Mapping[int, CaseMix],
        folder: Path,
        device: Device,
        factory: Factory | None,
    ) -> None:
        self.mixes = mixes
        self.names = {index: hospitals[index - 1].name for index in mixes}
        self.device = device
        run = rundir.create(folder, study)
        keys = make_parties.make_keys(run, len(hospitals), study.aggregation.scheme)
        self.study = make_parties.freeze(study, [hospital.name for hospital in hospitals], keys)
        left_out = make_parties.declare(self.study, hospitals, keys, run)
        asked = study.without_columns(left_out)
        n_inputs = n_features(asked.columns)
        self.module: Module = models.build(study.model, n_inputs, study.seed, factory, shape=asked.input_shape)
        drawn = Model(models.groups(self.module), models.flatten(self.module))
        first = begin(self.study, factory, drawn, left_out)
        self.own: dict[int, NDArray[np.float32]] = dict.fromkeys(mixes, drawn.weights)
        seen = {
            index: mixes[index].before if index in mixes else hospital
            for index, hospital in enumerate(hospitals, start=1)
        }
        shared = make_parties.share(self.study, keys)
        self.sites = {
            index: make_parties.make_hospital(self.study, index, keys, first, rows, run, device=device, shared=shared)
            for index, rows in seen.items()
        }
        self.engine = LocalEngine(make_parties.make_coordinator(self.study, keys, first, run), self.sites)

    def close(self) -> None:
        for site in self.sites.values():
            site.ledger.close()

    def run(
        self, shift_round: int, on_progress: OnProgress | None, should_stop: Callable[[], bool]
    ) -> tuple[list[dict[str, Any]], Auroc]:
        """AUROC after every round, and that of the models of the round before the shift on the new case mix."""
        rounds = self.study.training.rounds
        self.engine.run_sum()  # the statistics, asked once: they come from the rows before the shift
        by_round: list[dict[str, Any]] = []
        at_shift: Auroc = {}
        for number in range(1, rounds + 1):
            if should_stop():
                raise InterruptedRunError(
                    f"the shift run stopped before round {number} of {rounds}",
                    hint="give the same command again: this run starts anew, what else is finished is kept",
                )
            if number == shift_round:
                for index, mix in self.mixes.items():
                    self._see(index, mix.after)
                at_shift = self._measured()
            for index in self.mixes:
                self._train_alone(index, number)
            self.engine.run_sum()
            by_round.append({"round": number, **self._measured()})
            if on_progress:
                on_progress(number, rounds, f"round {number}" + (", case mix changed" if number == shift_round else ""))
        return by_round, at_shift

    def _see(self, index: int, rows: HospitalData) -> None:
        self.sites[index].work = HospitalWork(index, rows, self.device, perf_counter)

    def _rows(self, index: int, split: int) -> Rows:
        return rows_at(self.sites[index].work, self._model(index).scaling, split)

    def _model(self, index: int) -> Model:
        model = self.sites[index].state.model
        assert model is not None  # noqa: S101  a shift run trains one; for the type checker
        return model

    def _train_alone(self, index: int, number: int) -> None:
        features, labels = self._rows(index, TRAIN)
        settings = training_rounds.settings(self.study, self._model(index).scaling)
        # Shuffled as the hospital's federated training of this round is.
        seed = (self.study.seed, index, number)
        self.own[index] = sgd.train(
            self.module, self.own[index], features, labels, settings, seed=seed, device=self.device
        )

    def _measured(self) -> Auroc:
        return {
            "federated": {self.names[i]: self._auroc(i, self._model(i).weights) for i in self.mixes},
            "local": {self.names[i]: self._auroc(i, self.own[i]) for i in self.mixes},
        }

    def _auroc(self, index: int, weights: NDArray[np.float32]) -> float:
        features, labels = self._rows(index, TEST)
        return metrics.exact(sgd.scores(self.module, weights, features, self.device), labels).auroc


def _sentence(score: Score, names: list[str], shift_round: int) -> str:
    return (
        f"From round {shift_round} on {names[0]} and {names[1]} see other patients: each one's rows are halved at the "
        f"median of the first principal component of the standardised inputs (a high value means above all "
        f"{', '.join(score.leading())}); before, it sees {MOSTLY:.0%} of its low half and {1 - MOSTLY:.0%} of its high "
        f"half, from then on all other rows, and no row in both. Scaling statistics are asked once, before the shift."
    )


def _counts(mix: HospitalData) -> dict[str, int]:
    outcome = {split: mix.outcome[mix.split == split] for split in (TRAIN, TEST)}
    return {
        "train": len(outcome[TRAIN]),
        "train_positive": int(outcome[TRAIN].sum()),
        "test": len(outcome[TEST]),
        "test_positive": int(outcome[TEST].sum()),
    }


def _values(line: Mapping[str, Any]) -> Auroc:
    return {kind: dict(line[kind]) for kind in ("federated", "local")}


def _finished(path: Path, wanted: Mapping[str, object]) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        found = files.json_object(files.read(path))
        return found if all(found[name] == value for name, value in wanted.items()) else None
    except (ValueError, TypeError, KeyError):
        raise StorageError(f"{path} is damaged", hint="delete it; the shift run is made again") from None
