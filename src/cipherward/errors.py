"""Every exception that cipherward raises on purpose, in one tree.

CipherwardError
├── StudyError              a study document that cannot run (all mistakes at once)
├── DataError               a table, a column, a value, a download
│   ├── TableError              a hospital's own table; its message may quote cells
│   └── UnfitUpdateError        this hospital can train no update and sends nothing
├── WireError               bytes that are not a well-formed message
├── ProtocolError           a party broke the protocol
│   ├── FaultyHospitalError     and the evidence names the hospital
│   ├── FaultyCoordinatorError  and the evidence names the coordinator
│   └── SuspectError            and only a group of suspects is known
├── RefusedError            this hospital's own policy or exposure rule says no
│   └── AlreadyReleasedError    answering would open a second sum over the same data
├── QuorumError             too few hospitals to go on
│   └── DeclinedError           because too many say that they cannot contribute
├── BudgetExceededError     a privacy budget is spent
├── AuditError              a finished run's files do not prove what they claim
├── InterruptedRunError     stopped on request between two sums; it can be resumed
├── TransportError          the connection to the NATS server, or the server itself
└── StorageError            disk, ledger or run directory
    └── OldLedgerError          a ledger that has forgotten what was said

An error carries the fact in its message, a `hint` that tells the person at the terminal what to do
next, and, where one is at fault, `culprit`. `logged` is the fact for logs and for anything that leaves the hospital:
the message, except where that may quote cells of a table. Only `cipherward.cli` turns one into text and an exit code.
"""

from __future__ import annotations


class CipherwardError(Exception):
    """Base of all deliberate errors. `hint` is one sentence: what to do next; `check` the check of a message, or 0."""

    check: int = 0

    def __init__(self, message: str, *, hint: str = "", culprit: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.logged = message
        self.hint = hint
        self.culprit = culprit


class StudyError(CipherwardError):
    """A study that cannot run; `problems` lists every mistake found. `logged`: the message without foreign code's words."""

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "", logged: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems
        self.logged = logged or message


class VersionError(StudyError):
    """A study, run or model of another version of cipherward: refused by name, never guessed at."""


class DataError(CipherwardError):
    """A table that does not hold what the study declares; `problems` lists every mistake found."""

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class TableError(DataError):
    """A hospital's own table cannot be used. The message is for its people and may quote cells; `logged` never does."""

    def __init__(self, message: str, *, logged: str, problems: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, problems=problems, hint=hint)
        self.logged = logged


class UnfitUpdateError(DataError):
    """A trained update that must not be sent; `reason` is the code that the coordinator is told."""

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class WireError(CipherwardError):
    """Bytes that are not the canonical encoding of the expected message."""


class ProtocolError(CipherwardError):
    """A party broke the protocol."""


class FaultyHospitalError(ProtocolError):
    """The evidence names one hospital; `evidence` holds its signed messages that contradict each other."""

    def __init__(self, message: str, *, hint: str = "", culprit: str = "", evidence: tuple[bytes, ...] = ()) -> None:
        super().__init__(message, hint=hint, culprit=culprit)
        self.evidence = evidence


class FaultyCoordinatorError(ProtocolError):
    """The evidence names the coordinator."""


class SuspectError(ProtocolError):
    """Something is provably wrong, and the evidence names a group, not one party."""


class RefusedError(CipherwardError):
    """This hospital's own rules refuse what was asked."""


class AlreadyReleasedError(RefusedError):
    """Answering could open a second sum over the same query and data (exposure rule)."""


class QuorumError(CipherwardError):
    """Too few hospitals answered for the study to go on."""


class DeclinedError(QuorumError):
    """So many hospitals cannot contribute (training diverged, unusable data) that the sum cannot close."""


class BudgetExceededError(CipherwardError):
    """A privacy budget does not allow another contribution."""


class AuditError(CipherwardError):
    """The files of a run do not prove what they claim."""


class InterruptedRunError(CipherwardError):
    """The run was asked to stop; nothing is lost and it can be resumed."""


class TransportError(CipherwardError):
    """The message server cannot be reached, refuses this member, or cannot be started."""


class StorageError(CipherwardError):
    """A file, directory or ledger could not be read or written."""


class OldLedgerError(StorageError):
    """A ledger that is older than what is known of it: it may have forgotten votes, and nothing is said from it."""


_WORDS = 500


def words_of(error: BaseException) -> str:
    """Kind and text of somebody else's exception for a person's terminal; making its text can fail, too, in any way."""
    try:
        text = str(error)
    except BaseException:
        text = "it cannot say what happened"
    return f"{type(error).__name__}: " + "".join(c if c.isprintable() else " " for c in text[:_WORDS])
