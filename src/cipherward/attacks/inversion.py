"""Attack "inversion": rows of a table from what a hospital sends in a round, and from the sum that is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cipherward.attacks import records
from cipherward.attacks.attack import Attack, Exhibit, Found, Measure, Settings
from cipherward.attacks.ciphertexts import Sealed
from cipherward.attacks.context import NOT_SHOWN, Context
from cipherward.attacks.images import Images
from cipherward.attacks.intervals import clopper_pearson, tested
from cipherward.attacks.matching import Search
from cipherward.attacks.records import F64, RECOVERED, Matched
from cipherward.attacks.updates import Trainer, all_rows, dealt, one_step, with_model
from cipherward.data.sources import HospitalData
from cipherward.study import Study

SUMS = (2, 3, 5, 8, 16)
_SHOWN_COLUMNS, _SHOWN_ROWS = 6, 3


class InversionSettings(Settings):
    """`n_records`: rows that are attacked, each by itself. `batch`: rows of a larger step. `hidden`: of the perceptron that is attacked
    beside the study's model. `repeats`: draws of hospitals with one record each. `n_ciphertexts`: for the test that
    they say nothing. `n_images`: that are attacked alone, in so many steps (`image_steps`)."""

    n_records: int = Field(default=20, ge=1)
    batch: int = Field(default=32, ge=2)
    hidden: int = Field(default=32, ge=1)
    repeats: int = Field(default=20, ge=1)
    n_ciphertexts: int = Field(default=200, ge=10)
    n_images: int = Field(default=20, ge=1)
    image_steps: int = Field(default=400, ge=10)


class Inversion(Attack):
    name = "inversion"
    title = "Rows and images from an update (gradient inversion)"
    version = 2
    explanation = (
        "A hospital never sends its rows. It sends how its training changed the model. For simple models that change is the row "
        "multiplied by a number, so whoever reads one hospital's change can compute the row: no guessing, school algebra. "
        "The attacker here is whoever sees the message: in plain federated learning the coordinator. "
        "We let it read one hospital's update, then an encrypted one, then the sum of several hospitals' updates, which is all that is opened here, "
        "then the same sum when all the others but one or two give the attacker theirs. "
        f"A row counts as recovered where a guess differs from it by at most {RECOVERED:.0%} of its length (Euclidean norm of the model's inputs). "
        "For images the attacker searches: it changes a picture until the picture's own update looks like the one that was seen. "
        "An image counts as recognisable at a structural similarity (SSIM) of 0.5 or more. "
        "Both rules were fixed before the attack was run. A row that is not recovered is no proof that nothing is known of it: a sum is still about its patients."
    )

    def __init__(self, settings: InversionSettings | None = None) -> None:
        self.chosen = settings or InversionSettings()
        super().__init__(self.chosen)

    def run(self, at: Context) -> Found:
        measures: list[Measure] = []
        exhibits: list[Exhibit] = []
        for measure, shown in self._parts(at):
            measures += measure
            exhibits += shown
        return Found(tuple(measures), tuple(exhibits))

    def _parts(self, at: Context) -> Iterator[tuple[list[Measure], list[Exhibit]]]:
        if not any(column.is_array for column in at.study.columns):
            data = all_rows(at)
            for study, words in self._models(at.study):
                yield from self._of_model(at, study, words, data)
        yield from Images(at, self.chosen.n_images, Search(self.chosen.image_steps)).run()

    def _models(self, study: Study) -> Iterator[tuple[Study, str]]:
        yield with_model(study, "logistic-regression"), "logistic regression"
        yield (
            with_model(study, "mlp", hidden=[self.chosen.hidden]),
            f"perceptron with {self.chosen.hidden} hidden units",
        )

    def _of_model(
        self, at: Context, study: Study, words: str, data: HospitalData
    ) -> Iterator[tuple[list[Measure], list[Exhibit]]]:
        n, generator = len(data.outcome), at.generator("inversion", words)
        alone = Trainer(at, one_step(study, 1))
        parts = dealt(n, self.chosen.n_records, generator, each=1)
        at.may_go_on(f"{words}: one update of one record")
        found, truth = [], []
        for work in alone.works(data, parts):
            truth.append(alone.records(work))
            found.append(_guess(alone, alone.plain(alone.values(work))))
        matched = [records.match(x, guess, at.means) for x, guess in zip(truth, found, strict=True)]
        errors = np.concatenate([each.error for each in matched])
        setting = f"{words}, plain update, one step on one record"
        yield (
            [
                _error(setting, float(errors.max()), "worst relative error", "at most 0.0001", len(errors)),
                _share(setting, [errors]),
            ],
            [_beside(at, words, truth, found, matched)],
        )
        yield self._plain(at, study, words, data), []
        yield self._sums(at, study, words, data), []
        if words == "logistic regression":
            yield self._ciphertexts(at, alone, data), []

    def _plain(self, at: Context, study: Study, words: str, data: HospitalData) -> list[Measure]:
        at.may_go_on(f"{words}: one update of several records")
        n, batch = len(data.outcome), self.chosen.batch
        step = Trainer(at, one_step(study, batch))
        draws = dealt(n, self.chosen.repeats, at.generator("batch", words), each=batch)
        errors = [_errors(at, step, data, [rows]) for rows in draws]
        found = [_share(f"{words}, plain update, one step on {batch} records", errors)]
        (rows, *_) = dealt(n, len(at.hospitals), at.generator("round", words))
        setting = f"{words}, plain update, a realistic round on {len(rows)} records"
        return [*found, _share(setting, [_errors(at, Trainer(at, study), data, [rows])])]

    def _sums(self, at: Context, study: Study, words: str, data: HospitalData) -> list[Measure]:
        found: list[Measure] = []
        n, step, most = len(data.outcome), Trainer(at, one_step(study, 1)), SUMS[-1]
        cases = [(count, 0, f"opened sum of {count}, one step on one record each") for count in SUMS]
        cases += [(most, left, f"opened sum of {most} less what {most - left} colluders put in") for left in (2, 1)]
        for count, left, setting in cases:
            at.may_go_on(f"{words}: {setting}")
            generator = at.generator(words, setting)
            draws = [dealt(n, count, generator, each=1) for _ in range(self.chosen.repeats)]
            errors = [_errors(at, step, data, parts, left) for parts in draws]
            found.append(_share(f"{words}, {setting}", errors))
        for count in SUMS:
            at.may_go_on(f"{words}: sum of {count}, a realistic round")
            parts = dealt(n, count, at.generator("realistic", words, str(count)))
            setting = f"{words}, opened sum of {count}, a realistic round on about {len(parts[0])} records each"
            found.append(_share(setting, [_errors(at, Trainer(at, study), data, parts)]))
        return found

    def _ciphertexts(self, at: Context, step: Trainer, data: HospitalData) -> list[Measure]:
        """A ciphertext read as if it were lanes; and a choice between two records, of which one is in the ciphertext."""
        at.may_go_on("ciphertexts")
        count = self.chosen.n_ciphertexts
        generator = at.generator("ciphertexts")
        works = step.works(data, dealt(len(data.outcome), 2 * count, generator, each=1))
        values = [step.values(work) for work in works]
        layout = step.layout(values)
        sealed = Sealed(layout.n_lanes, layout.bits, at.study.n_hospitals)
        closer = right = 0
        for k in range(count):
            if k % 20 == 0:
                at.may_go_on(f"ciphertext {k + 1} of {count}")
            pair = [layout.encode(each, os.urandom(32)) for each in values[2 * k : 2 * k + 2]]
            inside = int(generator.integers(2))
            payload = sealed.encrypt(pair[inside])
            guess = _guess(step, step.flat(layout.decode(sealed.as_lanes(payload), 1)))
            truth = step.records(works[2 * k + inside])
            closer += int(
                records.match(truth, guess, at.means).error[0] < records.match(truth, at.means[None], at.means).error[0]
            )
            right += int(sealed.likelier(payload, pair) == inside)
        setting = f"logistic regression, {count} ciphertexts of scheme quorum, one step on one record"
        return [
            *tested(
                setting,
                "share of records nearer to the guess from the ciphertext than to the public means",
                "the ciphertext is read as if it were the update",
                closer,
                count,
            ),
            *tested(
                setting,
                "share of right choices between two records, of which one is encrypted",
                "the attacker knows both records and can encrypt; blind choices are right half of the time",
                right,
                count,
            ),
        ]


def _guess(trainer: Trainer, update: F64) -> F64:
    return records.guesses(trainer.gradient(update), trainer.groups)


def _errors(
    at: Context, trainer: Trainer, data: HospitalData, parts: Sequence[NDArray[np.int64]], left: int = 0
) -> F64:
    """Of each record of the hospitals the error of the nearest guess from the sum of their updates; of one hospital, from its update.

    `left`: hospitals that do not collude; what the others put in is taken out of the opened sum. 0: nobody colludes.
    """
    works = trainer.works(data, parts)
    values = [trainer.values(work) for work in works]
    update = trainer.plain(values[0]) if len(values) == 1 else trainer.opened(values)
    if left:
        update = update - np.sum([trainer.flat(each) for each in values[left:]], axis=0)
    truth = np.concatenate([trainer.records(work) for work in (works[:left] if left else works)])
    return records.match(truth, _guess(trainer, update), at.means).error


def _share(setting: str, draws: Sequence[F64]) -> Measure:
    errors = np.concatenate(draws)
    hits = int((errors <= RECOVERED).sum())
    low, high = clopper_pearson(hits, len(errors))
    drawn = f" in {len(draws)} draws" if len(draws) > 1 else ""
    words = (
        f"{hits} of {len(errors)} records{drawn}; relative error of the nearest guess: {errors.min():.2g} for the record that "
        f"it fits best, {np.median(errors):.2g} in the median"
    )
    return Measure(setting, "share of records recovered", hits / len(errors), words, low, high)


def _error(setting: str, value: float, measure: str, bar: str, count: int) -> Measure:
    return Measure(
        setting, measure, value, f"distance of guess and record over the record's length, of {count} records", bar=bar
    )


def _beside(at: Context, words: str, truth: Sequence[F64], found: Sequence[F64], matched: Sequence[Matched]) -> Exhibit:
    """Records beside what the attacker computed."""
    names = at.scaling.feature_names[:_SHOWN_COLUMNS]
    title = f"Records beside their reconstruction: {words}, plain update, one record"
    if not at.may_show_rows:
        return Exhibit(title, NOT_SHOWN, ("record",))
    rows = []
    for k in range(min(_SHOWN_ROWS, len(truth))):
        guess = found[k][matched[k].nearest[0]] if len(found[k]) else at.means
        for what, values in (("true", truth[k][0]), ("from the update", guess)):
            rows.append(
                (f"record {k + 1}, {what}", *(f"{round(value, 4) + 0.0:.4f}" for value in values[: len(names)]))
            )
    return Exhibit(
        title,
        f"The first {len(names)} of the model's {at.scaling.n_features} inputs, as the model sees them: numbers are in standard deviations from the mean.",
        ("record", *names),
        tuple(rows),
    )
