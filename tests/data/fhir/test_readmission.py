"""Inpatient stays and readmissions from encounters: counted as by hand, with every date as it was written."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.fhir.conftest import Written

from cipherward.data.fhir import readmission
from cipherward.data.tables import RawTable, read_table
from cipherward.errors import DataError, TableError

pytest.importorskip("fhirpathpy")


def encounter(name: str, start: str | None, end: str | None, **more: Any) -> dict[str, Any]:
    period = {key: value for key, value in (("start", start), ("end", end)) if value}
    return {
        "resourceType": "Encounter",
        "id": name,
        "status": "finished",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/p"},
        "period": period,
        **more,
    }


PERSON = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1960-02-29"}


def extract(folder: Path, text: str = 'table = "readmission"') -> RawTable:
    path = folder.parent / "extract.toml"
    path.write_text(f'source = "fhir"\npath = "{folder.name}"\n{text}\n')
    return read_table(path)


def rows(raw: RawTable) -> list[dict[str, Any]]:
    return raw.table.to_dicts()


def test_the_public_sample_has_49_stays_and_12_readmissions(synthea: Path, tmp_path: Path) -> None:
    path = tmp_path / "extract.toml"
    path.write_text(f'source = "fhir"\npath = "{synthea / "bulk10"}"\ntable = "readmission"\n')
    raw = read_table(path)
    assert raw.table.height == 49
    assert raw.table["readmitted"].cast(pl.Int64).sum() == 12
    assert raw.table["patient"].n_unique() == 5
    assert raw.table["hospital"].n_unique() == 6
    assert raw.table.null_count().sum_horizontal().item() == 0
    assert raw.assumed[0] == "49 inpatient stays of 5 patients, 12 followed by another within 30 days"


def test_the_public_bundles_have_one_readmission(synthea: Path, tmp_path: Path) -> None:
    path = tmp_path / "extract.toml"
    path.write_text(f'source = "fhir"\npath = "{synthea / "bundles"}"\ntable = "readmission"\n')
    raw = read_table(path)
    by_patient = raw.table.group_by("patient").agg(pl.len(), pl.col("readmitted").cast(pl.Int64).sum())
    assert sorted(by_patient.select("len", "readmitted").rows()) == [(1, 0), (2, 0), (38, 1)]
    assert "4 bundle(s) read" in raw.assumed


def test_a_row_holds_what_was_known_at_the_discharge(export: Written) -> None:
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/p"}}
    folder = export(
        [
            PERSON,
            encounter("visit", "2019-06-01T10:00:00Z", None, **{"class": {"code": "AMB"}}),
            encounter("old", "2018-01-01", "2018-01-05"),
            encounter("before", "2019-02-28T20:00:00-05:00", "2019-03-02"),
            encounter(
                "stay", "2020-02-28T23:30:00-05:00", "2020-03-01T01:00:00-05:00", serviceProvider={"reference": "O/1"}
            ),
            {**condition, "code": {"coding": [{"code": "A"}]}, "onsetDateTime": "2020-02-29"},
            {**condition, "code": {"coding": [{"code": "A"}]}, "recordedDate": "2019-01-01"},
            {
                **condition,
                "code": {"coding": [{"code": "B"}]},
                "onsetDateTime": "2020-01-01",
                "recordedDate": "2020-03-05",
            },
            {**condition, "code": {"coding": [{"code": "C"}]}, "onsetDateTime": "2020"},
        ]
    )
    raw = extract(folder)
    assert rows(raw)[-1] == {
        "stay": "stay",
        "patient": "p",
        "hospital": "O/1",
        "admitted": "2020-02-28",
        "discharged": "2020-03-01",
        "age": "59",
        "sex": "female",
        "stay_days": "2",
        "previous_stays": "1",
        "previous_visits": "1",
        "diagnoses": "1",
        "readmitted": "0",
    }
    assert "1 diagnosis(es) without patient, code or day: not counted" in raw.assumed
    assert any("later than the discharge: not counted" in text for text in raw.assumed)


@pytest.mark.parametrize(
    ("end", "start", "readmitted"),
    [
        ("2020-01-31", "2020-03-01", 1),  # 30 days, over 29 February
        ("2021-01-31", "2021-03-02", 1),  # 30 days
        ("2021-01-31", "2021-03-03", 0),  # 31
        ("2021-03-01T23:59:00-05:00", "2021-03-31T23:59:59-04:00", 1),  # 30 days of the calendar; clocks changed
        ("2021-03-01T00:30:00+01:00", "2021-04-01T00:10:00+02:00", 0),  # 31, though 30 days and 23 h passed
        ("2021-03-01T10:00:00Z", "2021-03-01T10:00:01Z", 1),
    ],
)
def test_days_are_of_the_calendar_where_they_were_written(
    export: Written, end: str, start: str, readmitted: int
) -> None:
    folder = export([PERSON, encounter("a", "2020-01-01", end), encounter("b", start, "2021-12-31")])
    assert [row["readmitted"] for row in rows(extract(folder))] == [str(readmitted), "0"]


def test_a_transfer_is_one_stay(export: Written) -> None:
    folder = export(
        [
            PERSON,
            encounter("a", "2020-01-01T08:00:00Z", "2020-01-05T12:00:00Z"),
            encounter("b", "2020-01-05T12:00:00Z", "2020-01-09T12:00:00Z"),
            encounter("inside", "2020-01-06T12:00:00Z", "2020-01-07T12:00:00Z"),
            encounter("c", "2020-01-20", "2020-01-21"),
            encounter("same-day", "2020-01-21", "2020-01-22"),
        ]
    )
    raw = extract(folder)
    assert [(row["stay"], row["discharged"], row["readmitted"]) for row in rows(raw)] == [
        ("a", "2020-01-09", "1"),
        ("c", "2020-01-22", "0"),
    ]
    assert "3 stay(s) that begin before another of the patient ends: joined with it" in raw.assumed


def test_earlier_stays_and_visits_count_for_365_days(export: Written) -> None:
    visit = {"class": {"code": "AMB"}}
    folder = export(
        [
            PERSON,
            encounter("last-year", "2021-03-01", "2021-03-02"),
            encounter("too-early", "2021-02-28T12:00:00Z", None, **visit),
            encounter("just", "2021-03-01T12:00:00Z", None, **visit),
            encounter("stay", "2022-03-01", "2022-03-02"),
            encounter("later", "2023-03-02", "2023-03-03"),
        ]
    )
    found = {row["stay"]: (row["previous_stays"], row["previous_visits"]) for row in rows(extract(folder))}
    assert found == {"last-year": ("0", "1"), "stay": ("1", "1"), "later": ("0", "0")}


def test_what_is_left_out_is_counted(export: Written) -> None:
    folder = export(
        [
            encounter("a", "2020-01-01", "2020-01-02"),
            encounter("planned", "2020-01-01", "2020-01-02", status="planned"),
            encounter("here", "2020-01-01", None),
            encounter("whose", "2020-01-01", "2020-01-02", subject={"display": "somebody"}),
            encounter("when", "2020-01", "2020-02"),
            encounter("dead", "2020-03-01", "2020-03-09", subject={"reference": "Patient/q"}),
            {"resourceType": "Patient", "id": "q", "deceasedDateTime": "2020-03-09T04:00:00+01:00"},
        ]
    )
    raw = extract(folder)
    assert [(row["stay"], row["age"], row["sex"]) for row in rows(raw)] == [("a", None, None)]
    assert set(raw.assumed) >= {
        "1 inpatient stay(s) that are not over, were cancelled or entered in error: left out",
        "1 inpatient stay(s) without a day of admission or discharge: left out",
        "1 inpatient stay(s) that name no patient: left out",
        "1 inpatient stay(s) whose admission or discharge is not known to the day: left out",
        "1 inpatient stay(s) in which the patient died: left out",
        "1 patient(s) of stays have no Patient resource: age and sex missing",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"period": {"start": "2020-02-30", "end": "2020-03-01"}}, "a day or time that does not exist"),
        ({"period": {"start": "2021-02-29", "end": "2021-03-01"}}, "a day or time that does not exist"),
        ({"period": {"start": "01/02/2020", "end": "2020-03-01"}}, "no date in the form YYYY-MM-DD"),
        ({"period": {"start": "2020-01-02T10:00:00", "end": "2020-03-01"}}, "a time without an offset"),
        ({"period": {"start": "2020-01-02", "end": "2020-01-01"}}, "ends before it begins"),
        ({"period": {"start": ["2020-01-02", "2020-01-03"], "end": "2020-01-04"}}, "column 'admitted' has 2 values"),
        ({"period": {"start": {"a": 1}, "end": "2020-01-04"}}, "holds no single value"),
        ({"class": [{"code": "IMP"}, {"code": "AMB"}]}, "column 'class' has 2 values"),
    ],
)
def test_a_wrong_encounter_is_named_by_file_and_line(export: Written, change: dict[str, Any], words: str) -> None:
    folder = export([PERSON, encounter("a", "2020-01-01", "2020-01-02") | change])
    with pytest.raises(TableError) as caught:
        extract(folder)
    assert words in caught.value.message
    assert "all.ndjson, line 2" in caught.value.message
    assert caught.value.hint
    assert "all.ndjson" not in caught.value.logged


def test_encounters_without_a_class_code_are_said(export: Written) -> None:
    as_in_r5 = [{"coding": [{"code": "IMP"}]}]
    folder = export(
        [
            PERSON,
            encounter("a", "2024-01-01", "2024-01-05"),
            encounter("b", "2024-02-01", "2024-02-05") | {"class": as_in_r5},
        ]
    )
    raw = extract(folder)
    assert raw.table.height == 1
    assert "1 encounter(s) have no class code where R4 has it: not taken for stays" in raw.assumed


def test_an_export_without_stays_is_refused_with_what_was_found(export: Written) -> None:
    with pytest.raises(DataError, match=r"gives no row: 0 inpatient stays .* other types not used: 1 Device"):
        extract(
            export([PERSON, {"resourceType": "Device"}, encounter("a", "2020", "2021", **{"class": {"code": "AMB"}})])
        )


def test_views_and_classes_of_ones_own_take_the_place_of_the_shipped_ones(export: Written) -> None:
    folder = export([PERSON, encounter("a", "2020-01-01", "2020-01-02", **{"class": {"code": "ward"}})])
    shipped = json.loads((Path(readmission.__file__).parent / "views" / "encounters.json").read_text())
    shipped["select"][0]["column"][4]["path"] = "'north'"
    (folder.parent / "own.json").write_text(json.dumps(shipped))
    own = 'table = "readmission"\ninpatient = ["ward"]\nviews = { encounters = "own.json" }'
    assert rows(extract(folder, own))[0]["hospital"] == "north"
    shipped["resource"] = "Patient"
    (folder.parent / "own.json").write_text(json.dumps(shipped))
    with pytest.raises(DataError, match="is not one of Encounter with the columns"):
        extract(folder, own)


def test_one_view_is_a_table(export: Written) -> None:
    view = {
        "resource": "Patient",
        "select": [{"column": [{"name": "sex", "path": "gender"}, {"name": "n", "path": "%rowIndex"}]}],
    }
    folder = export([PERSON, {"resourceType": "Patient", "id": "q"}])
    (folder.parent / "view.json").write_text(json.dumps(view))
    raw = extract(folder, 'view = "view.json"')
    assert raw.table.to_dict(as_series=False) == {"sex": ["female", None], "n": ["0", "0"]}
    assert raw.assumed == ("2 row(s) of the view view.json",)


_STAYS = st.lists(
    st.tuples(
        st.sampled_from("pqr"),
        st.integers(0, 200 * 24),  # hour of admission
        st.integers(1, 20 * 24),  # hours of stay
        st.sampled_from([-5, 0, 2]),  # offset from UTC
    ),
    max_size=12,
    unique_by=(lambda stay: stay[:2], lambda stay: (stay[0], stay[1] + stay[2])),
)


@given(_STAYS, st.integers(1, 60))
def test_readmissions_are_those_that_a_search_through_all_pairs_finds(
    found: list[tuple[str, int, int, int]], days: int
) -> None:
    def written(hour: int, offset: int) -> datetime:
        return datetime(2020, 1, 1, tzinfo=UTC).astimezone(timezone(timedelta(hours=offset))) + timedelta(hours=hour)

    stays = [
        (patient, written(start, offset), written(start + length, offset)) for patient, start, length, offset in found
    ]
    encounters = [
        {
            "encounter": "",
            "status": "finished",
            "class": "IMP",
            "patient": patient,
            "hospital": "h",
            "admitted": start.isoformat(),
            "discharged": end.isoformat(),
        }
        for patient, start, end in stays
    ]
    made = readmission.Readmissions(days=days, inpatient=["IMP"])
    for row in encounters:
        made.encounters(row, "a")
    rows, _ = made.table()
    # A discharge is an end at which the patient is in no other stay; an admission a start at which the patient was in none.
    expected = []
    for patient in sorted({stay[0] for stay in stays}):
        own = [(start, end) for who, start, end in stays if who == patient]
        ends = [end for _, end in own if not any(start <= end < later for start, later in own)]
        starts = [start for start, _ in own if not any(earlier < start <= end for earlier, end in own)]
        for end in sorted(ends):
            following = min((start for start in starts if start > end), default=None)
            expected.append((patient, bool(following and (following.date() - end.date()).days <= days)))
    assert [(row[1], bool(row[-1])) for row in rows] == expected


def test_the_last_days_of_an_export_are_said(export: Written) -> None:
    raw = extract(
        export([PERSON, encounter("a", "2020-01-01", "2020-01-02"), encounter("b", "2020-06-01", "2020-06-02")])
    )
    assert "1 stay(s) end less than 30 days before the last discharge: a later stay may be missing" in raw.assumed
    assert date.fromisoformat(raw.table["discharged"][1]) == date(2020, 6, 2)
