"""The short way through a resource gives what fhirpathpy gives, or leaves it to it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.data.fhir import paths, plain_paths, views
from cipherward.data.fhir.paths import WrongPathError, value_of
from cipherward.data.fhir.resources import Export

pytest.importorskip("fhirpathpy")

ELEMENTS = [
    "id",
    "status",
    "class",
    "subject",
    "reference",
    "period",
    "start",
    "end",
    "code",
    "coding",
    "display",
    "name",
    "given",
    "family",
    "active",
    "onset",
    "value",
]
ELEMENTS += ["extension", "contained", "_status", "_given", "resourceType", "serviceProvider", "birthDate", "deceased"]
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(-2, 2)
    | st.sampled_from(["a", "", "Patient/p", "urn:uuid:x"])
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ELEMENTS), inner, max_size=5),
    max_leaves=12,
)
_STEPS = st.sampled_from(
    [each for each in ELEMENTS if each[0] != "_"] + ["first()", "getReferenceKey()", "getReferenceKey(Patient)"]
)
_PATHS = st.lists(_STEPS, min_size=1, max_size=4).map(".".join) | st.sampled_from(
    [
        "getResourceKey()",
        "period.start",
        "subject.getReferenceKey(Patient)",
        "name.given.first()",
        "code.coding.code",
        "subject",
    ]
)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A path, and a resource that has something along it."""
    path = draw(_PATHS)
    value = draw(_TREES)
    for step in reversed([each for each in path.split(".") if not each.endswith(")")]):
        value = {**draw(st.dictionaries(st.sampled_from(ELEMENTS), _LEAVES, max_size=2)), step: value}
        value = draw(st.sampled_from([value, [value], [value, draw(_TREES)]]))
    found = value if isinstance(value, dict) else {"name": value}
    return path, found


ALIASES = {"urn:uuid:x": "Patient/x"}


_MORE = st.dictionaries(st.sampled_from(ELEMENTS), _TREES, max_size=4)
_KINDS = st.sampled_from(["Patient", "Encounter", "Condition", "Observation"])


def gives_what_the_evaluator_gives(path: str, content: dict[str, Any], kind: str) -> None:
    short = plain_paths.compiled(path, kind, paths.reference_key)
    found = short(copy.deepcopy(content), ALIASES) if short else None
    if found is None:
        return
    try:
        whole = paths.compiled(path, {})(copy.deepcopy(content), 0, ALIASES)
    except WrongPathError:
        pytest.fail(f"the evaluator refuses {path}")
    assert found == [value_of(node) for node in whole]
    assert [type(each) for each in found] == [type(value_of(node)) for node in whole]


@pytest.mark.parametrize("examples", [150, pytest.param(400, marks=pytest.mark.thorough)])
def test_the_short_way_gives_what_the_evaluator_gives(examples: int) -> None:
    @settings(max_examples=examples)
    @given(_cases(), _MORE, _KINDS)
    def tried(case: tuple[str, dict[str, Any]], more: dict[str, Any], kind: str) -> None:
        gives_what_the_evaluator_gives(case[0], more | case[1] | {"resourceType": kind}, kind)

    tried()


@pytest.mark.parametrize(
    ("path", "kind", "is_plain"),
    [
        ("subject.getReferenceKey(Patient)", "Encounter", True),
        ("period.start", "Encounter", True),
        ("code.coding.code.first()", "Condition", True),
        ("getResourceKey()", "Patient", True),
        ("deceased.ofType(dateTime)", "Patient", False),
        ("deceased", "Patient", False),
        ("onset.value", "Condition", False),
        ("name.where(use = 'official').family", "Patient", False),
        ("Patient.name", "Patient", False),
        ("name.given | name.family", "Patient", False),
        ("contained.name", "Patient", False),
        ("birthDate.extension", "Patient", False),
        ("status.getReferenceKey()", "Encounter", False),
        ("%rowIndex", "Patient", False),
        ("'text'", "Patient", False),
    ],
)
def test_what_is_plain_is_decided_from_the_expression(path: str, kind: str, is_plain: bool) -> None:
    assert (plain_paths.compiled(path, kind, paths.reference_key) is not None) == is_plain


def test_the_public_sample_is_read_alike_both_ways(synthea: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(views.__file__).parent / "views"
    found = [views.load(path) for path in sorted(folder.glob("*.json"))]
    monkeypatch.setattr(plain_paths, "compiled", lambda *_: None)
    slow = [views.load(path) for path in sorted(folder.glob("*.json"))]
    n_rows = 0
    for resource in Export(synthea / "bulk10").resources({view.resource for view in found}):
        for quick, whole in zip(found, slow, strict=True):
            if quick.resource == resource.type:
                rows = quick.rows(resource)
                assert rows == whole.rows(resource), json.dumps(resource.place)
                n_rows += len(rows)
    assert n_rows == 13 + 1_215 + 555
