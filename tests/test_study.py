"""The study document: what is refused, in which words, and what its digest covers."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import simulator

from cipherward import study as study_document
from cipherward.errors import StudyError
from cipherward.learning import catalogue
from cipherward.study import Study
from cipherward.tasks.catalogue import make_task


def problems_of(document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(StudyError) as caught:
        study_document.parse(document, origin="tests")
    assert caught.value.hint
    for problem in caught.value.problems:
        assert problem in caught.value.message
    return caught.value.problems


def test_every_mistake_in_every_section_is_reported_at_once() -> None:
    document = simulator.document(
        name="Not A Name",
        training={"rounds": 0, "learning_rate": -1.0, "moment": 0.9},
        aggregation={"scheme": "Rot 13", "bits": 3, "range_min": 2.0},
        model={"kind": "No Kind"},
        colour="blue",
    )
    document["columns"][0]["minimum"] = 9.0
    document["columns"][2]["categories"] = ["A", "A"]
    problems = problems_of(document)
    for place in (
        "name:",
        "training.rounds:",
        "training.learning_rate:",
        "training.moment:",
        "aggregation.scheme:",
        "aggregation.bits:",
        "model.kind:",
        "colour:",
        "column 'age':",
        "column 'ward':",
    ):
        assert any(problem.startswith(place) for problem in problems), (place, problems)


def test_mistakes_between_sections_are_reported_at_once_too() -> None:
    document = simulator.document(2, data={"outcome": "ward", "test_fraction": 0.5, "validation_fraction": 0.5})
    document["columns"].append(document["columns"][0])
    document["hospitals"][1] = {"name": "clinic-1"}
    problems = "\n".join(problems_of(document))
    for words in (
        "column 'age' is declared twice",
        "column 'ward' cannot be both input and outcome",
        "hospital 'clinic-1' is listed twice",
        "must leave rows to train on",
        "by subtraction",
    ):
        assert words in problems


def test_an_unknown_key_does_not_hide_a_mistake_between_sections() -> None:
    problems = problems_of(simulator.document(2, colour="blue", training={"round": 3}))
    assert [problem.split(":")[0] for problem in problems] == ["training.round", "colour", "quorum arithmetic"]


@pytest.mark.parametrize(
    ("section", "key"),
    [("training", "secure"), ("aggregation", "privacy"), ("evaluation", "bin")],
)
def test_unknown_keys_are_refused_by_name(section: str, key: str) -> None:
    (problem,) = problems_of(simulator.document(**{section: {key: 1}}))
    assert problem.startswith(f"{section}.{key}:")


def test_what_model_kind_source_and_task_say_of_a_study_comes_at_once_when_the_task_is_made() -> None:
    document = simulator.document(
        3,
        task="guess",
        data={"sorce": "x", "cohort": {}, "hospital_column": "clinic"},
        model={"kind": "mlp", "path": "x", "package": "own:model"},
    )
    document["hospitals"][1] = {"name": "clinic-2"}
    with pytest.raises(StudyError) as caught:
        make_task(study_document.parse(document, origin="tests"))
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "data.cohort",
        "data.sorce",
        "data.hospital_column needs data.path, the one file that holds every hospital's rows",
        "model.hidden",
        "model.package",
        "model.path",
        "task",
    ]
    assert all(problem in caught.value.message for problem in caught.value.problems)


@pytest.mark.parametrize("outcome_type", ["continuous", "counts"])
def test_a_number_is_learnt_by_a_linear_model_where_a_study_names_no_kind(outcome_type: str) -> None:
    about = {"outcome_type": outcome_type, "outcome_maximum": 9.0}
    about |= {"outcome_minimum": 1.0} if outcome_type == "continuous" else {}
    document = simulator.document(4)
    document["data"] |= about
    document.pop("model", None)
    found = study_document.parse(document, origin="tests")
    assert found.model.kind == "linear"
    assert study_document.parse({**document, "model": {"kind": "linear"}}, origin="tests").digest() == found.digest()
    assert study_document.parse({**document, "task": "cohort"}, origin="tests").model.kind == "logistic-regression"
    for kind in ("logistic-regression", "mlp"):  # as frozen studies name it: their digests stay
        named = study_document.parse({**document, "model": {"kind": kind}}, origin="tests")
        assert named.model.kind == kind
        assert study_document.parse(tomllib.loads(named.to_toml()), origin="tests").digest() == named.digest()


@pytest.mark.parametrize(("task", "kind"), [("points", "points"), ("boost", "boosted-trees")])
def test_a_task_that_fits_one_kind_of_model_takes_it_where_a_study_names_none(task: str, kind: str) -> None:
    document = {**simulator.document(4), "task": task}
    document.pop("training", None)
    document.pop("model", None)
    found = study_document.parse(document, origin="tests")
    assert [found.model.kind] == catalogue.fitted_by(task) == [kind]
    assert study_document.parse({**document, "model": {"kind": kind}}, origin="tests").digest() == found.digest()


def test_a_setting_that_another_kind_of_model_has_is_not_said_to_stand_elsewhere() -> None:
    document = {**simulator.document(4), "model": {"kind": "linear", "hidden": [8]}}
    with pytest.raises(StudyError) as caught:
        make_task(study_document.parse(document, origin="tests"))
    assert caught.value.problems == (
        "model.hidden: kind 'linear' has no such setting; remove it or correct its spelling",
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": {"source": "registry"}}, "data.source: no source is called 'registry'; there are breast-cancer"),
        (
            {"model": {"kind": "oracle"}},
            "model.kind: no kind is called 'oracle'; there are backbone, ",
        ),
        (
            {"aggregation": {"scheme": "rot13"}},
            "aggregation.scheme: no scheme is called 'rot13'; there are ckks, masks",
        ),
        ({"model": {"hidden": [8]}}, "model.hidden: kind 'logistic-regression' has no such setting"),
        ({"model": {"kind": "mlp", "hidden": []}}, "model.hidden: kind 'mlp' needs it"),
        ({"model": {"kind": "mlp", "hidden": [8, 0]}}, "model.hidden.1: Input should be greater than or equal to 1"),
    ],
)
def test_an_unknown_kind_or_source_and_settings_that_do_not_fit_are_refused_by_name(
    changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(StudyError) as caught:
        make_task(simulator.study(3, **changed))
    assert caught.value.problems[0].startswith(words)


def test_two_hospitals_are_refused_with_the_reason() -> None:
    (problem,) = problems_of(simulator.document(2))
    assert problem == (
        "quorum arithmetic: 2 hospital(s): a sum over two tells each the other's update by subtraction; "
        "at least 3 are needed"
    )


def test_three_hospitals_run_and_are_warned_that_nobody_may_drop_out() -> None:
    numbers = simulator.study(3).thresholds
    assert numbers.problems() == ()
    assert "no drop-out is possible" in numbers.warnings()[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threshold": 2}, "two manifests of one sum can be certified"),
        ({"corrupt": 0}, "corrupt must be at least 1"),
        ({"min_contributors": 2}, "one honest update must not stand alone"),
        ({"dropouts": 3}, "cannot be reached when 3 of 5 hospitals drop out"),
    ],
)
def test_a_study_that_breaks_the_quorum_arithmetic_is_refused(change: dict[str, int], words: str) -> None:
    assert words in "\n".join(problems_of(simulator.document(aggregation=change)))


def test_infinity_and_not_a_number_are_no_settings() -> None:
    document = simulator.document(training={"learning_rate": float("inf")}, aggregation={"range_max": float("nan")})
    assert len(problems_of(document)) == 2


@pytest.mark.parametrize("key", ["learning_rate", "weight_decay", "proximal"])
def test_a_step_that_does_not_fit_the_models_own_numbers_is_refused_before_anything_runs(key: str) -> None:
    (problem,) = problems_of(simulator.document(training={key: 1e39}))
    assert problem.startswith(f"training.{key}:")


def frozen(chosen: Study) -> Study:
    hospitals = [h.model_dump() | {"public_key": f"{i:02x}" * 32} for i, h in enumerate(chosen.hospitals, start=1)]
    return chosen.with_overrides(top={"hospitals": hospitals, "coordinator_key": "00" * 32})


@pytest.mark.parametrize("key", ["no key", "ab", "00" * 33, "AB" * 32])
def test_what_stands_where_a_key_belongs_is_a_key(key: str) -> None:
    hospitals = [hospital | {"public_key": key} for hospital in simulator.document()["hospitals"]]
    (problem, *_) = problems_of(simulator.document(hospitals=hospitals))
    assert problem.startswith("hospital 'clinic-1', public_key:")
    (problem,) = problems_of(simulator.document(coordinator_key=key, format=study_document.FORMAT))
    assert problem.startswith("coordinator_key:")


def test_a_study_is_frozen_once_everybodys_key_is_in_it() -> None:
    chosen = simulator.study()
    assert not chosen.is_frozen
    assert frozen(chosen).is_frozen
    assert frozen(chosen).digest() != chosen.digest()


@given(
    title=st.text(max_size=40),
    rate=st.floats(min_value=1e-300, max_value=1e30),
    seed=st.integers(0, 2**63 - 1),
    category=st.text(min_size=1, max_size=5),
)
def test_the_frozen_digest_survives_toml_and_back(
    tmp_path_factory: pytest.TempPathFactory, title: str, rate: float, seed: int, category: str
) -> None:
    chosen = simulator.study(title=title, seed=seed, training={"learning_rate": rate})
    columns = [column.model_dump() for column in chosen.columns]
    columns[2]["categories"] = ["x", f"x{category}x"]
    chosen = frozen(chosen.with_overrides(top={"columns": columns}))
    path = tmp_path_factory.getbasetemp() / "study.toml"
    path.write_bytes(chosen.to_toml().encode())
    assert study_document.load(path) == chosen
    assert study_document.load(path).digest() == chosen.digest()


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("training", {"rounds": 3}),
        ("aggregation", {"scheme": "plain"}),
        ("aggregation", {"threshold": 4}),
        ("evaluation", {"bins": 65}),
        ("data", {"split_salt": "other"}),
        ("top", {"seed": 4}),
        ("top", {"title": "x"}),
    ],
)
def test_an_override_enters_the_digest(section: str, change: dict[str, Any]) -> None:
    chosen = simulator.study()
    changed = chosen.with_overrides(**{section: change})
    assert changed.digest() != chosen.digest()
    assert changed.with_overrides(**{section: change}).digest() == changed.digest()


def test_a_study_without_a_column_has_another_digest_and_the_whole_one_keeps_its_own() -> None:
    chosen = simulator.study()
    digest = chosen.digest()
    less = chosen.without_columns([chosen.columns[0].name])
    assert less.digest() != digest
    assert less.digest() == Study.model_validate(less.model_dump()).digest()
    assert (chosen.digest(), chosen) == (digest, simulator.study())


def test_an_override_is_checked_like_the_document_itself() -> None:
    with pytest.raises(StudyError, match=r"aggregation\.bits"):
        simulator.study().with_overrides(aggregation={"bits": 25})


def test_a_changed_roster_is_a_new_study() -> None:
    chosen = frozen(simulator.study())
    other = [h.model_dump() for h in chosen.hospitals]
    other[4]["public_key"] = "ff" * 32
    assert chosen.with_overrides(top={"hospitals": other}).digest() != chosen.digest()


def test_a_checked_study_cannot_be_changed_in_place() -> None:
    chosen = simulator.study()
    with pytest.raises(ValueError, match="frozen"):
        setattr(chosen, "seed", 4)  # noqa: B010


def test_a_missing_file_and_a_file_that_is_not_toml_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot read the study file"):
        study_document.load(tmp_path / "nowhere.toml")
    path = tmp_path / "study.toml"
    path.write_text("name = ")
    with pytest.raises(StudyError, match="is not valid TOML"):
        study_document.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(StudyError, match="is not valid TOML"):
        study_document.load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.encode("utf-16"), "UTF-16 text; save it with encoding UTF-8"),
        (lambda text: text.replace("tiny", "gr\u00f6\u00dfer").encode("latin-1"), "line 1 is not UTF-8 text"),
        (lambda text: text.replace('"tiny"', "\u201ctiny\u201d").encode(), "write straight ones"),
        (lambda text: text.replace('"tiny"', '"C:\\data\\tiny"').encode(), "write paths with /"),
    ],
    ids=["UTF-16", "Latin-1", "typographic quotation marks", "a Windows path"],
)
def test_what_an_editor_has_made_of_a_study_is_said(change: Callable[[str], bytes], words: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(change(simulator.study().to_toml()))
    with pytest.raises(StudyError, match=words):
        study_document.load(path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_mark_of_utf_8_and_the_ends_of_lines_change_nothing_in_a_study(end: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + simulator.study().to_toml().replace("\n", end).encode())
    assert study_document.load(path).digest() == simulator.study().digest()


def test_one_column_in_two_roles_is_refused() -> None:
    document = simulator.document(3, data={"patient_column": "outcome", "outcome": "outcome"})
    assert problems_of(document) == ("data: 'outcome' cannot be two of outcome, patient, hospital and date",)


def test_hospitals_whose_names_differ_by_case_or_space_alone_are_refused() -> None:
    document = simulator.document(3)
    document["hospitals"][1]["name"] = "Clinic-1 "
    assert "differs from another by letter case or space alone" in problems_of(document)[0]


def test_truth_is_no_number() -> None:
    assert problems_of(simulator.document(training={"rounds": True}))[0].startswith(
        "training.rounds: a number is wanted, not true"
    )
    document = simulator.document()
    document["columns"][0]["minimum"] = False
    assert "a number is wanted, not false" in problems_of(document)[0]


def test_one_number_written_in_two_ways_is_one_category() -> None:
    document = simulator.document()
    document["columns"][2]["categories"] = ["1", "1.0", "other"]
    assert "lists one number twice" in problems_of(document)[0]
    document["columns"][2]["categories"] = ["E11", "1", "1.0"]
    study_document.parse(document, origin="tests")


@pytest.mark.parametrize("name", study_document.builtin_names())
def test_every_built_in_study_is_valid_and_named_after_its_file(name: str) -> None:
    chosen = study_document.load_builtin(name)
    assert chosen.name == name
    assert chosen.title
    assert chosen.thresholds.problems() == ()
    assert study_document.parse(tomllib.loads(chosen.to_toml()), origin=name).digest() == chosen.digest()


def test_an_unknown_built_in_study_is_answered_with_the_ones_that_exist() -> None:
    with pytest.raises(StudyError) as caught:
        study_document.load_builtin("diabetes")
    assert "diabetes130" in caught.value.hint


def test_bits_and_rounding_follow_from_the_kind_of_model_where_the_study_says_nothing() -> None:
    linear = simulator.study()
    network = linear.with_overrides(model={"kind": "mlp", "hidden": [4]})
    assert (linear.bits, linear.has_stochastic_rounding) == (16, False)
    assert (network.bits, network.has_stochastic_rounding) == (8, True)
    assert network.with_overrides(aggregation={"bits": 24}).bits == 24
    assert not network.with_overrides(aggregation={"rounding": "nearest"}).has_stochastic_rounding
    for_hospitals = {"unit": "hospital", "epsilon": 8.0, "delta": 1e-6, "clipping_norm": 1.0}
    assert network.with_overrides(privacy=for_hospitals).bits == 16


def test_a_table_or_a_folder_in_the_place_of_a_study_is_told_apart_from_a_study_with_mistakes(tmp_path: Path) -> None:
    table = tmp_path / "north.csv"
    table.write_text("age,y\n70,0\n")
    with pytest.raises(StudyError, match="is a table, not a study"):
        study_document.load(table)
    with pytest.raises(StudyError, match="is a folder, not a study"):
        study_document.load_builtin(str(tmp_path))


@pytest.mark.parametrize(("task", "way_out"), [("points", 'task = "train" with model.kind'), ("train", "model.kind")])
def test_an_outcome_that_a_kind_of_model_does_not_learn_is_refused_with_a_way_out_that_works(
    task: str, way_out: str
) -> None:
    document = {
        **simulator.document(4),
        "task": task,
        "model": {"kind": "points" if task == "points" else "logistic-regression"},
    }
    document.pop("training", None)
    document["data"] |= {"outcome_type": "continuous", "outcome_minimum": 0.0, "outcome_maximum": 9.0}
    with pytest.raises(StudyError, match="is for a") as caught:
        make_task(study_document.parse(document, origin="tests"))
    assert caught.value.hint == f'set {way_out} = "linear" or "mlp"'
    refused = {**document, "task": "train", "model": {"kind": "linear"}}
    assert make_task(study_document.parse(refused, origin="tests"))
