"""What a privacy officer reads is what happens: numbers against the real thing, words against the study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.consortium.enrolled import Consortium
from tests.simulator import World

from cipherward.consortium.approval import approvals, review_text, what_leaves
from cipherward.consortium.approval.review import Review, review
from cipherward.consortium.service import offering
from cipherward.data.small_counts import shown
from cipherward.disclosure.standing import Agreement
from cipherward.errors import RefusedError, StudyError
from cipherward.simulation.network import LocalEngine


@pytest.fixture(scope="module")
def everyone(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    return Consortium(tmp_path_factory.mktemp("consortium"))


def reviewed(everyone: Consortium, table: Path | None = None, **sections: Any) -> Review:
    offered = everyone.offer(everyone.freeze(simulator.study(4, **sections)))
    return review(everyone.first, offered, table=table)


@pytest.mark.parametrize(("n", "scheme"), [(4, "quorum"), (6, "quorum"), (4, "ckks")])
def test_what_is_said_to_leave_is_what_leaves(tmp_path: Path, n: int, scheme: str) -> None:
    if scheme == "ckks":
        pytest.importorskip("tenseal")
    study = simulator.study(n, aggregation={"scheme": scheme}, evaluation={"bins": 2048})
    with World(tmp_path, study) as world:
        said = {kind.purpose: kind for kind in what_leaves.outgoing(world.study, world.first)}
        engine = LocalEngine(world.hub, world.sites)
        while not world.hub.finished:
            state = world.hub.state
            kind = said[state.purpose or "statistics"]
            assert kind.count == state.layout.n_values
            engine.run_sum()
            for measured, stated in (
                (engine.traffic[-1].up, kind.bytes_up),
                (engine.traffic[-1].down, kind.bytes_down),
            ):
                average = sum(measured.values()) / len(measured)
                assert 0.95 * average < stated < 1.1 * average
    assert [(kind.purpose, kind.times) for kind in said.values()] == [("statistics", 1), ("train", 2), ("evaluate", 1)]


def test_every_group_of_values_has_its_own_words(everyone: Consortium) -> None:
    for privacy in (None, {"unit": "hospital", "epsilon": 8.0, "delta": 1e-5, "clipping_norm": 1.0}):
        sections: dict[str, Any] = {"privacy": privacy, "aggregation": {"bits": 24}} if privacy else {}
        result = reviewed(everyone, **sections)
        groups = [group for kind in result.leaves for group in kind.groups]
        assert groups
        assert all(" " in group.meaning and group.count > 0 for group in groups)


def test_the_text_says_what_matters_in_words(everyone: Consortium) -> None:
    result = reviewed(everyone)
    text = " ".join(review_text.to_text(result).split())
    for words in (
        "age -8 to 8",
        "ward 2 categories",
        "110 rows",
        "Training rounds: at most 2",
        "In each training round (at most 2 times)",
        "3 of the 4 hospitals together open the sum",
        "3 must agree before a sum is opened",
        "nothing in this study bounds how much",
        "Every clause allows this study",
        'This study can be approved: cipherward hospital approve tiny --as "NAME"',
        "What leaves: numbers that are computed from all of this hospital's rows",
        "Purpose: not stated in the study",
        "Until when: the study sets no date",
        "Who approves: nobody yet",
        "outcome the outcome, which '1' means",
        "with the outcome, in the same groups; a group may hold one such row",
    ):
        assert words in text, words
    for contradiction in ("no value of a patient", "0 missing", "share of a cap"):
        assert contradiction not in text
    for partner in result.partners:
        assert partner.fingerprint in text
    assert max(map(len, review_text.to_text(result).splitlines())) <= 140
    assert json.loads(json.dumps(result.to_json()))["can_be_approved"] is True


CHOICES: dict[str, tuple[dict[str, Any], str]] = {
    "subgroups": (
        {"evaluation": {"subgroups": [{"column": "ward"}, {"column": "age", "edges": [0.0]}]}},
        "measured apart for subgroups of patients: ward (2 categories), age (2 bands)",
    ),
    "coverage": ({"evaluation": {"coverage": 0.9}}, "scores on validation rows by outcome are opened"),
    "alerts": ({"evaluation": {"alerts": 0.1}}, "For a threshold for alerts exact histograms"),
    "class weights": ({"training": {"class_weights": [1.0, 3.5]}}, "count by their outcome (class_weights: 1, 3.5)"),
    "vote": ({"training": {"defence": {"vote": True}}}, "how many find it worse, by class of outcome, is opened"),
    "norm": ({"training": {"defence": {"clip_norm": 2.0}}}, "by L2 norm it is cut to 2 before that"),
    "rules": (
        {
            "task": "describe",
            "training": {},
            "noise": {"enabled": True, "epsilon": 8.0, "delta": 1e-5},
            "settings": {"include": [{"column": "age", "minimum": 1.5, "name": "adults"}]},
        },
        "one after another, without outcomes: age is at least 1.5",
    ),
}


@pytest.mark.parametrize("name", CHOICES)
def test_what_a_setting_lets_out_is_said_in_words(everyone: Consortium, name: str) -> None:
    sections, words = CHOICES[name]
    assert words in " ".join(review_text.to_text(reviewed(everyone, **sections)).split())
    assert words not in " ".join(review_text.to_text(reviewed(everyone)).split())


def test_sums_of_single_blocks_are_said_to_hide_less(tmp_path: Path) -> None:
    many = Consortium(tmp_path, 9)
    study = simulator.study(9, aggregation={"corrupt": 1}, training={"defence": {"combine": "median"}})
    text = review_text.to_text(review(many.first, many.offer(many.freeze(study))))
    assert "Each of the 3 blocks is added up by itself in every round (median of blocks)" in " ".join(text.split())


def test_the_head_says_what_the_study_says_about_itself(everyone: Consortium) -> None:
    stated = {
        "purpose": "Learn who\nreturns.",
        "contact": "dpo@example.org",
        "legal_basis": "consent",
        "until": "2099-12-31",
    }
    table = simulator.study(4, data={"patient_column": "pid"}, **stated)
    text = review_text.to_text(review(everyone.first, everyone.offer(everyone.freeze(table))))
    head = " ".join(text[: text.index("1. What is computed")].split())
    for words in (
        "Purpose: Learn who returns.",
        "Contact: dpo@example.org",
        "Legal basis: consent",
        "Until when: 2099-12-31, the last day (UTC)",
    ):
        assert words in head, words
    asked = ("What leaves", "Who can see it", "What can be inferred", "Until when")
    assert [text.index(f"- {words}:") for words in asked] == sorted(text.index(f"- {words}:") for words in asked)
    assert "the patient's id, which keeps the rows of one patient together; it is not sent" in " ".join(text.split())


def test_a_bound_and_its_absence_are_not_said_of_the_same_sums(everyone: Consortium) -> None:
    noisy = " ".join(review_text.to_text(reviewed(everyone, noise={"enabled": True})).split())
    assert "from sums with noise, about one patient no more than section 5 says. The other sums are exact" in noisy
    assert "Of each patient: epsilon 1, delta 1e-06, for all sums with noise together" in noisy
    private = {"unit": "record", "epsilon": 3.0, "delta": 1e-4, "clipping_norm": 1.0}
    text = " ".join(review_text.to_text(reviewed(everyone, privacy=private)).split())
    assert "from the training updates, about one record no more than section 5 says. The other sums" in text
    assert "the change of the model with the noise of section 5" in text
    assert "it could carry noise; the study asks for none (noise.enabled = false)" in text
    assert "it could carry noise" not in noisy


def test_a_column_that_is_empty_here_is_named(everyone: Consortium, tmp_path: Path) -> None:
    table = tmp_path / "empty.csv"
    table.write_text("age,dose,ward,outcome\n" + "".join(f"{i % 7},,A,{i % 2}\n" for i in range(40)))
    assert "dose     -8 to 8, EMPTY here: not one row has a value" in review_text.to_text(reviewed(everyone, table))


def test_a_study_whose_last_day_has_passed_is_refused_by_name(everyone: Consortium) -> None:
    offered = everyone.offer(everyone.freeze(simulator.study(4, until="2020-02-29")))
    result = review(everyone.first, offered)
    assert result.refusals == ("the study 'tiny' ended on 2020-02-29 (until)",)
    with pytest.raises(RefusedError, match="ended on 2020-02-29"):
        approvals.approve(everyone.first, offered, "Dr Example", Agreement.YES)
    with pytest.raises(StudyError, match="ended on 2020-02-29"):
        offering.start(everyone.coordinator, simulator.study(4, until="2020-02-29"), 1_582_934_400.0 + 2 * 86_400)


def test_the_last_day_counts_whole() -> None:
    study, midnight = simulator.study(4, until="2020-02-29"), 1_583_020_800.0
    assert study.ended(midnight - 1) == ""
    assert study.ended(midnight) != ""


def test_a_privacy_budget_is_shown_with_what_it_does_not_cover(everyone: Consortium) -> None:
    result = reviewed(everyone, privacy={"unit": "record", "epsilon": 3.0, "delta": 1e-4, "clipping_norm": 1.0})
    text = review_text.to_text(result)
    assert "epsilon 3, delta 0.0001" in text
    assert "Not covered: exact statistics" in text


def test_with_ckks_the_coordinators_key_is_named_as_what_it_is(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    study = simulator.study(3, aggregation={"scheme": "ckks"})
    frozen = offering.freeze(study, everyone.coordinator.members, everyone.coordinator.coordinator_key, b"key")
    result = review(everyone.first, approvals.keep_offer(everyone.first, frozen.to_toml().encode(), b"key"))
    assert "a key that could open this hospital's own numbers" in " ".join(result.opening)
    assert result.policy_broken == ("scheme 'ckks' (allowed: quorum)",)
    assert "cannot be approved now" in review_text.to_text(result)


def test_a_table_that_does_not_fit_is_said_column_by_column(everyone: Consortium, tmp_path: Path) -> None:
    table = tmp_path / "odd.csv"
    rows = "\n".join(f"{value},A,{value % 2}" for value in range(40))
    table.write_text("age,ward,outcome\n" + rows + "\n")
    result = reviewed(everyone, table)
    by_name = {column.name: column for column in result.data.columns}
    assert not by_name["dose"].present
    assert by_name["age"].outside == 31
    text = review_text.to_text(result)
    assert "dose     MISSING in the table, reads as missing: -8 to 8" in text
    assert "31 rows outside the range" in text
    assert any("table does not fit" in reason for reason in result.refusals)


def test_small_counts_are_not_shown(everyone: Consortium, tmp_path: Path) -> None:
    lines = ["age,dose,ward,outcome"]
    lines += [f"{9 if i < 3 else 1},{'' if i < 9 else 0},{'A' if i % 2 else 'B'},{int(i < 9)}" for i in range(60)]
    table = tmp_path / "small.csv"
    table.write_text("\n".join(lines) + "\n")
    data = reviewed(everyone, table).data
    by_name = {column.name: column for column in data.columns}
    assert by_name["age"].outside is None
    assert by_name["dose"].missing is None
    assert by_name["ward"].missing == 0
    assert data.outcome_rate is None
    text = review_text.to_text(reviewed(everyone, table))
    assert "fewer than 10 rows" in text
    assert "not shown (small counts)" in text
    assert [shown(count) for count in (0, 1, 9, 10)] == [0, None, None, 10]


def test_a_table_that_is_gone_is_a_problem_not_a_crash(everyone: Consortium, tmp_path: Path) -> None:
    result = reviewed(everyone, tmp_path / "gone.csv")
    assert result.data.problems
    assert result.refusals
    assert "PROBLEM: cannot read" in review_text.to_text(result)


def test_a_study_that_the_policy_refuses_is_shown_with_its_clauses(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 4)
    policy = everyone.first.policy_file
    policy.write_text(policy.read_text().replace('columns = "*"', 'columns = ["age"]'))
    text = review_text.to_text(reviewed(everyone))
    assert "Refused: columns dose, outcome, ward" in text


def test_a_model_that_is_not_allowed_here_is_not_loaded_to_be_reviewed(everyone: Consortium) -> None:
    result = reviewed(everyone, model={"kind": "custom", "package": "no_such_module:build"})
    assert result.leaves == ()
    assert "Not computed" in review_text.to_text(result)
    assert any("no_such_module:build" in reason for reason in result.refusals)


def test_no_control_character_of_others_reaches_the_screen(everyone: Consortium) -> None:
    result = reviewed(everyone, description="line one\nline two")
    assert all(line.isprintable() for line in review_text.to_text(result).splitlines())


def test_sizes_read_well() -> None:
    assert [review_text.size(n) for n in (950, 77_964, 1_300_000)] == ["950 bytes", "78 kB", "1.3 MB"]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_review_fits_the_terminal_and_keeps_every_word(everyone: Consortium, width: int) -> None:
    found = reviewed(everyone)
    text, whole = review_text.to_text(found, width), review_text.to_text(found, 10_000)
    assert max(map(len, text.splitlines())) <= width
    assert text.split() == whole.split()
    assert found.digest in text
    assert {line for line in text.splitlines() if review_text.is_heading(line)} >= {"In short", "1. What is computed"}
