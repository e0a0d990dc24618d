"""Whole runs with their vault at a real S3 server 200 ms away, against the same runs with a vault on the local disk.

    python benchmarks/vault_latency.py                     the quick start, five times each, one beside the other in turn
    CIPHERWARD_SHARED_DATA=DIR python benchmarks/vault_latency.py --study diabetes130 --repeats 3

Wall time of the whole command `cipherward run`, from its start until it gives the prompt back. The server is moto's, in a process of
its own behind a proxy that holds every answer back; the median over the repeats of the times of two neighbours counts. What is not
stored when the command ends is said: it waits on the disk, and `cipherward vault put URL RUN`, which is timed too, stores it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from harness import Section, finish

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

BAR = 1.05
BUCKET = "bucket"
WAYS = ("local", "s3")


def serve(seconds: float, to: Connection) -> None:
    """In a process of its own: an S3 server with one bucket behind a proxy; its port is sent."""
    import logging

    import fsspec
    from moto.server import ThreadedMotoServer
    from tests.faults.proxy import Proxy

    os.nice(10)  # it stands for a machine elsewhere
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    fsspec.filesystem("s3", endpoint_url=f"http://{host}:{port}", key="key", secret="secret").mkdir(BUCKET)  # noqa: S106
    proxy = Proxy(port)
    proxy.slow(seconds / 2, 0.0)
    to.send(proxy.port)
    time.sleep(86_400)


def environment(port: int) -> dict[str, str]:
    """Of the commands: where S3 is, credentials that mean nothing, a vault key."""
    return os.environ | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "CIPHERWARD_VAULT_KEY": "ab" * 32,
    }


def run(study: list[str], url: str, folder: Path, port: int) -> tuple[float, str, float]:
    """Seconds of the run, what it says of its vault, and seconds until the rest is stored."""
    command = [sys.executable, "-c", "from cipherward.cli import main; main()"]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "run", *study, "--out", str(folder), "--vault", url],
        env=environment(port), capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("Vault:")]
    start = time.perf_counter()
    subprocess.run([*command, "vault", "put", url, str(folder)], env=environment(port), capture_output=True, check=True)
    return seconds, said.removeprefix("Vault:").strip(), time.perf_counter() - start


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--study", default="", help="a built-in study; default: the quick start")
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--latency", type=float, default=0.2, help="seconds from a request to its answer, at least")
    given = arguments.parse_args()
    study = [given.study] if given.study else []
    if given.study == "diabetes130":
        study += ["--data", str(Path(os.environ["CIPHERWARD_SHARED_DATA"]) / "diabetes130")]
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(given.latency, there), daemon=True)
    server.start()
    port = here.recv()
    name = given.study or "quick start"
    section = Section(
        f"{name}, vault at S3 with {given.latency * 1000:.0f} ms against a local one",
        ["repeat", "local", "s3", "ratio", "when the s3 run ended", "the rest stored in"],
    )
    ratios, found = [], dict[str, list[float]]((way, []) for way in WAYS)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for number in range(given.repeats):
            row = {}
            for way in WAYS if number % 2 else reversed(WAYS):
                url = f"s3://{BUCKET}/{number}" if way == "s3" else f"{folder}/vault-{number}"
                row[way] = run(study, url, Path(folder) / f"{way}-{number}", port)
                found[way].append(row[way][0])
            ratios.append(row["s3"][0] / row["local"][0])
            section.rows.append(
                [str(number), *(f"{row[way][0]:.1f} s" for way in WAYS), f"{ratios[-1]:.2f}", row["s3"][1], f"{row['s3'][2]:.1f} s"]
            )  # fmt: skip
    server.terminate()
    ratio = statistics.median(ratios)
    section.bar(f"wall time at most {BAR} times", f"{ratio:.3f}", ratio <= BAR)
    section.numbers |= {"ratio": ratio, "latency": given.latency, **found}
    finish(f"vault_latency_{name.replace(' ', '_')}", section)


if __name__ == "__main__":
    main()
