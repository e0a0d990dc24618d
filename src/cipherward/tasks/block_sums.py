"""Rounds in which every block's contributions are a sum of their own, so that blocks can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from cipherward.disclosure.blocks import Register, default_blocks
from cipherward.errors import StudyError
from cipherward.study import Study

LEAST = 3
"""Of two blocks neither is the odd one out."""


@dataclass(frozen=True)
class BlockSum:
    """One opened sum, as in `Task.after`."""

    sums: Mapping[str, NDArray[Any]] = field(repr=False)
    n_contributors: int

    def digest(self) -> bytes:
        """SHA-256 over names, sizes and numbers."""
        found = hashlib.sha256(b"block sum\x00" + self.n_contributors.to_bytes(8, "big"))
        for name, values in sorted(self.sums.items()):
            data = values.astype("<f8" if values.dtype.kind == "f" else "<i8").tobytes()
            found.update(len(name).to_bytes(8, "big") + name.encode() + len(data).to_bytes(8, "big") + data)
        return found.digest()


def together(sums: Sequence[BlockSum]) -> BlockSum:
    """What one sum over all of them would have opened, but for the order of its roundings."""
    total = dict(sums[0].sums)
    for one in sums[1:]:
        total = {name: total[name] + values for name, values in one.sums.items()}
    return BlockSum(total, sum(one.n_contributors for one in sums))


def blocks_of(study: Study) -> tuple[tuple[int, ...], ...]:
    """The roster indices of each block: of those listed, or of those that freezing would list.

    Raises:
        StudyError: fewer than three, or a hospital is in none.
    """
    names = study.hospital_names
    if not names:
        return ()
    places = {name: i for i, name in enumerate(names, start=1)}
    places |= {h.public_key: i for i, h in enumerate(study.hospitals, start=1) if h.public_key}
    if study.blocks is None:
        least = study.thresholds.min_contributors
        made = default_blocks([Register(n.encode(), "") for n in names if not study.names_alone(n)], least)
        found = [[places[member.hospital.decode()] for member in block.members] for block in made]
    else:
        found = [[places[m.hospital] for m in block.members if m.hospital in places] for block in study.blocks]
    outside = sorted(set(places.values()) - {i for block in found for i in block})
    rule = f'training.defence.combine = "{study.training.defence.combine}"' if study.training.defence else ""
    if outside:
        some = ", ".join(names[i - 1] for i in outside[:5])
        raise StudyError(
            f"{rule} compares blocks, and {len(outside)} of {len(names)} hospitals are in none: {some}",
            hint="list them in a block, or take them out of singled_out",
        )
    if len(found) < LEAST:
        raise StudyError(
            f"{rule} compares blocks, and this study has {len(found)}; {LEAST} are needed",
            hint=f"blocks have at least min_contributors hospitals each: with {len(names)} hospitals set aggregation.corrupt to "
            f"{max(len(names) // LEAST - 2, 0)} or less, or take more hospitals ({LEAST} x 3 are the least)",
        )
    return tuple(tuple(sorted(block)) for block in found)
