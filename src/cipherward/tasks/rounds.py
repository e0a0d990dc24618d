"""One round of federated averaging (McMahan et al. 2017, algorithm 1): local training, and the mean of the updates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.crypto import schemes
from cipherward.data.inputs import Inputs
from cipherward.errors import UnfitUpdateError
from cipherward.learning import averaging, robust, server, sgd
from cipherward.learning.baselines import Rows
from cipherward.learning.linear import Linear
from cipherward.learning.model_kind import Module
from cipherward.learning.outcome import Outcome
from cipherward.learning.server import Moments
from cipherward.learning.weights import row_class
from cipherward.privacy import noise as privacy_noise
from cipherward.privacy import sharing
from cipherward.privacy.accounting import Event
from cipherward.study import LARGEST_BATCH, Study, Training
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment, Layout, RealSegment, Segment
from cipherward.tasks.rows import TRAIN, n_rows_at, rows_at
from cipherward.tasks.task import Model, Sums, Values, limbs_for

EXPLODED = 1e3
"""A loss or an update so many times larger than it may be is no training result."""

_SMALLEST_BATCH = 16
_STEPS = 16
_LEAST_STEPS = 8

_HINT = "lower training.learning_rate or training.momentum, and check the columns' ranges"


TITLE = "In each training round"


def meaning(model: Model) -> dict[str, str]:
    """What the parts of an update are."""
    tensors = ", ".join(name for name, _ in model.groups)
    return {
        "update": f"the change of the model by training here, multiplied by the weight ({tensors})",
        "weight": "how much this hospital's update counts, from 0 to 1: the class of its training rows (a power of two) divided "
        "by the rows that count as 1; or 1 for everyone, where the study says so",
        "clipped": "for each part of the model: how many numbers of the update were cut to the range",
        "crowded": "for each part of the model: how many numbers of the update were large",
    }


def settings(study: Study, scaling: Inputs, losses: Sequence[float] = ()) -> Training:
    """The training settings, with what the study leaves to the rows: minibatches that give a hospital of mean size about
    16 steps an epoch, and epochs that give it at least 8 steps a round. Only what everybody knows decides: the opened number of
    training rows, the roster, and the validation losses so far."""
    chosen = study.training.model_copy(update={"method": "newton" if study.fits_by_newton else "sgd"})
    mean = scaling.n_rows // max(study.n_hospitals, 1)
    size = chosen.batch_size
    if not size:
        size = LARGEST_BATCH  # noise on the gradients of few rows would drown them
        if study.privacy is None or study.privacy.unit != "record":
            size = min(max(mean // _STEPS, _SMALLEST_BATCH), LARGEST_BATCH)
    epochs = chosen.local_epochs or min(max(-(-_LEAST_STEPS * size // max(mean, 1)), 1), _LEAST_STEPS)
    rate = chosen.learning_rate * (averaging.rate_factor(losses) if chosen.halves_rate else 1.0)
    return chosen.model_copy(update={"batch_size": size, "local_epochs": epochs, "learning_rate": rate})


def adds_noise_shares(study: Study) -> bool:
    """Whether training sums carry noise of privacy unit "hospital", and nothing but the update."""
    return study.privacy is not None and study.privacy.unit == "hospital"


def first_bound(study: Study, model: Model) -> float:
    """The clipping range of the first round.

    Raises:
        StudyError: privacy of hospitals in a study that is not frozen, or with lanes too narrow for the noise.
    """
    if adds_noise_shares(study):  # fixed: no range may follow private data
        return privacy_noise.hospital_noise(study, len(model.weights)).bound
    return min(study.aggregation.range_initial, largest_range(study))


def largest_range(study: Study) -> float:
    """No clipping range is wider: hospitals that cut their updates to a norm have no larger entry."""
    defence, limit = study.training.defence, study.aggregation.range_max
    return min(limit, defence.clip_norm) if defence and defence.clip_norm else limit


def check_module(study: Study, module: Module) -> None:
    """Raise StudyError where the study wants privacy of records, and the module's gradients cannot be had record by record."""
    if study.privacy and study.privacy.unit == "record" and not isinstance(module, Linear):
        from cipherward.privacy import dpsgd

        dpsgd.release(dpsgd.per_record(module))


def update_segments(study: Study, model: Model, ranges: Sequence[float]) -> tuple[Segment, ...]:
    """The update itself, one segment for each parameter tensor. Shares of noise are whole grid units: nothing to round."""
    at_random = study.has_stochastic_rounding and not adds_noise_shares(study)
    return tuple(
        RealSegment(f"update/{name}", size, bound, at_random)
        for (name, size), bound in zip(model.groups, ranges, strict=True)
    )


def weight_segments(study: Study, model: Model) -> tuple[Segment, ...]:
    """What goes with a weighted update."""
    limbs = limbs_for(48, study.bits)
    counts = tuple(CountSegment(name, len(model.groups), limbs) for name in ("clipped", "crowded"))
    return (RealSegment("weight", 1, 1.0), *counts)


def cost(study: Study, model: Model, at: HospitalWork) -> Event | None:
    """What one round costs a hospital's privacy budget.

    Raises:
        StudyError: the study plans more than its noise can cover.
    """
    if study.privacy is None:
        return None
    if study.privacy.unit == "hospital":
        return privacy_noise.hospital_noise(study, len(model.weights)).per_round
    return privacy_noise.record_noise(study, n_rows_at(at, TRAIN)).per_round


def noisy_update(
    study: Study, module: Module, model: Model, at: HospitalWork, half: int, number: int, outcome: Outcome
) -> Values:
    """The clipped update with this hospital's share of the noise; every hospital has weight 1, nothing else leaves."""
    noise = privacy_noise.hospital_noise(study, len(model.weights))
    change = _trained(study, module, model, at, number, outcome).astype(np.float64) - model.weights
    return by_tensor(model, sharing.noisy(change, noise, half, at.randomness))


def weight_of(study: Study, n_rows: int, weight_cap: float) -> float:
    """What the update of a hospital with so many training rows counts for, from 0 to 1."""
    if study.training.weights == "equal":
        return 1.0
    if study.training.weights == "rows":
        return min(n_rows / weight_cap, 1.0)
    return min((weight_cut(study, n_rows, weight_cap) or row_class(n_rows)) / weight_cap, 1.0)


def weight_cut(study: Study, n_rows: int, weight_cap: float) -> int:
    """The rows that a hospital with more of them than `weight_cap` counts for, a power of two where its class is; 0: it has not more."""
    if study.training.weights == "rows":
        return int(weight_cap) if n_rows > weight_cap else 0
    if study.training.weights == "equal" or row_class(n_rows) <= weight_cap:
        return 0
    return 1 << max(int(weight_cap).bit_length() - 1, 0)


def weighted_update(
    study: Study,
    module: Module,
    model: Model,
    at: HospitalWork,
    ranges: Sequence[float],
    weight_cap: float,
    number: int,
    outcome: Outcome,
    losses: Sequence[float] = (),
) -> Values:
    """The update multiplied by this hospital's weight, and how many of its numbers are cut by the ranges, or large.

    Raises:
        UnfitUpdateError: training diverged; nothing may be sent.
    """
    trained = _trained(study, module, model, at, number, outcome, losses)
    weight = weight_of(study, n_rows_at(at, TRAIN), weight_cap)
    moved = trained.astype(np.float64) - model.weights
    at.note("distance", float(np.linalg.norm(moved)))
    if study.training.defence and np.isfinite(moved).all():
        moved = robust.clipped(moved, study.training.defence.clip_norm)
    parts = by_tensor(model, moved * weight)
    clipped, crowded, large = [], [], crowded_from(study.bits)
    for (name, part), bound in zip(parts.items(), ranges, strict=True):
        if not np.isfinite(part).all():
            raise UnfitUpdateError(
                f"the update of tensor {name.removeprefix('update/')!r} holds NaN or infinity: nothing is sent",
                reason="training diverged: not finite",
                hint=_HINT,
            )
        magnitude = np.abs(part)
        clipped.append(int((magnitude > bound).sum()))
        crowded.append(int((magnitude > large * bound).sum()))
    _check_clipped(study, parts, ranges)
    if study.privacy is None:  # with a budget, nothing but the noisy update may follow from the rows
        _check_loss(module, model, trained, rows_at(at, model.scaling, TRAIN), at, outcome)
    return parts | {"weight": np.array([weight]), "clipped": np.array(clipped), "crowded": np.array(crowded)}


def crowded_from(bits: int) -> float:
    """The share of a range above which an entry keeps it from becoming narrower (`averaging.next_range`).

    A sixteenth: the updates of a model that hardly moves any more differ by chance, and a range that fits most of them cuts one
    now and then, which is an equation for whoever was cut (`parties.cut_updates`). With few bits more, as far as entries of
    less than 16 levels would be left, and a quarter at most.
    """
    return min(max(1.0 / 16.0, 16.0 / Layout((), bits).half), 0.25)


def next_weights(
    study: Study, model: Model, sums: Sums, n_contributors: int, moments: Moments | None = None
) -> tuple[NDArray[np.float32], Moments | None]:
    """The next model's weights, float32[n_parameters], by the public rule, and the moments that it keeps.

    Raises:
        ProtocolError: sums that honest contributions never give.
    """
    return moved(study, model, mean_of(study, model, sums, n_contributors), moments)


def mean_of(study: Study, model: Model, sums: Sums, n_contributors: int) -> NDArray[np.float64]:
    """The mean update, float64[n_parameters]. Raises: as `next_weights`."""
    weight = float(n_contributors) if adds_noise_shares(study) else float(sums["weight"][0])
    return averaging.mean_update(np.concatenate(update_parts(model, sums)), weight, n_contributors)


def moved(
    study: Study, model: Model, mean: NDArray[np.float64], moments: Moments | None
) -> tuple[NDArray[np.float32], Moments | None]:
    """The weights that follow from a mean update, and the moments. Raises: as `next_weights`."""
    move, kept = server.step(study.training, moments, mean)
    return averaging.next_weights(model.weights, move), kept


def update_parts(model: Model, sums: Sums) -> list[NDArray[np.float64]]:
    """The opened sum of the updates by parameter tensor, float64[size] each."""
    return [np.asarray(sums[f"update/{name}"], dtype=np.float64) for name, _ in model.groups]


def next_ranges(
    study: Study, model: Model, ranges: tuple[float, ...], sums: Sums, n_contributors: int
) -> tuple[float, ...]:
    """The next round's clipping ranges, by the public rule."""
    limits = study.aggregation
    if not schemes.facts(limits.scheme).fixed_point:
        return ranges
    return tuple(
        averaging.next_range(
            bound,
            int(sums["clipped"][k]),
            float(np.abs(sums[f"update/{name}"]).max(initial=0.0)),
            study.bits,
            limits.range_min,
            largest_range(study),
            n_contributors,
            crowded_total=int(sums["crowded"][k]),
        )
        for k, ((name, _), bound) in enumerate(zip(model.groups, ranges, strict=True))
    )


def by_tensor(model: Model, flat: NDArray[Any]) -> Values:
    """A flat vector as one segment for each parameter tensor."""
    parts = np.split(flat, np.cumsum([size for _, size in model.groups])[:-1])
    return {f"update/{name}": part for (name, _), part in zip(model.groups, parts, strict=True)}


def _trained(
    study: Study,
    module: Module,
    model: Model,
    at: HospitalWork,
    number: int,
    outcome: Outcome,
    losses: Sequence[float] = (),
) -> NDArray[np.float32]:
    features, labels = rows_at(at, model.scaling, TRAIN)
    chosen, privacy = settings(study, model.scaling, losses), study.privacy
    options: dict[str, Any] = {"device": at.device, "outcome": outcome}
    if privacy and privacy.unit == "record":
        noise = privacy_noise.record_noise(study, len(labels))
        options["randomness"] = at.randomness
        return sgd.train_privately(module, model.weights, features, labels, chosen, noise, **options)
    return sgd.train(module, model.weights, features, labels, chosen, seed=(study.seed, at.index, number), **options)


def _check_clipped(study: Study, parts: Values, ranges: Sequence[float]) -> None:
    """Ranges double from round to round, up to `range_max`; an update far beyond them everywhere never fits.

    Raises:
        UnfitUpdateError: every entry would be clipped, and more than a few rounds of wider ranges could help.
    """
    smallest = [float(np.abs(part).min(initial=math.inf)) for part in parts.values()]
    reach = [min(bound * EXPLODED, study.aggregation.range_max) for bound in ranges]
    if all(least > limit for least, limit in zip(smallest, reach, strict=True)) and any(map(len, parts.values())):
        raise UnfitUpdateError(
            f"every one of the update's {sum(map(len, parts.values()))} entries is clipped, the smallest at "
            f"{min(smallest):.3g}: nothing is sent",
            reason="training diverged: every entry is clipped",
            hint=_HINT,
        )


def _check_loss(
    module: Module, model: Model, trained: NDArray[np.float32], rows: Rows, at: HospitalWork, outcome: Outcome
) -> None:
    """Raises UnfitUpdateError where training has made the loss on its own rows explode."""
    features, labels = rows
    after = sgd.mean_loss(module, trained, features, labels, at.device, outcome)
    if after <= EXPLODED * outcome.expected_loss:
        return
    before = sgd.mean_loss(module, model.weights, features, labels, at.device, outcome)
    if math.isfinite(after) and math.isfinite(before) and after <= EXPLODED * before:
        return
    raise UnfitUpdateError(
        f"the training loss went from {before:.4g} to {after:.4g}: nothing is sent",
        reason="training diverged: exploding loss",
        hint=_HINT,
    )
