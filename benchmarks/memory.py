"""How much memory a process has taken; imports nothing that takes any itself."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak_mib() -> float:
    """Largest resident set of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's memory from before this program was loaded
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1024)
