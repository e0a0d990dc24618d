"""Whatever stands in an export, the answer is a table or a named error that quotes nothing of it."""

from __future__ import annotations

import copy
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cipherward.data.tables import read_table
from cipherward.errors import DataError, TableError

pytest.importorskip("fhirpathpy")

SECRET = "Jane-Doe-1970"
RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1960-02-29", "name": [{"family": SECRET}]},
    {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/p"},
        "period": {"start": "2020-01-01T10:00:00+01:00", "end": "2020-01-05"},
        "serviceProvider": {"reference": f"Organization/{SECRET}"},
    },
    {
        "resourceType": "Condition",
        "id": "c",
        "code": {"coding": [{"code": "A"}]},
        "subject": {"reference": "Patient/p"},
        "onsetDateTime": "2019-01-01",
    },
]
_TEXTS = [
    "",
    " ",
    SECRET,
    "a" * 10_000,
    "2020-13-45",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31",
]
_SHAPES: list[Any] = [
    [],
    {},
    [None],
    [[]],
    {"": {}},
    ["Patient/p", "Patient/p"],
    {"reference": 5},
    {"code": 5},
    {"start": 5},
]
_ODD: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, -1, 2**70, 1e300, *_TEXTS, *_SHAPES])


@st.composite
def _mutated(draw: st.DrawFn) -> list[Any]:
    """The resources with some places changed: a value replaced, removed, doubled or put one deeper."""
    found = json.loads(json.dumps(RESOURCES))
    for _ in range(draw(st.integers(1, 4))):
        node: Any = draw(st.sampled_from(found))
        for _ in range(draw(st.integers(0, 2))):
            keys = [*node] if isinstance(node, dict) else [*range(len(node))]
            inner = [key for key in keys if isinstance(node[key], dict | list) and node[key]]
            if not inner:
                break
            node = node[draw(st.sampled_from(inner))]
        keys = [*node] if isinstance(node, dict) else [*range(len(node))]
        if not keys:
            continue
        key = draw(st.sampled_from(keys))
        match draw(st.sampled_from(["replace", "remove", "double", "deeper"])):
            case "replace":
                node[key] = copy.deepcopy(draw(_ODD))  # it may be changed again
            case "remove":
                del node[key]
            case "double":
                node[key] = [node[key], node[key]]
            case _:
                node[key] = {"extension": node[key]}
    return [*found, *draw(st.lists(st.sampled_from(found), max_size=2))]


def read(content: bytes) -> None:
    """Nothing but a table or an error of ours, whose text for logs quotes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "all.ndjson").write_bytes(content)
        extract = Path(folder) / "extract.toml"
        extract.write_text('source = "fhir"\npath = "all.ndjson"\ntable = "readmission"\n')
        said: str | DataError
        try:
            said = " ".join(read_table(extract).assumed)
        except DataError as error:
            said = error
    if isinstance(said, DataError):
        assert isinstance(said, TableError)
        assert said.message
        assert said.hint
        said = said.message + said.logged
    assert SECRET not in said


def lines(resources: list[Any]) -> bytes:
    return b"\n".join(json.dumps(each).encode() for each in resources)


@pytest.mark.parametrize("examples", [60, pytest.param(300, marks=pytest.mark.thorough)])
def test_resources_that_were_changed_give_a_table_or_a_named_error(examples: int) -> None:
    @settings(max_examples=examples)
    @given(_mutated())
    @example([])
    def tried(resources: list[Any]) -> None:
        read(lines(resources))

    tried()


def changed(seed: int, n_changes: int) -> bytes:
    draw = random.Random(seed)
    content = bytearray(lines(RESOURCES))
    for _ in range(n_changes):
        content[draw.randrange(len(content))] = draw.choice(b'\x00\xff{}[]",:\n9aE-')
    return bytes(content)


@pytest.mark.parametrize("examples", [50, pytest.param(200, marks=pytest.mark.thorough)])
def test_bytes_that_were_changed_give_a_table_or_a_named_error(examples: int) -> None:
    @settings(max_examples=examples)
    @given(st.integers(0, 2**32), st.integers(1, 6))
    def tried(seed: int, n_changes: int) -> None:
        read(changed(seed, n_changes))

    tried()
