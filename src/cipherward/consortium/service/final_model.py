"""What a study leaves in a run's folder when its last sum is opened: the model, result.json and its tables."""

from __future__ import annotations

from collections.abc import Mapping

from cipherward.consortium.homes import received_models as received
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.parties.hospital_node import HospitalNode
from cipherward.privacy import budget as privacy_ledger
from cipherward.runs import modelfile
from cipherward.runs.folder import RunDirectory
from cipherward.runs.result import findings
from cipherward.tasks.state import StudyState


def keep_opened(run: RunDirectory, state: StudyState, approved_by: Mapping[str, str]) -> None:
    """At the coordinator. Raises StorageError: the disk failed; to be called again."""
    if model := modelfile.of(state):
        modelfile.save(run.model, model)
    found = findings(state) | {"privacy": privacy_ledger.describe(state.study, {})}
    found["warnings"] = list(state.task.warnings(found))
    found["approved_by"] = dict(approved_by)
    run.write_tables(state.task.tables(found))
    run.write_json(run.result, found)


def keep_received(home: HospitalHome, run: RunDirectory, node: HospitalNode, approved_by: str) -> None:
    """At a hospital, with its own budget. `approved_by`: who approved here. Raises: as `keep_opened`."""
    state = node.state
    study, found = state.study, findings(state)
    run.write_tables(state.task.tables(found))
    if model := modelfile.of(state):
        received.keep(
            home,
            model,
            received.outcomes_of(run, study, node.index),
            rounds=found.get("rounds", 0),
            auroc=found.get("auroc_federated"),
        )
    budgets = {home.name: node.budget.report()} if node.budget else {}
    added = {
        "privacy": privacy_ledger.describe(study, budgets),
        "warnings": list(state.task.warnings(found)),
        "approved_by": {home.name: approved_by},
    }
    run.write_json(run.result, found | added)
