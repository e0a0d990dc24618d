"""The run directory: every file of a run by name, each written whole or not at all.

runs/latest.txt names the newest. `receipts/` holds, per sum, the coordinator's opening and every hospital's signed
receipt: with study.toml and the model files that is all `cipherward verify` needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from cipherward.data import arrays
from cipherward.errors import StorageError
from cipherward.store import files
from cipherward.study import Study
from cipherward.tasks.task import ResultTable

LATEST = "latest.txt"
INVENTORIES = "inventories.cbor"
_OPENING = {"context", "total", "base", "n_contributors"}


class RunDirectory:
    """Names and writes the files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.study = path / "study.toml"
        self.study_digest = path / "study.digest"
        self.inventories = path / INVENTORIES
        self.initial_model = path / "model-initial.safetensors"
        self.model = path / "model.safetensors"
        self.result = path / "result.json"
        self.rounds = path / "rounds.jsonl"
        self.log = path / "log.jsonl"
        self.simulation = path / "simulation.json"
        self.receipts = path / "receipts"
        self.coordinator = path / "coordinator"
        self.journal = self.coordinator / "journal"
        self.ckks_public = path / "ckks-public.key"
        self._warnings: list[str] | None = None
        self._noted: tuple[files.Stamp | None, int] = (None, 0)
        self._receipts_at: files.Stamp | None = None
        self._opened: set[str] = set()
        self._not_opened: set[str] = set()

    def missing(self) -> StorageError:
        """The error for a folder without a study."""
        why = "it has no study.toml" if self.path.exists() else "there is no such folder"
        return StorageError(f"{self.path} is not a run directory: {why}", hint="give the folder that a run printed")

    def hospital(self, index: int) -> Path:
        return self.path / "hospitals" / str(index)

    def opening(self, round: int) -> Path:
        return Path(self._opening_in(f"{round:04d}"))

    def _opening_in(self, name: str) -> str:
        return f"{self.receipts}/{name}/opening.cbor"

    def receipt(self, round: int, hospital: int) -> Path:
        return self.receipts / f"{round:04d}" / f"hospital-{hospital}.cbor"

    def rounds_with_openings(self) -> list[int]:
        """Sums whose opening is on disk, in order. One that was seen is not looked for again while its folder is there: services ask
        all the time, and a study may have had hundreds."""
        now = files.stamp(self.receipts)
        if now is None or now != self._receipts_at:
            names = {name for name in files.names_in(self.receipts) if name.isdecimal()}  # no copy of one
            self._opened &= names
            self._not_opened = names - self._opened
            self._receipts_at = now if files.is_settled(now) else None
        if found := {name for name in self._not_opened if files.stamp(self._opening_in(name)) is not None}:
            self._opened |= found
            self._not_opened -= found
        return sorted(map(int, self._opened))

    def only_receipts_of(self) -> int:
        """The hospital whose own folder this is: it holds that hospital's receipts, no other's, and no record of rounds.
        0: a coordinator's folder, or nothing in it tells."""
        if self.rounds.exists():
            return 0
        found = {int(path.stem.rpartition("-")[2]) for path in self.receipts.glob("*/hospital-[0-9]*.cbor")}
        return found.pop() if len(found) == 1 else 0

    def write_log(self, who: str, event: str, facts: dict[str, object]) -> None:
        """Append one line to log.jsonl: time, who, what; ids, sizes and reasons only."""
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "who": who, "event": event} | facts
        files.append(self.log, json.dumps(line))

    def record_opening(self, record: Mapping[str, object]) -> None:
        """Note an opening by the CKKS key holder, durably, before it happens."""
        files.append(self.coordinator / "openings.jsonl", json.dumps(record))

    def openings(self) -> list[dict[str, object]]:
        """Every opening noted so far.

        Raises:
            StorageError: the record of openings is damaged, so the key holder must not open anything.
        """
        path = self.coordinator / "openings.jsonl"
        if not path.exists():
            return []
        try:
            found = [json.loads(line) for line in files.read(path).splitlines()]
            if not all(isinstance(item, dict) and set(item) >= _OPENING for item in found):
                raise ValueError("not a record of an opening")
            return found
        except (ValueError, RecursionError):
            raise StorageError(f"{path} is damaged", hint="restore it from a backup, or start a new run") from None

    def note_sum(self, line: Mapping[str, object]) -> None:
        """Append the line of a finished sum to rounds.jsonl, durably."""
        known = self.sums_noted()
        files.append(self.rounds, json.dumps(line))
        self._noted = files.stamp(self.rounds), known + 1

    def sums_noted(self) -> int:
        """How many lines rounds.jsonl has; counted once, and again when somebody else has written it."""
        now = files.stamp(self.rounds)
        if now != self._noted[0]:
            self._noted = now, files.count_lines(self.rounds)
        return self._noted[1]

    def write_study(self, frozen: Study) -> None:
        """The frozen study and its digest, for people and for `verify`."""
        files.write(self.study, frozen.to_toml().encode())
        files.write(self.study_digest, f"{frozen.digest().hex()}\n".encode())

    def write_example(self, rows: pl.DataFrame) -> None:
        """A few synthetic rows to try `cipherward predict` on."""
        files.write(self.path / "example-rows.csv", arrays.as_text(rows).write_csv().encode())

    def write_tables(self, tables: Sequence[ResultTable]) -> None:
        """Each table of a result as a CSV file."""
        for table in tables:
            files.write(self.path / f"{table.name}.csv", table.to_csv().encode())

    def warnings(self) -> list[str]:
        """What result.json warns of, read once; nothing where there is none, or it is damaged."""
        if self._warnings is None and self.result.exists():
            try:
                found = files.json_object(files.read(self.result)).get("warnings", [])
            except (ValueError, StorageError):
                found = []
            self._warnings = [str(said) for said in found] if isinstance(found, list) else []
        return self._warnings or []

    def write_json(self, path: Path, document: Mapping[str, object]) -> None:
        files.write(path, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())


def create(out: Path | None, study: Study) -> RunDirectory:
    """A new, empty run directory: `out`, or runs/<study>-<time>.

    Raises:
        StorageError: it exists already and is not empty, or cannot be made.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = out or _unused(Path("runs") / f"{study.name}-{stamp}")
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise StorageError(
                f"{path} exists and is not an empty folder", hint="choose another --out; nothing was overwritten"
            )
        path.mkdir(parents=True, exist_ok=True)
        (path / "receipts").mkdir()
    except OSError as error:
        raise StorageError(
            f"cannot make the run directory {path}: {error.strerror or error}", hint="choose another --out"
        ) from None
    if out is None:
        files.write(path.parent / LATEST, f"{path.name}\n".encode())
    return RunDirectory(path)


def _unused(path: Path) -> Path:
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


def sources_of(run: RunDirectory) -> tuple[Path | None, Path]:
    """Where the rows of a run came from, as simulation.json says: the data or None, and the folder of relative paths.

    Raises:
        StorageError: it is missing, or does not say.
    """
    try:
        facts = files.json_object(files.read(run.simulation))
        data, base = Path(facts["data"]), Path(facts["base"])
        if not base.is_absolute() or not (data.is_absolute() or facts["data"] == ""):
            raise ValueError("a path that is not absolute")
        if "\0" in f"{data}{base}":
            raise ValueError("a path with a zero in it")
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"{run.path} is not an interrupted run: {run.simulation.name} is damaged ({error})",
            hint="give the folder of a run, or restore the file from a backup",
        ) from None
    return data if facts["data"] else None, base
