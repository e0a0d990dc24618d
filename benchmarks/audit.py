"""A large audit log: one million entries written, verified in one pass, and one of them proved.

    python benchmarks/audit.py                   one million entries
    python benchmarks/audit.py --entries 100000  fewer

The log has a head every thousand entries, each cosigned by five hospitals. Memory is the peak of a process of its own that verifies.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from cipherward.audit import entries, notes, proofs, reading
from cipherward.audit.entries import Event
from cipherward.audit.notes import Checkpoint, Key
from cipherward.audit.reading import CHECKPOINTS, LOG, checkpoint_file
from cipherward.crypto.identity import Identity
from cipherward.crypto.merkle import Tree, leaf_hash
from harness import Section, alone, finish
from memory import peak_mib

NAME = "cipherward/benchmark"
AUTHOR = Identity(b"\x01" * 32)
HOSPITALS = {number: Identity(bytes([number + 1]) * 32) for number in range(1, 6)}
WITNESSES = {n: Key(f"cipherward/hospital-{n}", each.public_key, notes.WITNESS) for n, each in HOSPITALS.items()}
EVERY = 1_000
SECONDS, MEMORY, BYTES = 60.0, 16, 2_000


def write(folder: Path, count: int) -> Tree:
    """A log with its heads; receipts, as most entries of a real log are."""
    tree, after = Tree(), entries.FIRST
    (folder / CHECKPOINTS).mkdir()
    with (folder / LOG).open("wb") as file:
        for number in range(count):
            facts = {"sum": number // 5, "hospital": f"clinic-{number % 5 + 1}", "outcome": "agreed"}
            covered = {f"receipts/{number // 5:04d}/hospital-{number % 5 + 1}.cbor": "ab" * 32}
            line = entries.write(Event("receipt", facts, covered), number, 1_700_000_000.0 + number, after)
            file.write(line + b"\n")
            leaf = leaf_hash(line)
            after = reading.after(leaf)
            tree.append(leaf)
            if (number + 1) % EVERY == 0 or number + 1 == count:
                head = Checkpoint(NAME, number + 1, tree.root())
                signed = notes.sign(AUTHOR, head)
                for n, identity in HOSPITALS.items():
                    signed = signed.with_line(notes.cosign(identity, WITNESSES[n].name, head, 1_700_000_000))
                checkpoint_file(folder, number + 1).write_text(signed.text)
    return tree


def verify(folder: Path, peak: bool) -> tuple[float, float, float]:
    """In a process of its own: seconds, seconds of the processor, and MiB at its peak. Without `peak` of an empty log, for comparison."""
    key, log = Key(NAME, AUTHOR.public_key), folder / (LOG if peak else "none")
    heads = reading.checkpoint_files(folder) if peak else []
    start, used = time.perf_counter(), time.process_time()
    found = reading.read(log, heads, key, WITNESSES)
    seconds, used = time.perf_counter() - start, time.process_time() - used
    assert not found.problems
    assert found.signed(len(WITNESSES)) == found.size
    return seconds, used, peak_mib()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    count = parser.parse_args().entries
    heads = -(-count // EVERY)
    section = Section(
        f"An audit log of {count:,} entries with {heads:,} heads, each cosigned by {len(WITNESSES)}", ["what", "found"]
    )
    with tempfile.TemporaryDirectory(prefix="cipherward-audit-") as name:
        folder = Path(name)
        tree = write(folder, count)
        size = (folder / LOG).stat().st_size
        _, _, empty = alone(verify, folder, False)
        seconds, used, peak = alone(verify, folder, True)
        head = reading.read_checkpoint(reading.checkpoint_files(folder)[-1])
        proof = len(proofs.inclusion(tree, count // 3, head).encode())
    section.rows += [
        ["the log", f"{size / 1e6:.0f} MB"],
        ["verified in one pass", f"{seconds:.1f} s, {used:.1f} s of the processor"],
        ["peak memory above that for an empty log", f"{peak - empty:.1f} MiB"],
        ["proof of one entry", f"{proof} bytes"],
    ]
    section.bar(f"verified in under {SECONDS:.0f} s", f"{seconds:.1f} s", seconds < SECONDS)
    section.bar(
        f"memory that does not grow with the entries: under {MEMORY} MiB more",
        f"{peak - empty:.1f}",
        peak - empty < MEMORY,
    )
    section.bar(f"a proof under {BYTES} bytes", str(proof), proof < BYTES)
    section.numbers |= {"entries": count, "seconds": seconds, "processor": used, "mib": peak - empty, "proof": proof}
    finish("audit", section)


if __name__ == "__main__":
    main()
