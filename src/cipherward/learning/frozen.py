"""What a module holds beside what is trained: frozen parameters and buffers, of any dtype.

They are never sent. So they have to be the same everywhere and stay as they are: the study states one digest over all of
them, and every party compares it with its own module before anything runs. Low-rank adapters beside a frozen network (Hu et
al. 2021, LoRA) are then a module like any other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from cipherward.errors import StudyError, UnfitUpdateError

_NAMED = 3
_HINT = (
    "use GroupNorm or LayerNorm; or keep the layer in evaluation mode, by a train() of the module's own that leaves it there: "
    "then its statistics are frozen"
)


def values(module: nn.Module) -> dict[str, torch.Tensor]:
    """Frozen parameters and buffers by name, in the order of the names; one that two layers share once."""
    frozen: dict[str, torch.Tensor] = {
        name: parameter for name, parameter in module.named_parameters() if not parameter.requires_grad
    }
    return dict(sorted((frozen | dict(module.named_buffers())).items()))


def digest(module: nn.Module) -> str:
    """SHA-256 (hex) over names, dtypes, shapes and bytes of `values`; "" where there are none."""
    held = values(module)
    return _digest(held) if held else ""


def check(module: nn.Module, stated: str) -> None:
    """Raise StudyError unless `stated` is the digest of what the module holds ("" where it holds nothing).

    Raises:
        StudyError: the study states no digest, or another one.
    """
    found = digest(module)
    if found == stated:
        return
    name = type(module).__name__
    if not found:
        raise StudyError(
            f"the study states the digest of frozen values, and the module {name} has none",
            hint="remove frozen from [model], or use the module that the study means",
        )
    if not stated:
        raise StudyError(
            f"the module {name} has values that are not trained ({_named(values(module))}), and the study does not state them",
            hint=f'check where they are from; then set in [model]: frozen = "{found}"',
        )
    raise StudyError(
        f"the frozen values of the module {name} are not those of the study: digest {found[:12]}, the study states {stated[:12]}",
        hint="use the same code and files as everybody; what is drawn at random or follows from the number of inputs differs "
        "where another seed draws it or columns are left out",
    )


def problems(module: nn.Module) -> Iterator[str]:
    """What of a module's tensors cannot be trained or kept here, each by name."""
    if not any(True for _ in module.parameters()):
        yield "it has no parameters"
    elif not any(parameter.requires_grad for parameter in module.parameters()):
        yield "everything in it is frozen"
    trained = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
    for name, parameter in trained:
        if parameter.dtype != torch.float32:
            yield f"parameter {name!r} is {parameter.dtype}, not float32; make it .float(), or freeze it"
    held = [
        (name, tensor, *_reach(tensor)) for name, tensor in [*trained, *values(module).items()] if tensor.data_ptr()
    ]
    held.sort(key=lambda each: each[2])
    for (one, _, _, end), (other, _, start, _) in pairwise(held):
        if start < end:
            yield (
                f"{one!r} and {other!r} share memory and are two tensors: training would take them apart; "
                "tie weights by giving both layers the same Parameter"
            )


def changed(before: dict[str, torch.Tensor], module: nn.Module) -> list[str]:
    """Names of frozen values that are not what they were in `copies`."""
    after = values(module)
    names = [name for name, old in before.items() if name not in after or not _equal(old, after[name])]
    return names + [name for name in after if name not in before]


def copies(module: nn.Module) -> dict[str, torch.Tensor]:
    """Of `values`, on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in values(module).items()}


def check_kept(before: dict[str, torch.Tensor], module: nn.Module, when: str) -> None:
    """Raise StudyError where a module's own run has changed what must stay, naming the layer and what to use instead."""
    if names := changed(before, module):
        owner = names[0].rpartition(".")[0]
        layer = module.get_submodule(owner)
        kind = f"{owner or 'itself'} ({type(layer).__name__})"
        is_norm = isinstance(layer, _NormBase)
        raise StudyError(
            f"the module {type(module).__name__} changes what is not trained when it {when}: buffer {_named(names)} of {kind}"
            + ("; statistics of batches would differ between hospitals, outside the secure sum" if is_norm else ""),
            hint=_HINT if is_norm else "keep nothing from one call to the next",
        )


@contextmanager
def kept(module: nn.Module) -> Iterator[None]:
    """Around training at a hospital.

    Raises:
        UnfitUpdateError: these rows made the module change what is not trained; nothing may be sent.
    """
    before = _digest(values(module))
    yield
    if _digest(values(module)) != before:
        raise UnfitUpdateError(
            f"the model's module {type(module).__name__} changed values that are not trained; nothing is sent",
            reason="the model failed",
            hint="correct the module: it may keep nothing from one call to the next",
        )


def _digest(held: dict[str, torch.Tensor]) -> str:
    found = hashlib.sha256(b"cipherward/v1/frozen\x00")
    for name, tensor in held.items():
        facts = json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode()
        found.update(len(facts).to_bytes(8, "little") + facts)
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    other = other.detach().cpu()
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return torch.equal(one.reshape(-1).view(torch.uint8), other.contiguous().reshape(-1).view(torch.uint8))


def _reach(tensor: torch.Tensor) -> tuple[int, int]:
    """The first address of a tensor's entries, and the one after the last."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr(), tensor.data_ptr() + (last + 1) * tensor.element_size()


def _named(names: dict[str, torch.Tensor] | list[str]) -> str:
    listed = [repr(name) for name in names]
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
