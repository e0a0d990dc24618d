"""ViewDefinitions of SQL on FHIR v2: each resource becomes rows of a flat table.

Source: https://sql-on-fhir.org/ig/2.0.0 (select, column, forEach, forEachOrNull, repeat, unionAll, where, constant, %rowIndex).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from cipherward.data.fhir import paths, plain_paths
from cipherward.data.fhir.paths import Evaluate, WrongPathError, value_of
from cipherward.data.fhir.resources import Resource, refused
from cipherward.errors import DataError

MOST_ROWS = 100_000
"""Rows that one resource may give: nested lists multiply."""
_MOST_DEPTH = 32
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,254}$")
_OF_VIEW = frozenset(["resource", "select", "where", "constant"])
_ELEMENTS = (
    "resourceType id meta implicitRules language text contained extension modifierExtension url identifier name title "
    "status experimental date publisher contact description useContext copyright fhirVersion profile"
)
_ABOUT_VIEW = frozenset(_ELEMENTS.split(" "))
_OF_SELECT = frozenset(["column", "select", "forEach", "forEachOrNull", "repeat", "unionAll"])
_VALUE = re.compile(r"(?:(.+)\.)?value(?:\.first\(\))?", re.DOTALL)
_UCUM = "http://unitsofmeasure.org"
_OF_COLUMN = frozenset(["name", "path", "type", "collection", "description", "tag"])

Row = tuple[Any, ...]


@dataclass(frozen=True)
class _Measured:
    """The value of a Quantity, with its unit: the UCUM code, else what people read, else ""."""

    value: Any
    unit: str


class WrongViewError(DataError):
    """A ViewDefinition that cannot be run."""


@dataclass(frozen=True)
class _Column:
    """`quantity`: what has the value, where the column may be the value of a Quantity."""

    name: str
    evaluate: Evaluate
    plain: plain_paths.Plain | None
    is_collection: bool
    type: str
    quantity: Evaluate | None


@dataclass(frozen=True)
class _Select:
    """`each`: what it goes through ("" the node itself), with the expressions; `parts`: selects, then unions of selects."""

    each: str
    expressions: tuple[Evaluate, ...]
    columns: tuple[_Column, ...]
    parts: tuple[tuple[_Select, ...], ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """A checked ViewDefinition. `names`: its columns, in order; `resource`: the type that it reads."""

    resource: str
    names: tuple[str, ...]
    _where: tuple[Evaluate, ...]
    _select: _Select

    def rows(self, resource: Resource) -> list[Row]:
        """The rows of one resource of the view's type: text, whole numbers, decimals, Booleans, lists of these, or None.

        Raises:
            TableError: the resource does not fit the view; names file, line and column.
        """
        return [row for row, _ in self.with_units(resource)]

    def with_units(self, resource: Resource) -> list[tuple[Row, dict[str, str]]]:
        """`rows`, each with the units of its values that are those of Quantities, by column. Raises: as `rows`."""
        found = []
        for cells in self._cells(resource):
            units = {
                name: cell.unit for name, cell in zip(self.names, cells, strict=True) if isinstance(cell, _Measured)
            }
            found.append((tuple(cell.value if isinstance(cell, _Measured) else cell for cell in cells), units))
        return found

    def _cells(self, resource: Resource) -> list[Row]:
        try:
            for condition in self._where:
                found = [value_of(node) for node in condition(resource.content, 0, resource.aliases)]
                if found not in ([], [True], [False]):
                    raise WrongPathError("a `where` of the view gives no single true or false")
                if found != [True]:
                    return []
            return list(_rows(self._select, resource.content, 0, resource.aliases))
        except WrongPathError as error:
            raise refused(
                resource.place, f"does not fit the view: {error.message}", "correct the resource, or the view"
            ) from None


def load(path: Path) -> View:
    """The ViewDefinition of a JSON file.

    Raises:
        WrongViewError: unreadable, or not such a view; names the file and what is wrong.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise WrongViewError(f"cannot read {path}: {error.strerror or error}", hint="check the path") from None
    except (ValueError, RecursionError):
        raise WrongViewError(f"{path} is not JSON", hint="a ViewDefinition is a JSON document") from None
    return parse(content, str(path))


def parse(content: object, place: str = "the view") -> View:
    """Check a ViewDefinition whole, its expressions too.

    Raises:
        WrongViewError: with the place in the document.
    """
    try:
        return _view(content)
    except (WrongPathError, WrongViewError) as error:
        raise WrongViewError(
            f"{place}: {error.message}", hint="https://sql-on-fhir.org/ig/2.0.0 says what a ViewDefinition holds"
        ) from None


def _view(content: object) -> View:
    view = _keys(content, "the view", _OF_VIEW | _ABOUT_VIEW)
    if not isinstance(resource := view.get("resource"), str) or not resource.isalpha():
        raise WrongViewError("`resource` names no type of resource")
    constants = _constants(view.get("constant", []))
    select = _select({"select": view.get("select")}, constants, "", 0, resource)
    if not select.names:
        raise WrongViewError("it selects no column")
    if doubled := sorted({name for name in select.names if select.names.count(name) > 1}):
        raise WrongViewError(f"column {doubled[0]!r} appears twice")
    wheres = [
        paths.compiled(_keys(each, "where", {"path", "description"}).get("path"), constants)
        for each in _list(view.get("where", []), "where")
    ]
    return View(resource, select.names, tuple(wheres), select)


def _constants(found: object) -> dict[str, paths.Value]:
    constants: dict[str, paths.Value] = {}
    for each in _list(found, "constant"):
        known = _keys(each, "constant", None)
        name = known.get("name")
        values = [value for key, value in known.items() if re.fullmatch(r"value[A-Z]\w*", key)]
        if not isinstance(name, str) or not _NAME.fullmatch(name) or len(values) != 1:
            raise WrongViewError("a constant has a name and one value (valueString, valueInteger, ...)")
        if not isinstance(values[0], str | int | bool | float):
            raise WrongViewError(f"constant {name!r} is no single value")
        constants[name] = Decimal(str(values[0])) if isinstance(values[0], float) else values[0]
    return constants


def _select(found: object, constants: Mapping[str, paths.Value], place: str, depth: int, resource: str) -> _Select:
    if depth > _MOST_DEPTH:
        raise WrongViewError(f"selects stand in one another more than {_MOST_DEPTH} deep")
    known = _keys(found, place or "the view", _OF_SELECT)
    ways = [key for key in ("forEach", "forEachOrNull", "repeat") if key in known]
    if len(ways) > 1:
        raise WrongViewError(f"{place}: only one of {', '.join(ways)} can stand in a select")
    each = ways[0] if ways else ""
    written = _list(known[each], each) if each == "repeat" else [known[each]] if each else []
    # Below forEach the type of an element is not followed: fhirpathpy evaluates there.
    resource = "" if each else resource
    columns = [
        _column(column, constants, place, resource) for column in _list(known.get("column", []), f"{place}column")
    ]
    selects = [
        (_select(one, constants, f"{place}select[{number}].", depth + 1, resource),)
        for number, one in enumerate(_list(known.get("select", []), f"{place}select"))
    ]
    union = tuple(
        _select(one, constants, f"{place}unionAll[{number}].", depth + 1, resource)
        for number, one in enumerate(_list(known.get("unionAll", []), f"{place}unionAll"))
    )
    if len({one.names for one in union}) > 1:
        raise WrongViewError(f"{place}unionAll: its parts have other columns, or in another order")
    parts = (*selects, *([union] if union else []))
    names = (*(column.name for column in columns), *(name for part in parts for name in part[0].names))
    expressions = tuple(paths.compiled(text, constants) for text in written)
    return _Select(each, expressions, tuple(columns), parts, names)


def _column(found: object, constants: Mapping[str, paths.Value], place: str, resource: str) -> _Column:
    known = _keys(found, f"{place}column", _OF_COLUMN)
    name = known.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise WrongViewError(f"{place}column: a name begins with a letter and has letters, digits and _ only")
    if not isinstance(collection := known.get("collection", False), bool):
        raise WrongViewError(f"column {name!r}: collection is true or false")
    path = known.get("path")
    evaluate = paths.compiled(path, constants)
    plain = plain_paths.compiled(str(path), resource, paths.reference_key) if resource else None
    if not isinstance(declared := known.get("type", ""), str):
        raise WrongViewError(f"column {name!r}: type is the name of a FHIR type")
    found = _VALUE.fullmatch(str(path).strip())
    quantity = paths.compiled(found[1] or "$this", constants) if found else None
    return _Column(name, evaluate, plain, collection, declared, quantity)


def _keys(found: object, place: str, allowed: frozenset[str] | set[str] | None) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise WrongViewError(f"{place} is no JSON object")
    if allowed is not None and (strange := sorted(set(found) - allowed)):
        raise WrongViewError(f"{place}: {strange[0]!r} is not known here; known: {', '.join(sorted(allowed))}")
    return found


def _list(found: object, place: str) -> list[Any]:
    if not isinstance(found, list):
        raise WrongViewError(f"{place.rpartition('.')[2] or place} is a list")
    return found


def _rows(select: _Select, node: Any, index: int, aliases: Mapping[str, str]) -> Iterator[Row]:
    if not select.each:
        yield from _of_node(select, node, index, aliases)
        return
    if select.each == "repeat":
        nodes = list(_repeated(select.expressions, node, index, aliases))
    else:
        nodes = select.expressions[0](node, index, aliases)
    if not nodes and select.each == "forEachOrNull":
        yield from _of_node(select, [], 0, aliases)
    n_rows = 0
    for place, one in enumerate(nodes):
        for row in _of_node(select, one, place, aliases):
            n_rows += 1
            _check_size(n_rows)
            yield row


def _of_node(select: _Select, node: Any, index: int, aliases: Mapping[str, str]) -> Iterator[Row]:
    own = tuple(_cell(column, node, index, aliases) for column in select.columns)
    found: Sequence[Row] = [own]
    for part in select.parts:
        rows = [row for one in part for row in _rows(one, node, index, aliases)]
        _check_size(len(found) * len(rows))
        found = [before + row for before in found for row in rows]
    yield from found


def _check_size(n_rows: int) -> None:
    if n_rows > MOST_ROWS:
        raise WrongPathError(f"it gives more than {MOST_ROWS:,} rows")


def _repeated(expressions: tuple[Evaluate, ...], node: Any, index: int, aliases: Mapping[str, str]) -> Iterator[Any]:
    """What the expressions reach from the node and from whatever they reached, parents first."""
    stack = [found for each in reversed(expressions) for found in reversed(each(node, index, aliases))]
    n_nodes = 0
    while stack:
        n_nodes += 1
        _check_size(n_nodes)
        one = stack.pop()
        yield one
        stack += [found for each in reversed(expressions) for found in reversed(each(one, index, aliases))]


_TYPES: dict[str, type | tuple[type, ...]] = {
    "boolean": bool,
    **dict.fromkeys(("integer", "positiveInt", "unsignedInt", "integer64"), int),
    "decimal": (int, Decimal),
    **dict.fromkeys(
        ("string", "code", "id", "uri", "url", "canonical", "oid", "uuid", "markdown", "base64Binary", "xhtml"), str
    ),
    **dict.fromkeys(("date", "dateTime", "instant", "time"), str),
}


def _is_of(value: Any, declared: str) -> bool:
    """Whether a value is of its column's declared type; any is of a type that is not listed, or not declared."""
    wanted = _TYPES.get(declared)
    return wanted is None or (isinstance(value, wanted) and (declared == "boolean") == isinstance(value, bool))


def _cell(column: _Column, node: Any, index: int, aliases: Mapping[str, str]) -> Any:
    # A resource, and no element of one, is still what JSON gave.
    values = column.plain(node, aliases) if column.plain and isinstance(node, dict) else None
    if values is None:
        values = [value_of(found) for found in column.evaluate(node, index, aliases)]
    if any(isinstance(value, dict | list) for value in values):
        raise WrongPathError(f"column {column.name!r} holds no single value but an object")
    for value in values:
        if not _is_of(value, column.type):
            raise WrongPathError(f"column {column.name!r} is declared {column.type}, and holds {type(value).__name__}")
    if column.is_collection:
        return values
    if len(values) > 1:
        raise WrongPathError(f"column {column.name!r} has {len(values)} values, and is not declared a collection")
    if not values:
        return None
    return _measured(column, values[0], node, index, aliases) if column.quantity else values[0]


def _measured(column: _Column, value: Any, node: Any, index: int, aliases: Mapping[str, str]) -> Any:
    """The value, with its unit where it is that of a Quantity."""
    assert column.quantity is not None  # noqa: S101 - the caller saw to it
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    for found in map(value_of, column.quantity(node, index, aliases)):
        if isinstance(found, dict) and "value" in found:
            if found.get("comparator"):
                raise WrongPathError(
                    f"column {column.name!r} holds a limit (the Quantity has a comparator), not a measured value; leave such resources out by "
                    "the view's where, as value.ofType(Quantity).comparator.empty()"
                )
            code, text = found.get("code"), found.get("unit")
            is_ucum = found.get("system", _UCUM) == _UCUM
            chosen = (code, text) if is_ucum else (text, code)
            return _Measured(value, next((each for each in chosen if isinstance(each, str) and each.strip()), ""))
    return value
