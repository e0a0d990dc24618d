"""Where a model is trained and scored. torch is imported when a device is asked for, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cipherward.errors import StudyError
from cipherward.learning.catalogue import kind_of
from cipherward.study import Model

if TYPE_CHECKING:
    import torch

Device = Literal["auto", "cpu", "cuda"]


def check_device(device: Device | torch.device) -> None:
    """Raise StudyError, as `resolve_device` does, without importing torch for a device that is always there."""
    if device not in ("auto", "cpu"):
        resolve_device(device)


def device_used(model: Model, device: Device) -> str:
    """Where a study's model is trained: linear ones always on the CPU."""
    check_device(device)
    return "cpu" if kind_of(model).is_linear else str(resolve_device(device))


def resolve_device(device: Device | torch.device) -> torch.device:
    """The torch device for "auto" (CUDA where there is one), "cpu" or "cuda".

    Raises:
        StudyError: another name, or CUDA asked for where torch finds none.
    """
    import torch

    name = str(device)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    if name == "cuda" or name.startswith("cuda:"):
        if not torch.cuda.is_available():
            raise StudyError(
                "device 'cuda' was asked for, but torch finds no CUDA device here",
                hint="use device auto or cpu, or install a torch build and driver with CUDA",
            )
        return torch.device(name)
    raise StudyError(f"device {name!r} is not known", hint="use auto, cpu or cuda")
