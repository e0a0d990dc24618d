"""How a study reads this hospital's own table: by the register that its roster names."""

from __future__ import annotations

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.homes.registers import Registers
from cipherward.data.registers import Terms
from cipherward.study import Hospital, Study


def entry(home: HospitalHome, study: Study) -> Hospital:
    """This hospital's entry on the roster, which an offer is checked for."""
    return study.hospitals[study.hospital_names.index(home.name)]


def terms(home: HospitalHome, study: Study, rows_min: int, registers: Registers | None = None) -> Terms:
    """The terms on which the study reads the table.

    Args:
        registers: with the ledger that checks them, where nobody only looks on.

    Raises:
        TableError: the register's file is lost, damaged or older than the ledger knows.
    """
    own = entry(home, study)
    return (registers or Registers(home.registers_folder)).terms(own.register_name, own.refresh, rows_min)
