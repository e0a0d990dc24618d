"""What a hospital's update counts for beside the others': by one rule for all studies over a register (rules 1 and 8).

Two sums of the same updates under two weightings are two equations, and where one hospital of a block changes against the
others, its update follows. So it does where one study cuts updates to a norm and another does not, or to another one, or to the same one after steps of
another size. An update that is one step over all rows is the gradient that a Newton step, a table of points
or boosted trees sum by rows, so these have a weighting, too. The ledger keeps the rule under which the first of them left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cipherward.errors import UnfitUpdateError
from cipherward.store.ledger import Ledger
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import ROWS, Task

WEIGHED_OTHERWISE = "updates weighed otherwise than before"

_WAY_OUT = (
    "let the study weigh and cut updates as the earlier one did: training.weights, aggregation.weight_cap, training.defence.clip_norm, and with "
    "clip_norm how an update is trained"
)

_BY_ROWS = "Newton steps, regressions, survival curves, tables of points and boosted trees"
"""What has no other weighting than by rows (`Task.weights`)."""

_WORDS = {
    "class": "by the class of the hospital's rows",
    "equal": "alike for all hospitals",
    ROWS: "by the hospital's rows, as Newton steps, tables of points and boosted trees do",
}


def settles(weights: str) -> str:
    """What a study that weighs so settles for later ones, where it is the first to weigh; "": nothing."""
    if not weights:
        return ""
    if weights == ROWS:
        return (
            "From this study on, hospitals count by their rows in all studies over the same registers: one that trains in rounds "
            'then needs training.weights = "rows".'
        )
    return (
        f"From this study on, updates are weighed {_WORDS[weights]} in all studies over the same registers, for good: {_BY_ROWS} "
        'count by rows, and hospitals decline them afterwards. With training.weights = "rows" in this study they stay possible.'
    )


@dataclass(frozen=True)
class Weighing:
    """Of one register's updates. `cut`: the rows at which this hospital's class is cut off, 0 where it is not."""

    ledger: Ledger
    register: str

    def problem(self, task: Task[Any]) -> str:
        """Why a study must not weigh this register's updates as it does, as far as that is known before it begins; empty: it may."""
        known, asked = self._known(), task.weights()
        if not asked or not known:
            return ""
        if known["weights"] == asked:
            return _cut_otherwise(known, task)
        return f"updates were weighed before {_WORDS[known['weights']]}, and now {_WORDS[asked]}"

    def hold(self, work: HospitalWork, state: StudyState) -> None:
        """Called before an answer leaves: where it is an update, the ledger knows its weighting from now on.

        Raises:
            UnfitUpdateError: it is another one than before; nothing may be sent.
        """
        cut = state.task.weight_cut(state.inner, work)
        if cut is None:
            return
        known, asked = self._known(), dict[str, Any](weights=state.task.weights(), cut=cut, keeps_cuts=True)
        if clip := state.task.clip_norm():
            asked |= {"clip": clip, "sizing": dict(state.task.sizing())}
        problem = self.problem(state.task)
        if known and not problem and known["cut"] != cut:
            was, now = (f"at {at} rows" if at else "nowhere" for at in (known["cut"], cut))
            problem = f"the weight of this hospital's update was cut off before {was}, and now {now}"
        if problem:
            raise UnfitUpdateError(problem, reason=WEIGHED_OTHERWISE, hint=self.way_out(state.task))
        if not known:
            self.ledger.record_standing(self._name, json.dumps(asked).encode())

    def way_out(self, task: Task[Any]) -> str:
        """Of a problem."""
        known, asked = self._known(), task.weights()
        if not known or asked == known["weights"]:
            return _WAY_OUT
        if asked != ROWS:
            return f'set training.weights = "{known["weights"]}": an earlier study weighed so'
        return (
            f"{_BY_ROWS} cannot be asked of this register any more; a network, or a linear model with training.method = "
            f'"sgd", can be trained with training.weights = "{known["weights"]}"'
        )

    def settled_by(self, task: Task[Any]) -> str:
        """What this study settles for later ones over the register, in words; "": nothing, or an earlier one did."""
        return "" if self._known() else settles(task.weights())

    @property
    def knows_no_cuts(self) -> bool:
        """Whether updates or steps left before `parties.cut_updates` kept how they were cut."""
        known = self._known()
        return bool(known) and "keeps_cuts" not in known

    def _known(self) -> dict[str, Any]:
        data = self.ledger.standing(self._name)
        found: dict[str, Any] = json.loads(data) if data else {}
        return found

    @property
    def _name(self) -> str:
        return f"weighing {self.register}"


def _cut_otherwise(known: Mapping[str, Any], task: Task[Any]) -> str:
    was, now = known.get("clip", 0.0), task.clip_norm()
    if was != now:
        before, after = (f"to a norm of {norm:g}" if norm else "to none" for norm in (was, now))
        return f"updates were cut before {before}, and now {after}"
    earlier = known.get("sizing", {})
    if changed := [name for name, value in task.sizing().items() if name not in earlier or value != earlier[name]]:
        return f"updates were cut before to a norm of {was:g}, and now so after training of another size: {', '.join(changed)}"
    return ""
