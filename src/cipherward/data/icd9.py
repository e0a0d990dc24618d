"""ICD-9-CM diagnosis codes in sections: the usual chapters, divided where hospital patients are many (heart failure, kidney failure, ...)."""

from __future__ import annotations

_SECTIONS = (
    (1, 139), (140, 239), (240, 249), (250, 250), (251, 279), (280, 289), (290, 319), (320, 389), (390, 398), (401, 405),
    (410, 414), (415, 417), (420, 427), (428, 428), (429, 429), (430, 438), (440, 448), (451, 459), (460, 479), (480, 488),
    (490, 496), (500, 519), (520, 579), (580, 583), (584, 586), (587, 589), (590, 629), (630, 679), (680, 709), (710, 739),
    (740, 759), (780, 784), (785, 785), (786, 786), (787, 787), (788, 788), (789, 799), (800, 995), (996, 999),
)  # fmt: skip

SECTIONS: tuple[str, ...] = (
    *(f"{low}-{high}" if low < high else str(low) for low, high in _SECTIONS),
    "E codes",
    "V codes",
)
"""Names of the 39 ranges of three-digit codes, inclusive, and of external causes and supplementary codes."""


def section(code: str | None) -> str | None:
    """The section of a code ("428", "250.83", "V57", "E888"); None: there is no code, or none of ICD-9-CM.

    Ranges are inclusive and of the code's integer part.
    """
    if not code:
        return None
    if code[0] in "EV":
        return f"{code[0]} codes"
    whole = code.split(".", 1)[0]
    if not whole.isdigit():
        return None
    number = int(whole)
    return next(
        (name for name, (low, high) in zip(SECTIONS, _SECTIONS, strict=False) if low <= number <= high),
        None,
    )
