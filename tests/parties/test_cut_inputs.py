"""Exact sums of inputs that are cut at other values show the rows that are cut: a hospital cuts them at the same ones, or refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.parties.test_cut_updates import opened
from tests.parties.test_grids import ONE_GRID, again, next_sum
from tests.parties.test_weightings import vector
from tests.simulator import World

from cipherward.data import preprocess
from cipherward.data.partition import TEST, TRAIN
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.errors import UnfitUpdateError
from cipherward.learning import newton as steps
from cipherward.learning.outcome_binary import BINARY
from cipherward.parties.cut_inputs import CUT_ELSEWHERE, CutInputs, cuts
from cipherward.parties.cut_updates import note_rebuilt
from cipherward.parties.policy import SIMULATION, Policy
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.tasks import newton
from cipherward.tasks.catalogue import begin
from cipherward.tasks.defended import Candidate
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState

ROBUST = {"scale": "robust"}
LOW, HIGH = -8.0, 100.0
FAR = 60.0
"""The age of one patient of clinic-2; nobody else's is above 5."""
HIS_LINE = 6
N_INPUTS = 7
AGE, DOSE, WARD_A, ONE = 0, 2, 4, 7
"""Places among the inputs; the last is the intercept's 1."""

ONE_STEP = {"method": "sgd", "batch_size": 1_000, "local_epochs": 1}
MANY_STEPS = {"method": "sgd", "batch_size": 8, "local_epochs": 2}

_write_tables = simulator.write_tables


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """One patient's age is far from all others."""

    def tables(folder: Path, n: int = 5, *, rows: int = 80) -> Path:
        path = _write_tables(folder, n, rows=rows) / "clinic-2.csv"
        lines = path.read_text().splitlines()
        lines[HIS_LINE] = f"{FAR},{lines[HIS_LINE].partition(',')[2]}"
        path.write_text("\n".join(lines) + "\n")
        return folder

    monkeypatch.setattr(simulator, "write_tables", tables)


def study(
    name: str = "first", *, minimum: float = LOW, transform: str | None = None, impute: bool = False, **sections: Any
) -> Study:
    """A logistic regression that is fitted by Newton steps, or of which only the sum for predicted numbers matters."""
    columns = simulator.document(5)["columns"]
    columns[0] |= {"minimum": minimum, "maximum": HIGH} | ({"transform": transform} if transform else {})
    columns[1] |= {"impute": "regression"} if impute else {}
    training = {"rounds": 1, "batch_size": 0, "learning_rate": 0.05} | sections.pop("training", {})
    return simulator.study(5, name=name, columns=columns, training=training, **sections)


@contextmanager
def stepped(world: World) -> Iterator[World]:
    """A study of which the constants and one more sum are opened."""
    with world:
        for _ in range(2):
            assert next_sum(world) == ""
        yield world


def first(folder: Path, chosen: Study | None = None, policy: Policy = ONE_GRID) -> Any:
    return stepped(World(folder / "first", chosen or study(), policy=policy))


def refusal(world: World) -> dict[str, Any]:
    """What a hospital says that declines the sum after the constants."""
    with world:
        assert next_sum(world) == ""
        assert CUT_ELSEWHERE in next_sum(world)
        assert len(world.run.rounds_with_openings()) == 1
        declined = simulator.log(world.run.path, "declined")
        assert {told["hospital"] for told in declined if "hospital" in told} == {2}
        return declined[0]


def scaling_of(world: World) -> Preprocessor:
    found = world.hub.state.model.preprocessor if world.hub.state.model else None
    assert isinstance(found, Preprocessor)
    return found


def products(
    folder: Path, chosen: Study, earlier: World | None = None, policy: Policy = SIMULATION
) -> tuple[World, NDArray[np.float64]]:
    """A quarter of the sums of products of every two inputs, the numbers in [0, 1] of their range: the first Newton
    step, its change of scale undone, as anybody reads it."""
    made = again(earlier, folder, chosen, policy) if earlier else World(folder, chosen, policy=policy)
    assert next_sum(made) == ""
    state, scaling = made.hub.state, scaling_of(made)
    assert next_sum(made) == ""
    sums = opened(made, state)
    _, second = newton._reach(N_INPUTS + 1, BINARY.steps)
    terms = (sums["fit/curvature"].astype(np.float64) / newton._SCALE - int(sums["fit/rows"][0])) * second
    undo = np.eye(N_INPUTS + 1)
    for place, mean, stddev in zip((AGE, DOSE), scaling.mean, scaling.stddev, strict=True):
        undo[place, place], undo[place, ONE] = stddev, mean
    return made, undo @ steps.symmetric(terms, N_INPUTS + 1) @ undo.T


@pytest.mark.usefixtures("far")
def test_two_first_steps_show_the_inputs_of_a_patient_with_a_value_far_out(tmp_path: Path) -> None:
    """Without the rule: dose and ward of one patient follow from two sums over all rows of five hospitals."""
    one, wide = products(tmp_path / "first", study())
    with one:
        data = one.sites[2].work.data
        assert data.table["age"][HIS_LINE - 1] == FAR
        assert data.split[HIS_LINE - 1] == TRAIN
        (_, (_, was), *_), _ = cuts(scaling_of(one))
        two, narrow = products(tmp_path / "second", study("second", training=ROBUST), one)
        with two:
            (_, (_, now), *_), _ = cuts(scaling_of(two))
            assert now < was < (FAR - LOW) / (HIGH - LOW)
            read = (wide - narrow)[AGE] / (wide - narrow)[AGE, ONE]
            dose = (float(data.table["dose"][HIS_LINE - 1]) + 8.0) / 16.0
            assert read[DOSE] == pytest.approx(dose, abs=1e-4)
            assert read[WARD_A] == pytest.approx(float(data.table["ward"][HIS_LINE - 1] == "A"), abs=1e-4)
            assert (wide - narrow)[AGE, ONE] == pytest.approx((was - now) / 4, rel=1e-3)


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("impute", [False, True])
def test_a_hospital_with_such_a_row_declines_the_second_and_names_the_column_alone(
    tmp_path: Path, *, impute: bool
) -> None:
    with first(tmp_path, study(impute=impute)) as one:
        told = refusal(again(one, tmp_path / "second", study("second", impute=impute, training=ROBUST), ONE_GRID))
    assert "of the column 'age' elsewhere than before (the study 'first' cut them)" in told["reason"]
    assert f"{FAR:g}" not in told["reason"]
    assert "carry_over" in told["hint"]


@pytest.mark.usefixtures("far")
def test_a_study_that_would_cut_much_farther_is_refused_too_as_the_earlier_place_would_change_its_model(
    tmp_path: Path,
) -> None:
    with first(tmp_path, study(training=ROBUST)) as one:
        refusal(again(one, tmp_path / "second", study("second"), ONE_GRID))


@pytest.mark.usefixtures("far")
def test_a_row_that_was_cut_before_is_cut_at_the_same_value_again_and_two_sums_show_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of rows that are cut at other values they do (above): here the second study's constants differ by little."""
    one, wide = products(tmp_path / "first", study(), policy=ONE_GRID)
    with one:
        real = preprocess.fit
        monkeypatch.setattr(preprocess, "fit", lambda columns, sums: moved(real(columns, sums), 0.9))
        two, narrow = products(tmp_path / "second", study("second"), one, ONE_GRID)
        with two:
            (_, _, kept, _), _ = cuts(scaling_of(one))
            assert scaling_of(two).stddev[0] == 0.9 * scaling_of(one).stddev[0]
            assert two.sites[2].work.cuts == (("age", kept),)
            assert two.sites[1].work.cuts == ()
            assert np.abs(wide - narrow).max() < 1e-6
            (told,) = simulator.log(two.run.path, "numbers far out cut off")
            assert told["numbers"] == {"age": 1}


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("steps", [ONE_STEP, MANY_STEPS], ids=["one step", "many"])
def test_all_rounds_of_a_study_cut_a_row_at_the_same_value(tmp_path: Path, steps: dict[str, Any]) -> None:
    """Cut in the first round alone, the gradient of nearly the same model would differ by that row's."""
    rate = 0.001
    training = steps | {"rounds": 2, "learning_rate": rate}
    with World(
        tmp_path, study(training=training, aggregation={"bits": 24, "range_initial": 2.0**-5}), policy=ONE_GRID
    ) as world:
        assert next_sum(world) == ""
        gradients, held = [], []
        for _ in range(2):
            state = world.hub.state
            assert next_sum(world) == ""
            gradients.append(vector(opened(world, state)) / rate)
            held.append(world.sites[2].work.cuts)
        assert held[0] == held[1] != ()
        if steps is ONE_STEP:
            assert np.abs(gradients[1] - gradients[0]).max() < 2e-4  # a row that is cut at ten changes it by 0.003


def test_a_later_study_of_many_steps_is_cut_there_too_where_that_fits_and_else_as_if_there_was_none(
    ledger: Ledger,
) -> None:
    rule, work, many = CutInputs(ledger, "clinic-1"), rows_with(0.8), study(training=MANY_STEPS)
    for factor, is_cut in ((1.0, True), (1.4, True), (1.6, False), (0.5, False), (0.7, True)):
        found = rule.hold(work, with_constants(many, factor * NEARER))
        assert [column for column, _ in found] == ["age"] * is_cut
    with pytest.raises(UnfitUpdateError, match="column 'age'"):
        rule.hold(work, with_constants(study(), 1.6 * NEARER))


def test_each_side_is_cut_by_public_numbers_alone(ledger: Ledger) -> None:
    """A row beyond on one side decides nothing for rows beyond on the other: noise of records covers one row."""
    rule, many = CutInputs(ledger, "clinic-1"), study(training=MANY_STEPS)
    rule.hold(rows_with(0.5), with_constants(many, NEARER))
    ((_, both),) = rule.hold(rows_with(0.95), with_middle(many, 0.44, 0.023))
    assert both[0] == 0.0
    assert both[1] == pytest.approx(0.65)  # 0.35 is less than four standard deviations from the middle
    work = rows_with(0.95)
    work.data.table[1, "age"] = LOW + 0.34 * (HIGH - LOW)
    ((_, still),) = rule.hold(work, with_middle(many, 0.44, 0.023))
    assert still == both


@pytest.mark.usefixtures("far")
def test_sums_for_predicted_numbers_are_of_rows_that_are_cut_there(tmp_path: Path) -> None:
    with World(tmp_path, study(impute=True), policy=ONE_GRID) as world:
        assert next_sum(world) == ""
        state = world.hub.state
        assert next_sum(world) == ""
        work = world.sites[2].work
        assert [column for column, _ in work.cuts] == ["age"]
        cut = work.values(state)["impute/products"]
        work.cuts = ()
        assert not np.array_equal(cut, work.values(state)["impute/products"])


def moved(scaling: Preprocessor, factor: float) -> Preprocessor:
    return dataclasses.replace(scaling, stddev=tuple(factor * each for each in scaling.stddev))


@pytest.mark.usefixtures("far")
def test_the_same_study_is_answered_again_and_so_is_one_without_the_column(tmp_path: Path) -> None:
    with first(tmp_path) as one:
        robust = study("without", training=ROBUST)
        for chosen in (study("again", training={"rounds": 3}), robust.without_columns(["age"])):
            with stepped(again(one, tmp_path / chosen.name, chosen, ONE_GRID)) as other:
                one = other


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize(
    ("training", "is_refused"),
    [
        (ONE_STEP, True),
        (MANY_STEPS | {"learning_rate": 0.0005}, True),
        (MANY_STEPS | {"learning_rate": 0.05}, False),
    ],
    ids=["one step", "many that hardly move", "many"],
)
def test_an_update_that_is_nearly_one_step_from_zeros_is_such_a_sum(
    tmp_path: Path, training: dict[str, Any], *, is_refused: bool
) -> None:
    fine = {"bits": 24}
    with first(tmp_path, study(training=training, aggregation=fine)) as one:
        robust = study("second", training=training | ROBUST, aggregation=fine)
        second = again(one, tmp_path / "second", robust, ONE_GRID)
        if is_refused:
            refusal(second)
        else:
            with stepped(second):
                pass


def test_a_hospital_without_such_rows_answers_whatever_the_scale(tmp_path: Path) -> None:
    with first(tmp_path) as one:
        for name, training in (("robust", ROBUST), ("again", {})):
            with stepped(again(one, tmp_path / name, study(name, training=training), ONE_GRID)) as other:
                one = other


@pytest.mark.usefixtures("far")
def test_constants_that_are_carried_over_cut_where_they_did(tmp_path: Path) -> None:
    """The way out that a refusal names, for fewer columns, too."""
    with first(tmp_path) as one:
        opening = {"study": "ab" * 32, "opening": "cd" * 32, "date": "2026-01-01"}
        carried = opening | {"constants": scaling_of(one).to_json()}
        chosen = study("carried", training=ROBUST, carry_over=carried)
        state, rule = begin(chosen), one.sites[2]._contributions.cut_inputs
        assert rule is not None
        rule.hold(one.sites[2].work, state)
        fewer = chosen.without_columns(["ward"])
        rule.hold(one.sites[2].work, begin(fewer))
        model = state.inner.model
        for factor in (0.59, 0.61, 1.49, 1.51):
            other_scaling = moved(model.preprocessor, factor)
            inner = dataclasses.replace(state.inner, model=dataclasses.replace(model, preprocessor=other_scaling))
            other = dataclasses.replace(state, inner=inner)
            if not 0.6 < factor < 1.5:
                with pytest.raises(UnfitUpdateError, match="column 'age'"):
                    rule.hold(one.sites[2].work, other)
            else:
                assert [column for column, _ in rule.hold(one.sites[2].work, other)] == ["age"]


@pytest.mark.usefixtures("far")
def test_the_logarithm_of_the_column_is_another_sum_with_places_of_its_own(tmp_path: Path) -> None:
    """Ages below zero count as zero in all of these studies, as one grid asks for."""

    def of(name: str, **options: Any) -> Study:
        return study(name, minimum=0.0, **options)

    with first(tmp_path, of("first")) as one:
        logged = again(one, tmp_path / "logged", of("logged", transform="log1p", training=ROBUST), ONE_GRID)
        with stepped(logged) as two:
            refusal(again(two, tmp_path / "third", of("third", training=ROBUST), ONE_GRID))


@pytest.mark.usefixtures("far")
def test_a_rebuilt_ledger_does_not_know_where_so_no_row_may_be_cut(tmp_path: Path) -> None:
    rebuilt = World(tmp_path, study(), policy=ONE_GRID)
    for site in rebuilt.sites.values():
        note_rebuilt(site.ledger, site.standing.register.name)
    assert "has forgotten where earlier studies did" in refusal(rebuilt)["reason"]


NEAREST, NEARER, FARTHER, BEYOND_ALL = 0.02, 0.025, 0.0375, 0.125
"""Standard deviations of ages around the middle of their range: cut beyond 0.3 and 0.7 of it, 1/4 and 3/4, 1/8 and 7/8, or
nowhere. Of a first study NEARER's 0.35 and 0.65 stay, and FARTHER's 0.275 and 0.725."""


def with_constants(chosen: Study, stddev: float) -> StudyState:
    """The state of a study after its constants."""
    return with_middle(chosen, 0.5, stddev)


def with_middle(chosen: Study, middle: float, stddev: float) -> StudyState:
    state = begin(chosen)
    scaling = Preprocessor(chosen.columns, (middle, 0.5), (stddev, BEYOND_ALL), 400, 200)
    model = dataclasses.replace(state.inner.model, preprocessor=scaling)
    inner = dataclasses.replace(state.inner, model=model)
    return dataclasses.replace(state, inner=inner)


def rows_with(place: float, split: int = TRAIN) -> HospitalWork:
    """A hospital one of whose rows has an age at this share of its range; all others are in the middle."""
    ages = [LOW + share * (HIGH - LOW) for share in (place, *[0.5] * 9)]
    table = pl.DataFrame({"age": ages, "dose": [0.0] * 10, "ward": ["A"] * 10})
    splits = np.array([split, *[TRAIN] * 9], np.uint8)
    return HospitalWork(1, HospitalData("clinic-1", table, np.array([0, 1] * 5, np.int8), splits), "cpu", lambda: 0.0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.sqlite")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("place", "split", "is_refused"),
    [
        (0.71, TRAIN, True),
        (0.29, TRAIN, True),
        (0.95, TRAIN, True),
        (0.7, TRAIN, False),
        (0.3, TRAIN, False),
        (0.8, TEST, False),
    ],
    ids=["above", "below", "far above", "at the upper place", "at the lower place", "a test row"],
)
def test_a_training_row_that_would_be_cut_nearer_than_before_is_refused_and_none_at_that_place(
    ledger: Ledger, place: float, split: int, *, is_refused: bool
) -> None:
    rule, work = CutInputs(ledger, "clinic-1"), rows_with(place, split)
    first, second = (with_constants(study(), stddev) for stddev in (FARTHER, NEAREST))
    rule.hold(work, first)
    if is_refused:
        with pytest.raises(UnfitUpdateError, match="column 'age'"):
            rule.hold(work, second)
    else:
        assert rule.hold(work, second) == ()
    CutInputs(ledger, "another").hold(work, second)
    rule.hold(work, first)


@pytest.mark.parametrize("place", [0.71, 0.8, 0.29, 0.95])
def test_a_training_row_beyond_is_cut_where_it_was_while_that_is_from_four_to_ten_standard_deviations(
    ledger: Ledger, place: float
) -> None:
    rule, work = CutInputs(ledger, "clinic-1"), rows_with(place)
    for stddev in (NEARER, 1.49 * NEARER, 0.61 * NEARER):
        ((column, places),) = rule.hold(work, with_constants(study(), stddev))
        assert column == "age"
        assert places == pytest.approx((0.35, 0.65))
    for factor in (0.59, 1.51):
        with pytest.raises(UnfitUpdateError, match="column 'age'"):
            rule.hold(work, with_constants(study(), factor * NEARER))


def test_the_first_place_stays_whatever_is_answered_afterwards(ledger: Ledger) -> None:
    rule = CutInputs(ledger, "clinic-1")
    rule.hold(rows_with(0.5), with_constants(study(), FARTHER))
    rule.hold(rows_with(0.5), with_constants(study(), NEARER))
    rule.hold(rows_with(0.8), with_constants(study(), FARTHER))
    with pytest.raises(UnfitUpdateError, match="column 'age'"):
        rule.hold(rows_with(0.8), with_constants(study(), NEAREST))


def test_places_are_looked_up_once_in_a_study(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    rule, work, state = CutInputs(ledger, "clinic-1"), rows_with(0.8), with_constants(study(), NEARER)
    first = rule.hold(work, state)
    monkeypatch.setattr(CutInputs, "_known", lambda *_: pytest.fail("asked the ledger again"))
    assert rule.hold(work, state) == first != ()


def test_what_is_refused_sets_no_place_and_none_is_beyond_the_declared_range(ledger: Ledger) -> None:
    rule, state = CutInputs(ledger, "clinic-1"), with_constants(study(), NEARER)
    note_rebuilt(ledger, "clinic-1")
    for place in (0.8, 0.61):  # one that no earlier study can have cut is within four standard deviations
        with pytest.raises(UnfitUpdateError, match="has forgotten"):
            rule.hold(rows_with(place), state)
    (age, farthest, kept, nearest), (dose, *everywhere) = cuts(state.inner.model.preprocessor)
    assert farthest == (0.25, 0.75)
    assert nearest == pytest.approx((0.4, 0.6))
    assert everywhere[:2] == [(0.0, 1.0)] * 2
    assert kept == pytest.approx((0.35, 0.65))
    assert not ledger.standing(rule._name(age))
    assert not ledger.standing(rule._name(dose))
    many = with_constants(study(training=MANY_STEPS), NEARER)
    assert rule.hold(rows_with(0.8), many) == ()
    assert not ledger.standing(rule._name(age))
    rule.hold(rows_with(0.6), state)
    assert ledger.standing(rule._name(dose))


def test_a_task_says_which_of_its_answers_sum_inputs() -> None:
    """A vote on a model that was trained from zeros is none, nor is an update with noise or of a network."""
    work = rows_with(0.5)

    def says(chosen: Study, **changed: Any) -> bool:
        state = with_constants(chosen, NEARER)
        return state.task.sums_inputs(dataclasses.replace(state.inner, **changed), work)

    one_step = study(training=ONE_STEP)
    assert says(one_step)
    assert says(study())
    assert not says(study(), rounds_done=1), "the fit is at its last step, and its model is measured"
    model = with_constants(one_step, NEARER).inner.model
    assert says(one_step, model=dataclasses.replace(model, weights=np.full_like(model.weights, 0.01)))
    network = study(training=ONE_STEP, model={"kind": "mlp", "hidden": [4]})
    assert not says(network)
    assert not says(one_step, model=dataclasses.replace(model, preprocessor=None))
    noisy = {"unit": "record", "epsilon": 8.0, "delta": 1e-5, "clipping_norm": 1.0}
    assert not says(study(training=ONE_STEP, privacy=noisy))
    voted = study(training=ONE_STEP | {"defence": {"vote": True}})
    assert says(voted)
    assert not says(voted, candidate=Candidate(model.weights))
    measured = begin(study(training=ONE_STEP, evaluation={"subgroups": [{"column": "ward"}]}))
    trained = with_constants(one_step, NEARER).inner
    assert measured.task.sums_inputs(dataclasses.replace(measured.inner, inner=trained), work)
