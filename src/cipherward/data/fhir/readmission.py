"""The table of the readmission studies from FHIR: a row for each inpatient stay, and whether another followed soon.

Input are the rows of three views (`views/`). A stay is a finished encounter of an inpatient class; a stay that does not begin
after the patient's last one has ended (by the time, or by the day where a time is not known) belongs to it, as a transfer does.
The outcome is 1 where the patient is admitted again at most `days` calendar days after the discharge, for whatever reason,
planned or not. What an input column holds was known at the discharge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from sys import intern
from typing import Any

from cipherward.data.dates import Moment, completed_years, days_between, moment
from cipherward.data.fhir.resources import refused

COLUMNS = (
    "stay",
    "patient",
    "hospital",
    "admitted",
    "discharged",
    "age",
    "sex",
    "stay_days",
    "previous_stays",
    "previous_visits",
    "diagnoses",
    "readmitted",
)
LOOK_BACK_DAYS = 365
"""How far back earlier stays and visits count."""
_OVER = ("finished", "completed", "discharged")
_MEND = "correct the resource in the source system and export again"


@dataclass(frozen=True, slots=True)
class _Person:
    sex: str | None = None
    born: Moment | None = None
    died: Moment | None = None


@dataclass(frozen=True, slots=True)
class _Stay:
    id: str
    patient: str
    hospital: str
    admitted: Moment
    discharged: Moment


class Readmissions:
    """Takes rows of the views one by one, and keeps of them what the table needs.

    Args:
        days: how soon another stay is a readmission.
        inpatient: the codes of Encounter.class that are stays.
    """

    def __init__(self, *, days: int, inpatient: Collection[str]) -> None:
        self.days, self.inpatient = days, frozenset(inpatient)
        self._stays: dict[str, list[_Stay]] = defaultdict(list)
        self._visits: dict[str, list[Moment]] = defaultdict(list)
        self._known: dict[str, list[tuple[str, Moment]]] = defaultdict(list)
        self._people: dict[str, _Person] = {}
        self._left_out: Counter[str] = Counter()
        self._without_day = self._without_class = 0

    def encounters(self, row: Mapping[str, str | None], place: str) -> None:
        """A row of the view of encounters. `place`: of its resource, file and line.

        Raises:
            TableError: a date that is none, or a discharge before its admission; names the place.
        """
        is_stay = row["class"] in self.inpatient
        self._without_class += not row["class"]
        if row["status"] not in _OVER:
            self._left_out["that are not over, were cancelled or entered in error"] += is_stay
        elif not row["patient"]:
            self._left_out["that name no patient"] += is_stay
        elif not row["admitted"] or (is_stay and not row["discharged"]):
            self._left_out["without a day of admission or discharge"] += is_stay
        elif not is_stay:
            if (start := _moment(row, "admitted", place)) is not None:
                self._visits[row["patient"]].append(start)
        else:
            start, end = _moment(row, "admitted", place), _moment(row, "discharged", place)
            if start is None or end is None:
                self._left_out["whose admission or discharge is not known to the day"] += 1
            elif start.is_after(end):
                raise refused(place, "is an encounter that ends before it begins", _MEND)
            else:
                stay = _Stay(row["encounter"] or "", row["patient"], intern(row["hospital"] or ""), start, end)
                self._stays[row["patient"]].append(stay)

    def patients(self, row: Mapping[str, str | None], place: str) -> None:
        """A row of the view of patients; see `encounters`."""
        born, died = _moment(row, "born", place), _moment(row, "died", place)
        if row["patient"]:
            self._people[row["patient"]] = _Person(row["sex"], born, died)

    def conditions(self, row: Mapping[str, str | None], place: str) -> None:
        """A row of the view of conditions, known from the later of onset and record on; see `encounters`."""
        found = [each for name in ("onset", "recorded") if (each := _moment(row, name, place))]
        if row["patient"] and row["code"] and found:
            since = max(found, key=lambda each: each.order)
            self._known[row["patient"]].append((intern(row["code"]), since))
        else:
            self._without_day += 1

    def table(self) -> tuple[list[tuple[Any, ...]], tuple[str, ...]]:
        """Rows with `COLUMNS`, by patient and time, and what was left out or missing, in words."""
        left_out = Counter(self._left_out)
        rows: list[tuple[Any, ...]] = []
        joined = unborn = after = 0
        for patient in sorted(self._stays):
            own = _joined(
                sorted(self._stays[patient], key=lambda stay: (stay.admitted.order, stay.discharged.order, stay.id))
            )
            joined += len(self._stays[patient]) - len(own)
            person = self._people.get(patient, _Person())
            known, visits = self._known.get(patient, []), self._visits.get(patient, [])
            for number, stay in enumerate(own):
                if person.died and days_between(person.died, stay.discharged) >= 0:
                    left_out["in which the patient died"] += 1
                    continue
                after += sum(since.is_after(stay.discharged) for _, since in known)
                following = own[number + 1 : number + 2]
                is_back = bool(following) and days_between(stay.discharged, following[0].admitted) <= self.days
                age = completed_years(person.born.day, stay.admitted.day) if person.born else None
                unborn += age is not None and age < 0
                rows.append(
                    (
                        stay.id,
                        patient,
                        stay.hospital,
                        stay.admitted.day.isoformat(),
                        stay.discharged.day.isoformat(),
                        age,
                        person.sex,
                        days_between(stay.admitted, stay.discharged),
                        _recent([each.admitted for each in own[:number]], stay),
                        _recent(visits, stay),
                        len({code for code, since in known if not since.is_after(stay.discharged)}),
                        int(is_back),
                    )
                )
        strangers = len(set(self._stays) - set(self._people))
        said = [
            f"{len(rows)} inpatient stays of {len({row[1] for row in rows})} patients, "
            f"{sum(row[-1] for row in rows)} followed by another within {self.days} days",
            *(f"{count} inpatient stay(s) {why}: left out" for why, count in sorted(left_out.items()) if count),
            *(
                [f"{self._without_class} encounter(s) have no class code where R4 has it: not taken for stays"]
                * bool(self._without_class)
            ),
            *([f"{joined} stay(s) that begin before another of the patient ends: joined with it"] if joined else []),
            *([f"{strangers} patient(s) of stays have no Patient resource: age and sex missing"] if strangers else []),
            *([f"{unborn} stay(s) begin before the patient's birth: an age below 0"] if unborn else []),
            *(
                [f"{self._without_day} diagnosis(es) without patient, code or day: not counted"]
                * bool(self._without_day)
            ),
            *([f"{after} times a diagnosis is later than the discharge: not counted for that stay"] if after else []),
        ]
        last = max((each.discharged.day for own in self._stays.values() for each in own), default=None)
        if last and (late := sum((last - date.fromisoformat(row[4])).days < self.days for row in rows)):
            said.append(
                f"{late} stay(s) end less than {self.days} days before the last discharge: a later stay may be missing"
            )
        return rows, tuple(said)


def _joined(stays: list[_Stay]) -> list[_Stay]:
    """Stays in order, those that overlap or abut as one: its id, hospital and admission are the first's."""
    found: list[_Stay] = []
    for stay in stays:
        last = found[-1] if found else None
        if last and not stay.admitted.is_after(last.discharged):
            end = stay.discharged if stay.discharged.is_after(last.discharged) else last.discharged
            found[-1] = replace(last, discharged=end)
        else:
            found.append(stay)
    return found


def _recent(moments: Sequence[Moment], stay: _Stay) -> int:
    """How many lie before the admission, by up to `LOOK_BACK_DAYS`."""
    return sum(stay.admitted.is_after(each) and days_between(each, stay.admitted) <= LOOK_BACK_DAYS for each in moments)


def _moment(row: Mapping[str, str | None], name: str, place: str) -> Moment | None:
    """A column's date; None where there is none, or not to the day."""
    text = row.get(name)
    if text is None:
        return None
    try:
        found = moment(text)
        if found.at and not found.has_offset:
            raise ValueError("a time without an offset from UTC, which FHIR does not allow")
        return found
    except ValueError as error:
        if str(error) == "not to the day":
            return None
        raise refused(place, f"has in {name!r} {error}", _MEND) from None
