"""Every attack by its name on the command line: a new one is a file and a line here. Attacks are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from cipherward import entries
from cipherward.attacks.attack import Attack
from cipherward.errors import StudyError

ATTACKS: dict[str, str | type[Attack]] = {
    "inversion": "cipherward.attacks.inversion:Inversion",
    "membership": "cipherward.attacks.membership:Membership",
    "canaries": "cipherward.attacks.canaries:Canaries",
    "poisoning": "cipherward.attacks.poisoning:Poisoning",
    "coordinator": "cipherward.attacks.coordinator:Coordinator",
    "differencing": "cipherward.attacks.differencing:Differencing",
}
"""name -> "module:class", or the class itself, in the order in which they run."""


def choose(names: Sequence[str] | None = None) -> tuple[Attack, ...]:
    """The attacks of these names with their default settings, in the usual order; all of them for None.

    Raises:
        StudyError: a name that no attack has, or no name at all.
    """
    there = ", ".join(ATTACKS)
    if names is not None and (unknown := sorted(set(names) - set(ATTACKS))):
        raise StudyError(f"no attack is called {', '.join(map(repr, unknown))}", hint=f"attacks: {there}")
    chosen = [name for name in ATTACKS if names is None or name in names]
    if not chosen:
        raise StudyError("no attack is chosen", hint=f"attacks: {there}")
    return tuple(entries.load(ATTACKS[name])() for name in chosen)
