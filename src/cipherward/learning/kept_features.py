"""What a frozen network makes of rows, worked out once and kept in memory.

The last bits of a row's features may depend on how many rows go through the network together. So rows go in blocks of one size, in
the order in which they are given, the last block filled up with zeros, on one thread: on a CPU what is kept, what is worked out again
and what another process works out are the same bits, on any number of cores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from weakref import WeakValueDictionary

import torch
from torch import Tensor

BLOCK = 32
"""Rows. Of fewer each takes a CPU longer, below 16 in other kernels; more only take memory."""
MOST_BYTES = 1 << 28
"""Of features that are kept for a network in a process: of 131,072 rows through a ResNet-18, 32,768 through a ResNet-50."""


class KeptFeatures:
    """Of one network. What came first stays: every round meets the same rows, so that replacing some would lose them all in turn."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[bytes, str], Tensor] = {}
        self._bytes = 0

    def of(self, rows: Tensor, width: int, device: torch.device, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """Features of rows, float32[n, width] on the device, a tensor of its own.

        Args:
            rows: float32[n, n_features] on the CPU, contiguous.
            compute: features of a block of rows on the device, without gradients.
        """
        found = torch.empty(len(rows), width, device=device)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for part, given in zip(torch.split(found, BLOCK), torch.split(rows, BLOCK), strict=True):
                part.copy_(self._block(given, device, compute))
        finally:
            torch.set_num_threads(threads)
        return found

    def _block(self, rows: Tensor, device: torch.device, compute: Callable[[Tensor], Tensor]) -> Tensor:
        whole = rows
        if len(rows) < BLOCK:
            whole = rows.new_zeros(BLOCK, rows.shape[1])
            whole[: len(rows)] = rows
        key = hashlib.sha256(whole.numpy().tobytes()).digest(), str(device)
        found = self._blocks.get(key)
        if found is None:
            found = compute(whole.to(device))
            size = found.numel() * found.element_size()
            if self._bytes + size <= MOST_BYTES:
                self._blocks[key] = found
                self._bytes += size
        return found[: len(rows)]


_of_networks: WeakValueDictionary[str, KeptFeatures] = WeakValueDictionary()


def shared(network: str) -> KeptFeatures:
    """Those of a network, by a digest of all that decides what it gives; one for all modules with that network, as long as there are some."""
    return _of_networks.setdefault(network, KeptFeatures())
