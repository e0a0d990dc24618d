"""Which of the coordinator's logs of a study a hospital cosigns, and what it remembers of it: in `witnessed/` of its home.

| file | is |
|---|---|
| `STUDY`, `STUDY-AFTER` | the newest head that was cosigned of the first log, and of one that began after a restore |
| `STUDY-log` | the coordinator's statement from which the present log follows, where it is not the first |
| `STUDY-AFTER-before` | what was remembered of the log before that one |
"""

from __future__ import annotations

from pathlib import Path

from cipherward.audit import notes
from cipherward.audit.witness import MEMORY
from cipherward.errors import AuditError
from cipherward.runs import earlier_logs
from cipherward.runs.earlier_logs import NONE, Succession
from cipherward.runs.log_names import origin
from cipherward.store import files
from cipherward.study import Study


class Followed:
    """`home`: the hospital's folder."""

    def __init__(self, home: Path, study: Study) -> None:
        self._study, self._path = study, home / MEMORY / study.digest().hex()
        self._pointer = self._beside("log")

    @property
    def log(self) -> str:
        """The name of the log that is cosigned. Raises StorageError: unreadable."""
        statement = self._statement()
        return earlier_logs.successor_of(self._study.digest(), statement) if statement else origin(self._study.digest())

    @property
    def memory(self) -> Path:
        """The file with the newest head that was cosigned; it need not be there."""
        _, _, after = self.log.partition("/after-")
        return self._beside(after) if after else self._path

    def follow(self, statement: bytes) -> tuple[str, Succession | None, int]:
        """Cosign from now on the log that a statement announces.

        Returns:
            what was remembered of the log before, what the statement says if it is new here, and how many entries were cosigned.

        Raises:
            WireError, ProtocolError: not the coordinator's statement. AuditError: a log that it had given up before.
        """
        said = earlier_logs.opened(statement, self._study)
        known = self._statement()
        _, _, after = earlier_logs.successor_of(self._study.digest(), statement).partition("/after-")
        before = self._beside(f"{after}-before")
        if known and known != statement and earlier_logs.opened(known, self._study).at > said.at:
            raise AuditError("the coordinator goes back to a log that it had given up for a later one")
        if not before.exists():
            memory = self.memory
            files.write(before, files.read(memory) if memory.exists() else NONE.encode())
        if known != statement:
            files.write(self._pointer, statement)
        text = files.read(before).decode("utf-8", "replace")
        size = 0 if text == NONE else notes.parse(text).checkpoint.size
        return text, said if known != statement else None, size

    def _statement(self) -> bytes:
        return files.read(self._pointer) if self._pointer.exists() else b""

    def _beside(self, what: str) -> Path:
        return self._path.with_name(f"{self._path.name}-{what}")
