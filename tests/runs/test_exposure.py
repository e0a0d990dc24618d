"""`cipherward exposure` of a run: who stood in its sums, what they were, and what follows from their contributors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import simulator
from tests.simulator import BentNetwork, lost
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.disclosure.blocks import Register
from cipherward.errors import AuditError
from cipherward.runs import exposure, verify
from cipherward.sums.messages import Receipt, unsign


def said(path: Path, *options: str) -> str:
    result = CliRunner().invoke(app, ["exposure", str(path), *options])
    assert result.exit_code == 0, result.output
    return result.stdout


def one_line(text: str, *words: str) -> str:
    found = [line for line in text.splitlines() if all(word in line for word in words)]
    assert len(found) == 1, text
    return found[0]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four hospitals that may not be singled out."""
    return simulator.run(tmp_path_factory.mktemp("without"), simulator.study(4)).path


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which clinic-5 may be singled out, and is away in one training round."""
    chosen = simulator.study(5, singled_out=["clinic-5"], aggregation={"corrupt": 1, "min_contributors": 3})
    return simulator.run(
        tmp_path_factory.mktemp("agreed"), chosen, network=BentNetwork(lost({5}, kinds={"Update"}, rounds={1}))
    ).path


def test_without_agreement_one_block_stands_in_every_sum_and_nobody_apart(without: Path) -> None:
    found = exposure.of_path(without)
    everybody = tuple(f"clinic-{i}" for i in (1, 2, 3, 4))
    assert [block.members for block in found.blocks] == [everybody]
    assert found.blocks[0].founded
    assert not any(one.agreed for one in found.registers)
    assert {one.block for one in found.registers} == {found.blocks[0].digest}
    assert [one.purpose for one in found.sums] == ["statistics", "train", "train", "evaluate"]
    assert found.inferred.groups == found.inferred.readable == (everybody,)
    assert found.inferred.alone == ()
    text = said(without)
    assert text.count("may not be singled out") == 4
    assert "clinic-1, clinic-2, clinic-3, clinic-4: always together, so not to be told apart" in text
    assert "Nothing is promised to single patients" in text
    assert "EXACT: no noise" in one_line(text, "  statistics, sum 0")
    for sentence in exposure.LIMITS:
        assert sentence in text


def test_who_agreed_and_was_away_is_readable_and_named(agreed: Path) -> None:
    found = exposure.of_path(agreed)
    assert [one.hospital for one in found.registers if one.agreed] == ["clinic-5"]
    assert found.registers[4].block == ""
    assert [len(one.contributors) for one in found.sums] == [5, 4, 5, 5]
    assert found.inferred.alone == ("clinic-5",)
    text = said(agreed)
    assert "alone; agreed to be singled out" in one_line(text, "  clinic-5, table")
    assert "what it sent alone is readable" in one_line(text, "  clinic-5 stood apart")


def test_scripts_get_the_same_facts(agreed: Path) -> None:
    document = json.loads(said(agreed, "--json"))
    assert document == json.loads(json.dumps(exposure.of_path(agreed).to_json()))
    assert document["inferred"]["alone"] == ["clinic-5"]
    assert document["not_given_by_blocks"] == list(exposure.LIMITS)
    assert {"study", "digest", "registers", "blocks", "sums", "budget", "inferred"} <= document.keys()


def test_noisy_sums_say_whose_noise_they_carry_and_what_it_costs_and_receipts_do_too(tmp_path: Path) -> None:
    noise = {"enabled": True, "epsilon": 8.0, "delta": 1e-4}
    path = simulator.run(tmp_path, simulator.study(4, noise=noise)).path
    found = exposure.of_path(path)
    assert [bool(one.noise) for one in found.sums] == [True, False, False, False]
    (budget,) = found.budget
    assert (budget.epsilon, budget.delta) == (8.0, 1e-4)
    assert budget.spent == pytest.approx(8.0, rel=0.01)
    assert budget.left == pytest.approx(0.0, abs=0.08)
    assert found.exact == 3
    run = verify.open_run(path)
    receipts = [
        unsign(run.files.receipt(k, 2).read_bytes(), Receipt, study=run.rules.study, keys=run.rules.keys, sender=2)
        for k in range(4)
    ]
    assert "noise: each hospital's own, for its own patients" in receipts[0].detail
    assert all("exact, so it promises single patients nothing" in receipt.detail for receipt in receipts[1:])


def test_under_a_scheme_that_hides_no_single_update_everybody_counts_as_agreed(tmp_path: Path) -> None:
    path = simulator.run(tmp_path, simulator.study(4, aggregation={"scheme": "plain"})).path
    found = exposure.of_path(path)
    assert all(one.agreed for one in found.registers)
    assert found.reader == "the coordinator"
    assert "the coordinator could read every single contribution" in said(path)


def test_a_run_that_its_files_do_not_prove_is_refused(without: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(without, tmp_path / "run")
    opening = tmp_path / "run" / "receipts" / "0001" / "opening.cbor"
    data = bytearray(opening.read_bytes())
    data[len(data) // 2] ^= 1
    opening.write_bytes(data)
    with pytest.raises(AuditError):
        exposure.of_path(tmp_path / "run")


def test_sets_of_contributors_tell_what_subtraction_gives() -> None:
    a, b, c, d = (Register(bytes([i]) * 32, "table") for i in range(4))
    names = {a: "a", b: "b", c: "c", d: "d"}
    assert exposure.infer([], names).groups == ()
    split = exposure.infer([{a, b, c, d}, {a, b}], names)
    assert split.readable == (("a", "b"), ("c", "d"))
    assert exposure.infer([{a, b, c}, {a, b, c, d}], names).alone == ("d",)
    overlapping = exposure.infer([{a, b}, {b, c}, {a, c}], names)
    assert overlapping.alone == ("a", "b", "c")
    open_ended = exposure.infer([{a, b}, {b, c}], names)
    assert len(open_ended.groups) == 3
    assert open_ended.readable == ()
