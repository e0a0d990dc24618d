"""How long a coordinator that is killed needs until its sum goes on.

    python benchmarks/recovery.py              8 hospitals, 1 M parameters, killed in every phase
    python benchmarks/recovery.py --hospitals 4 --width 100

A child process runs the study and kills itself (SIGKILL) when the first packet of a phase is about to arrive. The time is
that of a new process's work up to the packets it sends: openings replayed, keys and journal read, the sum recovered.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import tempfile
import time
from pathlib import Path

from cipherward import study as study_document
from cipherward.runs import verify
from cipherward.runs.folder import RunDirectory
from cipherward.simulation import make_parties
from cipherward.simulation.simulate import run_study
from cipherward.study import Study
from cipherward.sums.packets import unpack

KINDS = ("Join", "Update", "Vote", "Release", "Receipt")


class Killing:
    """Ends this process with SIGKILL when the last hospital's answer of a kind is on its way in the first training round."""

    def __init__(self, kind: str, hospital: int) -> None:
        self._kind, self._hospital, self._seen = kind, hospital, 0

    def down(self, hospital: int, packet: bytes) -> list[bytes]:
        return [packet]

    def up(self, hospital: int, packet: bytes) -> list[bytes]:
        if hospital == self._hospital and unpack(packet)[0] == self._kind:
            self._seen += 1
            if self._seen == 2:  # the first is of the statistics
                os.kill(os.getpid(), signal.SIGKILL)
        return [packet]


def study(n_hospitals: int, width: int) -> Study:
    base = study_document.load_builtin("readmission")
    cohort = {"n_hospitals": n_hospitals, "encounters_per_hospital": 200}
    return base.with_overrides(
        model={"kind": "mlp", "hidden": [width, width]},
        training={"rounds": 1},
        noise={"enabled": False},
        data={"cohort": {**base.model_dump(mode="json")["data"]["cohort"], **cohort}},
    )


def child(path: Path, n_hospitals: int, width: int, kind: str) -> None:
    run_study(study(n_hospitals, width), out=path, device="cpu", network=Killing(kind, n_hospitals))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hospitals", type=int, default=8)
    parser.add_argument("--width", type=int, default=980, help="of both hidden layers; 980 gives about 1 M parameters")
    chosen = parser.parse_args()
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run"
            process = multiprocessing.get_context("spawn").Process(
                target=child, args=(path, chosen.hospitals, chosen.width, kind)
            )
            process.start()
            process.join()
            assert process.exitcode == -signal.SIGKILL, process.exitcode
            started = time.perf_counter()
            run = RunDirectory(path)
            frozen = study_document.load(run.study)
            keys = make_parties.load_keys(run, chosen.hospitals, frozen.aggregation.scheme)
            state = [replayed.state for replayed in verify.replay(verify.open_run(path))][-1]
            hub = make_parties.make_coordinator(frozen, keys, state, run)
            packets = hub.recover()
            seconds = time.perf_counter() - started
            size = sum(file.stat().st_size for file in run.journal.iterdir())
            print(
                f"killed before the last {kind}: {seconds:.2f} s to phase {hub.phase.value}, "
                f"{state.n_parameters:,} parameters, journal {size / 1e6:.1f} MB, {len(packets)} packet(s) to send again"
            )


if __name__ == "__main__":
    main()
