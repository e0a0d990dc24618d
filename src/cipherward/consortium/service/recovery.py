"""The coordinator's node of a study, read back from the study's folder after any stop."""

from __future__ import annotations

from collections.abc import Callable

from cipherward.consortium.service.statements import Statements
from cipherward.crypto import schemes
from cipherward.crypto.identity import Identity
from cipherward.parties import records, roster
from cipherward.parties.coordinator_node import CoordinatorNode
from cipherward.runs import archive, ckks_key, verify
from cipherward.runs.folder import RunDirectory
from cipherward.study import Study


def node(
    identity: Identity,
    run: RunDirectory,
    study: Study,
    statements: Statements,
    log: Callable[[str, dict[str, object]], None],
) -> CoordinatorNode:
    """The node after the openings that the folder holds; `recover` then reads the journal of the current sum.

    Raises:
        AuditError, StorageError, StudyError, DataError: as `verify.open_run` and `verify.replay`.
    """
    opened = verify.open_run(run.path)
    state, closed = opened.first, list[bytes]()
    for replayed in verify.replay(opened):
        state = replayed.state
        closed += replayed.closed
    public, secret = b"", b""
    if schemes.facts(study.aggregation.scheme).has_key_pair:
        public, secret = ckks_key.load(run)
    return records.make_coordinator(
        run,
        statements,
        rules=roster.rules_of(study, ckks_key.scheme(study, run, public, secret)),
        identity=identity,
        state=state,
        log=log,
        closed=closed,
        on_breach="exclude",
        excluded=statements.breached,
        kept_updates=archive.kept_updates(run) if archive.is_kept(run) else None,
        ahead=True,
    )
