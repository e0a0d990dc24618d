"""Models that are torch modules: every kind but logistic regression. The only rooms that import torch are this one,
`network_sgd`, `saliency` and DP-SGD."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cipherward.errors import StudyError, words_of
from cipherward.learning import frozen, initial
from cipherward.learning.linear import Linear
from cipherward.learning.linear_outputs import LinearOutputs
from cipherward.learning.model_kind import Factory
from cipherward.learning.outcome import Outputs

_TRIED, _TRIED_SEED = 4, 0x747279  # rows on which a module of the user's own is tried, and where they come from

_DRAWN_AT_ONCE = 1 << 20  # a large layer's float64 draws would take more memory than the model


def made(
    build: Callable[[], nn.Module], n_features: int, seed: int, stated: str | None = "", outputs: Outputs = Outputs()
) -> nn.Module:
    """A module of a kind that a study describes, checked; its linear layers start as `models.build` says.

    Args:
        build: makes the module; torch's generator is seeded meanwhile.
        n_features: width of an input row.
        seed: public seed.
        stated: what the study says of the module's frozen values (`frozen.digest`); None: the kind has checked them.
        outputs: that it gives for a row.

    Raises:
        StudyError: as `models.build`.
    """
    with seeded_rng(seed):
        module = _checked(build, n_features, stated, outputs)
        _initialise(module, seed)
    return module


def perceptron(widths: tuple[int, ...]) -> nn.Module:
    """Linear layers with ReLU between them. `widths`: of the input, the hidden layers and the output."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for depth, (width, wider) in enumerate(pairwise(widths[:-1]), start=1):
        layers[f"hidden{depth}"] = nn.Linear(width, wider)
        layers[f"relu{depth}"] = nn.ReLU()
    layers["output"] = nn.Linear(widths[-2], widths[-1])
    return nn.Sequential(layers)


class Thresholds(nn.Module):
    """One number for a row, [n, 1], moved by each of some thresholds: [n, size]."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows + self.bias


def head(width: int, outputs: Outputs) -> nn.Module:
    """The last layer of a network: from `width` numbers to the outputs of a type of outcome."""
    if not outputs.is_shared:
        return nn.Linear(width, outputs.size)
    return nn.Sequential(OrderedDict(slope=nn.Linear(width, 1, bias=False), threshold=Thresholds(outputs.size)))


def with_head(network: nn.Module, name: str, width: int, outputs: Outputs) -> nn.Module:
    """The network with its last layer, an attribute of this name, in the form that the outputs need."""
    setattr(network, name, head(width, outputs))
    return network


def linear(model: Linear) -> nn.Module:
    """A linear model as a torch module, for what needs torch's gradients."""
    outputs = model.outputs if isinstance(model, LinearOutputs) else Outputs()
    rows = 1 if outputs.is_shared else outputs.size
    module = head((len(model.vector) - outputs.size) // rows, outputs)
    load(module, model.vector)
    return module


def custom(factory: Factory, n_features: int, seed: int, stated: str = "", outputs: Outputs = Outputs()) -> nn.Module:
    """What the user's factory makes, checked: no first values but constants and what it drew under the study's seed; and no
    frozen ones but those that the study states.

    Raises:
        StudyError: as `models.build`; or it brings values, which a person could have chosen to single patients out.
    """
    with seeded_rng(seed):
        module = _checked(lambda: factory(n_features), n_features, stated, outputs)
    with seeded_rng(seed ^ 1), _told("the module factory failed"):
        drawn = dict(factory(n_features).named_parameters())
    brought = [name for name, values in trained_parameters(module) if _is_brought(values, drawn.get(name))]
    if brought:
        raise StudyError(
            f"the module {type(module).__name__} brings first values of its own: {', '.join(map(repr, brought))} do not follow "
            "from the study's seed",
            hint="let torch's layers draw their first values, or set constants; a network that was trained elsewhere cannot be "
            "the first model: freeze it (requires_grad_(False)) and train layers or low-rank adapters on top of it",
        )
    return module


def _is_brought(values: nn.Parameter, under_another_seed: nn.Parameter | None) -> bool:
    if under_another_seed is None or values.shape != under_another_seed.shape:
        return True
    return torch.equal(values, under_another_seed) and bool((values != values.reshape(-1)[0]).any())


def trained_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """(name, tensor) of what is trained and sent: every parameter that is not frozen, one that two layers share once."""
    return ((name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad)


def flatten(module: nn.Module) -> NDArray[np.float32]:
    """As `models.flatten`."""
    with torch.no_grad():
        return torch.cat([parameter.reshape(-1) for _, parameter in trained_parameters(module)]).cpu().numpy()


def load(module: nn.Module, vector: NDArray[np.float32]) -> None:
    """As `models.load`, for a vector that fits."""
    source = torch.tensor(vector)
    start = 0
    with torch.no_grad():
        for _, parameter in trained_parameters(module):
            part = source[start : start + parameter.numel()]
            parameter.copy_(part.view(parameter.shape))
            start += parameter.numel()


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
    source = initial.words(seed)
    with torch.no_grad():
        for layer in module.modules():
            for parameter in layer.parameters(recurse=False) if (fan_in := _fan_in(layer)) else ():
                if not parameter.requires_grad:
                    continue
                flat = parameter.view(-1)
                for start in range(0, flat.numel(), _DRAWN_AT_ONCE):
                    part = flat[start : start + _DRAWN_AT_ONCE]
                    part.copy_(torch.from_numpy(initial.uniform(source, part.numel(), fan_in)))


def _fan_in(layer: nn.Module) -> int:
    """What a layer's first weights are scaled by; 0 for one that keeps what it drew."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    if isinstance(layer, nn.Conv1d | nn.Conv2d):
        return math.prod(layer.weight.shape[1:])
    return layer.hidden_size if isinstance(layer, nn.GRU) else 0


def _failed(what: str, error: BaseException) -> StudyError:
    """Somebody else's code has raised: its words are for people, its kind for logs."""
    return StudyError(f"{what}: {words_of(error)}", logged=f"{what}: {type(error).__name__}")


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Whatever somebody else's code raises becomes a StudyError; `sys.exit` in it ends the study, not the program."""
    try:
        yield
    except (StudyError, KeyboardInterrupt):
        raise
    except BaseException as error:  # of whatever kind: SystemExit, panics of native code
        raise _failed(what, error) from error


def _checked(build: Callable[[], nn.Module], n_features: int, stated: str | None, outputs: Outputs) -> nn.Module:
    with _told("the module factory failed"):
        module = build()
    if not isinstance(module, nn.Module):
        raise StudyError(f"the module factory returned {type(module).__name__}, not a torch.nn.Module")
    with _told("the module failed when it was looked at"):
        problems = [*frozen.problems(module)]
        if problems:
            raise StudyError("the module cannot be trained here: " + "; ".join(problems), problems=tuple(problems))
        module.cpu()
        held = frozen.copies(module)
        trained = [name for name, _ in trained_parameters(module)]
        was_training = module.training
        module.eval()
    with _told(f"the module cannot take float32[n, {n_features}]"), torch.no_grad():
        output = module(torch.zeros(2, n_features))
    wanted = ((2,), (2, 1)) if outputs.size == 1 else ((2, outputs.size),)
    if not isinstance(output, torch.Tensor) or tuple(output.shape) not in wanted:
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        said = "one logit per row is" if outputs.size == 1 else f"{outputs.size} outputs per row are"
        raise StudyError(f"the module gave {shape} for two rows; {said} wanted: {' or '.join(map(str, wanted))}")
    with _told("the module failed on rows to try it"):
        rows = torch.from_numpy(np.random.default_rng(_TRIED_SEED).normal(size=(_TRIED, n_features)).astype(np.float32))
        with torch.no_grad():
            _check_same_again(module, rows)
            _check_rows_apart(module, rows)
        _check_trainable(module, rows)
        frozen.check_kept(held, module, "predicts")
        module.train()
        _check_trainable(module, rows)
        frozen.check_kept(held, module, "is trained")
        if [name for name, _ in trained_parameters(module)] != trained:
            raise StudyError(f"the module {type(module).__name__} freezes other parameters once it is trained")
        module.eval()
    if stated is not None:
        frozen.check(module, stated)
    with _told("the module cannot take a row alone, as the last minibatch and `predict` may hold"), torch.no_grad():
        module(rows[:1])
        module.train()
        module(rows[:1])
    module.train(was_training)
    return module


def _check_same_again(module: nn.Module, rows: torch.Tensor) -> None:
    """Raise StudyError unless the module leaves its input alone and gives finite logits, the same when asked again."""
    given = rows.clone()
    first, again = module(given).reshape(-1), module(given.clone()).reshape(-1)
    name = type(module).__name__
    if not torch.equal(given, rows):
        raise StudyError(f"the module {name} changes the rows that it is given", hint="compute with a copy: x * 0.5")
    if not bool(torch.isfinite(first).all()):
        raise StudyError(f"the module {name} gives NaN or infinity for ordinary rows", hint="check its last operations")
    if not torch.allclose(first, again, atol=1e-4 * (1.0 + float(first.abs().max()))):
        raise StudyError(
            f"the module {name} gives another prediction when it is asked again",
            hint="use nothing random in evaluation mode, and keep nothing from one call to the next",
        )


def _check_trainable(module: nn.Module, rows: torch.Tensor) -> None:
    """Raise StudyError unless a loss of the module's logits has a gradient in some parameter, of its parameter's shape."""
    output = module(rows)
    if not output.requires_grad:
        raise StudyError(
            f"the module {type(module).__name__} cannot be trained: its output has no gradient",
            hint="return what torch has computed from the parameters: no detach, no numpy, no no_grad on the way",
        )
    output.sum().backward()
    module.zero_grad(set_to_none=True)


def _check_rows_apart(module: nn.Module, rows: torch.Tensor) -> None:
    """Try whether a row's prediction depends on the rows beside it, as normalisation over the batch makes it.

    Raises:
        StudyError: it does; names the layers that may be why.
    """
    company = torch.cat([rows, 3.0 * rows.flip(0) + 5.0])
    apart = module(rows).reshape(_TRIED, -1)
    together = module(company).reshape(len(company), -1)[:_TRIED]
    turned = module(rows.flip(0)).reshape(_TRIED, -1).flip(0)
    scale = 1.0 + float(apart.abs().max())
    if torch.allclose(apart, together, atol=1e-4 * scale, equal_nan=True) and torch.allclose(
        apart, turned, atol=1e-4 * scale, equal_nan=True
    ):
        return
    suspects = [
        f"{name or 'itself'} ({type(layer).__name__})"
        for name, layer in module.named_modules()
        if "Batch" in type(layer).__name__ or "Instance" in type(layer).__name__
    ]
    raise StudyError(
        f"the module {type(module).__name__} predicts a row differently beside other rows"
        + (f": {', '.join(suspects)}" if suspects else ""),
        hint="use GroupNorm or LayerNorm, which look at one row at a time",
    )
