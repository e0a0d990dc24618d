"""A trained model beside the patient's chart: a small CDS Hooks service (https://cds-hooks.hl7.org, version 2.0).

    python examples/cds_hooks.py MODEL MAPPING.toml [--port 8087]

MODEL is a run folder or a model file, of a binary outcome. MAPPING says where in FHIR (R4) each of the model's columns comes from:

    id = "readmission"            # of the service
    warn_from = 0.3               # from this probability on the card is a warning; without it never

    [columns.age]
    patient = "age"               # whole years, from Patient.birthDate
    [columns.sex]
    patient = "gender"
    [columns.creatinine]
    observation = "http://loinc.org|2160-0"
    unit = "mg/dL"                # the UCUM code that a value must carry
    max_days = 365                # an older value counts as missing
    [columns.smoker]
    observation = "http://loinc.org|72166-2"
    codes = { "449868002" = "yes", "8517006" = "no" }

The service answers `GET /cds-services` and `POST /cds-services/ID` (hook `patient-view`) with one card. It only reads: it needs no access to
the FHIR server, as the client sends what discovery asks for (prefetch). It keeps nothing, and its log has the kind and outcome of each request alone.

It listens on this machine only (127.0.0.1) and knows no passwords and no TLS: a hospital puts its own gateway before it, which checks the client's token
and whether this person may see this patient. The card is no medical device; who treats the patient decides.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import tomllib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl

from cipherward.data.inputs import Inputs
from cipherward.errors import CipherwardError, DataError
from cipherward.learning.model_kind import Module
from cipherward.runs import modelfile, withdrawn
from cipherward.runs.modelfile import ModelFile
from cipherward.runs.prediction import assumptions, finished, scores_of, typed
from cipherward.store import files
from cipherward.study import Column
from cipherward.tasks.yardsticks import outcome_at

MOST_BYTES = 1 << 20
"""Of a request's body."""
SECONDS = 10.0
"""For which the service waits for the rest of a request."""
AT_ONCE = 8
"""Requests; further ones are told to come again."""
NEVER = 2.0
"""No probability is a warning."""
_USABLE = ("final", "amended", "corrected")
_SUMMARY = 140  # characters, by the specification
_FHIR_PATIENT = "Patient/{{context.patientId}}"


class BadRequestError(Exception):
    """What is wrong with a request, without anything of the patient, and the status that says so."""

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Place:
    """Where a column comes from: `patient` ("age", "gender"), or `observation`, a system and code, with the UCUM `unit` of its numbers or
    what its `codes` mean (of a gender, where the model calls it otherwise). `max_days`: 0: values of any age."""

    patient: str = ""
    observation: str = ""
    unit: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    max_days: int = 0


@dataclass(frozen=True)
class Mapped:
    """A mapping, checked against a model's columns. `places`: by column, in the model's order."""

    service: str
    warn_from: float
    places: Mapping[str, Place]

    @property
    def prefetch(self) -> dict[str, str]:
        """What discovery asks the client to send along."""
        found = {"patient": _FHIR_PATIENT}
        for name, key in self.keys.items():
            found[key] = (
                f"Observation?patient={{{{context.patientId}}}}&code={self.places[name].observation}"
                f"&status={','.join(_USABLE)}&_sort=-date&_count=1"
            )
        return found

    @property
    def keys(self) -> dict[str, str]:
        """The prefetch key of each column that is an observation."""
        observed = [name for name, place in self.places.items() if place.observation]
        return {name: f"observation{at}" for at, name in enumerate(observed, 1)}


def read_mapping(path: Path, columns: Sequence[Column]) -> Mapped:
    """A mapping from its file.

    Args:
        columns: the model's.

    Raises:
        DataError: it does not fit the model, with every mistake.
    """
    try:
        document = tomllib.loads(files.read(path).decode())
        given = {name: Place(**place) for name, place in document.pop("columns").items()}
        service, warn_from = document.pop("id"), float(document.pop("warn_from", NEVER))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no mapping: {error}", hint="see the example at the top of cds_hooks.py") from None
    by_name = {column.name: column for column in columns}
    problems = [f"unknown setting {name!r}" for name in document]
    if not isinstance(service, str) or not service.replace("-", "").isalnum():
        problems.append("id is letters, digits and hyphens")
    problems += [f"column {name!r} is mapped to nothing" for name in by_name if name not in given]
    problems += [f"the model has no column {name!r}" for name in given if name not in by_name]
    problems += [
        f"column {name!r}: {said}"
        for name, place in given.items()
        if name in by_name
        for said in _problems(place, by_name[name])
    ]
    if problems:
        raise DataError(f"{path} does not fit the model: " + "; ".join(problems), problems=tuple(problems))
    return Mapped(service, warn_from, {column.name: given[column.name] for column in columns})


def _problems(place: Place, column: Column) -> Iterator[str]:
    is_number, codes = column.kind == "numeric", place.codes
    if not all(isinstance(text, str) for text in (place.patient, place.observation, place.unit)):
        yield "patient, observation and unit are texts"
        return
    if type(place.max_days) is not int or place.max_days < 0:
        yield "max_days is a whole number"
    if not isinstance(codes, dict) or not all(isinstance(text, str) for text in (*codes, *codes.values())):
        yield "codes are texts, and so is what they mean"
    elif strange := [text for text in codes.values() if text not in column.categories]:
        yield f"the model knows no category {', '.join(map(repr, strange))}"
    if bool(place.patient) == bool(place.observation):
        yield "it comes from patient or from an observation"
    elif place.patient and place.patient != ("age" if is_number else "gender"):
        yield "of a patient there is the age, a number, and the gender, a category"
    elif place.observation and not re.fullmatch(r"[^|,&\s]+\|[^|,&\s]+", place.observation):
        yield "an observation is a system and a code: http://loinc.org|2160-0"
    elif place.observation and (is_number != bool(place.unit) or is_number == bool(codes)):
        yield "a number needs its unit and no codes, a category its codes and no unit"


class Service:
    """A model and where its columns come from."""

    def __init__(self, path: Path, mapping: Path) -> None:
        """Raises CipherwardError: the model cannot be used, or the mapping does not fit it."""
        self.path = path
        self.model: ModelFile
        self.inputs: Inputs
        self.model, self.inputs = finished(path)
        self.outcome = outcome_at(self.model.study, self.inputs)
        if self.outcome.type != "binary":
            raise DataError(f"this service shows a probability, and the model is of an {self.outcome.words}")
        self.module: Module = self.model.module()
        self.mapped = read_mapping(mapping, self.inputs.columns)
        self.identity = sha256(modelfile.to_bytes(self.model)).hexdigest()
        self._one_by_one = threading.Lock()

    @property
    def discovery(self) -> dict[str, Any]:
        """What `GET /cds-services` answers."""
        study = self.model.study
        service = {
            "id": self.mapped.service,
            "hook": "patient-view",
            "title": study.title or study.name,
            "description": f"Probability that {self.outcome.predicted}, by the model of study {study.name}",
            "prefetch": self.mapped.prefetch,
        }
        return {"services": [service]}

    def cards(self, request: Any) -> dict[str, Any]:
        """What a call of the hook answers.

        Raises:
            BadRequestError: it is not such a call, or its data cannot be used.
        """
        try:
            withdrawn.check(self.path, self.model.study)
        except CipherwardError:
            raise BadRequestError("the model was withdrawn", HTTPStatus.GONE) from None
        patient, prefetch = self._checked(request)
        row: dict[str, pl.Series] = {}
        keys = self.mapped.keys
        for column in self.inputs.columns:
            place = self.mapped.places[column.name]
            if place.patient:
                value = _of_patient(prefetch["patient"], place)
            else:
                value = _observed(prefetch[keys[column.name]], place, patient, column.name)
            dtype = pl.Float64 if column.kind == "numeric" else pl.String
            row[column.name] = pl.Series([value], dtype=dtype)
        try:
            found = typed(pl.DataFrame(row), self.inputs.columns)
        except CipherwardError as error:
            raise BadRequestError(error.logged, HTTPStatus.UNPROCESSABLE_ENTITY) from None
        with self._one_by_one:
            chance = float(scores_of(self.model, self.module, self.inputs, found.table)[0])
        return {"cards": [self._card(chance, assumptions(found, self.inputs)[0])]}

    def _card(self, chance: float, assumed: str) -> dict[str, Any]:
        study = self.model.study
        detail = [
            f"Probability that {self.outcome.predicted}: **{chance:.1%}**",
            *([self.outcome.caution] if self.outcome.caution else []),
            f"Not known or changed: {assumed}" if assumed else "All values were known and within their ranges.",
            f"Model of study {study.name}, study digest `{study.digest().hex()[:16]}`, model SHA-256 `{self.identity[:16]}`",
            "Not a medical device. Who treats the patient decides.",
        ]
        return {
            "uuid": str(uuid.uuid4()),
            "summary": f"{chance:.0%}: {self.outcome.predicted} ({study.name})"[:_SUMMARY],
            "detail": "\n\n".join(detail),
            "indicator": "warning" if chance >= self.mapped.warn_from else "info",
            "source": {"label": f"cipherward, study {study.name}"},
        }

    def _checked(self, request: Any) -> tuple[str, dict[str, Any]]:
        """The patient's id and the prefetch of a call."""
        if not isinstance(request, dict) or request.get("hook") != "patient-view":
            raise BadRequestError("the body is no call of the hook patient-view")
        context, prefetch = request.get("context"), request.get("prefetch") or {}
        if not isinstance(request.get("hookInstance"), str) or not isinstance(context, dict):
            raise BadRequestError("the call has no hookInstance or no context")
        patient = context.get("patientId")
        if not isinstance(patient, str) or not patient:
            raise BadRequestError("the context has no patientId")
        if not isinstance(prefetch, dict):
            raise BadRequestError("prefetch is no object")
        if missing := [key for key in self.mapped.prefetch if key not in prefetch]:
            raise BadRequestError(f"prefetch lacks {', '.join(missing)}", HTTPStatus.PRECONDITION_FAILED)
        person = prefetch["patient"]
        if not isinstance(person, dict) or person.get("resourceType") != "Patient":
            raise BadRequestError("prefetch.patient is no Patient", HTTPStatus.PRECONDITION_FAILED)
        if person.get("id") != patient:
            raise BadRequestError("prefetch.patient is another patient than the context's")
        return patient, prefetch


def _unusable(what: str) -> BadRequestError:
    return BadRequestError(what, HTTPStatus.UNPROCESSABLE_ENTITY)


def _of_patient(person: Mapping[str, Any], place: Place) -> float | str | None:
    """Age in whole years, or gender; None where it is not known."""
    what = place.patient
    found = person.get("birthDate" if what == "age" else "gender")
    if found is None:
        return None
    if not isinstance(found, str):
        raise _unusable(f"the patient's {what} is no text")
    if what == "gender":
        if found != "unknown" and place.codes and found not in place.codes:
            raise _unusable("the patient has a gender that the mapping does not know")
        return None if found == "unknown" else place.codes.get(found, found)
    try:
        born = date.fromisoformat(found)
    except ValueError:
        raise _unusable("the patient's birthDate is no full date") from None
    today = datetime.now(UTC).date()
    return float(today.year - born.year - ((today.month, today.day) < (born.month, born.day)))


def _observed(bundle: Any, place: Place, patient: str, name: str) -> float | str | None:
    """The latest usable value of a column in a search's Bundle; None where there is none."""
    if bundle is None:
        return None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise _unusable(f"the prefetch of column {name!r} is no Bundle")
    system, _, code = place.observation.partition("|")
    best: tuple[datetime, dict[str, Any]] | None = None
    for entry in bundle.get("entry") or ():
        found = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(found, dict) or found.get("resourceType") != "Observation":
            continue
        if found.get("status") not in _USABLE or {"system": system, "code": code} not in _codings(found.get("code")):
            continue
        subject = found.get("subject")
        if not isinstance(subject, dict) or not str(subject.get("reference", "")).endswith(f"Patient/{patient}"):
            raise _unusable(f"an observation of column {name!r} is not of the context's patient")
        taken = _time(found.get("effectiveDateTime"))
        if place.max_days and (datetime.now(UTC) - taken).days > place.max_days:
            continue
        if best is None or taken > best[0]:
            best = taken, found
    return _value(best[1], place, name) if best else None


def _value(found: Mapping[str, Any], place: Place, name: str) -> float | str | None:
    if place.codes:
        known = [
            place.codes[each["code"]]
            for each in _codings(found.get("valueCodeableConcept"))
            if each["code"] in place.codes
        ]
        if not known and "valueCodeableConcept" in found:
            raise _unusable(f"column {name!r} has a code that the mapping does not know")
        return known[0] if known else None
    quantity = found.get("valueQuantity")
    if quantity is None:
        return None
    value = quantity.get("value") if isinstance(quantity, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unusable(f"column {name!r} has no number")
    if quantity.get("comparator"):
        raise _unusable(f"column {name!r} has a bound and no value")
    if quantity.get("code") != place.unit:
        raise _unusable(f"column {name!r} is in another unit than {place.unit}")
    return float(value)


def _codings(concept: Any) -> list[dict[str, str]]:
    """System and code of a CodeableConcept's codings."""
    listed = concept.get("coding") if isinstance(concept, dict) else None
    return [
        {"system": str(each.get("system", "")), "code": str(each.get("code", ""))}
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict)
    ]


def _time(text: Any) -> datetime:
    """When an observation was made; long ago where that is not said."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return datetime(1, 1, 1, tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Handler(BaseHTTPRequestHandler):
    """One connection. `service` is set by `server`."""

    service: Service
    places: threading.Semaphore
    timeout = SECONDS
    server_version, sys_version = "cipherward-cds", ""

    def do_GET(self) -> None:
        if self.path == "/cds-services":
            self._send(HTTPStatus.OK, self.service.discovery)
        else:
            self._refuse("there is no such page", HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        if not self.places.acquire(blocking=False):
            return self._refuse("busy; come again", HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            answer = self.service.cards(self._body())
        except BadRequestError as error:
            return self._refuse(str(error), error.status)
        except TimeoutError:
            return self._refuse("the body did not come", HTTPStatus.REQUEST_TIMEOUT)
        except Exception as error:  # of whatever kind: its words may be about the patient
            return self._refuse(f"the service failed ({type(error).__name__})", HTTPStatus.INTERNAL_SERVER_ERROR)
        finally:
            self.places.release()
        return self._send(HTTPStatus.OK, answer)

    def _body(self) -> Any:
        if self.path != f"/cds-services/{self.service.mapped.service}":
            raise BadRequestError("there is no such service", HTTPStatus.NOT_FOUND)
        if self.headers.get_content_type() != "application/json":
            raise BadRequestError("the body is not application/json", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise BadRequestError("the length of the body is not said", HTTPStatus.LENGTH_REQUIRED)
        if int(length[:12]) > MOST_BYTES or len(length) > 12:
            raise BadRequestError(f"the body is longer than {MOST_BYTES} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            return json.loads(self.rfile.read(int(length)), parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise BadRequestError("the body is no JSON") from None

    def _refuse(self, why: str, status: HTTPStatus) -> None:
        self.close_connection = True
        self._send(status, {"error": why})

    def _send(self, status: HTTPStatus, document: Mapping[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Not said: a request's line may hold a patient's id."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        status = code.value if isinstance(code, HTTPStatus) else code
        kind = self.command if self.command in ("GET", "POST") else "other"
        sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {kind} {status}\n")


def _no_number(text: str) -> Any:
    raise ValueError(text)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away: nothing to tell, and no address in the log."""


def server(service: Service, host: str = "127.0.0.1", port: int = 0) -> Server:
    """An HTTP server that listens but does not answer yet: `serve_forever` does. Port 0: any that is free."""
    own = {"service": service, "places": threading.Semaphore(AT_ONCE)}
    return Server((host, port), type("OwnHandler", (Handler,), own))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a run folder, or a model file")
    parser.add_argument("mapping", type=Path, help="where the model's columns come from: TOML")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; default: this machine only")
    parser.add_argument("--port", type=int, default=8087)
    given = parser.parse_args()
    try:
        service = Service(given.model, given.mapping)
        with server(service, given.host, given.port) as listening:
            sys.stderr.write(f"http://{given.host}:{listening.server_port}/cds-services; Ctrl-C stops\n")
            listening.serve_forever()
    except CipherwardError as error:
        sys.exit(f"error: {error.message}" + (f"\n  {error.hint}" if error.hint else ""))
    except OSError as error:
        sys.exit(f"error: cannot listen on {given.host}:{given.port}: {error.strerror}")
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")


if __name__ == "__main__":
    main()
