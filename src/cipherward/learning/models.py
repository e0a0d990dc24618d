"""Models as flat vectors: build one from a study, flatten it, load a vector back.

Logistic regression is `linear.Linear` and compiled; every other model is a torch.nn.Module (`networks`), and torch is
imported when the first one is built.

The first model is a public function of the study. Logistic regression starts from zeros; the first weights of other
kinds' linear layers come from raw PCG64 words of the study's seed and exact float64 arithmetic, not from torch's
sampler, so that every hospital starts from the same bits whatever its processor. A user's own module draws from a
seeded, private copy of torch's generator.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import ProtocolError, StudyError
from cipherward.learning import catalogue
from cipherward.learning.linear import Linear
from cipherward.learning.model_kind import Factory, ModelKind, Module, ShapedKind
from cipherward.learning.outcome import Outputs
from cipherward.study import Model


def build(
    model: Model,
    n_features: int,
    seed: int,
    factory: Factory | None = None,
    outputs: Outputs | None = None,
    shape: tuple[int, ...] = (),
) -> Module:
    """A fresh model on the CPU: float32[n, n_features] in, one logit per row out ([n] or [n, 1]), or what `outputs` says.

    Logistic regression, whose loss is convex, starts from zeros, and the linear layers of other kinds from
    U(-1/sqrt(fan_in), 1/sqrt(fan_in)), but for a user's own module, which starts as it is made. torch's global generator
    is left as it was.

    Args:
        model: the kind and its settings, checked.
        n_features: width of an input row.
        seed: public seed, 0 to 2^63 - 1.
        factory: for a kind that is the user's own code only: called with n_features, returns the module.
        outputs: of a type of outcome that is not binary (`Outcome.model_outputs`); None: one logit.
        shape: how a row is folded (`Study.input_shape`), for a kind that takes images or series.

    Raises:
        StudyError: no such kind; factory missing or not wanted; a module whose buffers change (BatchNorm's running statistics
            and the like: they change outside the sum), one that predicts a row differently beside other rows, trained
            parameters that are not float32, none at all, frozen values that the study does not state, or another output shape.
    """
    if n_features < 1:
        raise StudyError("a model needs at least one input feature")
    kind = check_factory(model, factory)
    if isinstance(kind, ShapedKind):
        if problems := kind.shape_problems(model, shape):
            raise StudyError(problems[0])
        return kind.build_shaped(model, shape, seed, outputs or Outputs())
    if outputs is None:
        return kind.build(model, n_features, seed, factory)
    return kind.build_for(model, n_features, seed, factory, outputs)


def check_factory(model: Model, factory: Factory | None) -> ModelKind:
    """The model's kind. Raises StudyError: there is no such kind, or it needs a factory, or takes none."""
    kind = catalogue.kind_of(model)
    if kind.is_own_code != (factory is not None):
        wanted = "needs" if kind.is_own_code else "does not take"
        raise StudyError(
            f"model.kind {model.kind!r} {wanted} a module factory: the two belong together",
            hint='pass your own torch.nn.Module through the Python API, with model.kind = "custom": '
            "cipherward.run_study(study, module=YourModule)",
        )
    return kind


def check_frozen(module: Module, model: Model) -> None:
    """Raise StudyError unless the module's frozen values are those of the study's model."""
    if not isinstance(module, Linear) and not catalogue.kind_of(model).pins_frozen:
        from cipherward.learning import frozen

        frozen.check(module, str(model.settings.get("frozen", "")))


def groups(module: Module) -> tuple[tuple[str, int], ...]:
    """(name, number of entries) of each parameter tensor that is trained, in the order of the flat vector."""
    if isinstance(module, Linear):
        return module.groups
    return tuple((name, p.numel()) for name, p in module.named_parameters() if p.requires_grad)


def n_parameters(module: Module) -> int:
    """Length of the flat vector."""
    return sum(size for _, size in groups(module))


def flatten(module: Module) -> NDArray[np.float32]:
    """All trained parameters as one float32[n_parameters], in `named_parameters` order; a copy."""
    if isinstance(module, Linear):
        return module.vector.copy()
    from cipherward.learning import networks

    return networks.flatten(module)


def load(module: Module, vector: NDArray[np.float32]) -> None:
    """Overwrite the model's parameters, on whatever device they are, with float32[n_parameters].

    Raises:
        ProtocolError: the vector has another length or dtype than this model.
    """
    check_vector(module, vector)
    if isinstance(module, Linear):
        module.vector = vector.copy()
        return
    from cipherward.learning import networks

    networks.load(module, vector)


def check_vector(module: Module, vector: NDArray[np.float32]) -> None:
    """Raise ProtocolError unless `vector` is float32[n_parameters] of this model."""
    expected = n_parameters(module)
    if vector.shape != (expected,) or vector.dtype != np.float32:
        raise ProtocolError(
            f"a model vector of shape {vector.shape}, dtype {vector.dtype} does not fit this study's model: "
            f"float32 ({expected},)"
        )
