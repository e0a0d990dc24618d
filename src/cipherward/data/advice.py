"""What a value in a table was probably meant to be, as a clause for people."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from cipherward.data.values import number_key
from cipherward.study import same_text
from cipherward.study_sections import is_number

_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")

_WITH_UNIT = re.compile(r"[-+]?\d+([.,]\d+)*\s*[A-Za-zµμ°%€$£]\S*|[€$£]\s*\d+([.,]\d+)*")


def number_advice(text: str) -> str:
    """How the number that the text seems to be is written."""
    plain = same_text(text).replace("\u2212", "-").lstrip("'").strip()
    if is_number(plain):
        return f" (write {plain}, in plain digits)"
    marks = re.findall(r"(?<=\d)[,.'\u2019 ](?=\d)", plain)
    if is_number(re.sub(r"(?<=\d)[,'\u2019 ](?=\d{3}(?!\d))", "", plain)) and (len(marks) > 1 or marks != [","]):
        return " (write it without marks between thousands)"
    if _DATE.match(plain):
        return " (a date: make a number of it, such as days or years)"
    if has_unit(plain):
        return " (a number with its unit: export the column as the number alone)"
    return " (use a decimal point)" if "," in text else ""


def has_unit(text: str) -> bool:
    """Whether a text is a number with a unit or a currency beside it."""
    return bool(_WITH_UNIT.fullmatch(text))


def suggested(value: str, known: Sequence[str]) -> str:
    lower = {text.lower(): text for text in known}
    close = difflib.get_close_matches(value.lower(), lower, n=1, cutoff=0.75)
    same = [text for text in known if (key := number_key(text)) is not None and key == number_key(value)]
    guess = same or [lower[text] for text in close]
    return f"{value!r} (did you mean {guess[0]!r}?)" if guess else repr(value)
