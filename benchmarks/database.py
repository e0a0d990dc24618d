"""Peak memory of reading a million encounters from PostgreSQL: in batches, and all rows at once as it was before.

    python benchmarks/database.py [ROWS]

Starts a server of its own (initdb and pg_ctl have to be installed). Each way of reading runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import postgres_server

from memory import peak_mib

VARIABLE = "CIPHERWARD_BENCHMARK_DATABASE"
MIB = 1 << 20
WAYS = {
    "batches": "a table, fetched in batches",
    "stream": "the same batches, none kept",
    "at once": "all rows at once",
}
_MAKE = """
CREATE TABLE encounters AS SELECT
    n AS encounter, 'patient-' || (n / 4) AS patient, 18 + (n * 7) % 80 AS age,
    CASE n % 2 WHEN 0 THEN 'female' ELSE 'male' END AS sex, DATE '2015-01-01' + (n % 3000)::int AS admitted,
    (n % 30)::int AS stay_days, (random() * 12)::numeric(5, 2) AS hba1c, random() * 200 AS creatinine,
    'E' || lpad((n % 99)::text, 2, '0') || '.' || (n % 10) AS diagnosis, (n % 9 = 0)::int AS readmitted
FROM generate_series(1, {rows}) AS s(n)
"""


def measure(url: str, way: str) -> dict[str, Any]:
    """Read the table in one way, in this process."""
    from cipherward.data.database import Database, asked, read_query

    database = Database(url, "SELECT * FROM encounters", password_env=VARIABLE)
    read_query(Database(url, "SELECT 1 AS a", password_env=VARIABLE))  # what is loaded once
    before, begun = peak_mib(), time.process_time()
    size = 0
    if way == "batches":
        table = read_query(database).table
        n_rows, size = table.height, int(table.estimated_size())
    elif way == "stream":
        with asked(database) as answer:
            n_rows = sum(len(rows) for rows in answer.batches)
    else:
        import psycopg

        host, _, port = url.rpartition("@")[2].partition("/")[0].partition(":")
        with psycopg.connect(
            host=host, port=int(port), user="reader", password=os.environ[VARIABLE], dbname="postgres"
        ) as connection:
            n_rows = len(connection.execute("SELECT * FROM encounters").fetchall())
    seconds = time.process_time() - begun
    return {"rows": n_rows, "before": before, "peak": peak_mib(), "table": size, "seconds": seconds}


def main(rows: int) -> None:
    """Make the table, measure each way, print."""
    import psycopg

    os.environ[VARIABLE] = "for-this-benchmark-only"
    with postgres_server.running("reader", os.environ[VARIABLE]) as address:
        host, _, port = address.partition(":")
        with psycopg.connect(
            host=host, port=int(port), user="reader", password=os.environ[VARIABLE], dbname="postgres"
        ) as connection:
            connection.execute(_MAKE.format(rows=int(rows)))
        url = f"postgresql+psycopg://reader@{address}/postgres"
        for way, words in WAYS.items():
            command = [sys.executable, __file__, "--measure", url, way]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(
                f"{words:30} {found['rows']:>9,} rows, peak {found['peak']:6.0f} MiB ({found['before']:.0f} before), "
                f"table {found['table'] / MIB:.0f} MiB, {found['seconds']:.1f} s of processor time"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(*sys.argv[2:4])))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
