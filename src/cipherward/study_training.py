"""The part of a study that says how its model is trained, and what it leaves out for a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

from cipherward.study_sections import HexOf32Bytes, Privacy, Section

_MAX_STEP = 1e30  # anything larger does not fit the float32 that models train in


SGD_SETTINGS = ("local_epochs", "batch_size", "learning_rate", "momentum", "proximal")
NETWORK_TRAINING = {"rounds": 40, "local_epochs": 0, "momentum": 0.9, "patience": 5, "halves_rate": True}
"""How a network is trained where its study does not say (`benchmarks/minimal_studies.py` has what it reaches)."""
HIDDEN = (32, 16)
_LINEAR = ("logistic-regression", "linear")  # fitted by Newton steps
_KIND_OF_TASK = {"points": "points", "boost": "boosted-trees"}  # of tasks that fit one kind only


def with_fitting_kind(document: dict[str, Any]) -> dict[str, Any]:
    """A study as it was written, with the kind of model that it leaves out where the usual one cannot be meant: its task fits another
    one, or its outcome is a number."""
    data, model, task = document.get("data"), document.get("model", {}), document.get("task", "train")
    if not isinstance(data, dict) or not isinstance(model, dict) or not isinstance(task, str) or "kind" in model:
        return document
    is_number = task == "train" and data.get("outcome_type") in ("continuous", "counts")
    kind = "linear" if is_number else _KIND_OF_TASK.get(task)
    return document | {"model": {"kind": kind} | model} if kind else document


def with_network_defaults(document: dict[str, Any]) -> dict[str, Any]:
    """A study as it was written, with what it leaves out of `[model]` and `[training]` for a network stated."""
    model, training = document.get("model"), document.get("training", {})
    if not isinstance(model, dict) or not isinstance(training, dict) or document.get("task", "train") != "train":
        return document
    found = dict(document)
    if model.get("kind") in ("mlp", "tabular") and "hidden" not in model:
        found["model"] = model | {"hidden": list(HIDDEN)}
    is_network = model.get("kind", _LINEAR[0]) not in _LINEAR
    if is_network and not document.get("privacy") and not any(name in training for name in SGD_SETTINGS):
        found["training"] = NETWORK_TRAINING | training
    return found


class Defence(Section):
    """Against hospitals that poison the model (docs/security.md says how far). `clip_norm`: largest L2 norm of one hospital's update,
    which it cuts itself; 0: as it is. `bounds`: an opened sum beyond what hospitals that do so can give changes nothing. `combine`: the
    mean update of everybody, or by parameter the median of the blocks' mean updates, or their mean without the largest and the
    smallest (Yin et al. 2018). `vote`: hospitals try each candidate model on their validation rows, and it is dropped where
    `vote_against` of them (0: one more than may be corrupt) say that a class does worse by more than `vote_tolerance` of its loss."""

    clip_norm: float = Field(default=0.0, ge=0.0, le=_MAX_STEP)
    bounds: bool = False
    combine: Literal["mean", "median", "trimmed"] = "mean"
    vote: bool = False
    vote_against: int = Field(default=0, ge=0, le=100_000)
    vote_tolerance: float = Field(default=0.3, ge=0.0, le=100.0)

    def problems(self) -> Iterator[str]:
        """What does not go together here, in words."""
        if self == Defence():
            yield "training.defence turns nothing on: leave it out, or set clip_norm, combine or vote"
        if self.bounds and not self.clip_norm:
            yield "training.defence.bounds needs clip_norm: what honest hospitals can give follows from it"
        if not self.vote and (self.vote_against or self.vote_tolerance != Defence().vote_tolerance):
            yield "training.defence.vote_against and vote_tolerance belong to a vote: set vote = true"


ClassWeight = Annotated[float, Field(ge=0.01, le=100.0)]


class Training(Section):
    """FedAvg settings. `patience` 0 runs all rounds; k stops after k rounds without a lower validation loss. `weights`: by
    the class of the row count (`learning.weights`), 1 for everyone, or by the row count itself, as sums of steps count. `server`:
    what the opened mean becomes (`learning.server`), with `server_rate` for "adam" and "yogi". `halves_rate`: the learning rate is
    halved whenever the validation loss has risen. `class_weights`: what a row counts for by its outcome (`learning.class_weights`). `scale`: numbers by mean and standard
    deviation, or by median and quartiles. `continues`: digest of the
    study whose last model is the first one here; freezing sets `first_model`, the digest of that model's weights (`runs.continuing`)."""

    method: Literal["newton", "sgd"] | None = Field(
        default=None,
        description="newton for a linear model without settings of SGD and without privacy, else sgd",
    )
    rounds: int = Field(default=10, ge=1, le=10_000)
    local_epochs: int = Field(
        default=1, ge=0, le=1_000, description="0: follows from the opened number of training rows"
    )
    batch_size: int = Field(default=0, ge=0, description="0: follows from the opened number of training rows")
    learning_rate: float = Field(default=0.05, gt=0.0, le=_MAX_STEP)
    momentum: float = Field(default=0.0, ge=0.0, lt=1.0)
    weight_decay: float = Field(default=0.0, ge=0.0, le=_MAX_STEP)
    proximal: float = Field(default=0.0, ge=0.0, le=_MAX_STEP)
    patience: int = Field(default=0, ge=0)
    min_improvement: float = Field(default=0.0, ge=0.0)
    weights: Literal["class", "equal", "rows"] = "class"
    server: Literal["average", "adam", "yogi"] = "average"
    server_rate: float = Field(default=0.01, gt=0.0, le=_MAX_STEP)
    halves_rate: bool = False
    defence: Defence | None = None
    class_weights: Literal["balanced"] | tuple[ClassWeight, ...] | None = None
    scale: Literal["standard", "robust"] = "standard"
    continues: HexOf32Bytes = ""
    first_model: HexOf32Bytes = ""

    @pydantic.model_serializer(mode="wrap")
    def _without_what_is_not_said(self, write: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A study that does not say one of them is the same document, with the same digest, as before there were any."""
        found: dict[str, Any] = write(self)
        for name in ("defence", "class_weights"):
            if found.get(name, False) is None:
                del found[name]
        for name in ("continues", "first_model", "scale"):
            if found.get(name) == type(self).model_fields[name].default:
                found.pop(name, None)
        return found

    def defence_problems(self, privacy: Privacy | None) -> Iterator[str]:
        """What in `defence` does not go with the rest, in words."""
        if self.defence is None:
            return
        yield from self.defence.problems()
        if privacy is not None and privacy.unit == "hospital":
            yield 'training.defence does not go with privacy.unit "hospital": that clips each update already, and nothing else may leave'

    @property
    def is_robust(self) -> bool:
        """Whether numbers are scaled by median and quartiles, instead of by mean and standard deviation."""
        return self.scale == "robust"

    @property
    def combines_blocks(self) -> bool:
        """Whether every block's updates are a sum of their own."""
        return self.defence is not None and self.defence.combine != "mean"

    def sums_in_round(self, n_blocks: int) -> int:
        """How many secure sums a round takes."""
        has_vote = self.defence is not None and self.defence.vote
        return (n_blocks if self.combines_blocks else 1) + has_vote

    @property
    def asks_for_sgd(self) -> bool:
        """Whether a setting that only SGD has differs from its default."""
        names = (*SGD_SETTINGS, "server", "halves_rate", "defence")
        return any(getattr(self, name) != type(self).model_fields[name].default for name in names)


def has_network_defaults(training: Training) -> bool:
    """Whether a network is trained as where its study says nothing of SGD, whatever it says of rounds and patience."""
    said = training.model_dump()
    usual = Training.model_validate(NETWORK_TRAINING).model_dump()
    return all(said[name] == usual[name] for name in (*SGD_SETTINGS, "halves_rate"))
