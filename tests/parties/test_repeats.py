"""A second study over the same tables: a question is asked again of exactly the hospitals that answered it, or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import simulator
from tests.simulator import World, kind_of

from cipherward.crypto import wire
from cipherward.crypto.scheme import SumTask
from cipherward.errors import DeclinedError, QuorumError
from cipherward.parties.hospital_node import ASKED_BEFORE
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.sums import asked_before
from cipherward.sums.messages import ConsentRequest, Header, Join, Manifest, Update
from cipherward.sums.packets import pack, unpack


class Line:
    """A network that some hospitals are not on."""

    def __init__(self, *away: int) -> None:
        self.away = set(away)

    def down(self, hospital: int, packet: bytes) -> list[bytes]:
        return [] if hospital in self.away else [packet]

    def up(self, hospital: int, packet: bytes) -> list[bytes]:
        return self.down(hospital, packet)


def another(n: int, **sections: object) -> Study:
    return simulator.study(n, name="another", training={"rounds": 1}, model={"kind": "mlp", "hidden": [3]}, **sections)


@contextmanager
def second_study(first: World, folder: Path, study: Study, line: Line | None = None, cut: str = "") -> Iterator[World]:
    """The same hospitals, with what their ledgers hold, in another study; the roster may have grown or shrunk."""
    with World(folder, study, network=line, identities=first.keys.identities) as world:
        for index in world.sites.keys() & first.sites.keys():
            first.sites[index].ledger.close()
            world.give_ledger(index, Ledger(first.sites[index].ledger.path), cut)
        yield world


@pytest.fixture
def first(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path / "first", simulator.study(5)) as world:
        world.run_sums(1)
        yield world


@pytest.fixture
def first_without_five(tmp_path: Path) -> Iterator[World]:
    line = Line(5)
    with World(tmp_path / "first", simulator.study(5), network=line) as world:
        world.run_sums(1)
        assert world.hub.reports[-1].contributors == (1, 2, 3, 4)
        line.away.clear()
        world.run_sums(1)
        yield world


@pytest.mark.parametrize("scheme", ["quorum", "masks", "plain"])
def test_the_same_hospitals_answer_the_same_question_in_a_second_and_a_third_study(tmp_path: Path, scheme: str) -> None:
    study = {"aggregation": {"scheme": scheme}}
    with World(tmp_path / "first", simulator.study(4, **study)) as first:
        first.run_sums(1)
        with second_study(first, tmp_path / "second", another(4, **study)) as second:
            second.run_sums()
            assert [set(report.contributors) for report in second.hub.reports] == [{1, 2, 3, 4}] * 3
            assert {site.outcomes[-1].outcome for site in second.sites.values()} <= {"preserved", "unprotected"}
            # Even one that is the first once more, down to its models.
            again = simulator.study(4, name="again", **study)
            with second_study(second, tmp_path / "third", again) as third:
                third.run_sums()
                assert third.hub.finished
    assert simulator.log(tmp_path / "second" / "run", "declined") == []


def test_whoever_was_not_in_the_first_sum_is_not_in_the_second_and_trains_along(
    first_without_five: World, tmp_path: Path
) -> None:
    with second_study(first_without_five, tmp_path / "second", another(5)) as second:
        second.run_sums()
        assert [report.contributors for report in second.hub.reports] == [
            (1, 2, 3, 4), (1, 2, 3, 4, 5), (1, 2, 3, 4, 5),
        ]  # fmt: skip


def test_a_hospital_that_is_new_in_the_consortium_trains_along(first: World, tmp_path: Path) -> None:
    with second_study(first, tmp_path / "second", another(6)) as second:
        second.run_sums()
        assert [len(report.contributors) for report in second.hub.reports] == [5, 6, 6]


def test_the_study_waits_for_one_of_them_and_goes_on_when_it_is_back(first: World, tmp_path: Path) -> None:
    line = Line(2)
    with second_study(first, tmp_path / "second", another(5), line) as second:
        with pytest.raises(QuorumError, match=r"together once more.*missing: clinic-2"):
            second.run_sums(1)
        assert second.hub.waiting_for == ("clinic-2",)
        line.away.clear()
        second.run_sums(1)
        assert second.hub.reports[-1].contributors == (1, 2, 3, 4, 5)


def test_one_that_is_lost_after_the_joins_is_waited_for(first: World, tmp_path: Path) -> None:
    with second_study(first, tmp_path / "second", another(5)) as second:
        lists = second.until("Joined")
        two = lists.pop(2)
        for index, packet in lists.items():
            for reply in second.sites[index].handle(packet):
                second.hub.handle(index, reply)
        assert not second.hub.enough
        with pytest.raises(QuorumError, match="missing: clinic-2"):
            second.hub.expire()
        second.finish({2: two})
        assert second.hub.reports[-1].contributors == (1, 2, 3, 4, 5)


def test_after_one_has_left_the_consortium_the_question_is_not_asked_again(first: World, tmp_path: Path) -> None:
    with second_study(first, tmp_path / "second", another(4)) as second:
        with pytest.raises(DeclinedError, match=ASKED_BEFORE):
            second.run_sums(1)
        reasons = {
            line["reason"] for line in simulator.log(second.run.path, "declined") if line["who"] != "coordinator"
        }
        assert reasons == {
            "I have contributed to this question before, in a sum of hospitals that are not all in this study"
        }


def test_a_new_cut_of_the_data_is_asked_anew(first: World, tmp_path: Path) -> None:
    with second_study(first, tmp_path / "second", another(4), cut="2027") as second:
        second.run_sums(2)
        assert [report.contributors for report in second.hub.reports] == [(1, 2, 3, 4)] * 2
        with (
            second_study(second, tmp_path / "third", another(5), Line(1), cut="2027") as third,
            pytest.raises(QuorumError, match="missing: clinic-1"),
        ):
            third.run_sums(1)


def test_contributions_that_nobody_saw_opened_are_not_made_again(tmp_path: Path) -> None:
    with World(tmp_path / "first", simulator.study(4)) as first:
        first.until("ConsentRequest")
        with second_study(first, tmp_path / "second", another(4)) as second:
            with pytest.raises(DeclinedError, match=ASKED_BEFORE):
                second.run_sums(1)
            assert "did not see opened" in str(simulator.log(second.run.path, "declined"))


# two studies at a time


def side_by_side(first: World, folder: Path) -> World:
    """Another study whose hospitals write to the same ledgers."""
    second = World(folder, another(4), identities=first.keys.identities)
    for index in second.sites:
        second.give_ledger(index, first.sites[index].ledger)
    return second


def test_a_question_that_was_answered_elsewhere_after_the_joins_is_put_again(tmp_path: Path) -> None:
    with World(tmp_path / "first", simulator.study(4)) as first:
        second = side_by_side(first, tmp_path / "second")
        lists = second.until("Joined")
        first.run_sums(1)
        second.finish(lists)
        assert second.hub.reports[-1].attempt == 1
        second.run_sums()
        first.run_sums()
        assert second.hub.finished
        assert first.hub.finished


def test_a_question_that_another_study_is_about_to_open_waits_for_it(tmp_path: Path) -> None:
    with World(tmp_path / "first", simulator.study(4)) as first:
        second = side_by_side(first, tmp_path / "second")
        lists, requests = second.until("Joined"), first.until("ConsentRequest")
        with pytest.raises(DeclinedError, match=ASKED_BEFORE):
            second.finish(lists)
        first.finish(requests)
        second.finish(dict(second.hub.outstanding()))
        assert second.hub.reports[-1].contributors == (1, 2, 3, 4)
        second.run_sums()
        assert second.hub.finished


# liars


def test_a_coordinator_that_leaves_one_out_of_the_repeated_sum_is_found_out(first: World, tmp_path: Path) -> None:
    with second_study(first, tmp_path / "second", another(5)) as second:
        requests = second.until("ConsentRequest")
        for index, packet in requests.items():
            request = wire.decode(ConsentRequest, unpack(packet)[1])
            manifest = simulator.signed_body(request.manifest, Manifest)
            fewer = Manifest(manifest.context, manifest.entries[:4], manifest.total_digest)
            asked = ConsentRequest(second.signed(fewer), request.headers[:4], request.shares[:4])
            (reply,) = second.sites[index].handle(pack("ConsentRequest", wire.encode(asked)))
            assert kind_of(reply) == "Receipt"
            assert "contributes to a sum of other hospitals only" in second.sites[index].outcomes[-1].detail


def test_an_update_whose_condition_is_not_the_one_it_joined_with_is_set_aside(first: World, tmp_path: Path) -> None:
    with second_study(first, tmp_path / "second", another(5)) as second:
        lists = second.until("Joined")
        (reply,) = second.sites[1].handle(lists[1])
        update = wire.decode(Update, unpack(reply)[1])
        header = simulator.signed_body(update.header, Header)
        assert header.only == (1, 2, 3, 4, 5)
        freed = second.signed(Header(header.context, header.joined, header.payload_digest, header.shares), 1)
        second.hub.handle(1, pack("Update", wire.encode(Update(freed, update.payload, update.shares))))
        assert "does not admit" in second.hub.set_aside[-1].reason
        assert 1 not in second.hub.waiting or second.hub.set_aside[-1].check


@pytest.mark.parametrize("only", [(2, 3, 4, 5), (1, 2), (1, 2, 3, 4, 9), (4, 3, 2, 1), (1, 1, 2, 3, 4)])
def test_a_set_that_cannot_have_been_is_refused(first: World, tmp_path: Path, only: tuple[int, ...]) -> None:
    with second_study(first, tmp_path / "second", another(5)) as second:
        second.until("Announce")
        context = second.hub._steps.sum.task.context
        _, public = second.hub.rules.scheme.make_key(bytes(96))
        second.hub.handle(1, second.packet(Join(context, public, only), 1))
        assert "cannot have been" in second.hub.set_aside[-1].reason


def test_one_that_names_another_set_does_not_keep_the_others_from_theirs(
    first_without_five: World, tmp_path: Path
) -> None:
    with second_study(first_without_five, tmp_path / "second", another(5)) as second:
        honest = second.sites[5]._earlier.together
        assert honest(b"anything") == ()
        second.sites[5]._earlier.together = lambda query: (1, 2, 4, 5)  # type: ignore[method-assign]
        second.run_sums(1)
        assert second.hub.reports[-1].contributors == (1, 2, 3, 4)


TASK = SumTask(bytes(32), 9, 7, 16, 4, 4, 0)
SETS = st.sampled_from([(), (), (1, 2, 3, 4), (2, 3, 4, 5), (1, 2, 3, 4, 5, 6)])


@given(st.dictionaries(st.integers(1, 9), SETS))
def test_the_chosen_set_is_one_that_everybody_in_it_agrees_with(named: Mapping[int, asked_before.Set]) -> None:
    only = asked_before.chosen(named, TASK)
    if only is None:
        assert any(named.values())
    elif only:
        assert only in named.values()
        assert all(named.get(i, ()) in ((), only) for i in only)
    else:
        assert not any(named.values())
    assert only == asked_before.chosen(dict(sorted(named.items())), TASK)


def test_a_liars_set_gives_way_to_the_one_that_more_hospitals_name() -> None:
    named = {1: (1, 2, 3, 4), 2: (1, 2, 3, 4), 3: (1, 2, 3, 4), 5: (4, 5, 6, 7), 6: ()}
    assert asked_before.chosen(named, TASK) == (1, 2, 3, 4)
    assert asked_before.chosen({**named, 3: (3, 5, 6, 7)}, TASK) == (4, 5, 6, 7)
    assert asked_before.chosen({1: (1, 2, 3, 4), 2: (1, 2, 5, 6)}, TASK) is None
    assert asked_before.chosen(named, TASK, without=[2]) == (4, 5, 6, 7)
