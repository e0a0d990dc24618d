"""What a study has done with this hospital's data, on one page, for its privacy officer: from the home's own files."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime

from cipherward.audit import notes
from cipherward.audit.reading import LOG
from cipherward.consortium.approval import approvals
from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.homes import exposure
from cipherward.consortium.homes.exposure import OfStudy, OwnExposure
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service.following import Followed
from cipherward.crypto import schemes
from cipherward.crypto.scheme import Opener
from cipherward.errors import CipherwardError
from cipherward.parties import inventories
from cipherward.runs import audit_check, verify
from cipherward.runs.folder import RunDirectory
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files
from cipherward.store.ledger import Ledger
from cipherward.study import Study

WIDTH = 100
_ERASED = {"keys erased", "vault objects erased", "patients withdrawn"}


def of(home: HospitalHome, selector: str, width: int = WIDTH) -> str:
    """The page, ending in a line break, in lines of `width` characters. `selector`: as in `approvals.find`.

    Raises:
        StudyError: no such study. StorageError: a damaged ledger.
    """
    offered = approvals.find(home, selector)
    own = exposure.own(home, offered.digest.hex()) if home.ledger_file.exists() else None
    run = RunDirectory(home.model_folder(offered.study.name, offered.digest))
    sections = {
        "Which of our columns were used": _columns(offered.study, run),
        "For whom, and for what": _purpose(offered.study),
        "On which approval": _approval(offered),
        "What left, and what was opened over our rows": _opened(home, offered.study, own),
        "What privacy budget is spent": _budget(own),
        "Where copies lie": _copies(home, offered.study, run),
        "What was deleted": _deleted(home, offered, run),
        "How this can be checked": _proof(home, offered, run),
    }
    lines = [line for text in _head(home, offered) for line in textwrap.wrap(text, width)]
    lines += [line for title, points in sections.items() for line in _section(title, points, width)]
    return "".join("".join(c if c.isprintable() else "?" for c in line) + "\n" for line in lines)


def _head(home: HospitalHome, offered: OfferedStudy) -> Iterator[str]:
    study = offered.study
    yield f"Study {study.name}: {study.title or '(no title)'}"
    yield f"At {home.name}, from its own files, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. Digest {study.digest().hex()}"


def _section(title: str, points: Iterable[str], width: int) -> Iterator[str]:
    yield ""
    yield title
    for point in points:
        yield from textwrap.wrap(
            point,
            width,
            initial_indent="  - ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _columns(study: Study, run: RunDirectory) -> Iterator[str]:
    left_out = {}
    if run.inventories.exists():
        left_out = dict(inventories.read(files.read(run.inventories), study).left_out)
    used = [column.name for column in study.columns if column.name not in left_out]
    yield f"Inputs: {', '.join(used)}. Predicted: {study.data.outcome}."
    if study.data.patient_column:
        yield f"Read here to tell patients apart, and never sent in any form: {study.data.patient_column}."
    for name, why in left_out.items():
        yield f"Not used: {name} ({why})."
    if not run.inventories.exists():
        yield "The study has not begun here: nothing was read for it yet but for the approval."


def _purpose(study: Study) -> Iterator[str]:
    yield f"Purpose: {study.purpose or 'the study does not say'}"
    yield f"Legal basis, as the study states it: {study.legal_basis or 'it does not say'}"
    yield f"Contact: {study.contact or 'the study does not say'}"
    yield f"Hospitals: {', '.join(hospital.name for hospital in study.hospitals)}."
    yield f"Last day: {study.until or 'none is set'}."


def _approval(offered: OfferedStudy) -> Iterator[str]:
    if not offered.approval:
        yield "Nobody here has approved it: nothing was computed for it."
        return
    yield f"Approved by {offered.approved_by}; the signed approval names this study's digest."
    answer = "yes" if offered.declared.answer else "no"
    yield f"May this hospital be singled out by what is opened? Answered: {answer}."
    if offered.withdrawal:
        yield "Withdrawn since: nothing more is computed here for it."


def _opened(home: HospitalHome, study: Study, own: OwnExposure | None) -> Iterator[str]:
    found = own.studies[0] if own and own.studies else None
    if found is None or found.run is None:
        yield f"Nothing was opened here: {found.problem if found else 'this hospital has taken part in nothing yet'}."
        return
    ours = [one for one in found.run.sums if home.name in one.contributors]
    noisy = sum(1 for one in ours if one.noise)
    kinds = ", ".join(f"{count} x {purpose}" for purpose, count in Counter(one.purpose for one in ours).items())
    yield f"{len(ours)} encrypted updates left, one for each sum that this hospital stands in: {kinds or 'none'}."
    yield (
        f"{len(found.run.sums)} sums were opened in the study; {len(ours)} of them over our rows, together with others': "
        f"{noisy} with noise for our patients, {len(ours) - noisy} exact."
    )
    yield from _readable(study, found)


def _readable(study: Study, found: OfStudy) -> Iterator[str]:
    if schemes.facts(study.aggregation.scheme).opener is not Opener.COORDINATOR:
        yield f"No single update was opened: only sums, each by a quorum of {study.thresholds.threshold} hospitals."
    else:
        yield "The coordinator holds the key of this scheme and could read single updates; its rule forbids it."
    yield f"{found.receipts} sums were verified here, each with a signed receipt. `cipherward exposure` says what could be inferred."


def _budget(own: OwnExposure | None) -> Iterator[str]:
    for one in own.budget if own else ():
        limit = "no limit in the policy" if one.epsilon is None else f"of epsilon {one.epsilon:.4g}"
        yield f"{one.what}: epsilon {one.spent or 0.0:.4g} spent, {limit}, at delta {one.delta:.1g}."
    for study in own.studies if own else ():
        for one in study.run.budget if study.run else ():
            yield f"{one.what}: epsilon {one.epsilon or 0.0:.4g} promised, at delta {one.delta:.1g}."
    if own is None:
        yield "None: this hospital has taken part in nothing yet."


def _copies(home: HospitalHome, study: Study, run: RunDirectory) -> Iterator[str]:
    if run.path.exists():
        yield f"Here, in {run.path}: opened sums, this hospital's receipts, the model; no row and no single update of others."
    vault = home.settings.get("vault")
    if isinstance(vault, dict):
        yield f"In this home's vault, encrypted: {vault.get('url')}."
    kept = [name for name in type(study.vault).model_fields if getattr(study.vault, name).keep]
    yield f"Every other hospital and the coordinator have opened sums and model; in their vaults the study allows: {', '.join(kept)}."
    if study.vault.updates.keep:
        limit = study.vault.updates
        until = (
            f"for {limit.rounds} sums" if limit.rounds else f"for {limit.days:g} days" if limit.days else "without end"
        )
        yield f"The coordinator may keep our encrypted updates in its vault {until}; docs/vault.md says what they are worth."


def _deleted(home: HospitalHome, offered: OfferedStudy, run: RunDirectory) -> Iterator[str]:
    known = False
    for line in home.log_lines():
        about = line.get("study") in (None, offered.study.name)
        if line.get("event") in _ERASED and about:
            known = True
            rest = "; ".join(f"{k} {v}" for k, v in line.items() if k not in ("time", "level", "event", "study"))
            yield f"{str(line.get('time'))[:19]}: {line['event']}{f' ({rest})' if rest else ''}."
    is_over = run.result.exists() or offered.withdrawal or StudyFolder(offered.folder).ended()
    if not known and is_over and not _holds_secrets(home, offered):
        yield "What could open a single update, sum by sum: it was erased here when the sum was verified, and nothing of it is left."
    elif not known:
        yield "Nothing yet. What could open a single update is erased here when the study ends, in whichever way."


def _holds_secrets(home: HospitalHome, offered: OfferedStudy) -> bool:
    if not home.ledger_file.exists():
        return False
    with closing(Ledger(home.ledger_file)) as ledger:
        return ledger.holds_secrets(offered.digest)


def _proof(home: HospitalHome, offered: OfferedStudy, run: RunDirectory) -> Iterator[str]:
    if not (run.path / LOG).exists():
        yield "There is no audit log of it here yet."
        return
    try:
        found = list(audit_check.lines(verify.open_run(run.path)))
        bad = [line for line in found if not line.holds]
        for line in bad or found:
            yield f"{line.outcome}: {line.detail}."
        yield f"Everything in {run.path} {'is NOT' if bad else 'is'} as this hospital's audit log says."
    except CipherwardError as error:
        yield f"NOT verified: {error.message}."
    memory = Followed(home.path, offered.study).memory
    if memory.exists():
        size = notes.parse(files.read(memory).decode("utf-8", "replace")).checkpoint.size
        yield f"The coordinator's log: {size} entries were cosigned here; the head is {memory}."
    yield f"Sums and models too: cipherward verify {run.path}"
