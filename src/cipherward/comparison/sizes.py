"""The size sweep: one secure sum of 10 thousand to 10 million parameters under every scheme, time and bytes.

From how many parameters on a hospital sends less under `quorum` than the float32 numbers themselves would take is
measured, too. Every opened sum, and every hospital's own reading of it, is compared with plain integer addition of the same vectors.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward import thresholds
from cipherward.comparison.break_even import FLOAT32_BYTES, break_even, random_lanes
from cipherward.crypto import schemes
from cipherward.crypto.masks import MasksScheme
from cipherward.crypto.quorum import QuorumScheme
from cipherward.errors import InterruptedRunError, ProtocolError, StorageError, StudyError
from cipherward.store import files
from cipherward.sums.run_sum import Meter, make_parties, run_sum

SCHEMES = tuple(schemes.CATALOGUE)
BITS = 16
COUNTS = (10_000, 100_000, 1_000_000, 10_000_000)
PHASES = ("encrypt", "add", "consent", "release", "open", "verify")
FILE = "sizes.json"

_MANY = 10_000_000  # from here on each cell is measured once: five hospitals give five samples already
_WARM_UP = 1_000

OnProgress = Callable[[int, int, str], None]
"""Called with (cells done, cells in all, what was just done)."""


def run_sizes(
    out: Path,
    *,
    counts: Sequence[int] = COUNTS,
    names: Sequence[str] = SCHEMES,
    n_hospitals: int = 5,
    repeats: int = 3,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Measure every (size, scheme) that `out`/sizes.json does not hold yet; the file is rewritten after each.

    Args:
        counts: parameters of the summed vectors, 16 bits each.
        names: schemes; one that cannot run here is left out, with the reason.
        repeats: sums for each cell; from 10 million parameters on, one.
        should_stop: asked before each cell.

    Returns:
        what the file holds: `rows` by size and scheme, with median seconds by phase (encrypt, consent, release and
        verify by hospital, add by update, open once) and bytes of all packets of the hospital that sent most;
        `ratio_to_masks` of bytes sent; `break_even_parameters` of quorum against float32, for all that a hospital
        sends (first, always) and for its update alone (update_first, update_always).

    Raises:
        ProtocolError: a sum opened to other numbers than plain addition gives.
        StudyError: a scheme that is not known.
        InterruptedRunError: `should_stop` said so; what was measured is kept.
        StorageError: the file cannot be written.
    """
    if unknown := sorted(set(names) - set(SCHEMES)):
        raise StudyError(f"no scheme is called {', '.join(unknown)}", hint=f"schemes: {', '.join(SCHEMES)}")
    path = out / FILE
    document = _begun(path, n_hospitals, repeats)
    missing = {name: reason for name in names if (reason := _why_not(name))}
    document["left_out"] = [{"scheme": name, "reason": reason} for name, reason in missing.items()]
    cells = [(count, scheme) for count in counts for scheme in names if scheme not in missing]
    warm: set[str] = set()
    for done, (count, scheme) in enumerate(cells):
        if not any((row["n_parameters"], row["scheme"]) == (count, scheme) for row in document["rows"]):
            if should_stop():
                raise InterruptedRunError(
                    f"the size sweep stopped after {done} of {len(cells)} cells; nothing is lost",
                    hint="give the same command again to go on",
                )
            if scheme not in warm:
                measure(scheme, _WARM_UP, n_hospitals, 1)  # compiles kernels, loads libraries
                warm.add(scheme)
            document["rows"].append(measure(scheme, count, n_hospitals, 1 if count >= _MANY else repeats))
            _write(path, document)
        if on_progress:
            on_progress(done + 1, len(cells), f"{scheme}, {count:,} parameters")
    if document["break_even_parameters"] is None and QuorumScheme.name in names:
        first, always = break_even(n_hospitals)
        update_first, update_always = break_even(n_hospitals, ("Update",))
        document["break_even_parameters"] = {
            "first": first,
            "always": always,
            "update_first": update_first,
            "update_always": update_always,
        }
    _write(path, document)
    return document


def measure(scheme: str, n_parameters: int, n_hospitals: int, repeats: int) -> dict[str, Any]:
    """One row of the sweep: `repeats` whole sums of random vectors, all hospitals present.

    Raises:
        ProtocolError: a sum that is not the sum of the vectors.
    """
    seconds: dict[str, list[float]] = {phase: [] for phase in PHASES}
    up = down = 0
    for repeat in range(repeats):
        rng = np.random.default_rng((n_parameters, repeat))
        parties = make_parties(functools.partial(schemes.fresh, scheme), n_hospitals, n_parameters, BITS)
        expected, meter = np.zeros(n_parameters, dtype=np.int64), Meter()

        def vectors(rng: np.random.Generator = rng, expected: NDArray[np.int64] = expected) -> Iterator[Any]:
            for i in range(1, n_hospitals + 1):
                lanes = random_lanes(rng, n_parameters, BITS)
                expected += lanes
                yield i, lanes

        def read(i: int, sums: NDArray[Any], expected: NDArray[np.int64] = expected) -> None:
            _check(sums, expected, f"read by hospital {i} under {scheme}")

        payloads = None if schemes.facts(scheme).has_fingerprints else Forgets()
        opened = run_sum(parties, vectors(), n_releases=n_hospitals, payloads=payloads, meter=meter, read=read)
        _check(opened, expected, f"opened by the coordinator under {scheme}")
        made = zip(meter.seconds["join"], meter.seconds["encrypt"], strict=True)
        spent = meter.seconds | {"encrypt": [key + update for key, update in made]}  # with the key that it needs
        for phase in PHASES:
            seconds[phase] += spent[phase]
        up, down = max(meter.up.values()), max(meter.down.values())
    return {
        "n_parameters": n_parameters,
        "scheme": scheme,
        "repeats": repeats,
        "seconds": {phase: statistics.median(found) for phase, found in seconds.items()},
        "bytes_up_per_hospital": up,
        "bytes_down_per_hospital": down,
        "bytes_up_per_parameter": up / n_parameters,
    }


class Forgets(MutableMapping[int, bytes]):
    """A payload store that keeps nothing: for schemes that never read a payload again, or in place of a disk."""

    def __getitem__(self, key: int) -> bytes:
        raise KeyError(key)

    def __setitem__(self, key: int, value: bytes) -> None: ...

    def __delitem__(self, key: int) -> None: ...

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0


def machine() -> str:
    """Cores and CPU model of this machine."""
    return f"{os.cpu_count()} cores, {cpu_model()}"


def cpu_model() -> str:
    """The CPU's name, as well as this system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _check(sums: NDArray[Any], expected: NDArray[np.int64], what: str) -> None:
    wrong = int(np.count_nonzero(sums != expected))
    if wrong:
        raise ProtocolError(
            f"the sum {what} differs from plain addition in {wrong:,} of {expected.size:,} values",
            hint="do not use this installation; run its tests and report what they say",
        )


def _why_not(scheme: str) -> str:
    try:
        schemes.fresh(scheme, 1)
    except StudyError as error:
        return f"{error.message} ({error.hint})"
    return ""


def _begun(path: Path, n_hospitals: int, repeats: int) -> dict[str, Any]:
    """The sweep as it stands, or a fresh one where there is none with the same settings on the same machine."""
    settings = {
        "n_hospitals": n_hospitals,
        "threshold": thresholds.derive(n_hospitals).threshold,
        "bits": BITS,
        "repeats": repeats,
        "machine": machine(),
    }
    fresh = {**settings, "rows": [], "break_even_parameters": None}
    if not path.exists():
        return fresh
    try:
        found = files.json_object(files.read(path))
        same = all(found[name] == value for name, value in settings.items())
        kept = {name: found[name] for name in fresh}
        for row in kept["rows"]:
            if type(row["n_parameters"]) is not int or row["scheme"] not in SCHEMES:
                raise ValueError("not a row")
        _ratios(kept["rows"])
        json.dumps(kept, allow_nan=False)
    except (ValueError, TypeError, KeyError, ArithmeticError):
        raise StorageError(f"{path} is damaged", hint="delete it; the sweep is measured again") from None
    return kept if same else fresh


def _write(path: Path, document: dict[str, Any]) -> None:
    rows = document["rows"]
    rows.sort(key=lambda row: (row["n_parameters"], SCHEMES.index(row["scheme"])))
    document["float32_bytes_per_parameter"] = FLOAT32_BYTES
    document["ratio_to_masks"] = _ratios(rows)
    files.write(path, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())


def _ratios(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What a hospital sends under quorum, as a multiple of masks, by number of parameters."""
    up = {(row["n_parameters"], row["scheme"]): row["bytes_up_per_hospital"] for row in rows}
    one, other = QuorumScheme.name, MasksScheme.name
    both = sorted({n for n, _ in up if {(n, one), (n, other)} <= set(up)})
    return {str(n): up[n, one] / up[n, other] for n in both}
