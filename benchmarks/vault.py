"""A vault on a local disk against plain files: 100 MB written and read, the plain ones in the same run.

    python benchmarks/vault.py                 five times each, the medians
    python benchmarks/vault.py --megabytes 10  another size

Written: a copy that is fsynced, against an object (named, encrypted, fsynced). Read: with SHA-256 over the content, against
decrypting and checking the name as `cipherward vault check` does.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
from functools import partial
from pathlib import Path

from cipherward.vault import keys
from cipherward.vault.catalogue import Label, Memory
from cipherward.vault.stores import LocalStore
from cipherward.vault.vault import create
from cipherward.vault.writer import Writer
from harness import Section, finish, timed

BAR = 0.5
PIECE = 1 << 20


def copy_plainly(source: Path, target: Path) -> None:
    """What a careful copy does: all bytes, then fsync."""
    with source.open("rb") as read, target.open("wb") as written:
        while part := read.read(PIECE):
            written.write(part)
        written.flush()
        os.fsync(written.fileno())


def read_plainly(path: Path) -> None:
    """All bytes through SHA-256."""
    state = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(PIECE):
            state.update(part)
    state.hexdigest()


def store(writer: Writer, label: Label, source: Path) -> None:
    """One object, listed in the catalogue."""
    writer.add(label, source)
    writer.commit()


def check(writer: Writer) -> None:
    """Everything that is listed: one object."""
    if not all(finding.holds for finding in writer.vault.check(writer.catalogue)):
        raise SystemExit("the vault does not hold what was stored")


def measure(megabytes: int, repeats: int, folder: Path) -> dict[str, list[float]]:
    """Seconds of each of the four, one beside the other in turn."""
    source = folder / "source"
    writer = Writer(create(LocalStore(folder / "vault"), keys.Source(bytes(32))), b"c" * 16, Memory(None), "benchmark")
    found: dict[str, list[float]] = {"copy": [], "store": [], "read": [], "check": []}
    for number in range(repeats):
        source.write_bytes(os.urandom(megabytes * 1_000_000))
        plain, label = folder / "plain", Label("updates", "", f"object-{number}")
        found["copy"].append(timed(partial(copy_plainly, source, plain)))
        found["store"].append(timed(partial(store, writer, label, source)))
        found["read"].append(timed(partial(read_plainly, plain)))
        found["check"].append(timed(partial(check, writer)))
        writer.erase(writer.catalogue.of(), "benchmark")
    return found


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--megabytes", type=int, default=100)
    arguments.add_argument("--repeats", type=int, default=5)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        found = measure(given.megabytes, given.repeats, Path(name))
    section = Section(
        f"{given.megabytes} MB on a local disk, median of {given.repeats}", ["what", "plain", "vault", "as fast"]
    )
    for what, plain, vault in (("write", "copy", "store"), ("read", "read", "check")):
        slow, fast = statistics.median(found[vault]), statistics.median(found[plain])
        section.rows.append([what, f"{fast:.2f} s", f"{slow:.2f} s", f"{fast / slow:.2f} times"])
        section.bar(f"{what}: at least {BAR} times as fast as plain files", f"{fast / slow:.2f}", fast / slow >= BAR)
        section.numbers |= {plain: fast, vault: slow}
    finish("vault", section)


if __name__ == "__main__":
    main()
