"""The trial's three tables as three hospitals would have them: other names, units, codes, date forms, separators and formats, and the mapping
file through which each takes part."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from pathlib import Path

import polars as pl

GERMAN = {
    "patient_id": "Fallnummer", "readmitted_30d": "Wiederaufnahme", "age": "Alter", "sex": "Geschlecht", "haemoglobin": "Hämoglobin",
    "albumin": "Albumin (g/L)", "discharge_to": "Entlassen nach",
}  # fmt: skip


def ward(folder: Path) -> None:
    """Hospital 1: CSV of a German spreadsheet, Windows-1252, semicolons, decimal commas, and dates in place of the length of stay."""
    table = pl.read_csv(folder / "hospital-1.csv", infer_schema=False)
    n = table.height
    start = [date(2024, 1, 1) + timedelta(days=i % 400) for i in range(n)]
    days = table["length_of_stay"].cast(pl.Float64)
    end = [None if stay is None else at + timedelta(days=int(stay)) for at, stay in zip(start, days, strict=True)]
    tenfold = pl.col("haemoglobin", "albumin").cast(pl.Float64).mul(10).round(6).cast(pl.String)
    found = table.with_columns(tenfold).with_columns(
        pl.col("haemoglobin", "albumin", "creatinine", "hba1c").str.replace(".", ",", literal=True),
        pl.col("sex").replace({"female": "w", "male": "m"}),
        pl.col("readmitted_30d").replace({"0": "nein", "1": "ja"}),
        pl.col("age").fill_null("k.A."),
        Aufnahme=pl.Series([at.strftime("%d.%m.%Y") for at in start]),
        Entlassung=pl.Series([at.strftime("%d.%m.%Y") if at else "" for at in end]),
    )
    content = found.drop("length_of_stay").rename(GERMAN).write_csv(separator=";")
    (folder / "station.csv").write_bytes(content.replace("\n", "\r\n").encode("cp1252"))
    (folder / "tage.toml").write_text(
        'source = "dates"\ntable = "station.csv"\nform = "%d.%m.%Y"\n\n[[intervals]]\nname = "length_of_stay"\nstart = "Aufnahme"\nend = "Entlassung"\n'
    )
    renamed = "".join(f'\n[columns.{name}]\nfrom = "{own}"\n{WARD.get(name, "")}' for name, own in GERMAN.items())
    (folder / "hospital-1.toml").write_text(f'source = "mapping"\ntable = "tage.toml"\n{renamed}', "utf-8")


WARD = {
    "readmitted_30d": 'recode = { ja = "1", nein = "0" }\n',
    "age": 'missing = ["k.A."]\n',
    "sex": 'recode = { m = "male", w = "female" }\n',
    "haemoglobin": 'unit = "g/L"\n',
    "albumin": 'unit = "g/L"\n',
}


def laboratory(folder: Path) -> None:
    """Hospital 2: Parquet, names in capitals, sexes as numbers, a column of units beside a value, creatinine in umol/L."""
    table = pl.read_csv(folder / "hospital-2.csv", infer_schema_length=None)
    found = table.with_columns(
        pl.col("sex").replace_strict({"male": 1, "female": 2}, return_dtype=pl.Int64).fill_null(9),
        pl.col("creatinine") * 88.42,
        pl.col("sodium").fill_null(-9),
        pl.col("albumin") * 10,
        alb_unit=pl.lit("g/L"),
    )
    found.rename({name: name.upper() for name in found.columns}).write_parquet(folder / "stays.parquet")
    names = [name for name in table.columns if name not in LABORATORY]
    parts = [f'\n[columns.{name}]\nfrom = "{name.upper()}"\n' for name in names]
    parts += [f'\n[columns.{name}]\nfrom = "{name.upper()}"\n{more}' for name, more in LABORATORY.items()]
    (folder / "hospital-2.toml").write_text('source = "mapping"\ntable = "stays.parquet"\n' + "".join(parts))


LABORATORY = {
    "sex": 'recode = { "1" = "male", "2" = "female" }\nmissing = ["9"]\n',
    "creatinine": f"factor = {1 / 88.42!r}\n",
    "sodium": 'missing = ["-9"]\n',
    "albumin": 'unit_column = "ALB_UNIT"\n',
}


def warehouse(folder: Path) -> None:
    """Hospital 3: a database, whose query joins two tables; letters as codes, HbA1c in mmol/mol."""
    table = pl.read_csv(folder / "hospital-3.csv", infer_schema_length=None)
    found = table.with_columns(
        pl.col("sex").replace({"male": "M", "female": "F"}),
        pl.col("readmitted_30d").replace_strict({0: "N", 1: "J"}, return_dtype=pl.String),
        (pl.col("hba1c") - 2.15) / 0.0915,
    )
    first = ["patient_id", "age", "sex", "readmitted_30d"]
    with sqlite3.connect(folder / "clinic.db") as connection:
        for name, part in (("people", found.select(first)), ("stays", found.drop(first))):
            marks = ", ".join("?" * (part.width + 1))
            connection.execute(f"CREATE TABLE {name} (nr, {', '.join(part.columns)})")
            rows = [(number, *row) for number, row in enumerate(part.rows())]
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608
    connection.close()
    query = f"SELECT {', '.join(first)}, s.* FROM people AS p JOIN stays AS s ON s.nr = p.nr ORDER BY p.nr"  # noqa: S608
    (folder / "clinic.toml").write_text(f'source = "database"\nurl = "sqlite:///clinic.db"\nquery = "{query}"\n')
    (folder / "hospital-3.toml").write_text(
        'source = "mapping"\ntable = "clinic.toml"\n\n[columns.sex]\nrecode = { M = "male", F = "female" }\n\n'
        '[columns.readmitted_30d]\nrecode = { J = "1", N = "0" }\n\n[columns.hba1c]\nfactor = 0.0915\noffset = 2.15\n'
    )


def write(folder: Path) -> None:
    """All three, beside the trial's tables."""
    ward(folder)
    laboratory(folder)
    warehouse(folder)
