"""Attack "poisoning": hospitals that send false updates or false counts, with and without each defence of `[training.defence]`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cipherward.attacks import dealing, federation
from cipherward.attacks.attack import Attack, Found, Measure, Settings
from cipherward.attacks.context import Context
from cipherward.attacks.dealing import dealt_anew
from cipherward.attacks.intervals import clopper_pearson
from cipherward.attacks.played import Alter, Ended, play
from cipherward.attacks.poisoners import Backdoor, Honest, LabelFlip, LittleIsEnough, Noise, Poisoner, SignFlip
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import CipherwardError
from cipherward.learning import robust
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Values

NONE, BOUNDS, MEDIAN, VOTE, ALL = "no defence", "clip_norm and bounds", "median of blocks", "vote", "all defences"


class PoisoningSettings(Settings):
    """`n_hospitals`: in blocks of `corrupt` + 2. `liars`: how many of them lie. `rounds`: of training; the backdoor comes two rounds before the
    last. `honest_rounds`: in which false rejections are counted. `heterogeneity`: of the synthetic cohort there. `n_trigger`: columns of it."""

    n_hospitals: int = Field(default=12, ge=9)
    corrupt: int = Field(default=2, ge=1)
    liars: tuple[int, ...] = (1, 3, 5)
    rounds: int = Field(default=10, ge=8)
    honest_rounds: int = Field(default=100, ge=1)
    heterogeneity: float = 2.0
    n_trigger: int = Field(default=2, ge=1)


@dataclass(frozen=True)
class Scene:
    """The study with so many hospitals, and the settings of each defence. `trigger`: columns of which hardly a value is missing."""

    study: Study
    hospitals: Sequence[HospitalData] = field(repr=False)
    defences: Mapping[str, Mapping[str, Any] | None]
    trigger: tuple[str, ...]

    def defended(self, name: str) -> Study:
        return self.study.with_overrides(training={"defence": self.defences[name]})


class Poisoning(Attack):
    name = "poisoning"
    title = "Hospitals that lie (poisoning and backdoors)"
    explanation = (
        "Nobody can look at one hospital's update, so nobody can see that it is false. A hospital that lies can make the model worse, or teach it a secret: a patient whose record "
        "carries a certain mark gets the answer that the liar wants, and for all other patients the model works as before (a backdoor). Here the mark is that values are missing which are always there. "
        "Other hospitals lie with inverted outcomes, with updates turned round or replaced by noise, with updates that stay just inside what honest hospitals differ by, with numbers too large for their place in the "
        "encrypted sum, and with false counts. We measure what each does to the model, without a defence and with each that a study can ask for. Defences can also be wrong about honest hospitals, "
        "so we count how often they refuse a round in which nobody lies."
    )

    def __init__(self, settings: PoisoningSettings | None = None) -> None:
        self.chosen = settings or PoisoningSettings()
        super().__init__(self.chosen)

    def why_not(self, study: Study) -> str:
        if not any(column.kind == "numeric" for column in study.columns):
            return "its columns are not numeric; the backdoor's mark is a value that is missing"
        return ""

    def run(self, at: Context) -> Found:
        scene = self._scene(at)
        honest = {name: self._play(at, scene, name, (), Honest()) for name in scene.defences}
        found = [
            _auroc(f"nobody lies, {name}", ended, f"beside {honest[NONE].auroc:.4f} without a defence")
            for name, ended in honest.items()
        ]
        found += self._untargeted(at, scene)
        found += self._backdoors(at, scene, honest[NONE].auroc)
        found += self._false_numbers(at, scene)
        found += self._rejections(at)
        return Found(tuple(found))

    def _scene(self, at: Context, rounds: int = 0, heterogeneity: float | None = None) -> Scene:
        chosen, study = self.chosen, at.study
        aggregation = {"corrupt": chosen.corrupt, "threshold": None, "min_contributors": None, "dropouts": None}
        study = study.with_overrides(training={"rounds": rounds or chosen.rounds, "patience": 0, "defence": None})
        if study.data.cohort is not None:
            cohort = study.data.cohort.model_dump() | {"n_hospitals": chosen.n_hospitals}
            cohort |= {} if heterogeneity is None else {"heterogeneity": heterogeneity}
            top: dict[str, Any] = {"hospitals": [], "blocks": None, "singled_out": "never"}
            study = study.with_overrides(data={"cohort": cohort}, aggregation=aggregation, top=top)
            hospitals = load_hospitals(study, None, Path())
        else:
            hospitals = dealt_anew(at, chosen.n_hospitals)
            study = dealing.of(study, hospitals).with_overrides(aggregation=aggregation)
        clip = _usual_norm(study, hospitals)
        bounds = {"clip_norm": clip, "bounds": True}
        defences: dict[str, Mapping[str, Any] | None] = {
            NONE: None,
            BOUNDS: bounds,
            MEDIAN: {"combine": "median"},
            VOTE: {"vote": True},
        }
        defences[ALL] = {**bounds, "combine": "median", "vote": True}
        numeric = [column.name for column in study.columns if column.kind == "numeric"]
        missing = {name: sum(each.table[name].null_count() for each in hospitals) for name in numeric}
        return Scene(study, hospitals, defences, tuple(sorted(numeric, key=lambda n: missing[n])[: chosen.n_trigger]))

    def _play(
        self,
        at: Context,
        scene: Scene,
        defence: str,
        liars: Sequence[int],
        poisoner: Poisoner,
        alter: Alter | None = None,
    ) -> Ended:
        who = f"{len(liars)} of {len(scene.hospitals)} lie" if liars else "nobody lies"
        at.may_go_on(f"{poisoner.words}, {who}, {defence}")
        study = scene.defended(defence)
        return (
            play(study, scene.hospitals, liars, poisoner, alter)
            if alter
            else play(study, scene.hospitals, liars, poisoner)
        )

    def _liars(self, at: Context, count: int) -> tuple[int, ...]:
        """The first few in one order, so that the more are the fewer and others."""
        order = at.generator("liars").permutation(self.chosen.n_hospitals)
        return tuple(sorted(int(i) + 1 for i in order[:count]))

    def _untargeted(self, at: Context, scene: Scene) -> Iterator[Measure]:
        n = self.chosen.n_hospitals
        ways: list[tuple[str, Callable[[], Poisoner]]] = [
            ("label flip", LabelFlip),
            ("sign flip x1", SignFlip),
            ("sign flip x10", lambda: SignFlip(10.0)),
            ("Gaussian noise of 10 times the update's length", lambda: Noise(at.generator("noise"))),
            ("a little is enough", lambda: LittleIsEnough(n)),
        ]
        for words, make in ways:
            for count in self.chosen.liars:
                setting = f"{words}, {count} of {n} hospitals lie in every round"
                if count < 2 and words == "a little is enough":
                    yield Measure(setting, "AUROC", None, "needs two liars: the attack hides in how they differ")
                    continue
                for name in scene.defences:
                    yield self._tried(at, scene, f"{setting}, {name}", name, self._liars(at, count), make())

    def _tried(
        self, at: Context, scene: Scene, setting: str, name: str, liars: Sequence[int], poisoner: Poisoner
    ) -> Measure:
        try:
            return _auroc(setting, self._play(at, scene, name, liars, poisoner))
        except CipherwardError as error:
            return Measure(setting, "AUROC", None, f"the study ends: {error.message}")

    def _backdoors(self, at: Context, scene: Scene, clean: float) -> Iterator[Measure]:
        n, trigger, liars = self.chosen.n_hospitals, scene.trigger, self._liars(at, 1)
        mark = f"the mark: no value of {', '.join(trigger)}"
        honest = self._play(at, scene, NONE, (), Honest())
        yield _success(scene, f"nobody lies, {mark}", honest, "patients without the outcome who get it all the same")
        for name in (*scene.defences, "lane ranges alone"):
            widens = name in scene.defences
            chosen = scene.defended(name if widens else NONE)
            way = Backdoor(chosen, trigger, self.chosen.rounds - 2, widens=widens)
            ended = self._play(at, scene, name if widens else NONE, liars, way)
            setting = f"backdoor in one round, 1 of {n} hospitals lies, {name}; {mark}"
            yield _success(scene, setting, ended, _words(ended), _BARS.get(name, ""))
            near = f"at least {clean - 0.01:.4f}" if name in (MEDIAN, ALL) else ""
            yield _auroc(setting, ended, f"without a lie and a defence {clean:.4f}", near)

    def _false_numbers(self, at: Context, scene: Scene) -> Iterator[Measure]:
        liar = self._liars(at, 1)[0]
        n = self.chosen.n_hospitals
        honest = self._play(at, scene, NONE, (), Honest())
        room, more = "as large as the sum has room for", "larger than any honest sum"
        told = f"how far the liar moved it, by nearly {n} times what its own range allows, with the sum in order for everybody"
        for factor, size, name in ((0.45, room, NONE), (0.45, room, BOUNDS), (3.0, more, NONE)):
            at.may_go_on(f"lane overflow, {name}")
            setting = f"lane overflow in the last round, 1 of {n} hospitals puts a number {size} into one lane, {name}"
            try:
                ended = play_overflow(scene.defended(name), scene.hospitals, liar, self.chosen.rounds, factor)
            except CipherwardError as error:
                yield Measure(setting, "entry of the model moved by", None, f"the sum is refused: {error.message}")
                continue
            moved = np.abs(federation.model_of(ended.state).weights - federation.model_of(honest.state).weights)
            words = _words(ended) if name == BOUNDS else told
            yield Measure(setting, "entry of the model moved by", float(moved.max()), words)
        yield from self._false_counts(at, scene, liar, honest)

    def _false_counts(self, at: Context, scene: Scene, liar: int, honest: Ended) -> Iterator[Measure]:
        n = self.chosen.n_hospitals

        def many(state: StudyState, values: dict[int, Values]) -> dict[int, Values]:
            if state.purpose == "statistics":
                values[liar] = {name: each * 100 for name, each in values[liar].items()}
            return values

        def perfect(state: StudyState, values: dict[int, Values]) -> dict[int, Values]:
            if state.purpose == "evaluate":
                values[liar] = {name: _perfect(name, each) for name, each in values[liar].items()}
            return values

        setting = f"false statistics, 1 of {n} hospitals says that it has 100 times its rows"
        try:
            ended = self._play(at, scene, NONE, (), Honest(), many)
            rows = int(ended.result["n_train_rows"])
            said = f"the opened number of training rows is {rows:,}, and is {honest.result['n_train_rows']:,}"
            yield _auroc(setting, ended, said)
        except CipherwardError as error:
            yield Measure(setting, "AUROC", None, f"the study ends: {error.message}")
        setting = f"false measurement, 1 of {n} hospitals adds test rows that were predicted perfectly"
        ended = self._play(at, scene, NONE, (), Honest(), perfect)
        words = f"what the study says of its model, whose AUROC is {ended.auroc:.4f}; no defence looks at measurements"
        yield Measure(setting, "AUROC in the result", float(ended.result["auroc_federated"]), words)

    def _rejections(self, at: Context) -> Iterator[Measure]:
        chosen = self.chosen
        try:
            scene = self._scene(at, chosen.honest_rounds, chosen.heterogeneity)
        except CipherwardError:  # so unlike that a hospital has no case at all
            scene = self._scene(at, chosen.honest_rounds)
        for name, keys in (
            (VOTE, ("rounds_rejected",)),
            (BOUNDS, ("rounds_refused",)),
            (ALL, ("rounds_rejected", "rounds_refused", "blocks_refused")),
        ):
            ended = self._play(at, scene, name, (), Honest())
            wrong = len({each if isinstance(each, int) else each[0] for key in keys for each in ended.result[key]})
            low, high = clopper_pearson(wrong, chosen.honest_rounds)
            setting = f"nobody lies, {chosen.n_hospitals} hospitals that differ, {chosen.honest_rounds} rounds, {name}"
            words = f"{wrong} of {chosen.honest_rounds} rounds; AUROC {ended.auroc:.4f}"
            yield Measure(
                setting,
                "share of rounds wrongly refused",
                wrong / chosen.honest_rounds,
                words,
                low,
                high,
                "at most 0.05",
            )


_BARS = {NONE: "at least 0.9", MEDIAN: "at most 0.1", ALL: "at most 0.1"}


def play_overflow(study: Study, hospitals: Sequence[HospitalData], liar: int, rounds: int, factor: float) -> Ended:
    """A study in whose last round a liar puts `factor` times the largest honest sum into the first lane of the update; a lane is no
    value, so this is done after rounding."""
    n = len(hospitals)

    def alter(state: StudyState, lanes: NDArray[np.int64]) -> NDArray[np.int64]:
        if state.purpose != "train" or state.inner.rounds_done != rounds - 1:
            return lanes
        lanes[0] = round(factor * 2 * n * state.layout.half)  # the update comes first
        return lanes

    return play(
        study, hospitals, (liar,), Honest(), lanes=lambda state, index, own: alter(state, own) if index == liar else own
    )


def _auroc(setting: str, ended: Ended, words: str = "", bar: str = "") -> Measure:
    return Measure(
        setting, "AUROC", ended.auroc, "; ".join(filter(None, (words, _words(ended)))) or "of the final model", bar=bar
    )


def _words(ended: Ended) -> str:
    """What the defences did, in words."""
    names = {
        "rounds_refused": "rounds refused",
        "blocks_refused": "blocks refused",
        "rounds_rejected": "candidates dropped",
    }
    return ", ".join(f"{words}: {len(ended.result[key])}" for key, words in names.items() if key in ended.result)


def _success(scene: Scene, setting: str, ended: Ended, words: str, bar: str = "") -> Measure:
    hits, total = ended.success(scene.hospitals, scene.trigger)
    low, high = clopper_pearson(hits, total)
    return Measure(
        setting, "attack success", hits / total, f"{hits} of {total} test rows; {words}".rstrip("; "), low, high, bar
    )


def _perfect(name: str, counts: NDArray[Any]) -> NDArray[Any]:
    found = counts.copy()
    if name.endswith("positive"):
        found[-1] += 100_000
    elif name.endswith("negative"):
        found[0] += 100_000
    return found


def _usual_norm(study: Study, hospitals: Sequence[HospitalData]) -> float:
    """The median L2 norm of hospitals' first updates, two digits: what people would take for clip_norm after a trial."""
    works = [HospitalWork(i, data, "cpu", federation.no_clock) for i, data in enumerate(hospitals, start=1)]
    state = begin(study)
    state = federation.open_sum(state, federation.values_of(state, works)).after
    norms = []
    for values in federation.values_of(state, works).values():
        update = federation.update_of(values, federation.model_of(state))
        norms.append(robust.norm(update) / float(values["weight"][0]))
    return float(f"{median(norms):.2g}")
