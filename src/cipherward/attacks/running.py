"""Every attack on one study, seed by seed. What is done is kept as files: a run that stops anywhere goes on from its folder."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from cipherward.attacks import catalogue, results
from cipherward.attacks.attack import Attack
from cipherward.attacks.context import Context, for_attacks
from cipherward.attacks.results import Attacks, Cell
from cipherward.data.partition import TRAIN
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import InterruptedRunError, StudyError
from cipherward.learning.catalogue import kind_of
from cipherward.runs import continuing
from cipherward.runs.result import versions
from cipherward.simulation import make_parties
from cipherward.store import claims, files
from cipherward.study import Study
from cipherward.tasks.catalogue import make_task
from cipherward.tasks.task import refuse_columns_apart, refuse_other_outcomes

_FINGERPRINT = b"cipherward attacks"


@dataclass(frozen=True)
class Step:
    """One run of one attack, as a caller is told of it, before (`seconds` None) and after. `kept`: it was done before."""

    attack: str
    seed: int
    number: int
    total: int
    seconds: float | None = None
    kept: bool = False


@dataclass(frozen=True)
class Options:
    """How attacks run. `names`: which ones, None for all. `command`: what people type to repeat it."""

    names: Sequence[str] | None = None
    n_seeds: int = 1
    data: Path | None = None
    base: Path | None = None
    command: str = ""


def attack_study(
    study: Study,
    out: Path,
    options: Options | None = None,
    *,
    on_step: Callable[[Step], None] | None = None,
    on_data: Callable[[Sequence[HospitalData]], None] | None = None,
    on_not_run: Callable[[str, str], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Attacks:
    """Run attacks for seeds study.seed, study.seed + 1, ...; what `out` holds already is not run again.

    Args:
        out: a new or empty folder, or one with attacks on the same study.
        on_step: called before and after every run; `on_data`: with every hospital's table; `on_not_run`: before anything
            is read or run, with an attack and the part of it that needs an extra which is not installed; `say`: with what is being done.
        should_stop: asked between the steps of an attack; True stops, and what is finished is kept.

    Returns:
        what attacks.json holds.

    Raises:
        StudyError, DataError: before anything runs: a study that no attack can be run on; `out` holds attacks on another.
        InterruptedRunError: `should_stop` said so.
        StorageError: a file cannot be written, or is damaged.
    """
    options = options or Options()
    chosen = catalogue.choose(options.names)
    _check(study)
    if on_not_run:
        for attack in chosen:
            for words in [] if attack.why_not(for_attacks(study)) else attack.not_run():
                on_not_run(attack.name, words)
    return _Run(study, out, chosen, options, on_step, on_data, say, should_stop).run()


def _check(study: Study) -> None:
    continuing.refuse(study, "an attack")
    refuse_columns_apart(study, "an attack")
    make_task(study)
    refuse_other_outcomes(study, "an attack")
    if study.task != "train":
        raise StudyError(
            f'attacks are on training one model in rounds, task = "train"; this study\'s task is {study.task!r}',
            hint="docs/security.md says what the sums of every task show",
        )
    if kind_of(study.model).is_own_code:
        raise StudyError(
            "attacks need a model that a study describes, not one of kind custom",
            hint="take logistic-regression, mlp or cnn",
        )


@dataclass
class _Run:
    study: Study
    out: Path
    attacks: tuple[Attack, ...]
    options: Options
    on_step: Callable[[Step], None] | None
    on_data: Callable[[Sequence[HospitalData]], None] | None
    say: Callable[[str], None]
    should_stop: Callable[[], bool]
    _number: int = 0
    _cells: dict[tuple[str, int], Cell] = field(default_factory=dict)

    def run(self) -> Attacks:
        seeds = [self.study.seed + k for k in range(self.options.n_seeds)]
        hospitals = load_hospitals(self.study, self.options.data, self.options.base or Path())
        if self.on_data:
            self.on_data(hospitals)
        _claim(self.out, self.study)
        kept = make_parties.kept_columns(self.study, hospitals)
        for seed in seeds:
            self._seed(kept, seed, hospitals)
        document = self._document(seeds, hospitals, finished=True)
        results.write(self.out, document)
        return document

    def _seed(self, study: Study, seed: int, first: list[HospitalData]) -> None:
        chosen, hospitals = for_attacks(study).with_overrides(top={"seed": seed}), first
        if self.study.data.cohort is not None and seed != self.study.seed:
            hospitals = load_hospitals(chosen, None, Path())
        at = Context(chosen, hospitals, seed, self.say, self.should_stop)
        basis = _basis(chosen, hospitals)
        for attack in self.attacks:
            if not attack.why_not(chosen):
                self._cells[attack.name, seed] = self._cell(attack, at, basis)
                seeds = sorted({number for _, number in self._cells})
                results.write(self.out, self._document(seeds, first, finished=False))

    def _cell(self, attack: Attack, at: Context, basis: str) -> Cell:
        path = self.out / "cells" / attack.name / f"seed-{at.seed}.json"
        self._number += 1
        self._step(attack.name, at.seed)
        started, whole = perf_counter(), attack.described()
        settings = whole | ({"not_run": parts} if (parts := attack.not_run()) else {})
        kept = results.read_cell(path)
        if kept and kept.basis != basis:
            raise StudyError(
                f"the data are not those with which the attacks in {self.out} began",
                hint="give the same --data, or choose another --out; nothing was changed",
            )
        if kept and kept.settings in (json.loads(json.dumps(whole)), json.loads(json.dumps(settings))):
            self._step(attack.name, at.seed, kept.seconds, kept=True)
            return kept
        try:
            at.may_go_on()
            found = attack.run(at)
        except (InterruptedRunError, KeyboardInterrupt):
            raise self._stopped() from None
        seconds = perf_counter() - started
        cell = results.cell_of(found, attack.name, at.seed, basis, settings, seconds)
        results.write_cell(path, cell)
        self._step(attack.name, at.seed, seconds)
        return cell

    def _step(self, name: str, seed: int, seconds: float | None = None, *, kept: bool = False) -> None:
        if self.on_step:
            total = self.options.n_seeds * sum(not each.why_not(for_attacks(self.study)) for each in self.attacks)
            self.on_step(Step(name, seed, self._number, total, seconds, kept))

    def _not_run(self, name: str) -> list[str]:
        """What of an attack is not among its results, as something was not installed when it ran."""
        cells = [cell for (attack, _), cell in self._cells.items() if attack == name]
        return sorted({words for cell in cells for words in cell.settings.get("not_run", ())})

    def _stopped(self) -> InterruptedRunError:
        again = self.options.command or "the same command"
        return InterruptedRunError(
            f"stopped; the attacks that are done stay in {self.out}",
            hint=f"go on with: {again} --out {shlex.quote(str(self.out))}",
        )

    def _document(self, seeds: Sequence[int], hospitals: Sequence[HospitalData], *, finished: bool) -> Attacks:
        study = self.study
        told = [
            {
                "name": each.name,
                "title": each.title,
                "explanation": each.explanation,
                "why_not": each.why_not(for_attacks(study)),
                "settings": each.settings.model_dump(mode="json"),
                "not_run": self._not_run(each.name),
            }
            for each in self.attacks
        ]
        order = [(each.name, seed) for each in self.attacks for seed in seeds if (each.name, seed) in self._cells]
        cells = [self._cells[key].model_dump(mode="json") for key in order]
        seconds: dict[str, float] = {}
        for (name, _), cell in zip(order, cells, strict=True):
            seconds[name] = seconds.get(name, 0.0) + cell["seconds"]
        return Attacks.model_validate(
            {
                "kind": "attacks",
                "version": 1,
                "study": study.name,
                "title": study.title,
                "synthetic": study.synthetic,
                "seeds": seeds,
                "n_hospitals": len(hospitals),
                "n_train_rows": sum(int((each.split == TRAIN).sum()) for each in hospitals),
                "model": kind_of(study.model).describe(study.model),
                "versions": versions(),
                "command": self.options.command,
                "finished": finished,
                "attacks": told,
                "rows": [row for cell in cells for row in cell["rows"]],
                "exhibits": [each for cell in cells for each in cell["exhibits"]],
                "seconds": seconds,
            }
        )


def _claim(out: Path, study: Study) -> None:
    """Take the folder, or check that it holds attacks on this very study."""
    wanted = {"study_digest": study.digest().hex()}
    if claims.claim(out, "study's attacks", wanted, {"study_digest": "the study or its settings"}):
        files.write(out / results.STUDY, study.to_toml().encode())


def _basis(study: Study, hospitals: Sequence[HospitalData]) -> str:
    """SHA-256 (hex) over what decides a result beside an attack's settings: the study with its seed, and every row."""
    found = hashlib.sha256(study.digest())
    for hospital in hospitals:
        found.update(hospital.fingerprint(_FINGERPRINT))
    return found.hexdigest()
