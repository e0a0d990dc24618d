"""A run as an RO-Crate: Process Run Crate 0.5, and the draft profile for federated learning (eScience Lab, version 0.1).

The training is one action: its instrument is this software, its objects the hospitals' tables, which stay where they are, and the
study; its results the model, its figures, and the documents about it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cipherward.errors import DataError
from cipherward.report.passport_facts import Known

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

NAME = "ro-crate-metadata.json"
PROCESS = "https://w3id.org/ro/wfrun/process/0.5"
FEDERATED = "https://esciencelab.org.uk/federated-learning-ro-crate-profile/federated-learning-profile.html"
_CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
_SOFTWARE, _LICENSE, _AUTHOR = "#cipherward", "#license", "#author"
_TYPES = {".md": "text/markdown", ".toml": "application/toml", ".json": "application/json", ".csv": "text/csv"}
_ABOUT = {
    "study.toml": "The frozen study: data dictionary, model, training, scheme, roster and keys. It configures the run",
    "model.safetensors": "The model: weights, preprocessing and study, no code",
    "model-card.md": "Model card",
    "tripod-ai.md": "TRIPOD+AI checklist",
    "result.json": "What follows from the opened sums",
}


def metadata(
    known: Known,
    parts: Mapping[str, bytes],
    *,
    license: str,
    author: str,
    began: datetime | None,
    ended: datetime | None,
) -> bytes:
    """`ro-crate-metadata.json` of these files.

    Raises:
        DataError: the extra `rocrate` is not installed.
    """
    try:
        from rocrate.rocrate import ROCrate
    except ImportError:
        raise DataError(
            "an RO-Crate needs the package rocrate, which is not installed", hint='pip install "cipherward[rocrate]"'
        ) from None
    crate: ROCrate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(_CONTEXT)
    crate.name = known.title
    crate.description = (
        known.study.description or f"A model trained across {len(known.names)} hospitals over secure sums"
    )
    crate.license = _ref(
        _entity(
            crate, f"https://spdx.org/licenses/{license}" if license else _LICENSE, "CreativeWork", **_license(license)
        )
    )
    if ended is not None:
        crate.datePublished = ended
    files = {name: _file(crate, name, data) for name, data in parts.items()}
    for profile, name, version in (
        (PROCESS, "Process Run Crate", "0.5"),
        (FEDERATED, "Federated Learning RO-Crate Profile", "0.1"),
    ):
        _entity(crate, profile, "CreativeWork", name=name, version=version)
    crate.root_dataset["conformsTo"] = [{"@id": PROCESS}, {"@id": FEDERATED}]
    crate.root_dataset["mainEntity"] = {"@id": "model.safetensors"}
    crate.root_dataset["author"] = _ref(
        _entity(crate, _AUTHOR, "Organization", name=author or known.study.contact or "not stated yet")
    )
    name, _, version = known.software.partition(" ")
    _entity(
        crate,
        _SOFTWARE,
        "SoftwareApplication",
        name=name,
        softwareVersion=version,
    )
    tables = [_table(crate, known, number, hospital) for number, hospital in enumerate(known.names, start=1)]
    figures = [
        _entity(
            crate,
            f"#figure-{key}",
            "PropertyValue",
            name=f"{name}, test rows of all hospitals",
            value=value,
            propertyID=f"urn:cipherward:{key}",
        )
        for key, name, value in known.numbers
    ]
    files["model.safetensors"]["subjectOf"] = [{"@id": "model-card.md"}, {"@id": "tripod-ai.md"}]
    action = _entity(
        crate, f"#run-{known.digest[:16]}", "CreateAction",
        name="Training across hospitals over secure sums",
        description=f"{known.building} Digest of the study: {known.digest}. Scheme: {known.facts.scheme.name}.",
        instrument={"@id": _SOFTWARE},
        agent={"@id": _AUTHOR},
        object=[*map(_ref, tables), {"@id": "study.toml"}],
        result=[*({"@id": each} for each in parts if each != "study.toml"), *map(_ref, figures)],
        actionStatus="http://schema.org/CompletedActionStatus",
        **({"startTime": began.isoformat()} if began else {}),
        **({"endTime": ended.isoformat()} if ended else {}),
    )  # fmt: skip
    crate.root_dataset["mentions"] = [_ref(action)]
    return (json.dumps(crate.metadata.generate(), indent=2, sort_keys=True) + "\n").encode()


def _license(license: str) -> dict[str, str]:
    if license:
        return {"name": license, "url": f"https://spdx.org/licenses/{license}"}
    return {
        "name": "not stated yet",
        "description": "The hospitals have not said under which terms crate and model may be used.",
    }


def _file(crate: ROCrate, name: str, data: bytes) -> Any:
    ending = name[name.rfind(".") :]
    about: dict[str, Any] = {"name": _ABOUT.get(name, "A table of the result"), "contentSize": str(len(data))}
    if ending in _TYPES:
        about["encodingFormat"] = _TYPES[ending]
    elif name == "model.safetensors":
        about["encodingFormat"] = "application/vnd.safetensors"
    return crate.add_file(dest_path=name, properties=about)


def _table(crate: ROCrate, known: Known, number: int, hospital: str) -> Any:
    """A hospital's table, which is no part of the crate."""
    return _entity(
        crate, f"#table-{number}", "CreativeWork",
        name=f"Table of {hospital}",
        description=f"Rows of {hospital}: {', '.join(column.name for column in known.used)}, and the outcome {known.study.data.outcome}. They never left it.",
        conditionsOfAccess="At the hospital only" + (" (synthetic rows)" if known.study.synthetic else ""),
        conformsTo={"@id": "study.toml"},
    )  # fmt: skip


def _entity(crate: ROCrate, identifier: str, kind: str, **properties: Any) -> Any:
    from rocrate.model.contextentity import ContextEntity

    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))


def _ref(entity: Any) -> dict[str, str]:
    return {"@id": entity.id}
