"""The privacy officer's file: read strictly, explained in the file itself."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import simulator

from cipherward.consortium.approval import policyfile
from cipherward.errors import RefusedError, StorageError
from cipherward.parties.policy import Policy


def test_the_default_file_states_the_default_policy_without_code_of_others() -> None:
    expected = dataclasses.replace(Policy(), models=frozenset({"logistic-regression", "linear", "mlp"}))
    assert policyfile.parse(policyfile.DEFAULT, "default") == expected


def test_every_setting_of_the_default_file_is_explained_above_it() -> None:
    lines = policyfile.DEFAULT.splitlines()
    settings = [
        i for i, line in enumerate(lines) if ("=" in line and not line.startswith("# ")) or "# max_epsilon" in line
    ]
    assert len(settings) == len(policyfile.clauses(Policy()))
    for at in settings:
        assert lines[at - 1].startswith("#") or "=" in lines[at - 1]


def test_every_number_and_every_yes_or_no_of_the_file_reaches_the_policy() -> None:
    default = policyfile.parse(policyfile.DEFAULT, "default")
    found = re.findall(r"^(\w+) = (\d+|true|false)$", policyfile.DEFAULT, re.MULTILINE)
    assert len(found) > 10
    for name, value in found:
        other = {"true": "false", "false": "true"}.get(value) or str(int(value) + (-1 if name == "max_bits" else 1))
        text = policyfile.DEFAULT.replace(f"\n{name} = {value}\n", f"\n{name} = {other}\n")
        assert policyfile.parse(text, "policy.toml") != default, name


def test_every_mistake_is_named_at_once() -> None:
    text = 'schemes = ["plain"]\nmin_contributors = 2\nmax_rounds = "ten"\nmax_epsilons = 1.0\ncolumns = 3\n'
    with pytest.raises(StorageError) as caught:
        policyfile.parse(text, "policy.toml")
    for word in (
        "schemes",
        "min_contributors",
        "max_rounds",
        "max_epsilons: unknown setting",
        "columns",
        "models is missing",
    ):
        assert word in caught.value.message


@pytest.mark.parametrize(
    "line", ["max_rounds = true", "max_rounds = 1.5", "max_epsilon = -1.0", "max_epsilon = nan", 'schemes = "quorum"']
)
def test_a_value_of_another_kind_is_a_mistake_never_a_guess(line: str) -> None:
    name = line.split(" ")[0]
    text = "\n".join(kept for kept in policyfile.DEFAULT.splitlines() if not kept.startswith(name)) + f"\n{line}\n"
    with pytest.raises(StorageError, match=name):
        policyfile.parse(text, "policy.toml")


@given(st.text(max_size=60))
def test_whatever_stands_in_the_file_it_is_a_policy_or_an_error(text: str) -> None:
    for attempt in (text, policyfile.DEFAULT + text):
        with contextlib.suppress(StorageError):
            assert isinstance(policyfile.parse(attempt, "policy.toml"), Policy)


def test_a_missing_or_binary_file_allows_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        policyfile.load(tmp_path / "policy.toml")
    (tmp_path / "policy.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(StorageError, match="not UTF-8"):
        policyfile.load(tmp_path / "policy.toml")


@pytest.mark.parametrize(
    ("clause", "words"),
    [
        ('models = ["mlp"]', "model 'logistic-regression' (allowed: mlp)"),
        ('columns = ["age", "outcome"]', "columns dose, ward (not among the columns allowed)"),
        ('columns = ["age", "dose", "ward"]', "columns outcome"),
        ("max_rounds = 1", "rounds 2 (at most 1)"),
        ("max_epsilon = 1.0", "no differential privacy"),
    ],
)
def test_a_clause_of_the_file_refuses_a_study_by_its_name(clause: str, words: str) -> None:
    name = clause.split(" ")[0]
    lines = [line for line in policyfile.DEFAULT.splitlines() if not line.startswith(f"{name} =")]
    policy = policyfile.parse("\n".join([*lines, clause]), "policy.toml")
    with pytest.raises(RefusedError) as caught:
        policy.check(simulator.study(5))
    assert words in caught.value.message


def test_installed_packages_are_allowed_by_name_only() -> None:
    custom = simulator.study(5, model={"kind": "custom", "package": "icu.lstm:build"})
    for packages, allowed in (((), False), (("icu.lstm:other",), False), (("icu.lstm:build",), True)):
        broken = Policy(packages=frozenset(packages)).broken(custom)
        assert (broken == ()) is allowed
        assert allowed or "package 'icu.lstm:build'" in broken[0]
