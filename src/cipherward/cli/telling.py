"""What is told while a command works, and of the hospitals' tables each thing once, with the hospitals that it is true of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cipherward.cli.terminal import say

if TYPE_CHECKING:
    from cipherward.data.sources import HospitalData
    from cipherward.study import Study


class Teller:
    """Writes what happens, line by line."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._err = to_stderr
        self._place = ""

    def __call__(self, text: str = "", *, fg: str | None = None, bold: bool = False) -> None:
        say(text, err=self._err, fg=fg, bold=bold)

    def begins(self, study: Study, what: str) -> None:
        """That work on a study begins, and whose patients it is about where they are nobody's."""
        self(f"{study.title or study.name}: {what}", bold=True)
        if study.synthetic:
            self("The patients of this study are synthetic: made by a generator, nobody's data.")

    def about_data(self, hospitals: Sequence[HospitalData]) -> None:
        lines = list(about(hospitals))
        if lines:
            self("About this data:", bold=True)
        for line in lines:
            self(f"  {line}", fg="yellow")


def about(hospitals: Sequence[HospitalData]) -> Iterator[str]:
    """Lines about how files were read, which values were changed, and what is odd."""
    read: dict[str, list[str]] = {}
    changed: dict[str, list[str]] = {}
    odd: dict[str, list[str]] = {}
    for hospital in hospitals:
        for text in hospital.assumed:
            read.setdefault(f"how the file was read: {text}", []).append(hospital.name)
        for change in hospital.changes:
            said = f"column {change.column!r}: {change.rule}"
            changed.setdefault(said, []).append(f"{change.count} value(s) of {hospital.name}")
        for finding in hospital.about:
            odd.setdefault(finding.text, []).append(hospital.name)
    for text, names in read.items():
        yield f"{', '.join(names)}: {text}"
    for text, counts in changed.items():
        yield f"{text}: {', '.join(counts)}"
    for text, names in odd.items():
        yield f"{', '.join(names)}: {text}"


def reshaped(summary: Mapping[str, Any]) -> Iterator[str]:
    """Lines about columns and categories that the model does not have as the study declares them."""
    from cipherward.data.rare_categories import merged_words

    for name, why in summary.get("columns_left_out", {}).items():
        yield f"Column {name!r} is left out: {why}"
    for name, pairs in summary.get("categories_merged", {}).items():
        yield f"Column {name!r}: {merged_words(pairs)}"
