"""Whether a run's audit log is whole, whose word it is, and whether everything in the folder is as the log says.

`verify_run` is what `cipherward verify` does with a run: its sums (`verify`), then this.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cipherward.audit import reading
from cipherward.audit.entries import Entry
from cipherward.audit.notes import SignedCheckpoint
from cipherward.audit.reading import LOG
from cipherward.audit.witness import MEMORY
from cipherward.crypto.identity import COORDINATOR
from cipherward.errors import AuditError, CipherwardError, StorageError
from cipherward.parties import decisions
from cipherward.runs import archive, earlier_check, earlier_logs, erasures, own_heads, verify, withdrawn
from cipherward.runs.audit_trail import ENDED, ERASED, GONE, IN_HOME, NOTED, OPENED, STOPPED, covered_files, sha256
from cipherward.runs.erasures import Erased
from cipherward.runs.log_names import author, origin, witnesses
from cipherward.runs.study_folder import APPROVALS, StudyFolder
from cipherward.runs.verify import Line, Run
from cipherward.store import files
from cipherward.study import Study
from cipherward.study_sections import Kept

PURPOSE = "audit"
NOT_HERE = "not here"
_ALWAYS = Kept()
HEADS_SEEN = f"hospitals/*/{MEMORY}"
"""In a simulation's folder: the newest head that each hospital has cosigned."""


@dataclass
class _Noted:
    """What the entries say: of each file the newest entry and digest, of each opened sum its entry, of the lines of rounds.jsonl,
    of what was erased in a vault the entry."""

    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    opened: dict[int, int] = field(default_factory=dict)
    lines: list[tuple[int, str]] = field(default_factory=list)
    erased: dict[str, int] = field(default_factory=dict)
    has_ended: bool = False
    end: int = -1

    def see(self, index: int, entry: Entry) -> None:
        self.files.update({name: (index, digest) for name, digest in entry.files.items()})
        if entry.event == OPENED and isinstance(entry.facts.get("sum"), int):
            self.opened[entry.facts["sum"]] = index
        if entry.event == NOTED:
            self.lines.append((index, str(entry.facts.get("line"))))
        if entry.event == ERASED and isinstance(paths := entry.facts.get("erased"), list):
            self.erased.update({str(path): index for path in paths})
        if entry.event in (ENDED, STOPPED) and not self.has_ended:
            self.has_ended, self.end = True, index


def verify_run(
    path: Path, heads: Sequence[Path] = (), erased: Mapping[str, Erased] | None = None, *, is_copy: bool = False
) -> Iterator[Line]:
    """Check a run directory: one line per hospital and sum, one for the final model, then the audit log's.

    Args:
        heads: files of heads that hospitals have kept, or that were kept earlier: the log has to go on from each.
        erased: what a vault, from which the directory comes, says that it has erased, by path.
        is_copy: it comes from a vault, which need not have had everything.

    Raises:
        AuditError, StorageError, StudyError, DataError: the sums do not prove what they claim (`verify.verify_sums`).
    """
    kept = [reading.read_checkpoint(head) for head in heads]
    gone = dict(erased or {}) | erasures.read(path)
    is_copy = is_copy or earlier_logs.is_copy(path)
    why = _unproved(path, gone) if is_copy else ""
    try:
        if why:
            yield Line(0, "sums", "everyone", "sums not recomputed", True, why, gap=True)
        else:
            yield from verify.verify_sums(path)
    except CipherwardError as error:
        # The log may tell which file was touched; without a study there is no log to read.
        found = _lines_or_nothing(path, kept, gone, is_copy)
        if not any(not line.holds for line in found):
            raise
        yield Line(0, "sums", "everyone", "do not verify", False, f"{error.message}; {error.hint}")
        yield from found
        return
    yield from lines(verify.open_run(path), kept, gone, is_copy=is_copy)


def _unproved(path: Path, gone: Mapping[str, Erased]) -> str:
    """Why the sums of a copy cannot be recomputed: openings that the vault has erased, or never kept; empty where they can."""
    missing = [one for name, one in gone.items() if name.endswith("/opening.cbor") and not (path / name).exists()]
    if missing:
        reasons = Counter(one.reason for one in missing)
        tombstones = ", ".join(one.tombstone[:12] for one in missing[:3])
        said = "; ".join(f"{count} by the rule or reason '{reason}'" for reason, count in reasons.items())
        return (
            f"openings were erased from the vault: {said} (tombstones {tombstones}{' ...' if len(missing) > 3 else ''}); the sums "
            "from the first of them on and the model are as the audit log says, and nobody can recompute them from this copy"
        )
    kept = verify.open_run(path).first.study.vault.openings.keep
    return "" if kept else "the study's [vault] keeps no openings: nobody can recompute sums and model from this copy"


def _lines_or_nothing(
    path: Path, heads: Sequence[SignedCheckpoint], gone: Mapping[str, Erased], is_copy: bool
) -> list[Line]:
    try:
        return list(lines(verify.open_run(path), heads, gone, is_copy=is_copy))
    except CipherwardError:
        return []


def lines(
    run: Run,
    heads: Sequence[SignedCheckpoint] = (),
    gone: Mapping[str, Erased] | None = None,
    *,
    is_copy: bool = False,
) -> Iterator[Line]:
    """What the audit log of a run says and covers; the first bad entry first. Arguments as of `verify_run`."""
    folder, gone = run.files, gone or {}
    if not (folder.path / LOG).exists() and not reading.checkpoint_files(folder.path):
        why = "this run has none: approvals, receipts that are missing, times and metrics are nobody's signed word"
        yield Line(0, PURPOSE, "everyone", "no audit log", False, why)
        return
    study = run.first.study
    hospital = _author_of(run)
    noted = _Noted()
    seen = [*heads, *(reading.read_checkpoint(path) for path in sorted(folder.path.glob(HEADS_SEEN)))]
    name = origin(study.digest(), hospital) if hospital else earlier_logs.name_of(folder.path, study)
    found = reading.read(
        folder.path / LOG,
        reading.checkpoint_files(folder.path),
        author(study, hospital, name),
        {} if hospital else witnesses(study),
        noted.see,
        [head for head in seen if head.checkpoint.origin == name],
    )
    earlier = () if hospital else earlier_logs.of(folder.path, study)
    known = {name, *(one.said.log for one in earlier)}
    for head in seen:
        if head.checkpoint.origin not in known:
            yield _bad("log was altered", f"a head is of another log than the one here: {head.checkpoint.origin}")
    if found.problems:
        yield from log_lines(study, found, hospital)
    yield from _files(run, noted, gone, is_whole=not found.problems, is_copy=is_copy)
    yield from _notes(run, noted, is_whole=not found.problems, is_copy=is_copy)
    yield from _approvals(run)
    for who, problem in own_heads.problems(folder.path, study):
        if problem:
            yield _bad("hospital's own log", problem, who=who)
    if said := withdrawn.words_of(folder.path, study):
        yield Line(0, PURPOSE, "everyone", "model withdrawn", True, said)
    yield _sums(run, noted, gone)
    if earlier:
        covered = {file for file, (_, digest) in noted.files.items() if digest != GONE}
        yield from earlier_check.lines(folder.path, study, earlier, heads, covered)
    if not found.problems:
        yield from log_lines(study, found, hospital, noted)


def until_the_end(run: Run) -> Line:
    """How many hospitals have cosigned the log up to the end of the study: what no later entry changes."""
    study, hospital, folder, noted = run.first.study, _author_of(run), run.files.path, _Noted()
    name = origin(study.digest(), hospital) if hospital else earlier_logs.name_of(folder, study)
    keys = {} if hospital else witnesses(study)
    heads = reading.checkpoint_files(folder)
    found = reading.read(folder / LOG, heads, author(study, hospital, name), keys, noted.see)
    first = min((head for head in found.heads if head.size > noted.end >= 0), key=lambda head: head.size, default=None)
    if first is None:
        return Line(0, PURPOSE, "everyone", "log signed", True, "no signed head covers an end of the study", gap=True)
    by = "nobody cosigns a hospital's own log" if hospital else f"cosigned by {len(first.witnesses)} hospitals"
    said = f"the first {first.size} entries, up to the end of the study, are under a signed head; {by}"
    return Line(0, PURPOSE, "everyone", "log signed", True, said)


def _author_of(run: Run) -> int:
    """Whose log this is: in a folder with a coordinator's own files it has to be the coordinator's."""
    folder = run.files
    if folder.rounds.exists() or folder.simulation.exists() or StudyFolder(folder.path).started.exists():
        return COORDINATOR
    newest = reading.checkpoint_files(folder.path, 1)
    with contextlib.suppress(AuditError, StorageError):
        found = [reading.read_checkpoint(path).checkpoint.origin for path in newest]
        return next((i for i in run.rules.keys if [origin(run.rules.study, i)] == found), COORDINATOR)
    return folder.only_receipts_of()


def _bad(what: str, detail: str, round: int = 0, who: str = "everyone") -> Line:
    return Line(round, PURPOSE, who, what, False, detail)


def _files(run: Run, noted: _Noted, gone: Mapping[str, Erased], *, is_whole: bool, is_copy: bool) -> Iterator[Line]:
    """Every file that an entry names is there and as it was; every file that needs an entry has one, as far as the log is whole."""
    path, rules = run.files.path, run.first.study.vault
    missing, late, erased = 0, list[str](), dict[str, list[str]]()
    for name, (index, digest) in noted.files.items():
        file = path / name
        if name.startswith(IN_HOME):  # where the folder lies in its home, it is looked at there
            file = path.parent.parent / "studies" / run.rules.study.hex() / name.removeprefix(IN_HOME)
            if not file.parent.is_dir():
                continue
        if digest == GONE or not _is_inside(name):
            continue
        if not file.is_file():
            if is_copy and name in gone:
                erased.setdefault(gone[name].reason, []).append(name)
            elif is_copy and (kind := archive.kind_of(name)) and getattr(rules, kind, _ALWAYS).keep:
                late.append(name)
            elif is_copy:
                missing += 1
            else:
                yield _bad("file missing", f"entry {index}: {name} is not here any more")
        elif sha256(files.read(file)) != digest:
            yield _bad("file changed", f"entry {index}: {name} is not as it was when the entry was written")
    for name in covered_files(path) if is_whole else ():
        if noted.files.get(name, (0, GONE))[1] != GONE:
            continue
        is_new = name.startswith(f"{erasures.FOLDER}/")
        if is_new or is_copy:
            said = "the vault has erased something since" if is_new else "it is in the copy, whose log ends before"
            yield Line(0, PURPOSE, "everyone", "no audit entry", True, f"{name}: {said}", gap=True)
        else:
            yield _bad("no audit entry", f"{name} is here, and no entry says that it came")
    for reason, names in erased.items():
        found = sorted({noted.erased[name] for name in names if name in noted.erased})
        by = f"audit entry {', '.join(map(str, found[:5]))}" if found else "the vault's word, in no audit entry"
        yield Line(0, PURPOSE, "everyone", "erased", True, f"{len(names)} file(s): {reason} ({by})", gap=True)
    if late:
        said = f"{len(late)} file(s) that the log names are not in the copy, {late[0]} the first"
        yield Line(0, PURPOSE, "everyone", NOT_HERE, True, said, gap=True)
    if missing:
        said = f"{missing} file(s) that the log names are of a kind that this study's vaults do not keep"
        yield Line(0, PURPOSE, "everyone", NOT_HERE, True, said)


def _notes(run: Run, noted: _Noted, *, is_whole: bool, is_copy: bool) -> Iterator[Line]:
    """Times, metrics and all else in rounds.jsonl, line by line."""
    folder = run.files
    found = files.read(folder.rounds).split(b"\n")[:-1] if folder.rounds.exists() else []
    for number, (index, digest) in enumerate(noted.lines):
        if number >= len(found):
            if is_copy:
                said = f"from line {number + 1} on rounds.jsonl is not in the copy: times and metrics of later sums"
                yield Line(0, PURPOSE, "everyone", NOT_HERE, True, said, gap=True)
            else:
                yield _bad("file changed", f"entry {index}: line {number + 1} of rounds.jsonl is missing")
            return
        if sha256(found[number]) != digest:
            yield _bad("file changed", f"entry {index}: line {number + 1} of rounds.jsonl is not as it was noted")
            return
    if is_whole and not is_copy and len(found) > len(noted.lines):
        yield _bad("no audit entry", f"line {len(noted.lines) + 1} of rounds.jsonl: no entry notes it")


def _approvals(run: Run) -> Iterator[Line]:
    """In a coordinator's folder of a deployed study: who approved, for every hospital that took part."""
    there = StudyFolder(run.files.path)
    if not there.started.exists():
        return
    study = run.first.study
    for hospital in sorted(run.beginning.said):
        name = study.hospitals[hospital - 1].name
        try:
            sender, said = decisions.approval_of(files.read(there.said(APPROVALS, hospital)), study)
            if sender != hospital or said.declared != run.beginning.said[hospital]:
                raise AuditError("it is of another hospital, or declares another table")
            yield Line(0, PURPOSE, name, "approved", True, f"by {said.words}, with the hospital's signature")
        except CipherwardError as error:
            yield _bad("no approval", f"of {name}, whose table the study used: {error.message}", who=name)


def _sums(run: Run, noted: _Noted, gone: Mapping[str, Erased]) -> Line:
    """How many of the sums that were planned are here, and how many the log says there were."""
    here, planned = run.files.rounds_with_openings(), sum(times for _, times in run.first.task.plan())
    lost = sorted(n for n in set(noted.opened) - set(here) if f"receipts/{n:04d}/opening.cbor" not in gone)
    if lost:
        was = f"entry {noted.opened[lost[0]]} says that sum {lost[0]} was opened"
        return _bad("sums missing", f"{len(here)} of {len(noted.opened)} sums: {was}", lost[0])
    state = "the study has ended" if noted.has_ended else "the study has not ended"
    return Line(0, PURPOSE, "everyone", "sums in the log", True, f"{len(here)} of at most {planned} sums; {state}")


def log_lines(study: Study, found: reading.Read, hospital: int, noted: _Noted | None = None) -> Iterator[Line]:
    """By whom a log is signed, and which openings nobody but its author vouches for; or what does not hold in it."""
    yield from (_bad("log was altered", problem) for problem in found.problems)
    if found.problems:
        return
    names = ["coordinator", *(each.name for each in study.hospitals)]
    signed, n = found.signed(), found.size
    if signed < n:
        yield _bad("not signed", f"entries {signed} to {n - 1} are under no signed head: nobody vouches for them")
    if hospital:
        by = f"{signed} of {n} entries are signed by {names[hospital]}, whose own log this is; nobody cosigns it"
        yield Line(0, PURPOSE, names[hospital], "log signed", signed > 0, by)
        return
    threshold = study.thresholds.threshold
    proved = found.signed(threshold)
    last = max(found.heads, key=lambda head: head.size, default=reading.Head(0, {}))
    who = ", ".join(names[index] for index in sorted(last.witnesses)) or "nobody"
    said = f"{proved} of {n} entries are cosigned by at least {threshold} hospitals; the newest head by {who}"
    alone = sorted(index for index in noted.opened.values() if index >= proved) if noted and noted.has_ended else []
    if alone:
        said += f"; entry {alone[0]} and later openings are the coordinator's word alone"
        yield _bad("not cosigned", said)
        return
    yield Line(0, PURPOSE, names[COORDINATOR], "log signed", signed > 0, said)


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in Path(name).parts
