"""From a template of this package to the text of a page. Everything a template is given is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cipherward.report import blocks

_NUMBER = re.compile(r"^[<+−-]?\d[\d.,\s\u202f]*( ?(%|s|[kMG]?B|bytes))?$")


def render(template: str, content: Mapping[str, Any]) -> str:
    """The page as text."""
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
    return environment.get_template(template).render(content)
