"""FHIRPath for views: the expressions that SQL on FHIR allows, parsed strictly, evaluated by fhirpathpy (extra `fhir`).

fhirpathpy's own parser mends a wrong expression and goes on, and its functions include one that prints. So an expression
is checked before: its syntax by the same grammar with an error listener that refuses, its functions by a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from cipherward.errors import DataError

INSTALL = "pip install 'cipherward[fhir]'"
LONGEST = 2_000
"""Characters of an expression."""
_ALLOWED = (
    "where exists empty extension ofType first last join not getResourceKey getReferenceKey count distinct all "
    "hasValue startsWith endsWith contains substring length upper lower toInteger toDecimal toString iif as is abs "
    "round trim combine select"
)
FUNCTIONS = frozenset(_ALLOWED.split(" "))
"""What an expression may call: what SQL on FHIR v2 asks of every runner, and more that ends and prints nothing."""

Value = str | int | bool | Decimal
Evaluate = Callable[[Any, int, Mapping[str, str]], list[Any]]
"""Of a node, the row index, and the aliases of references; gives nodes."""


class WrongPathError(DataError):
    """An expression that cannot be used, or does not fit a resource."""


def compiled(expression: object, constants: Mapping[str, Value]) -> Evaluate:
    """An expression ready to be evaluated on many nodes.

    Raises:
        DataError: fhirpathpy is not installed.
        WrongPathError: the expression is none, or calls what is not allowed. What it gives later raises it, too, where a
            resource does not fit it.
    """
    try:
        import fhirpathpy
        from fhirpathpy.models import models

        library: Any = fhirpathpy
    except ImportError:
        raise DataError("reading FHIR needs fhirpathpy, which is not installed", hint=INSTALL) from None
    if not isinstance(expression, str) or not expression.strip():
        raise WrongPathError(f"a FHIRPath expression is text, not {type(expression).__name__}")
    if len(expression) > LONGEST:
        raise WrongPathError(f"a FHIRPath expression of more than {LONGEST} characters")
    try:
        _check_syntax(expression)
        aliases: dict[str, Mapping[str, str]] = {"now": {}}
        table = {
            "join": {"fn": _join, "arity": {0: [], 1: ["String"]}},
            "getResourceKey": {"fn": resource_key, "arity": {0: []}},
            "getReferenceKey": {
                "fn": lambda nodes, wanted=None: reference_key(nodes, wanted.name if wanted else "", aliases["now"]),
                "arity": {0: [], 1: ["TypeSpecifier"]},
            },
        }
        options = {"returnRawData": True, "userInvocationTable": table}
        whole = (
            f"select({expression})" if "$this" in expression else expression
        )  # fhirpathpy knows none outside a function
        evaluate = library.compile(whole, models["r4"], options)
        _check_functions(evaluate.parsedPath, constants)
    except DataError:
        raise
    except (Exception, RecursionError):
        raise WrongPathError(f"{expression!r} is not a FHIRPath expression") from None

    def call(node: Any, row_index: int, names: Mapping[str, str]) -> list[Any]:
        aliases["now"] = names
        try:
            found = evaluate(node, {**constants, "rowIndex": row_index})
        except (Exception, RecursionError) as error:
            raise WrongPathError(f"{expression!r} does not fit it ({type(error).__name__})") from None
        return found if isinstance(found, list) else [found]

    return call


def _join(nodes: list[Any], separator: str = "") -> list[str]:
    """Text of no node is "", as SQL on FHIR has it; FHIRPath itself, and fhirpathpy, have nothing there."""
    return [separator.join(node if isinstance(node, str) else str(node) for node in nodes)]


def value_of(node: Any) -> Any:
    """What a node holds, as JSON has it; numbers with a fraction as Decimal, dates and times as text."""
    from fhirpathpy.engine import util

    library: Any = util
    found = library.get_data(node)
    return found if found is None or isinstance(found, str | int | bool | Decimal | dict | list) else str(found)


def resource_key(nodes: list[Any]) -> list[str]:
    """The ids of resources."""
    return [node["id"] for node in nodes if isinstance(node, dict) and isinstance(node.get("id"), str)]


def reference_key(nodes: list[Any], wanted: str, aliases: Mapping[str, str]) -> list[str]:
    """The ids that references name, of resources of one type where one is `wanted` (else ""); none of a reference without an id, or
    inside its own resource."""
    keys = []
    for node in nodes:
        text = node.get("reference") if isinstance(node, dict) else None
        if not isinstance(text, str):
            continue
        text = aliases.get(text, text).partition("/_history/")[0]
        if text.startswith("urn:uuid:"):
            kind, key = "", text.removeprefix("urn:uuid:")
        else:
            kind, _, key = text.rpartition("/")
            kind = kind.rpartition("/")[2]
        if key and "?" not in text and "#" not in text and (not wanted or kind in ("", wanted)):
            keys.append(key)
    return keys


def _check_syntax(expression: str) -> None:
    from antlr4 import CommonTokenStream, InputStream
    from antlr4.error.ErrorListener import ErrorListener
    from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
    from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

    class Refuse(ErrorListener):  # type: ignore[misc]
        def syntaxError(self, recognizer: Any, symbol: Any, line: int, column: int, said: str, error: Any) -> None:  # noqa: N802
            raise WrongPathError(f"{expression!r} is not a FHIRPath expression: wrong at character {column + 1}")

    lexer: Any = FHIRPathLexer(InputStream(expression))
    parser: Any = FHIRPathParser(CommonTokenStream(lexer))
    for part in (lexer, parser):
        part.removeErrorListeners()
        part.addErrorListener(Refuse())
    parser.entireExpression()


def _check_functions(tree: Any, constants: Mapping[str, Value]) -> None:
    stack = [tree]
    while stack:
        node = stack.pop()
        stack += node.get("children", [])
        if node.get("type") == "Functn":
            name = _text(node["children"][0])
            if name not in FUNCTIONS:
                raise WrongPathError(f"the FHIRPath function {name}() cannot be used in a view")
        elif node.get("type") == "ExternalConstantTerm":
            name = _text(node["children"][0]["children"][0]).replace("`", "")
            if name not in {*constants, "rowIndex", "context", "resource", "ucum"}:
                raise WrongPathError(f"the view declares no constant %{name}")


def _text(node: Any) -> str:
    return str(node.get("text", "")).strip("`")
