"""Verification of a finished (or interrupted) run from its files alone.

Every sum is opened again from its ciphertext, every signature, certificate and fingerprint is checked, every model is
recomputed from the one before it, beginning with the study's seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cipherward import study as study_document
from cipherward.crypto import schemes
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.disclosure.standing import Statement
from cipherward.errors import AuditError, CipherwardError, ProtocolError, StorageError, WireError
from cipherward.learning.catalogue import kind_of
from cipherward.learning.model_kind import Factory
from cipherward.parties import asking, culprits, given_up, inventories, listed, roster
from cipherward.parties.inventories import Beginning
from cipherward.parties.judging import agrees, judge
from cipherward.parties.outcomes import FAILED, VERIFIED, Outcome
from cipherward.runs import continuing, modelfile
from cipherward.runs.folder import RunDirectory
from cipherward.runs.result import contradictions
from cipherward.store import files
from cipherward.study import Study
from cipherward.sums import forks
from cipherward.sums.messages import Opening, Receipt, unsign
from cipherward.sums.votes import Member, Rules
from cipherward.tasks.catalogue import begin
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Model


@dataclass(frozen=True)
class Line:
    """One finding: what a hospital's receipt says of one sum, and whether the files bear it out. `gap`: something that was there is
    known not to be here, so that nobody can check it; nothing speaks against it."""

    round: int
    purpose: str
    hospital: str
    outcome: str
    holds: bool
    detail: str
    gap: bool = False


@dataclass(frozen=True)
class Replayed:
    """A state of the study, recomputed; `opening` led to it (None for the first).

    `admitted`: who could contribute to the sum, `asked`: whose contributions it adds; () for everyone. `said`: how those in it stood in it.
    """

    state: StudyState
    opening: Opening | None = None
    purpose: str = ""
    context: bytes = b""
    manifest: bytes = b""
    contributors: tuple[int, ...] = ()
    checks: tuple[str, ...] = ()
    admitted: tuple[int, ...] = ()
    closed: tuple[bytes, ...] = ()
    said: tuple[Statement, ...] = ()
    asked: tuple[int, ...] = ()

    def part_of(self, hospital: int) -> str:
        """What a hospital had to do with the sum."""
        if hospital in self.contributors:
            return "contributed"
        if self.asked and hospital not in self.asked:
            return "was not asked: the sum is of another block"
        if self.admitted and hospital not in self.admitted:
            return "set aside: it had spoiled an earlier sum"
        return "took no part"


@dataclass(frozen=True)
class Run:
    """A run's files, as far as they are checked before the replay."""

    files: RunDirectory
    rules: Rules
    first: StudyState = field(repr=False)
    beginning: Beginning = field(repr=False)


def open_run(path: Path, factory: Factory | None = None) -> Run:
    """Read study, inventories and initial model, and check them against what the run claims.

    `factory`: makes the module of a study with model.kind "custom"; needed to go on with the run, not to verify it.

    Raises:
        AuditError, StorageError, StudyError, DataError: something is missing, damaged or not what it claims to be.
    """
    run = RunDirectory(path)
    if not run.study.exists():
        raise run.missing()
    study = study_document.load(run.study)
    if not study.is_frozen:
        raise AuditError(f"{run.study} is not a frozen study", hint="give the folder of a run, not of a study")
    claimed = files.read(run.study_digest).decode("ascii", "replace").strip()
    if claimed != study.digest().hex():
        raise AuditError(f"{run.study} was changed: its digest is not the one in {run.study_digest.name}")
    public = files.read(run.ckks_public) if schemes.facts(study.aggregation.scheme).has_key_pair else b""
    rules = roster.rules_of(study, roster.public_scheme(study, public))
    beginning = _beginning(run, study)
    first = _first_state(run, study, factory, beginning)
    given_up.proved(study)
    # Whose signed yes the study document shows is known from the beginning.
    return Run(run, rules, dataclasses.replace(first, memory=first.memory.shown(listed.agreed_of(study))), beginning)


def _beginning(run: RunDirectory, study: Study) -> Beginning:
    """With which hospitals the study began; nobody, where it has not begun."""
    if run.inventories.exists() or run.rounds_with_openings() or run.initial_model.exists():
        try:
            return inventories.read(files.read(run.inventories), study)
        except (WireError, ProtocolError) as error:
            raise AuditError(f"{run.inventories} is damaged or of another study: {error.message}") from None
    return Beginning(inventories.Shown(()), {}, {})


def _first_state(run: RunDirectory, study: Study, factory: Factory | None, beginning: Beginning) -> StudyState:
    """The state before the first sum; the model in the file has to be the one that the study's seed gives. Of
    own code that is checked only where the code is there, before the run goes on."""
    if not run.initial_model.exists():
        first = begin(study, left_out=beginning.left_out)
        if first.model and beginning.said:
            raise StorageError(f"{run.initial_model} is missing", hint="restore it from a backup")
        return first
    initial = modelfile.load(run.initial_model)
    if initial.study.digest() != study.digest():
        raise AuditError("the initial model belongs to another study")
    stated = Model(initial.groups, initial.weights)
    if study.training.continues:
        return continuing.begun(study, factory, stated, beginning.left_out)
    if kind_of(study.model).is_own_code and factory is None:
        return begin(study, factory, stated, beginning.left_out)
    first = begin(study, factory, left_out=beginning.left_out)
    drawn = first.model
    if drawn is None or drawn.groups != stated.groups or drawn.weights.tobytes() != stated.weights.tobytes():
        raise AuditError("the initial model is not the one that the study's seed gives")
    return first


def replay(run: Run) -> Iterator[Replayed]:
    """The states of the run, recomputed one after the other from the openings on disk.

    Raises:
        AuditError: an opening does not prove the next state; names the sum and the check.
    """
    state, rules = run.first, run.rules
    yield Replayed(state)
    for expected, round in enumerate(run.files.rounds_with_openings()):
        try:
            if round != expected:
                raise AuditError(f"the opening of sum {expected} is missing")
            data = files.read(run.files.opening(round))
            opening = unsign(data, Opening, study=rules.study, keys=rules.keys, sender=COORDINATOR)
            replayed = _step(rules, state, opening)
            closed = asking.contexts_of(rules, state, opening.attempt + 1)
        except CipherwardError as error:
            raise AuditError(
                f"sum {expected}: {error.message}",
                hint="restore the run directory from its backup; if that fails too, the run is not what it claims",
            ) from None
        state = replayed.state
        yield dataclasses.replace(replayed, closed=closed)


def _step(rules: Rules, state: StudyState, opening: Opening) -> Replayed:
    if state.purpose is None:
        raise AuditError("there is an opening after the end of the study")
    if opening.round != state.sums_done:
        raise AuditError(f"the opening says it is sum {opening.round}")
    purpose = state.purpose
    task = asking.task_of(rules, state, opening.attempt)
    # An auditor is nobody on the roster; index 0 has no contribution of its own to look for.
    auditor = Member(rules, COORDINATOR, Identity(bytes(32)))
    judgement = judge(auditor, task, state, opening)
    if not agrees(judgement, opening):
        raise AuditError("the announced model is not the one that follows from the certified sum")
    verified = judgement.verified
    return Replayed(
        judgement.following,
        opening,
        purpose,
        task.context,
        verified.manifest_digest if verified else b"",
        judgement.contributors,
        verified.checks if verified else (f"void: {judgement.reason}",),
        task.admitted,
        said=judgement.said,
        asked=state.asked.asked,
    )


def verify_sums(path: Path) -> Iterator[Line]:
    """Check a run directory; one line per hospital and sum, then one for the final model.

    Raises:
        AuditError, StorageError, StudyError, DataError: as `open_run` and `replay`.
    """
    run = open_run(path)
    last = run.first
    if words := inventories.carried_words(run.beginning, last.study):
        yield Line(0, "constants", "everyone", "carried over", True, words)
    for replayed in replay(run):
        last = replayed.state
        yield from receipt_lines(run, replayed)
    yield from unopened_lines(last)
    yield model_line(run, last)


def unopened_lines(last: StudyState) -> list[Line]:
    """The sums that did not open and who is proved to have spoiled them, recomputed from the openings."""
    return [
        Line(last.sums_done, "unopened", "everyone", "did not open", True, text)
        for text in culprits.sentences(culprits.facts(last))
    ]


def receipt_lines(run: Run, replayed: Replayed) -> list[Line]:
    """What every hospital's receipt says of one replayed sum; empty for the first state, which no sum led to."""
    if replayed.opening is None:
        return []
    names = [hospital.name for hospital in run.first.study.hospitals]
    round = replayed.opening.round
    why_none = _why_none(run)
    return [_receipt_line(run, replayed, round, index, name, why_none) for index, name in enumerate(names, start=1)]


def _receipt_line(run: Run, replayed: Replayed, round: int, index: int, name: str, why_none: str) -> Line:
    path = run.files.receipt(round, index)
    took_part = replayed.part_of(index)
    if not path.exists():
        return Line(round, replayed.purpose, name, "no receipt", True, f"{took_part}; {why_none}")
    try:
        data = files.read(path)
        receipt = unsign(data, Receipt, study=run.rules.study, keys=run.rules.keys, sender=index)
        if receipt.context != replayed.context or receipt.round != round:
            raise AuditError("the receipt is about another sum")
        if receipt.manifest_digest != replayed.manifest or receipt.next_model != replayed.state.digest():
            raise AuditError("the receipt names another manifest or model")
        forks.check(f"the receipt of {name}", receipt.last, replayed.state.last)
    except CipherwardError as error:
        return Line(round, replayed.purpose, name, "bad receipt", False, error.message)
    if receipt.outcome not in VERIFIED | {FAILED}:
        return Line(round, replayed.purpose, name, receipt.outcome, False, receipt.detail)
    phrase = "round void" if receipt.outcome == FAILED else Outcome(round, receipt.outcome, index, "").phrase
    return Line(round, replayed.purpose, name, phrase, True, took_part)


def _why_none(run: Run) -> str:
    if run.files.only_receipts_of():
        return "its receipt went to the coordinator: a hospital's folder holds its own receipts only"
    return "none has arrived here: it was away when the sum was verified, or found that it did not verify"


def model_line(run: Run, last: StudyState) -> Line:
    """Whether the final model and the figures of result.json are those of the last replayed state."""
    study, where = last.study, "model.safetensors"
    if last.question is not None:
        return Line(last.sums_done, "model", "everyone", "not finished", True, f"{last.sums_done} sum(s) so far")
    try:
        if expected := last.model:
            model = modelfile.load(run.files.model)
            if model.study.digest() != study.digest() or model.preprocessor != expected.preprocessor:
                raise AuditError(f"{where} belongs to another study or other statistics")
            if model.groups != expected.groups or model.weights.tobytes() != expected.weights.tobytes():
                raise AuditError(f"{where} is not the model that the certified sums give")
        check_result(last, files.read(run.files.result))
    except CipherwardError as error:
        return Line(last.sums_done, "model", "everyone", "differs", False, str(error))
    return Line(
        last.sums_done,
        "model",
        "everyone",
        "recomputed",
        True,
        (f"{where} and the" if last.model else "the") + " federated results in result.json follow from the sums",
    )


def check_result(last: StudyState, data: bytes) -> None:
    """Raises AuditError where result.json (`data`) says something else than the opened sums, or is damaged."""
    study = last.study
    try:
        result = files.json_object(data)
        if wrong := contradictions(last, result):
            raise AuditError(f"result.json contradicts the opened sums in {', '.join(wrong)}")
        promised = study.privacy.model_dump(mode="json") if study.privacy else {}
        stated = result.get("privacy") or {}
        if {key: stated.get(key) for key in promised} != promised or bool(stated) != bool(promised):
            raise AuditError("result.json states another privacy than the study")
    except (ValueError, AttributeError) as error:
        raise AuditError(f"result.json is not the result of a run: {error}") from None
