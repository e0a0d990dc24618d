"""How a study reads this hospital's own table: by the register that its roster names."""

from __future__ import annotations

import contextlib

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.homes.registers import Registers
from cipherward.data.registers import Terms
from cipherward.store.ledger import Ledger
from cipherward.study import Hospital, Study


def entry(home: HospitalHome, study: Study) -> Hospital:
    """This hospital's entry on the roster, which an offer is checked for."""
    return study.hospitals[study.hospital_names.index(home.name)]


def terms(home: HospitalHome, study: Study, rows_min: int, registers: Registers | None = None) -> Terms:
    """The terms on which the study reads the table.

    Args:
        registers: of the service; None where people only look on.

    Raises:
        TableError: the register's file is lost, damaged or older than the ledger knows.
    """
    own = entry(home, study)
    if registers:
        return registers.terms(own.register_name, own.refresh, rows_min)
    if not home.ledger_file.exists():
        return Registers(home.registers_folder).terms(own.register_name, own.refresh, rows_min)
    with contextlib.closing(Ledger(home.ledger_file)) as ledger:
        found = Registers(home.registers_folder, ledger, looks_on=True)
        return found.terms(own.register_name, own.refresh, rows_min)
