"""Files with the weights of networks that were trained elsewhere: found by name in a folder of one's own, taken by their SHA-256.

Nothing is downloaded: what a study names as an address is told to people. A file is safetensors, which holds numbers and no code.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from cipherward.errors import StudyError

FOLDER = "CIPHERWARD_WEIGHTS"
MOST_BYTES = 2 << 30


def folder() -> Path:
    """Where weight files lie: CIPHERWARD_WEIGHTS, or `weights` in the user's cache folder."""
    if given := os.environ.get(FOLDER):
        return Path(given)
    import pooch

    return Path(os.environ.get("CIPHERWARD_CACHE") or pooch.os_cache("cipherward")) / "weights"


def name_of(weights: str) -> str:
    """The file's name: of an address its last part."""
    return weights.rpartition("/")[2]


def load(weights: str, sha256: str) -> dict[str, NDArray[np.generic]]:
    """The tensors of a file, by name.

    Args:
        weights: its name, or an https address that ends with it.
        sha256: of its bytes, hex.

    Raises:
        StudyError: it is not there, cannot be read, is another file, or no safetensors.
    """
    path = folder() / name_of(weights)
    where = f" (the study says that it is at {weights})" if "/" in weights else ""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise StudyError(
            f"the weights {path.name!r} of the network are not here: {path}: {error.strerror}",
            hint=f"get the file{where}, check that its SHA-256 is {sha256}, and put it there; {FOLDER} names another folder",
            logged="the weights of the network cannot be read",
        ) from None
    if size > MOST_BYTES:
        raise StudyError(
            f"{path} has more than {MOST_BYTES >> 30} GiB", logged="the weights of the network are too large"
        )
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise StudyError(
            f"{path} is another file than the study means: its SHA-256 begins with {found[:12]}, the study's with {sha256[:12]}",
            hint=f"get the file again{where}, or correct model.sha256 before anybody approves the study",
            logged="the weights of the network are another file than the study's",
        )
    try:
        return dict(safetensors.numpy.load(content))
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StudyError(
            f"{path} is no safetensors file ({type(error).__name__})",
            hint="convert the weights with safetensors.torch.save_file",
        ) from None
