"""What a report says, gathered from a run directory: recomputed from the receipts where they prove it."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cipherward.crypto import schemes
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.scheme import SchemeFacts
from cipherward.errors import AuditError, CipherwardError, StorageError
from cipherward.learning.intervals import auroc_interval
from cipherward.parties import asking, culprits, inventories, judging
from cipherward.privacy import records
from cipherward.runs import audit_check, earlier_logs, erasures, exposure, personal_file, verify
from cipherward.runs.exposure import Exposure
from cipherward.runs.personal_file import PersonalFigures
from cipherward.runs.result import findings
from cipherward.runs.result_json import Result, Simulated, SumLine, Trained, TrainedOther, document, parse, sum_lines
from cipherward.runs.verify import Line, Replayed, Run
from cipherward.store import files
from cipherward.study import Study
from cipherward.sums.messages import Header, Manifest, Opening, unsign
from cipherward.sums.votes import Member
from cipherward.tasks.result_figures import Drawn
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Model, ResultTable

_MAX_NAME = 80
R = TypeVar("R", bound=Result)
_Present = tuple[tuple[int, ...], float]
_SURE = 1.96  # standard deviations of 19 of 20 draws


@dataclass(frozen=True)
class Sum:
    """One opened (or void) sum, as its receipts prove it. `parts`: meaning and number of values of what was added up.

    `admitted`: who could contribute, where somebody had been set aside for good; () for everyone.
    """

    round: int
    purpose: str
    attempt: int
    contributors: tuple[int, ...]
    admitted: tuple[int, ...]
    consents: int
    opened: bool
    parts: tuple[tuple[str, int], ...]
    n_values: int
    manifest: str
    total: str
    total_bytes: int
    model: str
    payloads: Mapping[int, str]
    findings: tuple[Line, ...]


@dataclass(frozen=True)
class Facts:
    """Everything the page is made of. `names` and all text are cleaned for display, not yet escaped.

    `result`: as `simulated` or `trained` where a model was trained; `rounds`: rounds.jsonl by sum. `failure`: why the receipts do not prove the run; `sums` ends before it, with `model`.
    `present`: rows with a value, for each numeric column, from the opened statistics; () before they are opened. `off`: rows
    by which the difference of two of these counts may be off, in 19 of 20 cases, as they carry noise; 0 without.
    `exposure`: what the sums in `sums` give away together. `left_out`: the study's columns that nothing was asked about, with reasons; `carried`: from which study constants
    were used again, in words.
    `personal`: what fine-tuning gained each hospital of a simulation; () where nobody fine-tuned.
    `audit`: what was found of the run's audit log, as it is when the page is written.
    `proved`: of result.json what the opened sums prove; {} where they prove none. `tables`, `figures`: the result of a task that makes no model, from the opened sums; () where they do not prove it.
    """

    study: Study
    digest: str
    names: tuple[str, ...]
    result: Result = field(repr=False)
    rounds: Mapping[int, SumLine] = field(repr=False)
    sums: tuple[Sum, ...] = field(repr=False)
    model: Model | None = field(repr=False)
    present: tuple[int, ...]
    last: Line | None
    failure: str
    tables: tuple[ResultTable, ...] = ()
    figures: tuple[Drawn, ...] = ()
    proved: Mapping[str, Any] = field(default_factory=dict, repr=False)
    personal: tuple[PersonalFigures, ...] = ()
    audit: tuple[Line, ...] = ()
    exposure: Exposure | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    carried: str = ""
    off: float = 0.0

    @property
    def scheme(self) -> type[SchemeFacts]:
        """What is true of the study's scheme."""
        return schemes.facts(self.study.aggregation.scheme)

    @property
    def findings(self) -> tuple[Line, ...]:
        """Every finding of the verification, the final model's last."""
        every = tuple(line for item in self.sums for line in item.findings)
        return (*every, self.last) if self.last else every

    @property
    def holds(self) -> bool:
        """Whether the files prove the run."""
        return not self.failure and all(line.holds for line in self.findings)

    @property
    def checks(self) -> str:
        """How many of the checks hold, in words."""
        missing = sum(line.outcome == "no receipt" for line in self.findings)
        n, bad = len(self.findings) - missing, sum(not line.holds for line in self.findings)
        said = f"{bad} of {n} checks do not hold" if bad else f"all {n} checks hold"
        return f"{said}; {missing} receipt{'s are' if missing > 1 else ' is'} missing" if missing else said

    @property
    def trained(self) -> Trained:
        """The result of a run that trained a model. Raises StorageError: it did not."""
        return _as(Trained, self.result)

    @property
    def other(self) -> TrainedOther:
        """The result of a model of an outcome that is not binary. Raises StorageError: it is none."""
        return _as(TrainedOther, self.result)

    @property
    def simulated(self) -> Simulated:
        """The result of a simulation that trained a model. Raises StorageError: it is not."""
        return _as(Simulated, self.result)

    def auroc_by_round(self) -> tuple[tuple[int, float], ...]:
        """(training rounds done, AUROC of the model at that point), where a sum measured it."""
        points = {}
        # A sum that did not open was asked once more: it is no round.
        opened = [item.round for item in self.sums if item.purpose == "train" and item.opened]
        if not self.rounds:  # a hospital keeps no record of rounds beside its openings
            known = zip(range(len(opened)), self.result.auroc_by_round, strict=False)  # the last: the final model's
            points = {number: value for number, value in known if value is not None}
        for number, line in self.rounds.items():
            measured = line.metrics_of_incoming_model
            reached = measured.auroc if measured else None
            if reached is not None and line.purpose == "train" and line.opened:
                points[sum(earlier < number for earlier in opened)] = reached
        points[self.trained.rounds] = self.trained.auroc_federated
        return tuple(sorted(points.items()))

    def interval(self, auroc: float) -> tuple[float, float]:
        """95 % interval of an AUROC on the pooled test rows."""
        n, positive = self.trained.federated.n, self.trained.federated.n_positive
        return auroc_interval(auroc, positive, n - positive)


def gather(path: Path, *, unfinished: bool = False) -> Facts:
    """Read a finished run, and verify it on the way. `unfinished`: one without a result, of which `result` then holds what
    follows from the sums that are there.

    Raises:
        StorageError: no run, not finished, or damaged.
        AuditError, StudyError, DataError: study or initial model are not what they claim to be.
    """
    run = verify.open_run(path)
    if not run.files.result.exists() and not unfinished:
        raise StorageError(
            f"the run {path} is not finished: it has no result.json",
            hint=f"a simulation goes on with: cipherward run --resume {path}; a deployed study gets it when it ends",
        )
    rounds = sum_lines(run.files.rounds, files.read(run.files.rounds) if run.files.rounds.exists() else b"")
    sums, (present, off), replayed, last, failure = _sums(run)
    state = replayed[-1].state
    study = run.first.study
    result = _so_far(state) if unfinished else _finished(run)
    proved = {} if unfinished or state.question else findings(state)
    return Facts(
        study=study,
        digest=study.digest().hex(),
        names=tuple(shortened(clean(hospital.name)) for hospital in study.hospitals),
        result=result,
        rounds=rounds,
        sums=tuple(sums),
        model=state.model,
        present=present,
        off=off,
        last=last,
        failure=clean(failure),
        exposure=exposure.of_replayed(run, replayed),
        personal=personal_file.read(run.files.path / personal_file.NAME),
        audit=_audit(run),
        carried=clean(inventories.carried_words(run.beginning, study)),
        left_out={clean(name): clean(why) for name, why in run.first.left_out.items()},
        figures=() if unfinished or state.question else state.task.figures(state.inner),
        tables=state.task.tables(proved) if proved else (),
        proved=proved,
    )


def _audit(run: Run) -> tuple[Line, ...]:
    """What a damaged log makes impossible to say is one finding, too: the page of a run never fails for its log."""
    path = run.files.path
    try:
        found = [*audit_check.lines(run, gone=erasures.read(path), is_copy=earlier_logs.is_copy(path))]
        has_log = not any(line.outcome == "no audit log" for line in found)
        return (*found, audit_check.until_the_end(run)) if has_log else tuple(found)
    except CipherwardError as error:
        return (Line(0, audit_check.PURPOSE, "everyone", "log was altered", False, error.message),)


def clean(text: str) -> str:
    """Text without control and direction-changing characters, with which a name could rewrite the line around it."""
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t" else c for c in text)


def shortened(name: str) -> str:
    """A name that leaves room for others."""
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"


def result_of(path: Path, data: bytes) -> Trained | TrainedOther:
    """What result.json says of a trained model, in a simulation or between hospitals.

    Raises:
        StorageError: damaged.
    """
    found = document(path, data)
    if "outcome_type" in found:
        return parse(path, data, TrainedOther)
    return parse(path, data, Simulated if "auroc_local" in found else Trained)


def _finished(run: Run) -> Result:
    path, data = run.files.result, files.read(run.files.result)
    return result_of(path, data) if run.first.model else parse(path, data, Result)


def _as(kind: type[R], result: Result) -> R:
    if not isinstance(result, kind):
        raise StorageError("result.json lacks what a report of a trained model needs", hint="restore it from a backup")
    return result


def _so_far(state: StudyState) -> Result:
    return Result.model_validate({**state.task.so_far(state.inner), **culprits.facts(state)})


def _sums(run: Run) -> tuple[list[Sum], _Present, list[Replayed], Line | None, str]:
    sums: list[Sum] = []
    present: _Present = (), 0.0
    states = [Replayed(run.first)]
    try:
        for replayed in verify.replay(run):
            if replayed.opening is None:
                continue
            state = states[-1].state
            sums.append(_sum(run, state, replayed, replayed.opening))
            if any(segment.name == "present" for segment in state.layout.segments):
                present = _present(run, state, replayed.opening)
            states.append(replayed)
    except AuditError as error:
        return sums, present, states, None, error.message
    return sums, present, states, verify.model_line(run, states[-1].state), ""


def _present(run: Run, before: StudyState, opening: Opening) -> _Present:
    """The counts, and how far they may be off. Opened once more, since the state that follows keeps means and deviations only."""
    auditor = Member(run.rules, COORDINATOR, Identity(bytes(32)))
    opened = judging.judge(auditor, asking.task_of(run.rules, before, opening.attempt), before, opening).verified
    if opened is None:
        return (), 0.0
    n = len(opened.contributors)
    named = asking.named_sums(run.rules.scheme, before, opened.sums, n)
    found: Mapping[str, float] = {}
    if before.noise:
        named, found = records.without_offset(named, before.noise, n), before.noise.stddevs(n)
    return tuple(int(value) for value in named["present"]), _SURE * math.hypot(
        found.get("present", 0.0), found.get("rows", 0.0)
    )


def _sum(run: Run, before: StudyState, replayed: Replayed, opening: Opening) -> Sum:
    asked, layout = before.asked, before.layout
    return Sum(
        round=opening.round,
        purpose=replayed.purpose,
        attempt=opening.attempt,
        contributors=replayed.contributors,
        admitted=replayed.admitted,
        consents=len(opening.votes),
        opened=bool(replayed.manifest),
        parts=tuple((asked.words(segment.name), segment.size) for segment in layout.segments),
        n_values=layout.n_values,
        manifest=replayed.manifest.hex(),
        total=_total(run, opening),
        total_bytes=len(opening.total),
        model=replayed.state.digest().hex(),
        payloads=_payloads(run, opening, replayed.contributors),
        findings=tuple(verify.receipt_lines(run, replayed)),
    )


def _total(run: Run, opening: Opening) -> str:
    try:
        rules = run.rules
        return unsign(
            opening.manifest, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR
        ).total_digest.hex()
    except CipherwardError:
        return ""


def _payloads(run: Run, opening: Opening, contributors: tuple[int, ...]) -> dict[int, str]:
    """Digest of what each contributor sent, from the headers that it signed."""
    found = {}
    for index, data in zip(contributors, opening.headers, strict=False):
        header = unsign(data, Header, study=run.rules.study, keys=run.rules.keys, sender=index)
        found[index] = header.payload_digest.hex()
    return found
