"""Whether a hospital outweighs all the others of its block together: what is opened of the block is then nearly its own.

Sizes are the classes that approvals declare (`inventories.Inventory.patients`): powers of two, known to everybody before
the first sum. They are also, up to the share of training rows, what an update counts for.
"""

from __future__ import annotations

from collections.abc import Mapping

from cipherward.learning.weights import dominates
from cipherward.parties import inventories
from cipherward.parties.inventories import Beginning
from cipherward.study import Study

MEANING = (
    "An update counts by the class of its hospital's rows, and counts add up as they are: where one hospital has more patients "
    "than all the others of its block together, what is opened of the block is nearly its own, however well it is encrypted."
)


def sizes(beginning: Beginning) -> Mapping[int, int]:
    """The declared classes of patients by roster index."""
    return {index: said.patients for index, said in sorted(beginning.said.items())}


def problem(study: Study, beginning: Beginning, index: int) -> str:
    """Why a hospital that does not want to dominate its block takes no part; empty: it does not, or it stands by itself."""
    known, block = sizes(beginning), inventories.block_of(study, index)
    others = [known.get(other, 0) for other in block - {index}]
    if not others or not dominates(known.get(index, 0), others):
        return ""
    return (
        f"this hospital dominates its block: about {known[index]:,} patients, the {len(others)} others together about "
        f"{sum(others):,} (may_dominate, rule 8)"
    )
