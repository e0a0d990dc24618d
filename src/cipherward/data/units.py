"""Units by their UCUM code (ucum.org): whether a code is one, and how values of one unit become values of another.

ucumvert reads the codes and pint converts (extra `units`); both take half a second to load, and are loaded when a unit is looked at
that is none of the usual ones, or converted.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError

Convert = Callable[[NDArray[np.float64]], NDArray[np.float64]]
_INSTALL = "pip install 'cipherward[units]'"
_USUAL = {
    "years": "a", "year": "a", "y": "a", "yrs": "a", "months": "mo", "month": "mo", "weeks": "wk", "days": "d", "day": "d", "hours": "h", "hour": "h",
    "minutes": "min", "seconds": "s", "mmhg": "mm[Hg]", "bpm": "/min", "beats/min": "/min", "/minute": "/min", "percent": "%", "°c": "Cel", "celsius": "Cel",
    "°f": "[degF]", "fahrenheit": "[degF]", "µmol/l": "umol/L", "μmol/l": "umol/L", "lb": "[lb_av]", "lbs": "[lb_av]", "inch": "[in_i]", "in": "[in_i]",
    "kg/m²": "kg/m2", "kg/m^2": "kg/m2", "iu/l": "[IU]/L", "u/l": "U/L", "10^9/l": "10*9/L", "10^3/µl": "10*3/uL", "µg/l": "ug/L", "mcg/l": "ug/L",
}  # fmt: skip
"""What people write, in small letters, and its UCUM code."""
_USUAL_CODES = frozenset({
    "a", "mo", "wk", "d", "h", "min", "s", "ms", "/min", "/h", "/d", "/wk", "%", "[ppm]", "1", "kg", "g", "mg", "ug", "ng", "[lb_av]", "m", "cm",
    "mm", "um", "um2", "mm2", "cm2", "m2", "[in_i]", "L", "dL", "mL", "uL", "fL", "kg/m2", "mm[Hg]", "kPa", "cm[H2O]", "Cel", "[degF]", "K", "mol/L",
    "mmol/L", "umol/L", "nmol/L", "pmol/L", "mmol/mol", "g/L", "g/dL", "mg/L", "mg/dL", "ug/L", "ug/dL", "ug/mL", "ng/L", "ng/dL", "ng/mL", "pg/mL",
    "pg", "U/L", "[IU]/L", "m[IU]/L", "u[IU]/mL", "k[IU]/L", "10*9/L", "10*3/uL", "10*6/uL", "10*12/L", "meq/L", "mosm/kg", "mL/min",
    "mL/min/{1.73_m2}", "L/min", "mL/kg", "mg/g", "mg/mmol", "mm/h", "mg/kg", "ug/kg/min", "mg/d", "g/d", "kcal", "J", "W", "Hz", "dB", "mV", "Gy",
    "mSv",
})  # fmt: skip
_COUNTED = re.compile(r"\{[A-Za-z0-9_]+\}")
"""Things that are counted, in UCUM's braces."""


def can_be_told() -> bool:
    """Whether the libraries that know units are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("ucumvert", "pint"))


def is_code(unit: str) -> bool:
    """Whether a text is a UCUM code.

    Raises:
        DataError: the libraries are not installed.
    """
    _check_installed()
    return unit in _USUAL_CODES or bool(_COUNTED.fullmatch(unit)) or _unit(unit) is not None


def suggestion(unit: str) -> str:
    """The UCUM code that people usually mean by this text; "" where none is known."""
    return _USUAL.get(unit.strip().casefold(), "")


def code_of(unit: str) -> str:
    """The UCUM code of a unit as it is written, or as people usually mean it; "" where it is none.

    Raises:
        DataError: the libraries are not installed.
    """
    found = unit if is_code(unit) else suggestion(unit)
    return found if found and is_code(found) else ""


def converter(given: str, wanted: str) -> Convert:
    """From values in the unit `given` to values in `wanted`: float64 in, float64 out, of any shape; NaN stays.

    Raises:
        DataError: one of them is no UCUM code, or they do not measure the same kind of thing. Amounts of substance and masses, such as
            mmol/L and mg/dL, convert only with the molar mass of what is measured, which a unit does not say.
    """
    if given == wanted and is_code(given):
        return lambda values: np.array(values, dtype=np.float64)
    units = []
    for text in (given, wanted):
        unit = _unit(text)
        if unit is None:
            code = suggestion(text)
            raise DataError(
                f"{text!r} is no UCUM unit",
                hint=f"write {code!r}" if code else "ucum.org lists the codes, such as mmol/L, kg, a, Cel",
            )
        units.append(unit)
    source, target = units
    if not source.is_compatible_with(target):
        raise DataError(
            f"{given!r} cannot become {wanted!r}: they measure different things",
            hint="give factor and, where needed, offset: from mg/dL of glucose to mmol/L the factor is 1 / 18.016 (its molar mass in "
            "tenths of a gram)",
        )
    quantity = _registry()[0].Quantity

    def convert(values: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.asarray(
            quantity(values, source.units).to(target.units).magnitude, dtype=np.float64
        )
        return found * float(source.magnitude / target.magnitude)

    return convert


def _check_installed() -> None:
    if not can_be_told():
        raise DataError("units need the Python packages pint and ucumvert, which are not installed", hint=_INSTALL)


@cache
def _registry() -> tuple[Any, Callable[[str], Any]]:
    """pint's registry with UCUM's units, and what reads a code. `ucumvert.PintUcumRegistry` would make two registries."""
    _check_installed()
    import ucumvert
    from pint import UnitRegistry

    registry: Any = UnitRegistry()
    registry.load_definitions(Path(ucumvert.__file__).with_name("pint_ucum_defs.txt"))
    parser, read = ucumvert.get_ucum_parser(), ucumvert.UcumToPintTransformer(ureg=registry).transform
    return registry, lambda text: read(ucumvert.parse_ucum(text, parser))


@cache
def _unit(text: str) -> Any:
    read = _registry()[1]
    try:
        return read(text) if text.strip() == text and text else None
    except Exception:  # the parser's and pint's own errors, of many kinds: this is no unit
        return None
