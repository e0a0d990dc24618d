"""The CDS Hooks service, asked over HTTP on this machine as a hospital's record system would."""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator

from cipherward.data.preprocess import Preprocessor
from cipherward.errors import DataError
from cipherward.learning import models
from cipherward.runs import modelfile, withdrawn
from cipherward.runs.modelfile import ModelFile
from cipherward.runs.prediction import predict
from cipherward.study import Column
from examples import cds_hooks

COLUMNS = (
    Column(name="age", kind="numeric", minimum=18.0, maximum=110.0, unit="years"),
    Column(name="sex", kind="categorical", categories=("female", "male")),
    Column(name="creatinine", kind="numeric", minimum=0.0, maximum=10.0, unit="mg/dl"),
    Column(name="smoker", kind="categorical", categories=("yes", "no")),
)
MAPPING = """
id = "readmission"
warn_from = 0.3
[columns.age]
patient = "age"
[columns.sex]
patient = "gender"
[columns.creatinine]
observation = "http://loinc.org|2160-0"
unit = "mg/dL"
max_days = 365
[columns.smoker]
observation = "http://loinc.org|72166-2"
codes = { "449868002" = "yes", "8517006" = "no" }
"""
NOW = datetime.now(UTC)
BORN = f"{NOW.year - 71}-01-01"


def a_model(folder: Path, **data: Any) -> Path:
    columns = [column.model_dump(mode="json", exclude_defaults=True) for column in COLUMNS]
    study = simulator.study(3, name="readmission-study", columns=columns, data=data)
    inputs = Preprocessor(COLUMNS, (0.5, 0.1), (0.2, 0.05), 500, 100)
    module = models.build(study.model, inputs.n_features, study.seed)
    weights = np.random.default_rng(3).normal(0.0, 0.8, models.n_parameters(module)).astype(np.float32)
    modelfile.save(folder / "model.safetensors", ModelFile(study, models.groups(module), weights, inputs))
    return folder / "model.safetensors"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> cds_hooks.Service:
    folder = tmp_path_factory.mktemp("cds")
    (folder / "mapping.toml").write_text(MAPPING)
    return cds_hooks.Service(a_model(folder), folder / "mapping.toml")


@pytest.fixture(scope="module")
def port(service: cds_hooks.Service) -> Iterator[int]:
    with cds_hooks.server(service) as listening:
        assert listening.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening.server_port
        listening.shutdown()
        thread.join()


def ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        usual = {"Content-Type": "application/json"} if headers is None else headers
        connection.request(method, path, body, usual)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def call(port: int, document: Any, service: str = "readmission") -> tuple[int, dict[str, Any]]:
    return ask(port, "POST", f"/cds-services/{service}", json.dumps(document).encode())


def observation(code: str, days: float = 1.0, patient: str = "pat-4711", **value: Any) -> dict[str, Any]:
    return {
        "resource": {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": (NOW - timedelta(days=days)).isoformat(),
            **value,
        }
    }


def quantity(value: Any, code: str = "mg/dL") -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "code": code, "system": "http://unitsofmeasure.org"}}


def concept(code: str) -> dict[str, Any]:
    return {"valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": code}]}}


def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": list(entries)}


def a_call(**prefetch: Any) -> dict[str, Any]:
    usual = {
        "patient": {"resourceType": "Patient", "id": "pat-4711", "gender": "female", "birthDate": BORN},
        "observation1": bundle(observation("2160-0", **quantity(1.4))),
        "observation2": bundle(observation("72166-2", **concept("8517006"))),
    }
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/example", "patientId": "pat-4711"},
        "prefetch": {key: value for key, value in (usual | prefetch).items() if value != "absent"},
    }


def expected(service: cds_hooks.Service, folder: Path, row: str) -> float:
    modelfile.save(folder / "model.safetensors", service.model)
    (folder / "row.csv").write_text(f"age,sex,creatinine,smoker\n{row}\n")
    return float(predict(folder / "model.safetensors", folder / "row.csv")[0])


def test_discovery_says_which_data_the_client_sends_along(port: int) -> None:
    status, found = ask(port, "GET", "/cds-services")
    assert status == 200
    (one,) = found["services"]
    assert (one["id"], one["hook"]) == ("readmission", "patient-view")
    assert one["prefetch"]["patient"] == "Patient/{{context.patientId}}"
    assert one["prefetch"]["observation1"].startswith(
        "Observation?patient={{context.patientId}}&code=http://loinc.org|2160-0&status=final,"
    )
    assert list(one["prefetch"]) == ["patient", "observation1", "observation2"]


def test_a_card_has_the_probability_that_predict_gives_and_the_models_identity(
    port: int, service: cds_hooks.Service, tmp_path: Path
) -> None:
    status, found = call(port, a_call())
    assert status == 200
    (card,) = found["cards"]
    chance = expected(service, tmp_path, "71,female,1.4,no")
    assert card["summary"] == f"{chance:.0%}: outcome is 1 (readmission-study)"
    assert len(card["summary"]) <= 140
    assert f"**{chance:.1%}**" in card["detail"]
    assert service.model.study.digest().hex()[:16] in card["detail"]
    assert "All values were known" in card["detail"]
    assert card["indicator"] == ("warning" if chance >= 0.3 else "info")
    assert card["source"]["label"] == "cipherward, study readmission-study"


def test_of_several_values_the_latest_counts_and_what_is_old_or_absent_is_said_to_be_missing(
    port: int, service: cds_hooks.Service, tmp_path: Path
) -> None:
    several = bundle(
        observation("2160-0", 30, **quantity(9.0)), observation("2160-0", 2, **quantity(1.4)),
        observation("2160-0", 1, **quantity(5.0)) | {}, observation("718-7", 0, **quantity(8.0)),
    )  # fmt: skip
    several["entry"][2]["resource"]["status"] = "entered-in-error"
    assert (
        call(port, a_call(observation1=several))[1]["cards"][0]["summary"]
        == (call(port, a_call())[1]["cards"][0]["summary"])
    )
    old = bundle(observation("2160-0", 400, **quantity(1.4)))
    status, found = call(port, a_call(observation1=old, observation2=None))
    assert status == 200
    detail = found["cards"][0]["detail"]
    assert "creatinine missing; smoker missing" in detail
    assert f"**{expected(service, tmp_path, '71,female,,'):.1%}**" in detail


@pytest.mark.parametrize(
    ("document", "status", "said"),
    [
        ([], 400, "no call of the hook"),
        (a_call() | {"hook": "order-sign"}, 400, "no call of the hook"),
        (a_call() | {"hookInstance": 3}, 400, "no hookInstance"),
        (a_call() | {"context": {}}, 400, "no patientId"),
        (a_call() | {"context": {"patientId": "pat-0815"}}, 400, "another patient"),
        (a_call() | {"prefetch": None}, 412, "prefetch lacks patient, observation1, observation2"),
        (a_call(observation2="absent"), 412, "prefetch lacks observation2"),
        (a_call(patient=None), 412, "no Patient"),
        (a_call(observation1=[4711]), 422, "no Bundle"),
        (a_call(observation1=bundle(observation("2160-0", patient="pat-1", **quantity(1.4)))), 422, "not of the context's"),
        (a_call(observation1=bundle(observation("2160-0", **quantity(123.77, "umol/L")))), 422, "another unit than mg/dL"),
        (a_call(observation1=bundle(observation("2160-0", **quantity("123.77")))), 422, "has no number"),
        (a_call(observation2=bundle(observation("72166-2", **concept("4711")))), 422, "does not know"),
        (a_call(patient={"resourceType": "Patient", "id": "pat-4711", "birthDate": "1952"}), 422, "no full date"),
        (a_call(patient={"resourceType": "Patient", "id": "pat-4711", "gender": "neither"}), 422, "'sex'"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_answered_is_refused_without_a_word_of_the_patient(
    port: int, document: Any, status: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    found, answer = call(port, document)
    assert (found, said in answer["error"]) == (status, True), answer
    written = answer["error"] + capfd.readouterr().err
    assert f"POST {status}" in written
    for secret in ("4711", "123.77", "1952", "pat-1", "neither"):
        assert secret not in written


def test_requests_that_are_no_calls_get_a_status_of_their_own(port: int) -> None:
    path, plain = "/cds-services/readmission", {"Content-Type": "text/plain"}
    assert ask(port, "GET", "/patients/pat-4711") == (404, {"error": "there is no such page"})
    assert call(port, a_call(), "mortality") == (404, {"error": "there is no such service"})
    assert ask(port, "POST", path, b"{}", plain)[0] == 415
    for body in (b"{", b"\xff", b"[" * 100_000, b'{"hook": NaN}'):
        assert ask(port, "POST", path, body) == (400, {"error": "the body is no JSON"})
    json_length = {"Content-Type": "application/json", "Content-Length": str(cds_hooks.MOST_BYTES + 1)}
    assert ask(port, "POST", path, b"{}", json_length)[0] == 413
    assert ask(port, "POST", path, b"{}", json_length | {"Content-Length": "-2"})[0] == 411
    assert call(port, a_call())[0] == 200, "and the next call is answered"


def test_more_calls_than_it_takes_at_once_are_told_to_come_again(port: int, service: cds_hooks.Service) -> None:
    handler = type("Full", (cds_hooks.Handler,), {"service": service, "places": threading.Semaphore(0)})
    with cds_hooks.Server(("127.0.0.1", 0), handler) as full:
        threading.Thread(target=full.serve_forever, daemon=True).start()
        assert call(full.server_port, a_call()) == (503, {"error": "busy; come again"})
        full.shutdown()


def test_a_mapping_that_does_not_fit_is_refused_with_every_mistake(tmp_path: Path) -> None:
    model, mapping = a_model(tmp_path), tmp_path / "mapping.toml"
    mapping.write_text(
        'id = "a b"\nport = 3\n[columns.age]\npatient = "gender"\n[columns.sex]\n[columns.creatinine]\n'
        'observation = "2160-0"\nunit = "mg/dL"\nmax_days = -1\n[columns.smoker]\nobservation = "x|y"\ncodes = { "1" = "maybe" }\n'
        "[columns.weight]\n"
    )
    with pytest.raises(DataError) as caught:
        cds_hooks.Service(model, mapping)
    said = "; ".join(caught.value.problems)
    for part in (
        "unknown setting 'port'", "letters, digits and hyphens", "no column 'weight'", "'age': of a patient there is", "'sex': it comes from",
        "'creatinine': max_days", "'creatinine': an observation is", "knows no category 'maybe'",
    ):  # fmt: skip
        assert part in said
    mapping.write_text("id = 3")
    with pytest.raises(DataError, match="is no mapping"):
        cds_hooks.Service(model, mapping)


def test_the_program_says_what_is_wrong_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["cds_hooks.py", str(tmp_path / "none"), str(tmp_path / "mapping.toml")])
    with pytest.raises(SystemExit, match="error: "):
        cds_hooks.main()


def test_a_withdrawn_model_gives_no_cards_any_more(
    port: int, service: cds_hooks.Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, study: Any) -> None:
        raise DataError("withdrawn")

    monkeypatch.setattr(withdrawn, "check", refuse)
    assert call(port, a_call()) == (410, {"error": "the model was withdrawn"})
