"""Attack "membership": was this patient's row used in training? From the final model, and from every opened sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cipherward.attacks import lira
from cipherward.attacks.attack import PRIVACY, Attack, Found, Measure, Settings
from cipherward.attacks.context import Context
from cipherward.attacks.fitting import Trainer, members, with_privacy
from cipherward.attacks.updates import some
from cipherward.crypto.plain import PlainScheme
from cipherward.crypto.quorum import QuorumScheme
from cipherward.data.sources import HospitalData
from cipherward.study import Study

F64 = NDArray[np.float64]
FALSE_RATES = (0.001, 0.01)


class MembershipSettings(Settings):
    """`n_models`: models of the study as it is, and `n_private` of it for each epsilon; `n_few`: of few rows. Each is the target once, with the
    others as shadows. `few_rows`: of a hospital, half of which are trained on. `longer`: times the study's epochs, where there are few rows."""

    n_models: int = Field(default=16, ge=4, multiple_of=2)
    n_private: int = Field(default=8, ge=4, multiple_of=2)
    n_few: int = Field(default=32, ge=4, multiple_of=2)
    few_rows: int = Field(default=40, ge=10)
    longer: int = Field(default=20, ge=1)
    epsilons: tuple[float, ...] = (8.0, 3.0, 1.0)


@dataclass(frozen=True)
class Models:
    """Models of one kind. `seen`: float64[n_models, n_rows, n_rounds + 1], the logit of each row's true outcome before the first round and after
    each; `inside`: who was trained on."""

    seen: F64 = field(repr=False)
    inside: NDArray[np.bool_] = field(repr=False)
    outcome: NDArray[np.int8] = field(repr=False)

    @property
    def accuracy(self) -> float:
        """Mean AUROC of the models on the rows that they were not trained on."""
        found = []
        for seen, inside in zip(self.seen[:, :, -1], self.inside, strict=True):
            positive = self.outcome[~inside] == 1
            logits = np.where(positive, seen[~inside], -seen[~inside])
            found.append(lira.auc(logits, positive))
        return float(np.mean(found))


class Membership(Attack):
    name = "membership"
    parts = (PRIVACY,)
    title = "Was this patient in the training data? (membership inference)"
    explanation = (
        "A model is a little surer of rows that it was trained on. Whoever has the model and a patient's row can therefore guess whether the patient was in the study, "
        "which may itself be a secret: that somebody was treated at all. The attacker trains models of the same kind on rows of the same kind, some with the patient's row and some "
        "without, and compares. Encryption does not stand against this: it hides updates, and the model that comes out is the same. "
        "A hospital sees more than a user of the model does: every round's opened sum, and so the model after every round. We measure both. What stands against it is differential privacy, "
        "noise that is added while training, and it costs accuracy. We count as a privacy officer would: how many patients are found for sure, when one in a thousand or one in a hundred of the others is "
        "accused wrongly."
    )

    def __init__(self, settings: MembershipSettings | None = None) -> None:
        self.chosen = settings or MembershipSettings()
        super().__init__(self.chosen)

    def run(self, at: Context) -> Found:
        chosen = self.chosen
        epochs = max(at.training.local_epochs, 1) * chosen.longer
        longer = {"local_epochs": epochs, "batch_size": at.training.batch_size}
        few = few_rows(at, chosen.few_rows)
        found = [
            *self._of_case(at, "the study as it is", at.study, at.hospitals, chosen.n_models, chosen.n_private),
            *self._of_case(
                at,
                f"few rows, {chosen.longer} times the epochs where there is no noise",
                at.study.with_overrides(training=longer),
                few,
                chosen.n_few,
                chosen.n_few,
            ),
        ]
        return Found(tuple(found))

    def _of_case(
        self, at: Context, words: str, study: Study, hospitals: Sequence[HospitalData], n_models: int, n_private: int
    ) -> Iterator[Measure]:
        """`study`: as it is trained without noise; with noise it is the study's own, as more steps need more noise."""
        largest = max(len(each.outcome) for each in hospitals)
        where = f"{words} ({sum(len(each.outcome) for each in hospitals) // 2} rows of {len(hospitals)} hospitals)"
        for scheme, encrypted in ((PlainScheme.name, False), (QuorumScheme.name, True)):
            trainer = Trainer(at, study, encrypted=encrypted)
            models = _train(at, f"{words}, scheme {scheme}", trainer, hospitals, n_models)
            yield from _measures(f"{where}, scheme {scheme}, no noise", models)
        if reason := PRIVACY.not_run():
            yield Measure(where, PRIVACY.words, None, f"not run: {reason}")
            return
        for epsilon in self.chosen.epsilons:
            trainer = Trainer(at, with_privacy(at.study, epsilon, largest))
            models = _train(at, f"{words}, epsilon {epsilon:g}", trainer, hospitals, n_private)
            yield from _measures(f"{where}, scheme quorum, epsilon {epsilon:g}", models, is_bounded=epsilon <= 1.0)


def few_rows(at: Context, n_rows: int) -> list[HospitalData]:
    """Hospitals with few rows each, drawn at random."""
    generator = at.generator("few rows")
    return [some(each, np.sort(generator.permutation(len(each.outcome))[:n_rows])) for each in at.hospitals]


def _train(at: Context, words: str, trainer: Trainer, hospitals: Sequence[HospitalData], n_models: int) -> Models:
    """So many models, each on a random half of the patients; every scheme and noise has the same halves."""
    generator = at.generator("halves", str(n_models))
    inside = [lira.halves(_patients(each), n_models, generator) for each in hospitals]
    features = [trainer.features(each) for each in hospitals]
    seen = []
    for k in range(n_models):
        at.may_go_on(f"{words}: model {k + 1} of {n_models}")
        fitted = trainer.fit([members(each, which[k]) for each, which in zip(hospitals, inside, strict=True)])
        rows = [
            [trainer.margins_of(weights, x, each.outcome) for weights in fitted.path]
            for x, each in zip(features, hospitals, strict=True)
        ]
        seen.append(np.concatenate([np.stack(each, axis=1) for each in rows]))
    outcome = np.concatenate([each.outcome for each in hospitals])
    return Models(np.stack(seen), np.concatenate(inside, axis=1), outcome)


def _patients(data: HospitalData) -> NDArray[np.int64]:
    """The patient of each row; a row for itself where patients are not known."""
    return np.arange(len(data.outcome)) if data.cluster is None else data.cluster.astype(np.int64)


def _measures(setting: str, models: Models, *, is_bounded: bool = False) -> Iterator[Measure]:
    last = models.seen[:, :, -1]
    ways = (
        ("loss threshold, final model", last),
        ("LiRA, final model", lira.ratios(models.seen[:, :, -1:], models.inside)),
        ("LiRA, every round's opened sum", lira.ratios(models.seen[:, :, 1:], models.inside)),
    )
    for way, scores in ways:
        for false_rate in FALSE_RATES:
            found = lira.rate(scores, models.inside, false_rate)
            words = f"{found.hits} of {int(models.inside.sum())} members, while {found.false} of {int((~models.inside).sum())} others are called members"
            bar = f"{false_rate:g} inside the interval" if is_bounded and false_rate == FALSE_RATES[0] else ""
            measure = f"{way}: members found at {false_rate:.1%} false alarms"
            yield Measure(setting, measure, found.value, words, found.low, found.high, bar)
        yield Measure(setting, f"{way}: AUC", lira.auc(scores, models.inside), "0.5 is chance")
    yield Measure(setting, "accuracy: AUROC", models.accuracy, "of the models on rows that they were not trained on")
