"""Models as flat vectors: build one from a study, flatten it, load a vector back.

The first model is a public function of the study's seed. For the kinds of the catalogue the linear layers' first weights
come from raw PCG64 words and exact float64 arithmetic, not from torch's sampler, so that every hospital starts from the
same bits whatever its processor. A user's own module draws from a seeded, private copy of torch's generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cipherward.errors import ProtocolError, StudyError
from cipherward.learning import catalogue
from cipherward.learning.model_kind import Factory, ModelKind
from cipherward.study import Model

_INIT = 0x696E6974  # "init": keeps these words apart from those that shuffle rows
_DRAWN_AT_ONCE = 1 << 20  # a large layer's float64 draws would take more memory than the model


def build(model: Model, n_features: int, seed: int, factory: Factory | None = None) -> nn.Module:
    """A fresh module on the CPU with float32[n, n_features] in and one logit per row out ([n] or [n, 1]).

    Linear layers start from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), but for a user's own module, which starts as it is made.
    torch's global generator is left as it was.

    Args:
        model: the kind and its settings, checked.
        n_features: width of an input row.
        seed: public seed, 0 to 2^63 - 1.
        factory: for a kind that is the user's own code only: called with n_features, returns the module.

    Raises:
        StudyError: no such kind; factory missing or not wanted; a module with buffers (BatchNorm's running statistics and the like:
            they change outside the sum), frozen or non-float32 parameters, none at all, or another output shape.
    """
    if n_features < 1:
        raise StudyError("a model needs at least one input feature")
    kind = check_factory(model, factory)
    with seeded_rng(seed):
        module = _made(kind, model, n_features, factory)
        if not kind.is_own_code:
            _initialise(module, seed)
    return module


def check_factory(model: Model, factory: Factory | None) -> ModelKind:
    """The model's kind. Raises StudyError: there is no such kind, or it needs a factory, or takes none."""
    kind = catalogue.kind_of(model)
    if kind.is_own_code != (factory is not None):
        wanted = "needs" if kind.is_own_code else "does not take"
        raise StudyError(
            f"model.kind {model.kind!r} {wanted} a module factory",
            hint='pass your own torch.nn.Module through the Python API, with model.kind = "custom": '
            "cipherward.run_study(study, module=YourModule)",
        )
    return kind


def groups(module: nn.Module) -> tuple[tuple[str, int], ...]:
    """(name, number of entries) of each parameter tensor, in the order of the flat vector."""
    return tuple((name, parameter.numel()) for name, parameter in module.named_parameters())


def n_parameters(module: nn.Module) -> int:
    """Length of the flat vector."""
    return sum(size for _, size in groups(module))


def flatten(module: nn.Module) -> NDArray[np.float32]:
    """All parameters as one float32[n_parameters], in `named_parameters` order; a copy."""
    with torch.no_grad():
        return torch.cat([parameter.reshape(-1) for parameter in module.parameters()]).cpu().numpy()


def load(module: nn.Module, vector: NDArray[np.float32]) -> None:
    """Overwrite the module's parameters, on whatever device they are, with float32[n_parameters].

    Raises:
        ProtocolError: the vector has another length or dtype than this model.
    """
    check_vector(module, vector)
    source = torch.tensor(vector)
    start = 0
    with torch.no_grad():
        for parameter in module.parameters():
            part = source[start : start + parameter.numel()]
            parameter.copy_(part.view(parameter.shape))
            start += parameter.numel()


def check_vector(module: nn.Module, vector: NDArray[np.float32]) -> None:
    """Raise ProtocolError unless `vector` is float32[n_parameters] of this module."""
    expected = n_parameters(module)
    if vector.shape != (expected,) or vector.dtype != np.float32:
        raise ProtocolError(
            f"a model vector of shape {vector.shape}, dtype {vector.dtype} does not fit this study's model: "
            f"float32 ({expected},)"
        )


@contextmanager
def seeded_rng(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Run a block with torch's generators seeded, and put the caller's generator states back afterwards."""
    on_cuda = device is not None and device.type == "cuda"
    devices = [device] if on_cuda else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if on_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def _initialise(module: nn.Module, seed: int) -> None:
    source = np.random.PCG64(np.random.SeedSequence((_INIT, seed)))
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                limit = 1.0 / math.sqrt(layer.in_features)
                for parameter in (layer.weight, layer.bias):
                    flat = parameter.view(-1)
                    for start in range(0, flat.numel(), _DRAWN_AT_ONCE):
                        part = flat[start : start + _DRAWN_AT_ONCE]
                        # 53-bit fractions are exact in float64; raw PCG64 words are the same in every numpy release.
                        unit = (source.random_raw(part.numel()) >> np.uint64(11)) * 2.0**-53
                        part.copy_(torch.from_numpy(((2.0 * unit - 1.0) * limit).astype(np.float32)))


def _made(kind: ModelKind, model: Model, n_features: int, factory: Factory | None) -> nn.Module:
    try:
        module = kind.build(model, n_features, factory)
    except Exception as error:
        raise StudyError(f"the module factory failed: {type(error).__name__}: {error}") from error
    if not isinstance(module, nn.Module):
        raise StudyError(f"the module factory returned {type(module).__name__}, not a torch.nn.Module")
    problems = [*_parameter_problems(module), *_buffer_problems(module)]
    if problems:
        raise StudyError("the module cannot be trained here: " + "; ".join(problems), problems=tuple(problems))
    module.cpu()
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            output = module(torch.zeros(2, n_features))
    except Exception as error:
        raise StudyError(f"the module cannot take float32[n, {n_features}]: {type(error).__name__}: {error}") from error
    module.train(was_training)
    if not isinstance(output, torch.Tensor) or tuple(output.shape) not in ((2,), (2, 1)):
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise StudyError(f"the module gave {shape} for two rows; one logit per row is wanted: (2,) or (2, 1)")
    return module


def _parameter_problems(module: nn.Module) -> Iterator[str]:
    if not any(True for _ in module.parameters()):
        yield "it has no parameters"
    for name, parameter in module.named_parameters():
        if parameter.dtype != torch.float32:
            yield f"parameter {name!r} is {parameter.dtype}, not float32"
        if not parameter.requires_grad:
            yield f"parameter {name!r} is frozen; compute frozen features before training instead"


def _buffer_problems(module: nn.Module) -> Iterator[str]:
    for name, _ in module.named_buffers():
        yield (
            f"buffer {name!r} would change or be kept outside the secure sum; "
            "use GroupNorm or LayerNorm instead of BatchNorm's running statistics"
        )
