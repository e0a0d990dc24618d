"""The size sweep: bytes are those of a run, a wrong sum is an error, what was measured is kept."""

from __future__ import annotations

import builtins
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.simulator import World

from cipherward.comparison import sizes
from cipherward.comparison.break_even import break_even, random_lanes, sent_by_one
from cipherward.comparison.sizes import PHASES, SCHEMES, measure, run_sizes
from cipherward.crypto.quorum import QuorumScheme
from cipherward.errors import InterruptedRunError, ProtocolError, StorageError, StudyError
from cipherward.sums import hospital_steps

WITHOUT_CKKS = tuple(scheme for scheme in SCHEMES if scheme != "ckks")


def sweep(out: Path, **options: Any) -> dict[str, Any]:
    small: dict[str, Any] = {"counts": (50, 300), "names": WITHOUT_CKKS, "n_hospitals": 3, "repeats": 1}
    return run_sizes(out, **small | options)


@pytest.fixture(autouse=True)
def no_break_even(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "break_even", lambda n_hospitals, kinds=(): (1, 2))


def test_every_size_and_scheme_has_a_row_with_all_phases(tmp_path: Path) -> None:
    document = sweep(tmp_path)
    assert [(row["n_parameters"], row["scheme"]) for row in document["rows"]] == [
        (count, scheme) for count in (50, 300) for scheme in WITHOUT_CKKS
    ]
    for row in document["rows"]:
        assert set(row["seconds"]) == set(PHASES)
        assert all(value > 0 for value in row["seconds"].values())
        assert row["bytes_up_per_parameter"] == row["bytes_up_per_hospital"] / row["n_parameters"]
    up = {(row["n_parameters"], row["scheme"]): row["bytes_up_per_hospital"] for row in document["rows"]}
    assert document["ratio_to_masks"] == {str(n): up[n, "quorum"] / up[n, "masks"] for n in (50, 300)}
    assert json.loads((tmp_path / "sizes.json").read_text()) == document


def test_ckks_takes_its_part_where_tenseal_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("tenseal")
    rows = sweep(tmp_path, counts=(50,), names=("ckks",))["rows"]
    assert [row["scheme"] for row in rows] == ["ckks"]


def test_without_tenseal_ckks_is_left_out_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("tenseal"):
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    document = sweep(tmp_path, counts=(50,), names=("plain", "ckks"))
    assert [row["scheme"] for row in document["rows"]] == ["plain"]
    assert [item["scheme"] for item in document["left_out"]] == ["ckks"]
    assert "TenSEAL" in document["left_out"][0]["reason"]


@pytest.mark.parametrize("scheme", WITHOUT_CKKS)
def test_bytes_are_those_of_a_run_over_real_nodes(tmp_path: Path, scheme: str) -> None:
    with World(tmp_path, simulator.study(3, aggregation={"scheme": scheme})) as world:
        layout = world.first.layout
        world.run_sums(1)
        traffic = world.engine.traffic[0]
    size = layout.n_lanes if scheme != "plain" else 2 * layout.n_values  # counts travel as float64
    row = measure(scheme, size, 3, 1)
    # The receipt's wording differs, and the numbers' own sizes in CBOR.
    assert abs(row["bytes_up_per_hospital"] - max(traffic.up.values())) < 300
    if scheme != "plain":  # there the total's 8 bytes for each of the doubled values would count twice
        assert abs(row["bytes_down_per_hospital"] - max(traffic.down.values())) < 300


def test_a_wrong_sum_is_an_error_and_leaves_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = QuorumScheme.sums

    def off_by_one(self: Any, *arguments: Any) -> Any:
        found = real(self, *arguments)
        found[-1] += 1
        return found

    monkeypatch.setattr(QuorumScheme, "sums", off_by_one)
    with pytest.raises(ProtocolError, match=r"under quorum differs from plain addition in 1 of"):
        sweep(tmp_path, counts=(50,))
    rows = json.loads((tmp_path / "sizes.json").read_text())["rows"]
    assert {row["scheme"] for row in rows} == {"plain", "masks"}


def test_a_hospital_that_reads_another_sum_than_the_coordinator_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = hospital_steps.verify

    def bent(*arguments: Any, **named: Any) -> Any:
        found = real(*arguments, **named)
        return dataclasses.replace(found, sums=np.flip(found.sums))

    monkeypatch.setattr(hospital_steps, "verify", bent)
    with pytest.raises(ProtocolError, match="read by hospital 1"):
        measure("masks", 50, 3, 1)


def test_a_stopped_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    with pytest.raises(InterruptedRunError, match="after 2 of 6"):
        sweep(tmp_path, on_progress=lambda *what: told.append(what), should_stop=lambda: len(told) == 2)
    assert [what[:2] for what in told] == [(1, 6), (2, 6)]
    half = json.loads((tmp_path / "sizes.json").read_text())["rows"]
    assert len(half) == 2
    whole = sweep(tmp_path)["rows"]
    assert [row for row in whole if row in half] == half
    assert len(whole) == 6
    assert sweep(tmp_path, should_stop=lambda: True)["rows"] == whole


def test_other_settings_measure_anew(tmp_path: Path) -> None:
    first = sweep(tmp_path, counts=(50,))
    second = sweep(tmp_path, counts=(300,), n_hospitals=4)
    assert (first["n_hospitals"], second["n_hospitals"]) == (3, 4)
    assert {row["n_parameters"] for row in second["rows"]} == {300}


def test_a_damaged_file_and_an_unknown_scheme_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="rot13"):
        sweep(tmp_path, names=("rot13",))
    (tmp_path / "sizes.json").write_text("{")
    with pytest.raises(StorageError, match="damaged"):
        sweep(tmp_path)


def test_break_even_is_the_first_model_that_is_smaller_than_float32() -> None:
    first, always = break_even(3)
    assert sum(sent_by_one(3, first).values()) < 4 * first
    assert sum(sent_by_one(3, first - 1).values()) >= 4 * (first - 1)
    assert sum(sent_by_one(3, always - 1).values()) >= 4 * (always - 1)
    assert first < always


def test_random_lanes_stay_below_their_bits() -> None:
    lanes = random_lanes(np.random.default_rng(1), 5_000, 9)
    assert lanes.dtype == np.uint32
    assert 256 <= int(lanes.max()) < 512
