"""Peers on the same work, in one run: a sum of a million parameters of eight parties, processor time on one thread.

    python benchmarks/peers/compare.py                 a few minutes, more the first time: every peer is installed on its own
    python benchmarks/peers/compare.py --only Flower

Each peer has an environment of its own under build/peers. What cannot be installed or does not run is left out, with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import Section, console, finish, machine_line

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parents[1] / "build" / "peers"
PEERS = {
    "Flower SecAgg+": ("flower.py", ["flwr==1.42.0"], ""),
    "TenSEAL CKKS, one key": ("tenseal_ckks.py", ["tenseal==0.3.18"], ""),
    "NVIDIA FLARE CKKS, one key": ("nvflare_he.py", ["nvflare==2.9.0", "tenseal==0.3.18"], ""),
    "DESILO threshold CKKS": ("desilo_ckks.py", ["desilofhe==2.0.0"], ""),
    "OpenFHE threshold BFV": ("openfhe_bfv.py", ["openfhe==1.6.1.0.22.4"], "python3.10"),
}
"""The program that does a peer's work, what it needs, and the Python that its wheels are for, where it is not any."""
SERVER_BAR = 1.0
OURS = {f"cipherward quorum, {bits} bits": ("ours.py", str(bits)) for bits in (8, 16)}
"""8 bits are the default for networks."""


def python_of(requirements: list[str], interpreter: str) -> Path:
    """The Python of the environment in which these are installed. Raises subprocess.CalledProcessError, OSError."""
    home = ENVIRONMENTS / requirements[0].replace("/", "_")
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        _run([interpreter or sys.executable, "-m", "venv", "--clear", str(home)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements, "numpy"])
        (home / "installed").touch()
    return python


def measured(python: Path, program: str, *given: str) -> dict[str, Any]:
    """What a program of this folder reports. Raises subprocess.CalledProcessError."""
    said = _run([str(python), str(HERE / program), *given]).splitlines()
    found: dict[str, Any] = json.loads(next(line for line in said if line.startswith("{")))
    return found


def _run(command: list[str]) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="peers whose name begins so")
    given = parser.parse_args()
    console.print(machine_line())
    section = Section(
        "One party's part of a sum of a million parameters, eight parties: processor time on one thread",
        ["", "version", "party", "server", "bytes up a parameter"],
    )
    ours = {name: measured(Path(sys.executable), *program) for name, program in OURS.items()}
    for name, (program, requirements, interpreter) in PEERS.items():
        if not name.startswith(given.only):
            continue
        try:
            found = measured(python_of(requirements, interpreter), program)
        except (subprocess.CalledProcessError, OSError) as error:
            said = (getattr(error, "stderr", "") or "").strip().splitlines()
            why = next(
                (line for line in said if "error" in line.lower() or "not found" in line), said[-1] if said else error
            )
            section.rows.append([name, requirements[0], f"left out: {why}", "", ""])
            continue
        for mine, how in OURS.items():  # in turn, so that what else runs meets both
            again = measured(Path(sys.executable), *how)
            ours[mine] |= {key: min(ours[mine][key], again[key]) for key in ("hospital", "server")}
        section.numbers[name] = found
    for name, one in (ours | section.numbers).items():
        times = [f"{one[part]:.1f} ms" for part in ("hospital", "server")]
        section.rows.append([name, one["version"], *times, f"{one['bytes']:.2f}"])
    if flower := section.numbers.get("Flower SecAgg+"):
        for mine, one in ours.items():
            ratio = one["server"] / flower["server"]
            section.bar(f"{mine}: server's work at most {SERVER_BAR} of Flower's", f"{ratio:.2f}", ratio <= SERVER_BAR)
    section.numbers |= ours
    finish("peers", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
