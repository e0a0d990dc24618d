"""A study is asked again with other words, by hospitals that remember: no edit tells one of them from its block."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests import simulator
from tests.parties.test_blocks import columns, ended, once_more, sums_of
from tests.simulator import World, lost

from cipherward.disclosure.inference import readable
from cipherward.errors import BudgetExceededError, DataError, DeclinedError, RefusedError, StudyError
from cipherward.parties.cut_updates import CUT_OTHERWISE
from cipherward.parties.grids import ANOTHER_GRID, OTHER_GROUPS
from cipherward.parties.outcomes import BOUND
from cipherward.parties.weighing import WEIGHED_OTHERWISE
from cipherward.runs import verify
from cipherward.study import Study
from cipherward.tasks.catalogue import make_task

AGE, DOSE, WARD = simulator.document()["columns"]
QUICK_TREES = {"floors": False, "stages": 1, "trees": 2, "max_depth": 2}
QUICK: dict[str, dict[str, Any]] = {
    "the same question": {},
    "a column's unit": {"columns": columns(unit="y")},
    "a column's range": {"columns": columns(maximum=8.5)},
    "a column less": {"columns": [AGE, DOSE]},
    "a category more": {"columns": [AGE, DOSE, {**WARD, "categories": ["A", "B", "C"]}]},
    "rounds": {"training": {"rounds": 3}},
    "seed": {"seed": 4},
    "validation_fraction": {"data": {"validation_fraction": 0.1001}},
    "split_salt": {"data": {"split_salt": "another"}},
    "bins": {"evaluation": {"bins": 128}},
    "bits": {"aggregation": {"bits": 24}},
    "hidden": {"model": {"kind": "mlp", "hidden": [3]}},
    "task": {"task": "describe", "training": {}},
    "corrupt": {"aggregation": {"corrupt": 1}},
    "defence": {"training": {"defence": {"clip_norm": 0.2}}},
}
EDITS: dict[str, dict[str, Any]] = {
    **QUICK,
    "a column's minimum": {"columns": columns(minimum=-7.5)},
    "a column's transform": {"columns": columns(minimum=0.0, transform="log1p")},
    "a column's missing": {"columns": columns(missing=["-9"])},
    "a column's description": {"columns": columns(description="in years")},
    "the columns' order": {"columns": [WARD, DOSE, AGE]},
    **{name: {name: "another"} for name in ("name", "title", "description", "purpose", "contact", "legal_basis")},
    "until": {"until": "2999-01-01"},
    "synthetic": {"synthetic": True},
    "settings": {"task": "describe", "training": {}, "settings": {"bins": 16}},
    "points": {"task": "points", "training": {}, "model": {"kind": "points"}},
    "trees": {"task": "boost", "training": {}, "model": {"kind": "boosted-trees"}, "settings": QUICK_TREES},
    "positive": {"data": {"positive": "0"}},
    "negative": {"data": {"negative": ["0"]}},
    "outcome": {"data": {"outcome": "ward", "positive": "A"}, "columns": [AGE, DOSE]},
    "a measured outcome": {
        "data": {"outcome_type": "continuous", "outcome": "age", "outcome_minimum": -8.0, "outcome_maximum": 8.0},
        "columns": [DOSE, WARD],
        "model": {"kind": "linear"},
    },
    "patient_column": {"data": {"patient_column": "dose"}, "columns": [AGE, WARD]},
    "test_fraction": {"data": {"test_fraction": 0.25}},
    "allow_single_class": {"data": {"allow_single_class": True}},
    "confirmed_columns": {"data": {"confirmed_columns": ["age"]}},
    "kind": {"model": {"kind": "mlp", "hidden": [4]}},
    "method": {"training": {"method": "newton", "batch_size": 0, "learning_rate": 0.05}},
    "local_epochs": {"training": {"local_epochs": 2}},
    "batch_size": {"training": {"batch_size": 16}},
    "learning_rate": {"training": {"learning_rate": 0.25}},
    "momentum": {"training": {"momentum": 0.5}},
    "weight_decay": {"training": {"weight_decay": 0.1}},
    "proximal": {"training": {"proximal": 0.1}},
    "server": {"training": {"server": "adam", "server_rate": 0.02}},
    "halves_rate": {"training": {"halves_rate": True}},
    "patience": {"training": {"patience": 1}},
    "min_improvement": {"training": {"patience": 1, "min_improvement": 0.1}},
    "weights": {"training": {"weights": "equal"}},
    "scale": {"training": {"scale": "robust"}},
    "class_weights": {"training": {"class_weights": [1.0, 3.0]}},
    "rounding": {"aggregation": {"rounding": "stochastic"}},
    "threshold": {"aggregation": {"threshold": 4}},
    "dropouts": {"aggregation": {"dropouts": 1}},
    "min_contributors": {"aggregation": {"min_contributors": 4}},
    "range_initial": {"aggregation": {"range_initial": 0.5}},
    "range_min": {"aggregation": {"range_min": 0.001}},
    "range_max": {"aggregation": {"range_max": 32.0}},
    "weight_cap": {"aggregation": {"weight_cap": 50}},
    "max_attempts": {"aggregation": {"max_attempts": 2}},
    "deadline_seconds": {"aggregation": {"deadline_seconds": 60.0}},
    "group_rows": {"evaluation": {"group_rows": 12}},
    "coverage": {"evaluation": {"coverage": 0.9, "threshold": 0.4}},
    "alerts": {"evaluation": {"alerts": 0.2}},
    "subgroups": {"evaluation": {"subgroups": [{"column": "ward"}, {"column": "age", "edges": [0.0]}]}},
    "privacy of records": {"privacy": {"unit": "record", "epsilon": 8.0, "delta": 1e-5, "clipping_norm": 1.0}},
    "privacy of a hospital": {"privacy": {"unit": "hospital", "epsilon": 8.0, "delta": 1e-5, "clipping_norm": 1.0}},
    "enabled": {"noise": {"enabled": True, "epsilon": 20.0, "delta": 1e-5}},
    "epsilon": {"noise": {"epsilon": 8.0}},
    "delta": {"noise": {"delta": 1e-5}},
    "rows_per_patient": {"noise": {"rows_per_patient": 2}},
    "narrow": {"noise": {"enabled": True, "epsilon": 20.0, "delta": 1e-5, "narrow": True}},
    "vault": {"vault": {"updates": {"keep": False}}},
}
ELSEWHERE = {
    "format": "another format is refused",
    "source": "a simulation of public data has no register that is asked twice",
    "cohort": "as source",
    "classes": "the tables have no column of three values; test_types_of_outcome runs such studies",
    "date_column": "a split by time is refused between hospitals (tests/data/test_temporal.py)",
    "test_from": "as date_column",
    "index_date": "says which rows are refused, never which ones count (tests/data/test_recorded_days.py)",
    "outcome_date": "as index_date",
    "path": "where the table lies; a register is named by the hospital",
    "hospital_column": "as path",
    "package": "code that a hospital allowed by name (test_what_a_study_brings)",
    "scheme": "ckks and plain count as a yes",
    "singled_out": "a yes",
    "given_up": "test_give_up, and set by freezing",
    "noise_multiplier": "set by freezing",
    "carry_over": "test_carry_over",
    "hospitals": "one of them leaves here",
    "blocks": "tests/disclosure/histories",
    "splits": "tests/disclosure/histories",
    "refresh": "test_rows_that_change",
    "successions": "test_successors",
    "agreed": "a yes",
    "continues": "names a study that has ended; tests/runs/test_continuing",
    "first_model": "set by freezing",
    "coordinator_key": "keys of these parties",
    "ckks_key_digest": "as scheme",
}
"""Fields that are not edited here, each with the reason or the test that does."""

FEW = (
    "the same question",
    "a column's range",
    "a column less",
    "rounds",
    "validation_fraction",
    "bins",
    "task",
    "defence",
)
"""Of `QUICK`, one of each kind: each rule that refuses an edit refuses one of these."""

PAIRS = [random.Random(seed).sample(sorted(QUICK), 2) for seed in range(4)]


def asked() -> Iterator[Any]:
    """Edits and pairs of them; `make test` tries few."""
    for name in EDITS:
        yield pytest.param([name], marks=[] if name in FEW else [pytest.mark.thorough])
    for number, pair in enumerate(PAIRS):
        yield pytest.param(pair, marks=[pytest.mark.thorough] if number else [])


def fields_of(model: type[BaseModel]) -> Iterator[str]:
    """The names of all settings; of columns, hospitals and what else is a list, and of the vault, the section's."""
    for name, one in model.model_fields.items():
        inner = one.annotation
        if name != "vault" and isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from fields_of(inner)
        else:
            yield name


def edited(*names: str) -> dict[str, Any]:
    """The sections of a study with these edits."""
    sections: dict[str, Any] = {}
    for name in names:
        for key, value in EDITS[name].items():
            old = sections.get(key)
            sections[key] = {**old, **value} if isinstance(old, dict) else value
    return sections


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A study of which the statistics and the first updates are opened; closed."""
    with World(tmp_path_factory.mktemp("first"), simulator.study(5)) as made:
        made.run_sums(2)
    return made


@pytest.fixture
def first(once: World, tmp_path: Path) -> Iterator[World]:
    """That study, by hospitals with copies of their ledgers."""
    with once.copied(tmp_path / "ledgers") as made:
        yield made


REFUSALS = (BOUND, WEIGHED_OTHERWISE, CUT_OTHERWISE, ANOTHER_GRID, OTHER_GROUPS)

Weighing = tuple[str, tuple[int, ...]]
"""What updates, and steps by outcome, are weighed by, and at how many rows each hospital's weight is cut off."""


@dataclass
class Opened:
    """What hospitals have opened, in all studies: who was in each sum, and how those sums weighed them that weigh at all."""

    sums: list[tuple[int, ...]] = field(default_factory=list)
    weighings: set[Weighing] = field(default_factory=set)

    def add(self, world: World) -> None:
        """All sums of this study."""
        self.sums += sums_of(world)
        *before, _ = (each.state for each in verify.replay(verify.open_run(world.run.path)))
        for state in before:
            question = state.task.ask(state.inner)
            names = {segment.name for segment in question.layout.segments} if question else set()
            if "fit/gradient" in names or (
                state.study.task in ("points", "boost") and names & {"gradient", "positive"}
            ):
                self.weighings.add(("rows 0.0", (0,) * 5))
            elif "weight" in names:
                cuts = (state.task.weight_cut(state.inner, site.work) for site in world.sites.values())
                clip = state.task.clip_norm()
                self.weighings.add((f"{state.study.training.weights} {clip}", tuple(cut or 0 for cut in cuts)))

    def check(self) -> None:
        """Adding and subtracting gives sums of whole blocks only, in which each hospital always weighs the same."""
        assert readable(self.sums) == (frozenset({1, 2, 3, 4, 5}),)
        assert len(self.weighings) <= 1


def run_again(
    first: World, opened: Opened, folder: Path, sections: dict[str, Any], n: int, *bends: simulator.Bend, sums: int = 1
) -> None:
    """One more study over the same tables, by hospitals that remember all studies before it, to its end or to `sums`.

    Two edits may make no study that anybody would begin, and a budget may be spent.
    """
    try:
        world = once_more(first, folder, simulator.study(n, **sections), *bends)
    except (StudyError, DataError, RefusedError):
        return
    with world as second:
        with contextlib.suppress(BudgetExceededError, DeclinedError):
            ended(second, sums)
        for line in simulator.log(second.run.path, "declined"):
            assert line["hospital"] if "hospital" in line else line["code"] in REFUSALS
        opened.add(second)


def test_every_field_of_a_study_is_edited_or_the_reason_is_said() -> None:
    edits = {key for edit in EDITS.values() for key in _keys(edit)}
    fields = set(fields_of(Study))
    assert fields <= edits | set(ELSEWHERE), fields - edits - set(ELSEWHERE)
    assert not fields & set(ELSEWHERE) & edits
    for name in EDITS:
        assert make_task(simulator.study(5, **edited(name)))


def _keys(edit: dict[str, Any]) -> Iterator[str]:
    for key, value in edit.items():
        yield key
        if isinstance(value, dict):
            yield from value


@pytest.mark.parametrize("names", [*asked()], ids="+".join)
def test_no_edit_of_a_study_tells_one_hospital_from_its_block(first: World, tmp_path: Path, names: list[str]) -> None:
    """Once it leaves, once it is late, and once it is late for the third sum, after a first update, step or measurement."""
    opened, late = Opened(), partial(lost, {5}, kinds={"Update"})
    opened.add(first)
    studies = ((4, ()), (5, (late(),)), (5, (late(rounds={2}),)))
    for number, (n, bends) in enumerate(studies):
        run_again(first, opened, tmp_path / str(number), edited(*names), n, *bends, sums=9)
    opened.check()


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(20))
def test_no_hundred_studies_with_random_edits_tell_one_hospital_from_its_block(
    first: World, tmp_path: Path, seed: int
) -> None:
    """2,000 pairs of edits in all, by the same hospitals one after another; one of them leaves, is late for a sum, or takes part."""
    drawn, opened = random.Random(seed), Opened()
    opened.add(first)
    for number in range(100):
        names, gone = drawn.sample(sorted(EDITS), 2), drawn.randint(1, 5)
        away = lost({gone}, kinds={"Update"}, rounds={drawn.randrange(4)})
        n, bends = drawn.choice([(4, ()), (5, ()), (5, (away,))])
        run_again(first, opened, tmp_path / str(number), edited(*names), n, *bends, sums=drawn.choice((1, 5)))
    assert len(opened.sums) > 20
    opened.check()
