"""A register as a home of an earlier day would have it: all rows of the table in one batch, split as studies say in public.

A register's own split follows from a secret, so no simulation has it. Where a test compares a deployment with the local engine,
its homes begin with this one.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.homes.registers import Registers
from cipherward.data import row_digests
from cipherward.data.database import read_source
from cipherward.data.partition import N_BUCKETS, split_patients
from cipherward.data.registers import Register
from cipherward.data.values import Names, names_of
from cipherward.store import files
from cipherward.study import Study

KEY = bytes(range(100, 132))


def deal(home: HospitalHome, study: Study, name: str = "table") -> None:
    """Keep the register of the home's table, for studies that read what this one reads."""
    raw, data = read_source(home.data_source), study.data
    columns = tuple(sorted({*(column.name for column in study.columns), data.outcome}))
    n = raw.table.height
    if data.patient_column:
        patients = names_of(raw.table[data.patient_column])
        digests = row_digests.of_patients(patients, KEY)
    else:
        patients, digests = Names(pl.Series(raw.rows).cast(pl.String), np.arange(n)), np.zeros(n, np.uint64)
    test, validation = data.test_fraction, data.validation_fraction
    register = Register(
        (columns,),
        data.patient_column,
        round(test * N_BUCKETS),
        round(validation * N_BUCKETS),
        0,
        digests,
        row_digests.of_cells(raw.table, columns, KEY)[None],
        np.zeros(n, np.uint32),
        split_patients(patients, salt=data.split_salt, test_fraction=test, validation_fraction=validation),
        np.zeros(1, np.int64),
        np.zeros(1, np.bool_),
    )
    files.write(home.registers_folder / "key", KEY, private=True)
    Registers(home.registers_folder).keep(name, register)
