"""The size sweep: one secure sum of 10 thousand to 10 million parameters under every scheme, time and bytes.

From how many parameters on a hospital sends less under `quorum` than the float32 numbers themselves would take is
measured, too. Every opened sum, and every hospital's own reading of it, is compared with plain integer addition of the same vectors.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward import thresholds
from cipherward.crypto import ckks, params
from cipherward.crypto.params import SumParameters
from cipherward.errors import InterruptedRunError, ProtocolError, StorageError, StudyError
from cipherward.store import files
from cipherward.sums.run_sum import SCHEMES, Forgets, SimulatedSum, random_lanes

BITS = 16
COUNTS = (10_000, 100_000, 1_000_000, 10_000_000)
PHASES = ("encrypt", "add", "consent", "release", "open", "verify")
FILE = "sizes.json"
FLOAT32_BYTES = 4
ALL_KINDS = ("Update", "Join", "Vote", "Release")

_MANY = 10_000_000  # from here on each cell is measured once: five hospitals give five samples already
_WARM_UP = 1_000

OnProgress = Callable[[int, int, str], None]
"""Called with (cells done, cells in all, what was just done)."""


def run_sizes(
    out: Path,
    *,
    counts: Sequence[int] = COUNTS,
    schemes: Sequence[str] = SCHEMES,
    n_hospitals: int = 5,
    repeats: int = 3,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Measure every (size, scheme) that `out`/sizes.json does not hold yet; the file is rewritten after each.

    Args:
        counts: parameters of the summed vectors, 16 bits each.
        schemes: of plain, masks, ckks, quorum; ckks is left out, with the reason, where TenSEAL is missing.
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
    if unknown := sorted(set(schemes) - set(SCHEMES)):
        raise StudyError(f"no scheme is called {', '.join(unknown)}", hint=f"schemes: {', '.join(SCHEMES)}")
    path = out / FILE
    document = _begun(path, n_hospitals, repeats)
    missing = _why_not_ckks() if "ckks" in schemes else ""
    document["left_out"] = [{"scheme": "ckks", "reason": missing}] if missing else []
    cells = [(count, scheme) for count in counts for scheme in schemes if not (missing and scheme == "ckks")]
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
    if document["break_even_parameters"] is None and "quorum" in schemes:
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
        simulated = SimulatedSum(
            n_hospitals, n_parameters, BITS, None if scheme == "quorum" else Forgets(), scheme=scheme
        )
        expected = np.zeros(n_parameters, dtype=np.int64)
        for i in simulated.hospitals:
            lanes = random_lanes(rng, n_parameters, BITS)
            expected += lanes
            simulated.add(i, simulated.deal(i, lanes))
        simulated.agree(n_releases=n_hospitals)
        _check(simulated.open(), expected, f"opened by the coordinator under {scheme}")
        for i, sums in enumerate(simulated.verify(), start=1):
            _check(sums, expected, f"read by hospital {i} under {scheme}")
        for phase in PHASES:
            seconds[phase] += simulated.seconds[phase]
        up, down = max(simulated.up.values()), max(simulated.down.values())
    return {
        "n_parameters": n_parameters,
        "scheme": scheme,
        "repeats": repeats,
        "seconds": {phase: statistics.median(found) for phase, found in seconds.items()},
        "bytes_up_per_hospital": up,
        "bytes_down_per_hospital": down,
        "bytes_up_per_parameter": up / n_parameters,
    }


def sent_by_one(n_hospitals: int, n_lanes: int) -> dict[str, int]:
    """Bytes of one hospital's messages by kind, in one sum under `quorum` at 16 bits."""
    simulated = SimulatedSum(n_hospitals, n_lanes)
    lanes = random_lanes(np.random.default_rng(1), n_lanes)
    for i in simulated.hospitals[: simulated.rules.min_contributors]:
        simulated.add(i, simulated.deal(i, lanes))
    simulated.agree(voters=simulated.hospitals[: simulated.rules.threshold])
    return {kind: max(lengths) for kind, lengths in simulated.sent.items()}


def break_even(n_hospitals: int, kinds: tuple[str, ...] = ALL_KINDS) -> tuple[int, int]:
    """(first, always): the smallest model whose messages of these kinds are smaller than its float32 update, and the
    size from which on every model's are. Both are measured on real messages, at 16 bits."""

    def sent(n_lanes: int) -> int:
        sizes = sent_by_one(n_hospitals, n_lanes)
        return sum(sizes[kind] for kind in kinds)

    first, size = 1_000, sent(1_000)
    while size >= FLOAT32_BYTES * first:
        first = size // FLOAT32_BYTES + 1  # a larger model never has a smaller update: all up to here fail too
        size = sent(first)
    # Updates grow by whole ciphertexts, so the last model that fails is the largest of one such step.
    threshold = thresholds.derive(n_hospitals).threshold

    def chosen(n_lanes: int) -> SumParameters:
        return params.choose(n_lanes, bits=16, n_hospitals=n_hospitals, threshold=threshold)

    def formula(n_lanes: int) -> int:
        parameters = chosen(n_lanes)
        return parameters.update_bytes + ("Release" in kinds) * parameters.share_bytes

    headers = size - formula(first)
    steps = sorted({k * one.lanes_per_ciphertext + 1 for one in _each_ring(chosen(first)) for k in range(300)})
    failing = [n for n in steps if n > first and formula(n) + headers >= FLOAT32_BYTES * n]
    always = sent(failing[-1]) // FLOAT32_BYTES + 1 if failing else first
    if not sent(always) < FLOAT32_BYTES * always:
        raise ValueError("the formula of sizes does not give the bytes that are sent")
    return first, always


def _each_ring(like: SumParameters) -> list[SumParameters]:
    return [SumParameters(ring, like.n_hospitals, like.threshold, like.bits, like.n_lanes) for ring in params.RINGS]


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


def _why_not_ckks() -> str:
    try:
        ckks.generate_keys()
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
    both = sorted({n for n, _ in up if {(n, "quorum"), (n, "masks")} <= set(up)})
    return {str(n): up[n, "quorum"] / up[n, "masks"] for n in both}
