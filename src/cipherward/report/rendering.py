"""From a template of this package to the text of a page. Everything a template is given is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cipherward.report import blocks

if TYPE_CHECKING:
    from jinja2 import Environment

_NUMBER = re.compile(r"^[<+−-]?\d[\d.,\s\u202f]*( ?(%|s|[kMG]?B|bytes))?$")


def render(template: str, content: Mapping[str, Any]) -> str:
    """The page as text.

    Raises:
        ValueError: the content lacks something, or holds a value of another kind than the template asks for.
    """
    from jinja2 import TemplateRuntimeError

    try:
        return _environment().get_template(template).render(content)
    except TemplateRuntimeError as error:
        raise ValueError(str(error)) from None


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("cipherward.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"count": blocks.count, "percent": blocks.percent, "size": blocks.size}
    environment.tests |= {
        "mark": lambda cell: isinstance(cell, blocks.Mark),
        "code": lambda cell: isinstance(cell, blocks.Code),
        "numeral": lambda cell: isinstance(cell, str) and bool(_NUMBER.match(cell)),
    }
    return environment
