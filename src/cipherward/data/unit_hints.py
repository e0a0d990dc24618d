"""Units that people write into the name or the title of a column: a hint that something is to be compared, and nothing
that converts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cipherward.data import units
from cipherward.study import Column

_IN_NAMES = {
    "mg_dl": "mg/dL", "mmol_l": "mmol/L", "umol_l": "umol/L", "nmol_l": "nmol/L", "g_dl": "g/dL", "g_l": "g/L", "mg_l": "mg/L", "ug_l": "ug/L",
    "ng_ml": "ng/mL", "pg_ml": "pg/mL", "u_l": "U/L", "iu_l": "[IU]/L", "mmol_mol": "mmol/mol", "kg": "kg", "lb": "[lb_av]", "lbs": "[lb_av]",
    "cm": "cm", "inch": "[in_i]", "inches": "[in_i]", "mmhg": "mm[Hg]", "bpm": "/min", "celsius": "Cel", "fahrenheit": "[degF]", "degf": "[degF]",
    "degc": "Cel", "percent": "%", "pct": "%", "years": "a", "yrs": "a", "months": "mo", "weeks": "wk", "days": "d", "hours": "h", "minutes": "min",
}  # fmt: skip
"""How names of columns end, in small letters, and the UCUM code that is meant."""
_BRACKETED = re.compile(r"[(\[]([^()\[\]]{1,20}(?:\[[^\[\]]{1,10}\])?)[)\]]\s*$")
_ALIKE = str.maketrans("µμ", "uu")


def named_in(text: str) -> str:
    """The UCUM code of the unit with which a name or a title ends; "" where none is seen. Needs no library."""
    if found := _BRACKETED.search(text):
        written = found[1].strip().translate(_ALIKE)
        known = {code.casefold(): code for code in _IN_NAMES.values()}
        return units.suggestion(found[1]) or known.get(written.casefold(), "")
    words = re.split(r"[^A-Za-z%]+", text.strip())
    for length in (2, 1):
        if len(words) > length and (code := _IN_NAMES.get("_".join(words[-length:]).lower())):
            return code
    return ""


def hints(columns: Sequence[Column], titles: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Where what a column is called says another unit than the study declares, in words. `titles`: what it is called
    besides."""
    for column in columns:
        if column.kind != "numeric":
            continue
        wanted = units.suggestion(column.unit) or column.unit
        for text in (column.name, *titles.get(column.name, ())):
            said = named_in(text)
            if said and said != wanted:
                declared = f"declares {column.unit!r}" if column.unit else "declares no unit"
                yield (
                    f"column {column.name!r}: {text!r} looks like the unit {said!r}, and the study {declared}; compare some values, and name "
                    "the table's unit in a mapping file if it is another"
                )
                break
