"""A mapping file: how one hospital's table is written, so that nobody edits a warehouse for a study.

It is an extract (`extract`) with `source = "mapping"`. It is the hospital's own, and nothing in it leaves.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from cipherward.data import extract
from cipherward.data.file_settings import AS_FOUND, FileSettings
from cipherward.errors import DataError, TableError

if TYPE_CHECKING:
    from cipherward.data.tables import RawTable


class Mapping(extract.Extract):
    """What a mapping file holds. `table`: the file that it is about, from the mapping file's folder on."""

    table: str
    file: FileSettings = AS_FOUND

    def digest(self) -> bytes:
        """SHA-256 over the whole document; 32 bytes."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(b"cipherward/v1/mapping\x00" + text.encode()).digest()

    def read(self, folder: Path) -> RawTable:
        """The table, as the file says that it is to be read; see `Extract.read`."""
        from cipherward.data.tables import read_table

        inner = folder / self.table
        if inner.suffix.lower() == extract.SUFFIX:
            if isinstance(extract.load(inner), Mapping):
                raise _error(inner, "is another mapping file", "name the table itself in the first")
            if self.file != AS_FOUND:
                raise _error(inner, "is an extract, which [file] is not for", "remove [file] from the mapping file")
        raw = read_table(inner, self.file)
        return dataclasses.replace(raw, assumed=(*raw.assumed, f"mapping file, digest {self.digest().hex()[:16]}"))


def _error(path: Path, said: str, hint: str) -> TableError:
    return TableError(f"{path} {said}", logged=f"the table of the mapping file {said}", hint=hint)


def innermost(path: Path) -> Path:
    """The table behind a mapping file; any other file is its own, and so is one that cannot be read."""
    if path.suffix.lower() != extract.SUFFIX:
        return path
    try:
        found = extract.load(path)
    except DataError:
        return path
    return path.parent / found.table if isinstance(found, Mapping) else path
