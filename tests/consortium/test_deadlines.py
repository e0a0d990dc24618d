"""Who has been heard in which sum."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cipherward.consortium.service.deadlines import Deadlines
from cipherward.parties.coordinator_node import Phase


def at(sums_done: int, phase: Phase) -> Any:
    state = SimpleNamespace(sums_done=sums_done)
    return SimpleNamespace(state=state, phase=phase, deadline_seconds=30.0, enough=False, waiting=frozenset())


@pytest.mark.parametrize("joined", [Phase.JOIN, Phase.DEAL], ids=["asked to join", "joined early"])
def test_each_sum_hears_anew_who_is_there(joined: Phase) -> None:
    """Where everybody has joined early, nobody sees the step in which hospitals join."""
    everyone = frozenset({1, 2, 3})
    patience = Deadlines(["a", "b", "c"], lambda: 0.0, lambda: 0.0, lambda event, facts: None)
    patience.note(at(4, Phase.DEAL), 3)
    patience.hear(1)
    patience.note(at(5, Phase.VERIFY), 3)
    assert patience.unheard(everyone) == {2, 3}
    patience.note(at(5, joined), 4)
    assert patience.unheard(everyone) == everyone
    patience.hear(2)
    patience.note(at(5, Phase.CONSENT), 4)
    assert patience.unheard(everyone) == {1, 3}
