"""Nobody agreed to be singled out: a block stands in sums whole or not at all, through the real nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.simulator import BentNetwork, World, body, kind_of, lost

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.disclosure.inference import readable
from cipherward.disclosure.standing import Agreement
from cipherward.errors import DeclinedError, QuorumError, StudyError
from cipherward.parties import who_stands
from cipherward.parties.outcomes import BOUND
from cipherward.simulation.simulate import resume_study
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.sums.hospital_steps import contributors_of
from cipherward.sums.messages import VOID, ConsentRequest, Manifest, Vote
from cipherward.sums.packets import pack, unpack

TWO_BLOCKS = {"corrupt": 1, "dropouts": 2, "min_contributors": 3}
"""Of seven hospitals: blocks of three and four."""


def sums_of(world: World) -> list[tuple[int, ...]]:
    """Who is in each opened sum."""
    rounds = world.run.rounds_with_openings()
    return [contributors_of(world.hub.rules, world.opening(round)) for round in rounds]


def once_more(first: World, folder: Path, chosen: Study, *bends: simulator.Bend) -> World:
    """Another study of the same hospitals, which remember the first."""
    n = chosen.n_hospitals
    second = World(
        folder, chosen, identities={i: first.keys.identities[i] for i in range(n + 1)}, network=BentNetwork(*bends)
    )
    for i in second.sites:
        first.sites[i].ledger.close()
        second.give_ledger(i, Ledger(first.sites[i].ledger.path))
    return second


def ended(world: World, sums: int = 1) -> str:
    """Runs so many sums, or says why no more of them was opened."""
    try:
        world.run_sums(sums)
    except QuorumError as error:
        return f"{error.message}; {error.hint}"
    return ""


# drop-outs


@pytest.mark.parametrize("kinds", ["join", "deal"])
def test_a_round_waits_for_who_did_not_agree_and_goes_on_when_it_is_back(tmp_path: Path, kinds: str) -> None:
    whole = simulator.run(tmp_path, simulator.study(5), name="whole")
    away = BentNetwork(lost({2}, kinds=simulator.PHASES[kinds], rounds={1}))
    with pytest.raises(QuorumError, match="clinic-2") as caught:
        simulator.run(tmp_path, simulator.study(5), network=away)
    assert "rule 1" in caught.value.hint
    assert len(simulator.contributors(tmp_path / "run")) == 1
    resumed = resume_study(tmp_path / "run", device="cpu")
    assert set(map(tuple, simulator.contributors(resumed.path))) == {(1, 2, 3, 4, 5)}
    assert np.array_equal(simulator.weights(resumed.path), simulator.weights(whole.path))
    assert simulator.holds(resumed.path)


@pytest.mark.parametrize("phase", ["consent", "release", "verify"])
def test_who_has_dealt_may_vanish(tmp_path: Path, phase: str) -> None:
    away = BentNetwork(lost({2}, kinds=simulator.PHASES[phase], rounds={1}))
    result = simulator.run(tmp_path, simulator.study(5), network=away)
    assert set(map(tuple, simulator.contributors(result.path))) == {(1, 2, 3, 4, 5)}


def test_the_first_sum_waits_for_all(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(5), network=BentNetwork(lost({4}, rounds={0}))) as world:
        assert "clinic-4" in ended(world)
        assert world.hub.needed == {4}


def test_a_round_goes_on_with_another_block_when_one_is_not_whole(tmp_path: Path) -> None:
    chosen = simulator.study(7, aggregation=TWO_BLOCKS)
    with World(tmp_path, chosen, network=BentNetwork(lost({2}, kinds={"Update"}, rounds={1}))) as world:
        world.run_sums()
        assert sums_of(world)[:3] == [(1, 2, 3, 4, 5, 6, 7), (4, 5, 6, 7), (1, 2, 3, 4, 5, 6, 7)]
        assert [outcome.outcome for outcome in world.sites[1].outcomes][:3] == ["preserved", "absent", "preserved"]
        assert [outcome.outcome for outcome in world.sites[5].outcomes][:3] == ["preserved"] * 3
    assert all(line.holds for line in simulator.lines_of(world.run.path) if line.hospital != "everyone")


def test_who_agreed_may_be_away_and_the_others_may_not(tmp_path: Path) -> None:
    chosen = simulator.study(5, singled_out=["clinic-5"], aggregation={"corrupt": 1, "min_contributors": 3})
    with World(tmp_path / "a", chosen, network=BentNetwork(lost({5}, rounds={0, 1}))) as world:
        world.run_sums(2)
        assert sums_of(world) == [(1, 2, 3, 4)] * 2
    with World(tmp_path / "b", chosen, network=BentNetwork(lost({4}, rounds={1}))) as world:
        assert "clinic-4" in ended(world, 2)
        assert sums_of(world) == [(1, 2, 3, 4, 5)]
        assert world.sites[5].outcomes[-1].outcome == "agreed"


def test_a_block_that_a_member_cannot_contribute_to_ends_the_study_with_its_reason(tmp_path: Path) -> None:
    class Unable:
        """A hospital's work whose table is empty of what is asked."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def values(self, state: Any) -> Any:
            from cipherward.errors import DataError

            raise DataError("nothing to answer with")

    with World(tmp_path, simulator.study(5)) as world:
        world.sites[3].work = Unable(world.sites[3].work)  # type: ignore[assignment]
        with pytest.raises(DeclinedError, match="clinic-3: unusable data"):
            world.run_sums(1)
        assert sums_of(world) == []


# a coordinator that lists a block in part


def in_part(world: World, request: ConsentRequest, without: int) -> bytes:
    """The request with one contributor left out of its manifest."""
    manifest = simulator.signed_body(request.manifest, Manifest)
    kept = [place for place, entry in enumerate(manifest.entries) if entry.hospital != without]
    entries = tuple(manifest.entries[place] for place in kept)
    headers = tuple(request.headers[place] for place in kept)
    shares = tuple(share for share in request.shares if share.hospital != without)
    listed = world.signed(Manifest(manifest.context, entries, manifest.total_digest))
    return pack("ConsentRequest", wire.encode(ConsentRequest(listed, headers, shares)))


def test_nobody_consents_to_a_block_in_part_not_even_another_blocks_member(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(7, aggregation=TWO_BLOCKS)) as world:
        held = world.until("ConsentRequest")
        for i in (1, 3, 6):
            request = wire.decode(ConsentRequest, unpack(held[i])[1])
            (answer,) = world.sites[i].handle(in_part(world, request, 2))
            assert body(answer, Vote).choice == VOID
            # One vote on a sum: the whole list does not get another any more.
            assert world.sites[i].handle(held[i]) == [answer]
        refused = simulator.log(world.run.path, "refused")
        assert {line["rule"] for line in refused if "rule" in line} <= {1, 2}
        assert all(line["hint"] for line in refused if "rule" in line)


# a second study


@pytest.fixture
def first(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path / "first", simulator.study(5)) as made:
        made.run_sums(1)
        yield made


def columns(**changes: Any) -> list[dict[str, Any]]:
    age, *rest = simulator.document()["columns"]
    return [{**age, **changes}, *rest]


def test_whoever_leaves_takes_its_block_along_and_the_others_say_so(first: World, tmp_path: Path) -> None:
    with once_more(first, tmp_path / "second", simulator.study(4, name="second")) as second:
        assert BOUND in ended(second)
        told = [line for line in simulator.log(second.run.path, "declined") if "rule" in line]
        assert {line["rule"] for line in told} == {2}
        assert all("list that block whole" in line["hint"] for line in told)
    keys = {hospital.name: hospital.public_key for hospital in first.study.hospitals}
    four = simulator.study(4, name="third")
    with_keys = {name: ("", bytes.fromhex(keys[name])) for name in list(keys)[:4]}
    existing = who_stands.blocks_of(first.study).listed
    from cipherward.parties import roster

    with pytest.raises(StudyError, match="one block since an earlier study"):
        roster.freeze(four, with_keys, first.keys.identities[0].public_key, b"", existing)


def test_the_same_block_stands_in_a_second_study(first: World, tmp_path: Path) -> None:
    with once_more(first, tmp_path / "second", simulator.study(5, name="second", columns=columns(unit="y"))) as second:
        assert ended(second, 3) == ""
        assert set(sums_of(second)) == {(1, 2, 3, 4, 5)}
        assert second.sites[1].outcomes[-1].phrase == "Privacy Preserved for Client 1"


def test_a_yes_is_kept_over_studies_and_a_ledger_is_bound_for_good(first: World, tmp_path: Path) -> None:
    standing = first.sites[5].standing
    assert standing.binding.agreement is Agreement.NO
    assert standing.binding.is_founded
    chosen = simulator.study(5, name="second", aggregation={"scheme": "ckks"}, blocks=None)
    with once_more(first, tmp_path / "second", chosen) as second:
        assert second.sites[5].standing.binding.agreement is Agreement.YES
    with once_more(first, tmp_path / "third", simulator.study(5, name="third")) as third:
        assert third.sites[5].standing.binding.agreement is Agreement.YES


def test_who_has_too_few_rows_does_not_hide_its_block_mates(tmp_path: Path) -> None:
    import dataclasses

    with World(tmp_path, simulator.study(5)) as world:
        for i in (2, 3):
            world.sites[i].policy = dataclasses.replace(world.sites[i].policy, cell_min=10_000)
        assert "may not be opened: fewer than 4 members" in ended(world)
        assert sums_of(world) == []


# documents


def changed(change: Callable[[dict[str, Any]], None], study: Study) -> Study:
    document = study.model_dump(mode="json")
    change(document)
    return study.with_overrides(top={"blocks": document["blocks"]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["blocks"][0]["members"].pop(), "a block of 4 where 4 are needed|none"),
        (lambda d: d["blocks"].append(d["blocks"][0]), "two blocks"),
        (lambda d: d["blocks"][0].update(members=d["blocks"][0]["members"][:2]), "a block of 2 where"),
        (lambda d: d["blocks"][0].update(parent="11" * 32), "names a split that is not shown"),
        (lambda d: d["blocks"][0]["members"][0].update(hospital="nobody"), "no hospital of the study"),
        (lambda d: d["blocks"][0]["members"][0].update(register_name="other"), "not in the study"),
    ],
)
def test_a_document_whose_blocks_break_a_rule_is_refused(
    first: World, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    made = changed(change, first.study)
    if words.endswith("none"):
        assert len(who_stands.blocks_of(made).listed[0].members) == 4
        return
    with pytest.raises(StudyError, match=words):
        who_stands.blocks_of(made)


def test_hospitals_that_said_no_and_fit_in_no_block_are_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="clinic-4, clinic-5"):
        World(tmp_path, simulator.study(5, singled_out=["clinic-1", "clinic-2", "clinic-3"]))


def test_a_header_that_names_another_block_is_set_aside(tmp_path: Path) -> None:
    from tests.sums.sum_parties import update_of  # noqa: F401  the same helper signs headers again

    with World(tmp_path, simulator.study(5)) as world:
        lists = world.until("Joined")
        (update,) = world.sites[2].handle(lists[2])
        assert kind_of(update) == "Update"
        from cipherward.sums.messages import Header, Update, unsign

        sent = wire.decode(Update, unpack(update)[1])
        header = unsign(sent.header, Header, study=world.study.digest(), keys=world.hub.rules.keys)
        for lie in ({"block": digest("another")}, {"block": b""}, {"register": "other"}, {"agreement": 2}):
            import dataclasses

            signed = world.signed(dataclasses.replace(header, **lie), 2)
            told = world.hub.handle(2, pack("Update", wire.encode(dataclasses.replace(sent, header=signed))))
            assert [kind_of(packet) for _, packet in told] == ["Notice"]
        assert not world.hub._steps.sum.collection.contributors


# what blocks do not hide: one patient, or what one hospital alone has. Only a hospital's own noise does.


def test_a_moved_split_and_a_new_row_show_whole_blocks_only_and_carry_each_hospitals_noise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The difference of two whole blocks is one patient's contribution: nobody's block tells them apart, noise must."""
    real = simulator.write_tables

    def grown(folder: Path, n: int = 5, **given: Any) -> Path:
        table = real(folder, n, **given) / "clinic-3.csv"
        table.write_text(table.read_text() + "3.1415,-2.7182,B,1\n")
        return folder

    noise = {"noise": {"enabled": True, "epsilon": 8.0}}
    with World(tmp_path / "first", simulator.study(5, **noise)) as first:
        assert first.hub.state.noise is not None
        first.run_sums(1)
        opened = sums_of(first)
        monkeypatch.setattr(simulator, "write_tables", grown)
        moved = simulator.study(5, name="second", data={"validation_fraction": 0.1001}, **noise)
        with once_more(first, tmp_path / "second", moved) as second:
            assert second.hub.state.noise is not None
            second.run_sums(1)
            opened += sums_of(second)
    assert readable(opened) == (frozenset({1, 2, 3, 4, 5}),)


def test_a_column_that_one_hospital_fills_is_summed_over_the_whole_block_with_noise(tmp_path: Path) -> None:
    extra = [*simulator.document()["columns"], {"name": "lab", "kind": "numeric", "minimum": 0.0, "maximum": 10.0}]

    def tables(folder: Path) -> None:
        for i in range(1, 6):
            path = folder / f"clinic-{i}.csv"
            head, *rows = path.read_text().splitlines()
            path.write_text("\n".join([head + ",lab", *(f"{row},{'5.0' if i == 2 else ''}" for row in rows)]) + "\n")

    real = simulator.write_tables

    class Tables:
        def __call__(self, folder: Path, n: int = 5, **given: Any) -> Path:
            tables(real(folder, n, **given))
            return folder

    patch = pytest.MonkeyPatch()
    patch.setattr(simulator, "write_tables", Tables())
    try:
        chosen = simulator.study(5, columns=extra, noise={"enabled": True, "epsilon": 8.0})
        with World(tmp_path, chosen) as world:
            assert world.hub.state.noise is not None
            assert ended(world) == ""
            assert sums_of(world) == [(1, 2, 3, 4, 5)]
    finally:
        patch.undo()
