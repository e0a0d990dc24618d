"""The data dictionary of a study: its input columns, and how a model's input row is folded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from cipherward.study_sections import Section, is_number, number_key, same_text

LARGEST_CELL = 1 << 20
"""Numbers in one image or series, at most."""
_WORDS = {
    "a": "years", "mo": "months", "wk": "weeks", "d": "days", "h": "hours", "min": "minutes", "/min": "per minute", "Cel": "°C", "mm[Hg]": "mmHg",
    "[lb_av]": "lb",
}  # fmt: skip
"""UCUM codes that people write otherwise."""


class Column(Section):
    """One input column of the data dictionary. Numeric values outside [minimum, maximum] are clipped to it; `missing`
    are this column's own codes for "no value", such as -9. `codes`: texts that tables may hold in place of a category, and which one
    each is. A table without a `required` column is refused; without another one, the column has no value in any row. `impute`: what
    a missing number counts as, the middle of its column or what the row's other columns let expect. `recorded`: the column with the
    day on which a value was recorded, which is not later than the index date.

    A cell of kind "image" or "series" holds many numbers: `shape` is (channels, height, width), with 1 or 3 channels, or
    (length,). Values of a series may be missing, pixels may not. `fit`: an image file of another size is refused, or stretched
    to the shape; `window`: what a DICOM file shows is the declared range of its values, or the window that the file names.
    """

    name: str = Field(min_length=1)
    kind: Literal["numeric", "categorical", "image", "series"]
    shape: tuple[Annotated[int, Field(ge=1, le=LARGEST_CELL)], ...] = ()
    fit: Literal["exact", "stretch"] = "exact"
    window: Literal["range", "file"] = "range"
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    transform: Literal["none", "log1p"] = "none"
    categories: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    description: str = ""
    required: bool = False
    codes: tuple[tuple[str, str], ...] = ()
    impute: Literal["middle", "regression"] = "middle"
    recorded: str = ""

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A study that does not use the newer settings is the same document, with the same digest, as before there were any."""
        found: dict[str, Any] = write(self)
        for name in ("required", "codes", "recorded"):
            if name in found and not found[name]:
                del found[name]
        if found.get("impute") == "middle":
            del found["impute"]
        return found | ({"codes": dict(self.codes)} if "codes" in found else {})

    @field_validator("codes", mode="before")
    @classmethod
    def _pairs(cls, given: Any) -> Any:
        """A table of TOML, as pairs: a column can be hashed."""
        return tuple(given.items()) if isinstance(given, dict) else given

    @property
    def unit_words(self) -> str:
        """The unit as people write it: years for a, visits for {visits}."""
        if self.unit.startswith("{") and self.unit.endswith("}"):
            return self.unit[1:-1].replace("_", " ")
        return _WORDS.get(self.unit, self.unit)

    @property
    def is_array(self) -> bool:
        """Whether a cell holds many numbers."""
        return self.kind in ("image", "series")

    @property
    def size(self) -> int:
        """How many numbers a cell holds."""
        return math.prod(self.shape)

    @property
    def is_predicted(self) -> bool:
        """Whether a missing number follows from the row's other columns."""
        return self.impute == "regression"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self._check_shape()
        if self.is_predicted and self.kind != "numeric":
            raise ValueError(f'{self.kind} column {self.name!r}: impute = "regression" is for columns of numbers')
        if self.kind != "categorical":
            of_kind = f"{self.kind} column {self.name!r}"
            if self.minimum is None or self.maximum is None or not self.minimum < self.maximum:
                raise ValueError(f"{of_kind} needs minimum < maximum (its plausible range)")
            if self.transform == "log1p" and self.minimum < 0:
                raise ValueError(f"{of_kind}: log1p needs minimum >= 0")
            if self.codes:
                raise ValueError(f"{of_kind} cannot have codes of categories")
            if self.categories:
                raise ValueError(f"{of_kind} cannot list categories")
            if not all(is_number(code) for code in self.missing):
                raise ValueError(f'{of_kind}: missing lists numbers, as text: ["-9"]')
        else:
            if not self.categories or len({same_text(text) for text in self.categories}) != len(self.categories):
                raise ValueError(f"categorical column {self.name!r} needs a list of distinct categories")
            numbers = [number_key(same_text(text)) for text in self.categories if text != "other"]
            if None not in numbers and len(set(numbers)) < len(numbers):
                raise ValueError(f"categorical column {self.name!r} lists one number twice, written otherwise")
            if both := sorted(set(self.categories) & set(self.missing)):
                raise ValueError(f"categorical column {self.name!r}: {both[0]!r} is both a category and missing")
            self._check_codes()
            if self.minimum is not None or self.maximum is not None or self.transform != "none":
                raise ValueError(f"categorical column {self.name!r} cannot have minimum, maximum or transform")
        return self

    def _check_codes(self) -> None:
        listed = {same_text(text) for text in (*self.categories, *self.missing)}
        for code, category in self.codes:
            if category not in self.categories:
                raise ValueError(
                    f"categorical column {self.name!r}: code {code!r} is for {category!r}, no category of it"
                )
            if same_text(code) in listed:
                raise ValueError(
                    f"categorical column {self.name!r}: {code!r} is both a code and a category, or missing"
                )
        if len({same_text(code) for code, _ in self.codes}) < len(self.codes):
            raise ValueError(f"categorical column {self.name!r} lists one code twice")

    def _check_shape(self) -> None:
        wanted = {"image": "[channels, height, width] with 1 or 3 channels", "series": "[length]"}.get(self.kind)
        if wanted is None and self.shape:
            raise ValueError(f"{self.kind} column {self.name!r} cannot have a shape")
        if self.kind != "image" and (self.fit != "exact" or self.window != "range"):
            raise ValueError(f"{self.kind} column {self.name!r}: fit and window are of images")
        if wanted is None:
            return
        dimensions = 3 if self.kind == "image" else 1
        if len(self.shape) != dimensions or (self.kind == "image" and self.shape[0] not in (1, 3)):
            raise ValueError(f"{self.kind} column {self.name!r} needs shape = {wanted}")
        if self.size > LARGEST_CELL:
            raise ValueError(f"{self.kind} column {self.name!r}: more than {LARGEST_CELL:,} numbers in one cell")
        if self.kind == "image" and (self.missing or self.transform != "none"):
            raise ValueError(f"image column {self.name!r} cannot have codes for missing pixels, or a transform")


def days_without_index(columns: Sequence[Column], index_date: str) -> list[str]:
    """Of each column whose values have a day of record, where there is no index date to compare it with."""
    said = "recorded needs an index date (a column with role index-date, or data.index_date)"
    return [f"column {each.name!r}: {said}" for each in columns if each.recorded and not index_date]


def input_shape(columns: Sequence[Column]) -> tuple[int, ...]:
    """How a model's input row is folded: (channels, height, width) of the one image; of series of one length, (2 x series,
    length): each series, and where it has no value; of a table 0, and how many inputs each column has; () of anything else."""
    kinds, shapes = {column.kind for column in columns}, {column.shape for column in columns}
    if kinds == {"image"} and len(columns) == 1:
        return columns[0].shape
    if kinds == {"series"} and len(shapes) == 1:
        return (2 * len(columns), columns[0].shape[0])
    if kinds <= {"numeric", "categorical"}:
        return (0, *(1 + (len(column.categories) if column.kind == "categorical" else 1) for column in columns))
    return ()
