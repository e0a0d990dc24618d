"""What an approval declares of a hospital's own table, and how people are told before they sign it."""

from __future__ import annotations

from pathlib import Path

from cipherward.consortium.approval import carried, earlier_model, own_register, policyfile
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.disclosure.standing import Agreement
from cipherward.errors import DataError
from cipherward.parties import inventories
from cipherward.parties.inventories import Inventory
from cipherward.study import Study


def inventory(home: HospitalHome, study: Study, answer: Agreement, table: Path | None = None) -> Inventory:
    """What this hospital declares of its table (`table` instead of the configured one).

    Raises:
        DataError: the table cannot be read, or is not as the study describes it.
        RefusedError: as `carried.verified_here` and `earlier_model.of`.
        StorageError: policy.toml is missing or has mistakes.
    """
    earlier_model.of(home, study)
    policy = policyfile.load(home.policy_file)
    terms = own_register.terms(home, study, policy.rows_min)
    source = table or home.source_of(own_register.entry(home, study).register_name)
    (data,) = load_hospitals(study, source, home.path, only=[home.name], terms=terms)
    return inventories.of_table(study, data, answer, policy.cell_min, carried.verified_here(home, study))


def check_table(declared: Inventory, study: Study, data: HospitalData, cell_min: int) -> None:
    """Whether the table still fills what the approval says that it fills.

    Raises:
        DataError: names the columns.
    """
    now = inventories.of_table(study, data, declared.answer, cell_min)
    if gone := [name for name in declared.columns if name not in now.columns]:
        raise DataError(
            f"the table fills {', '.join(map(repr, gone))} with fewer than {cell_min} patients now, and the approval says "
            "that it fills them",
            hint="bring the table back that was approved with; or withdraw from the study",
        )


def words(declared: Inventory, study: Study, cell_min: int) -> list[str]:
    """What is declared, in sentences."""
    names = [column.name for column in study.columns]
    missing = [name for name in names if name not in declared.columns]
    said = [
        f"With the approval this hospital says, to the coordinator and every hospital of the study, which columns it fills with at "
        f"least {cell_min} patients (cell_min of its policy): {', '.join(declared.columns) or 'none'}.",
        "A column that too few hospitals of a block fill is left out of the study: what is opened of it would be about the few. "
        "Where a hospital has no value, the column reads as missing.",
        f"It says as well that it has about {declared.patients:,} patients: the power of two next to their number, which is not "
        "covered by any noise.",
    ]
    if missing:
        said.insert(1, f"Not filled here: {', '.join(missing)}.")
    return said
