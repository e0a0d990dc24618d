"""An export is read resource by resource; what is no FHIR is refused with file and line, and never quoted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.data.fhir.conftest import Written

from cipherward.data.fhir import resources
from cipherward.data.fhir.resources import Export
from cipherward.errors import TableError

SECRET = "Jane-Doe-1970"


def patient(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": name, **more}


def ids(folder: Path) -> list[str]:
    return [each.id for each in Export(folder).resources({"Patient"})]


def bundle(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries), **more}


def test_ndjson_bundles_and_gzip_are_read_alike(tmp_path: Path) -> None:
    people = [patient(f"p{number}") for number in range(4)]
    (tmp_path / "a.ndjson").write_text("\n\n" + json.dumps(people[0]) + "\r\n\n")
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(people[1]).encode()))
    (tmp_path / "c.json").write_text(json.dumps(bundle({"resource": people[2]}), indent=2))
    (tmp_path / "d.json").write_text(json.dumps(people[3], indent=1))
    (tmp_path / "log.ndjson").write_text('{"exportId": "x"}')
    (tmp_path / "README.md").write_text("not data")
    export = Export(tmp_path)
    assert [each.id for each in export.resources({"Patient"})] == ["p0", "p1", "p2", "p3"]
    assert "2 other file(s) left aside: README.md, log.ndjson" in export.notes
    assert "1 bundle(s) read" in export.notes


def test_other_types_are_counted(export: Written) -> None:
    folder = export([patient("p1"), {"resourceType": "Device", "id": "d"}, {"resourceType": "OperationOutcome"}])
    found = Export(folder)
    assert len(list(found.resources({"Patient"}))) == 1
    assert found.notes == ("resources of other types not used: 1 Device, 1 OperationOutcome",)


def test_a_resource_that_appears_again_is_used_once_and_counted_and_another_under_its_id_is_refused(
    export: Written,
) -> None:
    found = Export(export([patient("p1", gender="male"), {"gender": "male", "id": "p1", "resourceType": "Patient"}]))
    assert len(list(found.resources({"Patient"}))) == 1
    assert found.notes == ("1 resource(s) that appear again, the same, used once",)
    with pytest.raises(TableError, match=r"line 2 is another Patient under the id of the one at .*line 1") as caught:
        ids(export([patient("p1", gender="male"), patient("p1", gender="female")]))
    assert "all.ndjson" not in caught.value.logged


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"resourceType": "Patient", "id": "' + SECRET, "is not JSON: Unterminated string"),
        ('{"resourceType": "Patient", "id": "p"} trailing', "is not JSON: Extra data at character 40"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"resourceType": "Patient", "x": ' + "[" * 5_000 + "]" * 5_000 + "}", "is nested too deeply"),
        (f'["{SECRET}"]', "is not a JSON object"),
        ("17", "is not a JSON object"),
        (f'{{"name": "{SECRET}"}}', "has no resourceType"),
        (f'{{"resourceType": "{SECRET}"}}', "has no resourceType"),
        ('{"resourceType": ["Patient"]}', "has no resourceType"),
        ('{"resourceType": "Patient", "id": 7}', "is a Patient whose id is not text"),
        (f'{{"resourceType": "Patient", "id": "p", "id": "{SECRET}"}}', "one object names an element twice"),
        ('{"resourceType": "Patient", "x": NaN}', "NaN is no number"),
        ('{"resourceType": "Patient", "x": -Infinity}', "-Infinity is no number"),
        ('{"resourceType": "Patient", "x": 1e999}', "a number that no computer's float can hold"),
        ('{"resourceType": "Patient", "x": ' + "9" * 5_000 + "}", "a number that is too long"),
        ('{"resourceType": "Bundle", "entry": {"a": 1}}', "whose entries are not a list"),
        ('{"resourceType": "Bundle", "entry": ["a"]}', "whose entries are not a list"),
        ('{"resourceType": "Bundle", "entry": [{"resource": 1}]}', "entry 1 is not a JSON object"),
        ('{"resourceType": "Bundle", "link": [{"relation": "next", "url": "u"}]}', "is one page of several"),
        ('{"resourceType": "Bundle", "entry": [{"request": {"method": "DELETE"}}]}', "a resource was deleted"),
    ],
)
def test_a_line_that_is_no_fhir_is_named_with_its_place_and_not_quoted(export: Written, line: str, words: str) -> None:
    with pytest.raises(TableError) as caught:
        ids(export([patient("p1"), line]))
    assert words in caught.value.message
    assert "all.ndjson, line 2" in caught.value.message
    assert caught.value.hint
    assert SECRET not in caught.value.message + caught.value.logged
    assert "all.ndjson" not in caught.value.logged


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(patient("p1")).encode() * 100)
    for name, content, words in (
        ("a.ndjson", b"", "is empty"),
        ("a.ndjson", b"\n \n", "is empty"),
        ("a.ndjson.gz", packed[:-20], "damaged or cut short"),
        ("a.ndjson.gz", packed[:40] + b"x" * 30, "damaged or cut short"),
        ("a.ndjson", b'{"resourceType": "Patient", "id": "\xff"}', "is not UTF-8 text"),
        ("a.json", b'{\n "resourceType": "Patient",\n "id": }', "of its line 3"),
        ("a.json", b'{\n "resourceType": "Patient"', "is not JSON"),
    ):
        folder = tmp_path / words.replace(" ", "-") / str(len(content))
        folder.mkdir(parents=True)
        (folder / name).write_bytes(content)
        with pytest.raises(TableError, match=words) as caught:
            ids(folder)
        assert name in caught.value.message
        assert caught.value.hint
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(TableError, match=r"cannot read|has no file that ends in"):
            ids(path)


def test_a_line_or_bundle_without_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "LONGEST_LINE", 1_000)
    monkeypatch.setattr(resources, "LARGEST_DOCUMENT", 3_000)
    (tmp_path / "a.ndjson").write_text(json.dumps(patient("p1")) + "\n" + json.dumps(patient("p", x="y" * 1_000)))
    with pytest.raises(TableError, match="line 2 is longer than"):
        ids(tmp_path)
    (tmp_path / "a.ndjson").unlink()
    (tmp_path / "a.json").write_text(json.dumps(bundle({"resource": patient("p", x=["y" * 100] * 40)}), indent=1))
    with pytest.raises(TableError, match="a bundle"):
        ids(tmp_path)


def test_entries_without_a_resource_are_counted(export: Written) -> None:
    found = Export(export([bundle({"fullUrl": "urn:uuid:x"}, {"resource": patient("p1")})]))
    assert [each.id for each in found.resources({"Patient"})] == ["p1"]
    assert any("1 entries without a resource" in note for note in found.notes)


def test_a_full_url_stands_for_the_resource_of_its_entry(export: Written) -> None:
    folder = export([bundle({"fullUrl": "urn:uuid:1", "resource": patient("p1")})])
    (found,) = Export(folder).resources({"Patient"})
    assert found.aliases == {"urn:uuid:1": "Patient/p1"}
