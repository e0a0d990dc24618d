"""Entries of catalogues: written "module:name", and imported when they are asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import TypeVar, cast

T = TypeVar("T")


def unknown(catalogue: Iterable[str], name: str, what: str) -> str:
    """What is wrong with a name that a catalogue does not have."""
    return f"no {what} is called {name!r}; there are {', '.join(sorted(catalogue))}"


def load(entry: str | T) -> T:
    """What a catalogue's entry stands for: itself, or what "module:name" names."""
    if not isinstance(entry, str):
        return entry
    module, _, name = map(sys.intern, entry.partition(":"))  # Python keeps names that it looked up
    return cast(T, getattr(import_module(module), name))
