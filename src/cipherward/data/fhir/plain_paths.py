"""Plain FHIRPath on a resource, without an evaluator: elements one below the other, and the few functions that views use most.

`subject.getReferenceKey(Patient)` costs a tenth of what fhirpathpy takes. What is not as plain as that, in the expression or
in the resource, is left to it: a choice of types, extensions of primitives, contained resources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Plain = Callable[[Mapping[str, Any], Mapping[str, str]], "list[Any] | None"]
"""Of a resource and the aliases of references: the values, or None where the resource is not plain."""
_STEP = re.compile(r"[a-z][A-Za-z0-9]*|first\(\)|getReferenceKey\(\s*[A-Z]?[A-Za-z]*\s*\)")
_RESERVED = "and or xor div mod in is as contains true false extension contained resource"
_WORDS = frozenset(_RESERVED.split(" "))


def compiled(
    expression: str, resource: str, reference_key: Callable[[list[Any], str, Mapping[str, str]], list[str]]
) -> Plain | None:
    """The expression on resources of a type; None where it is not plain."""
    text = expression.strip()
    if text == "getResourceKey()":
        return lambda content, _: [content["id"]] if isinstance(content.get("id"), str) else []
    steps = text.split(".")
    if not all(_STEP.fullmatch(step) for step in steps) or not _fits(steps, resource):
        return None

    def call(content: Mapping[str, Any], aliases: Mapping[str, str]) -> list[Any] | None:
        found: list[Any] = [content]
        for step in steps:
            if step == "first()":
                found = found[:1]
            elif step.endswith(")"):
                found = reference_key(found, step.partition("(")[2].rstrip(")").strip(), aliases)
            else:
                inner: list[Any] = []
                for each in found:
                    if (
                        not isinstance(each, dict)
                        or f"_{step}" in each
                        or (each is not content and "resourceType" in each)
                    ):
                        return None
                    value = each.get(step)
                    if isinstance(value, list):
                        inner += value
                    elif value is not None:
                        inner.append(value)
                found = inner
        if any(
            each is None or isinstance(each, list) or (isinstance(each, dict) and [*each] == ["extension"])
            for each in found
        ):
            return None
        return [Decimal(str(each)) if isinstance(each, float) else each for each in found]

    return call


def _fits(steps: list[str], resource: str) -> bool:
    """Whether every step is an element of one type, or a function where it may stand."""
    from fhirpathpy.models import models

    model = models["r4"]
    place = resource
    for number, step in enumerate(steps):
        if step == "first()":
            if not number:
                return False
            continue
        if step.endswith(")"):
            return number == len(steps) - 1 and place == "Reference"
        if step in _WORDS:
            return False
        place = model["pathsDefinedElsewhere"].get(f"{place}.{step}", f"{place}.{step}")
        if place in model["choiceTypePaths"]:
            return False
        place = model["path2Type"].get(place, place)
    return True
