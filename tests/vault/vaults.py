"""A vault in a folder, and what a provider could do to it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from cipherward.vault import keys
from cipherward.vault.catalogue import Label, Memory
from cipherward.vault.stores import LocalStore, Store
from cipherward.vault.vault import Vault, create
from cipherward.vault.writer import Writer

SOFTWARE = "cipherward-test"
CHAIN = b"c" * 16
KINDS = ("updates", "openings", "receipts", "models", "result", "log", "report")


@dataclass
class Filled:
    """A vault with one object of each kind, in two segments, and its copies at earlier moments."""

    vault: Vault
    writer: Writer
    memory: Memory
    path: Path
    source: keys.Source
    before: Path


def label(kind: str, number: int = 1) -> Label:
    return Label(kind, "ab" * 32, f"{kind}/{number:04d}", number)


def content(kind: str, number: int = 1) -> bytes:
    return f"{kind} {number} ".encode() * (40 * number)


def filled(folder: Path) -> Filled:
    path, before = folder / "vault", folder / "before"
    source = keys.make_file(folder / "vault.key")
    store: Store = LocalStore(path)
    vault = create(store, source)
    memory = Memory(folder / "vault.seen")
    writer = Writer(vault, CHAIN, memory, SOFTWARE)
    for kind in KINDS:
        writer.add(label(kind), content(kind))
    writer.commit()
    shutil.copytree(path, before)
    for kind in KINDS:
        writer.add(label(kind, 2), content(kind, 2))
    writer.commit()
    return Filled(vault, writer, memory, path, source, before)
