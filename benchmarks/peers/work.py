"""The work that every peer does: one sum of a million parameters of eight parties, on one thread; nothing of cipherward is imported."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time
from typing import Any

N_PARAMETERS, N_PARTIES, REPEATS = 1_000_000, 8, 3


@dataclass
class Spent:
    """Processor seconds so far, of all parties together."""

    seconds_hospital: float = 0.0
    seconds_server: float = 0.0

    def hospital(self, work: Callable[[], Any]) -> Any:
        began = process_time()
        result = work()
        self.seconds_hospital += process_time() - began
        return result

    def server(self, work: Callable[[], Any]) -> Any:
        began = process_time()
        result = work()
        self.seconds_server += process_time() - began
        return result


def report(version: str, one_sum: Callable[[], tuple[Spent, int]]) -> None:
    """Print what one party's part of a sum takes, the least of some sums: milliseconds there and at the server, and bytes sent."""
    runs = [one_sum() for _ in range(REPEATS)]
    found = {
        "version": version,
        "hospital": 1e3 * min(spent.seconds_hospital for spent, _ in runs) / N_PARTIES,
        "server": 1e3 * min(spent.seconds_server for spent, _ in runs) / N_PARTIES,
        "bytes": runs[0][1] / N_PARAMETERS,
    }
    print(json.dumps(found))
