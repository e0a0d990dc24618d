"""Three other fields on generated data: drug development, epidemiology, and one outside health. Nobody's data.

    python examples/other_fields.py treatment-response
    python examples/other_fields.py surveillance
    python examples/other_fields.py payment-fraud

One generator serves all: a field names its parties, its columns, and what raises the risk. Each party gets a table of its own, as
it would in a deployment, with its own mix of cases; the study document says what the columns mean, and nothing of training.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward import run_study
from cipherward import study as study_document
from cipherward.simulation.simulate import RunResult
from cipherward.study import Study


@dataclass(frozen=True)
class Number:
    """A numeric column, drawn evenly from its range. `effect`: on the log odds, or the logarithm of the expected count, from one end of the range to the other; `bend`: more in
    the middle than at the ends."""

    minimum: float
    maximum: float
    effect: float = 0.0
    bend: float = 0.0
    unit: str = ""


@dataclass(frozen=True)
class Field:
    """`groups`: rows of one member of `group` (a patient, a district, a card) belong together, so many each. `choices`: of each
    categorical column, its values with their effects. `base`: log odds in the middle of everything; of counts the logarithm of the
    expected count. `most`: the outcome is a count, up to this; 0: it is binary."""

    title: str
    parties: tuple[str, ...]
    outcome: str
    group: str
    rows_of_each: int
    base: float
    numbers: Mapping[str, Number]
    choices: Mapping[str, Mapping[str, float]]
    most: int = 0


FIELDS = {
    "treatment-response": Field(
        title="Response to a drug at four trial sites",
        parties=("basel", "lyon", "porto", "turin"),
        outcome="responded",
        group="patient",
        rows_of_each=1,
        base=-0.6,
        numbers={
            "dose": Number(5, 80, effect=2.0, bend=1.0, unit="mg"),
            "age": Number(18, 85, effect=-0.8, unit="a"),
            "tumour_size": Number(5, 120, effect=-1.5, unit="mm"),
            "prior_lines": Number(0, 5, effect=-1.0),
        },
        choices={
            "genotype": {"wild type": 0.0, "heterozygous": 0.8, "homozygous": 1.6},
            "sex": {"female": 0.0, "male": -0.1},
        },
    ),
    "surveillance": Field(
        title="Cases in the coming week by district, at three health departments",
        parties=("coast", "plain", "upland"),
        outcome="cases_next_week",
        group="district",
        rows_of_each=26,
        base=1.0,
        numbers={
            "cases_last_week": Number(0, 60, effect=1.6, unit="{cases}"),
            "rainfall": Number(0, 120, effect=0.5, bend=0.2, unit="mm"),
            "temperature": Number(-5, 35, effect=0.3, unit="Cel"),
            "vaccinated": Number(0.3, 0.95, effect=-1.0),
        },
        choices={
            "schools": {"open": 0.3, "holidays": -0.3},
            "water": {"piped": 0.0, "wells": 0.4, "surface": 0.7},
        },
        most=100,
    ),
    "payment-fraud": Field(
        title="Card payments that turn out to be fraud, at four banks",
        parties=("bank-a", "bank-b", "bank-c", "bank-d"),
        outcome="fraud",
        group="card",
        rows_of_each=5,
        base=-3.5,
        numbers={
            "amount": Number(1, 2_000, effect=2.0, unit="{euro}"),
            "hour": Number(0, 24, bend=-1.5, unit="h"),
            "card_age": Number(0, 60, effect=-1.5, unit="mo"),
            "payments_today": Number(0, 20, effect=2.5),
        },
        choices={
            "merchant": {"grocery": -0.6, "travel": 0.4, "electronics": 0.8, "other": 0.0},
            "country": {"home": 0.0, "abroad": 1.0},
            "present": {"yes": -0.8, "no": 0.6},
        },
    ),
}


def write_tables(field: Field, folder: Path, rows: int, seed: int = 0) -> None:
    """One CSV file for each party, of `rows` rows on average; the parties differ in size and in their mix of cases."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    sizes = rng.dirichlet(np.full(len(field.parties), 8.0)) * rows * len(field.parties)
    for party, size in zip(field.parties, sizes.astype(int).tolist(), strict=True):
        n, odds = max(size, 60), np.full(max(size, 60), field.base)
        table: dict[str, Any] = {field.group: [f"{party}-{row // field.rows_of_each}" for row in range(n)]}
        lean = rng.uniform(0.7, 1.4)  # this party's cases lie lower or higher in every range
        for name, column in field.numbers.items():
            place = rng.random(n) ** lean
            odds += column.effect * (place - 0.5) + column.bend * (1.0 - 8.0 * (place - 0.5) ** 2)
            values: NDArray[Any] = column.minimum + place * (column.maximum - column.minimum)
            table[name] = [None if lost else round(v, 3) for v, lost in zip(values, rng.random(n) < 0.02, strict=True)]
        for name, effects in field.choices.items():
            drawn = rng.choice(len(effects), n, p=rng.dirichlet(np.full(len(effects), 6.0)))
            odds += np.array(list(effects.values()))[drawn]
            table[name] = [list(effects)[code] for code in drawn]
        if field.most:
            table[field.outcome] = np.minimum(rng.poisson(np.exp(odds)), field.most)
        else:
            table[field.outcome] = (rng.random(n) < 1.0 / (1.0 + np.exp(-odds))).astype(int)
        pl.DataFrame(table).write_csv(folder / f"{party}.csv")


def study(name: str, **sections: Any) -> Study:
    """The study document; `sections` add to it."""
    field = FIELDS[name]
    numbers = [
        {"name": column, "kind": "numeric", "minimum": n.minimum, "maximum": n.maximum, "unit": n.unit}
        for column, n in field.numbers.items()
    ]
    choices = [
        {"name": column, "kind": "categorical", "categories": list(effects)}
        for column, effects in field.choices.items()
    ]
    counts = {"outcome_type": "counts", "outcome_maximum": field.most} if field.most else {}
    document = {
        "name": name,
        "title": field.title,
        "synthetic": True,
        "data": {"source": "files", "outcome": field.outcome, "patient_column": field.group} | counts,
        "model": {"kind": "linear" if field.most else "logistic-regression"},
        "columns": [*numbers, *choices],
        "hospitals": [{"name": party, "path": f"{party}.csv"} for party in field.parties],
    }
    return study_document.parse(document | sections, origin=name)


def run(name: str, folder: Path, *, rows: int = 4_000, seed: int = 0, **sections: Any) -> RunResult:
    """Generate the tables under `folder` and run the study over them."""
    write_tables(FIELDS[name], folder / "tables", rows, seed)
    return run_study(study(name, **sections), base=folder / "tables", out=folder / "run", device="cpu")


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in FIELDS:
        sys.exit(__doc__)
    name = sys.argv[1]
    result = run(name, Path("runs") / f"example-{name}")
    found = result.summary
    print(FIELDS[name].title)
    key, title = found.get("headline", "auroc"), "D² (explained deviance)" if FIELDS[name].most else "AUROC"
    print(
        f"{title} together {found[f'{key}_federated']:.3f}, on all rows in one place {found[f'{key}_centralised']:.3f}"
    )
    print(f"alone {', '.join(f'{party} {reached:.3f}' for party, reached in found[f'{key}_local'].items())}")
    print(f"Report: {result.path / 'report.html'}")


if __name__ == "__main__":
    main()
