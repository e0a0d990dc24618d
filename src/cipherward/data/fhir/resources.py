"""The resources of a FHIR export: bulk ndjson and bundles, plain or gzipped, one after the other with their place.

Nothing of a resource stands in an error but its file, line and type.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from cipherward.data.problems import cannot_read
from cipherward.errors import TableError

LONGEST_LINE = 1 << 26
"""Bytes of one resource in ndjson."""
LARGEST_DOCUMENT = 1 << 29
"""Bytes of one bundle, unpacked: it is held in memory as a whole."""
_SUFFIXES = (".ndjson", ".ndjson.gz", ".json", ".json.gz")
_LOGS = ("log.ndjson", "manifest.json")
"""What clients of bulk export write beside the resources."""
_MEND = "export the resources again, or take this one out"


@dataclass(frozen=True)
class Resource:
    """One resource. `aliases`: in a bundle, which "Type/id" stands behind each full URL."""

    content: dict[str, Any]
    place: str
    aliases: Mapping[str, str]

    @property
    def type(self) -> str:
        return str(self.content["resourceType"])

    @property
    def id(self) -> str:
        found = self.content.get("id", "")
        return found if isinstance(found, str) else ""


@dataclass
class Export:
    """A file, or a folder of files. After `resources` has run, `notes` says what was found and left aside."""

    path: Path
    others: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    _assumed: list[str] = field(default_factory=list)

    def resources(self, wanted: Collection[str]) -> Iterator[Resource]:
        """Every resource of these types once; the others are counted.

        Raises:
            TableError: unreadable, cut short, not JSON, not FHIR, or two different resources under one id.
        """
        seen: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.others.clear()
        self.repeated, self._assumed = 0, []
        n_bundles = 0
        for file in self._files():
            for content, place in _documents(file):
                if content.get("resourceType") == "Bundle":
                    n_bundles += 1
                    found = self._entries(content, place)
                else:
                    found = iter([_checked(content, place, {})])
                for resource in found:
                    if resource.type not in wanted:
                        self.others[resource.type] += 1
                    elif self._is_new(resource, seen):
                        yield resource
        if n_bundles:
            self._assumed.append(f"{n_bundles} bundle(s) read")

    @property
    def notes(self) -> tuple[str, ...]:
        """What was taken for granted in reading, in words."""
        others = ", ".join(f"{count} {name}" for name, count in sorted(self.others.items())[:12])
        return (
            *self._assumed,
            *([f"resources of other types not used: {others}"] if others else []),
            *([f"{self.repeated} resource(s) that appear again, the same, used once"] if self.repeated else []),
        )

    def _files(self) -> list[Path]:
        try:
            if not self.path.is_dir():
                return [self.path]
            there = sorted(entry for entry in self.path.iterdir() if entry.is_file())
        except OSError as error:
            raise cannot_read(self.path, error, "the FHIR export", "check the path") from None
        named = [entry for entry in there if entry.name.lower().endswith(_SUFFIXES)]
        files = [entry for entry in named if entry.name.lower() not in _LOGS]
        if left := [entry.name for entry in there if entry not in files]:
            self._assumed.append(f"{len(left)} other file(s) left aside: {', '.join(left[:5])}")
        if not files:
            raise TableError(
                f"{self.path} has no file that ends in {', '.join(_SUFFIXES)}",
                logged="the folder has no FHIR files",
                hint="give the folder of a bulk export, or of bundles",
            )
        return files

    def _is_new(self, resource: Resource, seen: dict[tuple[str, str], tuple[bytes, str]]) -> bool:
        if not resource.id:
            return True
        text = json.dumps(resource.content, sort_keys=True).encode()
        digest = hashlib.blake2b(text, digest_size=16).digest()
        before, place = seen.setdefault((resource.type, resource.id), (digest, resource.place))
        if place == resource.place:
            return True
        if before != digest:
            raise refused(resource.place, f"is another {resource.type} under the id of the one at {place}", _MEND)
        self.repeated += 1
        return False

    def _entries(self, bundle: dict[str, Any], place: str) -> Iterator[Resource]:
        entries = bundle.get("entry", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise refused(place, "is a Bundle whose entries are not a list of objects", _MEND)
        links = bundle.get("link", [])
        if any(isinstance(link, dict) and link.get("relation") == "next" for link in links if isinstance(links, list)):
            raise refused(place, "is one page of several (a link says where the next is)", "fetch all pages first")
        aliases = {
            entry["fullUrl"]: f"{entry['resource'].get('resourceType')}/{entry['resource'].get('id')}"
            for entry in entries
            if isinstance(entry.get("fullUrl"), str) and isinstance(entry.get("resource"), dict)
        }
        without = 0
        for number, entry in enumerate(entries, 1):
            where = f"{place}, entry {number}"
            request = entry.get("request")
            if isinstance(request, dict) and request.get("method") == "DELETE":
                raise refused(where, "says that a resource was deleted", "make a full export, without deletions")
            if "resource" in entry:
                yield _checked(entry["resource"], where, aliases)
            else:
                without += 1
        if without:
            self._assumed.append(f"{place}: {without} entries without a resource")


def refused(place: str, fact: str, hint: str) -> TableError:
    """An error about one resource. `place` names a file, which is for people only."""
    return TableError(f"{place} {fact}", logged=f"a FHIR resource {fact.partition(' under the id')[0]}", hint=hint)


def _checked(content: object, place: str, aliases: Mapping[str, str]) -> Resource:
    if not isinstance(content, dict):
        raise refused(place, "is not a JSON object", _MEND)
    name = content.get("resourceType")
    if not isinstance(name, str) or not name.isalpha() or not name.isascii() or len(name) > 64:
        raise refused(place, "has no resourceType", _MEND)
    if "id" in content and not isinstance(content["id"], str):
        raise refused(place, f"is a {name} whose id is not text", _MEND)
    return Resource(content, place, aliases)


def _documents(file: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The JSON objects of a file: one a line, or one over all lines."""
    try:
        with _opened(file) as stream:
            first, number = _line(stream, file, 1), 1
            while first and not first.strip():
                number += 1
                first = _line(stream, file, number)
            if not (whole := _is_part(first)):
                yield from _lines(first, number, stream, file)
            else:
                first += stream.read(LARGEST_DOCUMENT + 1 - min(len(first), LARGEST_DOCUMENT))
        if whole:
            if len(first) > LARGEST_DOCUMENT:
                raise _too_long(str(file), LARGEST_DOCUMENT, "a bundle")
            yield parsed(first, str(file)), str(file)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        said = "the gzip data is damaged or cut short"
        raise TableError(f"{file}: {said}", logged=said, hint="copy the file again") from None
    except OSError as error:
        raise cannot_read(file, error, "the FHIR export", "check the path") from None


def _lines(line: bytes, number: int, stream: IO[bytes], file: Path) -> Iterator[tuple[dict[str, Any], str]]:
    if not line:
        raise TableError(f"{file} is empty", logged="a FHIR file is empty", hint="export it again, or remove it")
    while line:
        if line := line.strip():
            yield parsed(line, f"{file}, line {number}"), f"{file}, line {number}"
        number += 1
        line = _line(stream, file, number)


def _opened(file: Path) -> IO[bytes]:
    with file.open("rb") as stream:
        is_packed = stream.read(2) == b"\x1f\x8b"
    if is_packed:
        return cast(IO[bytes], gzip.GzipFile(file))
    return file.open("rb")


def _line(stream: IO[bytes], file: Path, number: int) -> bytes:
    line = stream.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise _too_long(f"{file}, line {number}", LONGEST_LINE, "one resource")
    return line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _is_part(line: bytes) -> bool:
    """Whether a first line is the beginning of a document that goes on below: "{" alone, say."""
    try:
        json.loads(line)
    except RecursionError:
        return False
    except ValueError as error:
        end = len(line.rstrip())
        return isinstance(error, json.JSONDecodeError) and error.pos >= end > 0
    return False


def parsed(text: bytes, place: str) -> dict[str, Any]:
    """One JSON object, strictly: a name twice in one object, NaN, or a number beyond a float is refused.

    Raises:
        TableError: it is none; names the place and what is wrong, never the text.
    """
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise refused(place, "is nested too deeply", _MEND) from None
    except UnicodeDecodeError as error:
        raise refused(place, f"is not UTF-8 text (byte {error.start + 1})", _MEND) from None
    except json.JSONDecodeError as error:
        below = f" of its line {error.lineno}" if error.lineno > 1 else ""
        raise refused(
            place, f"is not JSON: {error.msg.removesuffix(' at')} at character {error.colno}{below}", _MEND
        ) from None
    except ValueError as error:
        reason = error.args[0] if isinstance(error, _RefusedError) else "a number that is too long"
        raise refused(place, f"is not JSON: {reason}", _MEND) from None
    if not isinstance(found, dict):
        raise refused(place, "is not a JSON object", _MEND)
    return found


class _RefusedError(ValueError):
    """What JSON allows or Python reads, and FHIR does not."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RefusedError("one object names an element twice")
    return found


def _no_constant(text: str) -> float:
    raise _RefusedError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _RefusedError("a number that no computer's float can hold")
    return number


def _too_long(place: str, limit: int, what: str) -> TableError:
    return refused(
        place, f"is longer than {limit >> 20} MiB, the most for {what}", "export as ndjson, one resource a line"
    )
