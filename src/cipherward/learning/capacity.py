"""How much a model could keep of its rows: more parameters than rows are room enough to learn each of them by heart.

A network with 2n + d parameters fits any n rows of d numbers, whatever their outcomes (Zhang et al. 2017, arXiv 1611.03530, theorem 1).
"""

from __future__ import annotations


def warning(n_parameters: int, n_rows: int, whose: str) -> str:
    """A sentence where there are more parameters than training rows, else "".

    Args:
        whose: whose rows they are, as "all hospitals together".
    """
    if not 0 < n_rows < n_parameters:
        return ""
    return (
        f"The model has {n_parameters:,} parameters and {whose} {n_rows:,} training rows: with more parameters than rows a model can learn "
        "rows by heart, and whoever has it may tell who was among them. Take a smaller model, or differential privacy ([privacy])."
    )
