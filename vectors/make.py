"""Write the test vectors, or compare them: `python -m vectors.make [--check]`. Exit code 1 when a file differs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vectors import primitives, rings, sums

FOLDER = Path(__file__).parent

FILES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "digests": primitives.digests,
    "messages": primitives.messages,
    "messages_bad_bytes": primitives.bad_messages,
    "envelopes": primitives.envelopes,
    "envelopes_bad_signatures": primitives.bad_envelopes,
    "streams": primitives.streams,
    "parameters": primitives.parameters,
    "parameters_bad_choices": primitives.bad_parameters,
    "ring": rings.small_ring,
    "ring_bad_payloads": rings.bad_payloads,
    "ring_bad_sums": rings.bad_sums,
    "shares": rings.shares,
    "shares_bad_releases": rings.bad_releases,
    "quorum": rings.quorum,
    "sealed_shares": rings.sealed_shares,
    "sealed_shares_bad_bindings": rings.bad_sealed_shares,
    "sum": sums.whole_sum,
    "sum_bad_updates": sums.bad_updates,
    "sum_bad_requests": sums.bad_requests,
    "sum_bad_certificates": sums.bad_certificates,
    "sum_bad_openings": sums.bad_openings,
}


def made() -> dict[str, bytes]:
    """The bytes of every vector file, by file name."""
    return {
        f"{name}.json": (json.dumps(content(), indent=1, ensure_ascii=True) + "\n").encode()
        for name, content in FILES.items()
    }


def differences(folder: Path) -> list[str]:
    """The files in `folder` that are missing, unknown or not as `made` gives them."""
    expected = made()
    found = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    return sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))


def main(arguments: Sequence[str] | None = None, *, folder: Path = FOLDER) -> int:
    parser = argparse.ArgumentParser(prog="python -m vectors.make", description="Write or compare the test vectors.")
    parser.add_argument("--check", action="store_true", help="compare only; exit code 1 when a file differs")
    if parser.parse_args(arguments).check:
        changed = differences(folder)
        for name in changed:
            sys.stdout.write(f"{name} is not what the code makes\n")
        return 1 if changed else 0
    for name, data in made().items():
        (folder / name).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
