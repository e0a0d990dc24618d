"""What holders release to open a sum: how every scheme with shares reads it, and what it says of a bad one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from cipherward.errors import SuspectError, WireError

Shares = TypeVar("Shares")


def is_usable(parse: Callable[[bytes], object], data: bytes) -> bool:
    """Whether `parse` reads a release, which raises WireError where it is malformed."""
    try:
        parse(data)
    except WireError:
        return False
    return True


def read(releases: Mapping[int, bytes], parse: Callable[[bytes], Shares]) -> dict[int, Shares]:
    """The releases by holder, in the order of the roster.

    Raises:
        SuspectError: one is malformed; names its holder.
    """
    found = {}
    for holder, data in sorted(releases.items()):
        try:
            found[holder] = parse(data)
        except WireError as error:
            name = f"hospital {holder}"
            raise SuspectError(f"the release of {name}: {error.message}", culprit=name) from None
    return found


def contradiction() -> SuspectError:
    """More releases than the threshold, and no polynomial that fits them all."""
    return SuspectError(
        "the releases do not lie on one polynomial of degree below the threshold",
        culprit="a holder who released, or a dealer among the contributors",
    )
