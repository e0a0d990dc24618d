"""A question that was asked before: which set of hospitals may answer it again.

A second sum over other hospitals, beside the first, would single somebody out (exposure rule). So a hospital that has
answered a query says with whom, and answers again in a sum of exactly these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from cipherward.crypto.scheme import SumTask
from cipherward.errors import ProtocolError
from cipherward.sums.votes import Rules

Set = tuple[int, ...]

HINT = (
    "a question may be asked again of exactly the same hospitals only; docs/operations.md, "
    '"A second study over the same tables", has the ways out'
)


def check_named(rules: Rules, sender: int, only: Set) -> None:
    """Whether this can be the set of an earlier sum.

    Raises:
        ProtocolError: it is out of order, not of the roster, without its sender, or smaller than a sum may be.
    """
    is_set = list(only) == sorted(set(only)) and all(1 <= i <= rules.n_hospitals for i in only)
    if only and not (is_set and sender in only and len(only) >= rules.min_contributors):
        raise ProtocolError("names an earlier sum that cannot have been")


def chosen(named: Mapping[int, Set], task: SumTask, without: Collection[int] = ()) -> Set | None:
    """The set that this sum has to be of: () for any, None where those who answered before cannot all be met.

    Args:
        named: who has joined, with the earlier set of each, () for none.
        without: hospitals whose contributions are not accepted.
    """
    wanted = Counter(only for only in named.values() if only)
    if not wanted:
        return ()

    def can_be(only: Set) -> bool:
        return all(task.admits(i) and i not in without and named.get(i, ()) in ((), only) for i in only)

    possible = [only for only in wanted if can_be(only)]
    # The set that most of them name: a liar's word is one.
    return max(possible, key=lambda only: (wanted[only], len(only), only), default=None)
