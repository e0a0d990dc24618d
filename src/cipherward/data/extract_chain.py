"""Through which extracts a table is read: what they read in the end, and a digest of all that decides how the table is made.

Two names for one table would escape every rule about registers; and a study runs on the table as it was approved.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from cipherward.data import extract
from cipherward.data.database import Source
from cipherward.data.extract import Extract
from cipherward.errors import DataError


def innermost(path: Path) -> Source:
    """The file, folder or database behind extracts; any other file is its own, and so is an extract that cannot be read."""
    return _links(path)[1]


def digest(path: Path) -> bytes | None:
    """Of every extract on the way and of the files that these name, 32 bytes; None where the path is a table itself.

    Raises:
        DataError: a file that an extract names cannot be read.
    """
    links, _ = _links(path)
    if not links:
        return None
    digests = [link.digest_in(folder) for link, folder in links]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(b"cipherward/v1/extracts\x00" + b"".join(digests)).digest()


def _links(path: Path) -> tuple[list[tuple[Extract, Path]], Source]:
    links: list[tuple[Extract, Path]] = []
    seen = set()
    while path.suffix.lower() == extract.SUFFIX and path.resolve() not in seen:
        seen.add(path.resolve())
        try:
            found = extract.load(path)
        except DataError:
            break
        links.append((found, path.parent))
        inner = found.inner(path.parent)
        if not isinstance(inner, Path):
            return links, inner
        path = inner
    return links, path
