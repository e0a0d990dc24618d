"""What of a run goes into a vault, and when: after every sum, beside the work, and the rest at the end.

Updates, openings, receipts, models, result, log and report, as the study's [vault] says. Never keys, ledgers, journals or
sealed shares: what opens a single update exists once, and is erased there.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from cipherward import study as study_document
from cipherward.audit.reading import CHECKPOINTS, LOG, checkpoint_files
from cipherward.errors import StorageError
from cipherward.runs import earlier_logs, erasures, modelfile, own_heads
from cipherward.runs.carrier import Apart, alone, serve
from cipherward.runs.folder import RunDirectory
from cipherward.store import files, lines
from cipherward.study import Study
from cipherward.tasks.state import StudyState
from cipherward.vault import access, retention
from cipherward.vault.access import Address
from cipherward.vault.catalogue import Label, Memory
from cipherward.vault.document import ignore
from cipherward.vault.queue import Behind, Queue
from cipherward.vault.stores import shown
from cipherward.vault.uploader import Uploader
from cipherward.vault.writer import Writer

FOLDER = "vault"
"""In a run folder: the queue, this run's chain, what it has written. No key, no credential."""
LOOK_EVERY = 6 * 3600.0
"""Seconds between two looks at what has become too old, where a study keeps something for days."""
LONGEST_WAIT = 20.0
"""Seconds that the end of a run waits for a vault that makes progress."""
WHOLE_SECONDS = 30.0
"""Between two looks at the receipts of all sums, and at all heads of the log."""
_NEWEST = 3
"""Sums, and heads of the log, that every look takes."""
STUDY_KIND, UPDATES, ROUNDS, AUDIT = "study", "updates", "rounds", "audit"
"""AUDIT: pieces of the audit log by the byte at which they begin, since the whole is too much to store after every sum."""
_STUDY_FILES = (
    *("study.toml", "study.digest", "model-initial.safetensors", "ckks-public.key", "inventories.cbor"),
    *("started.json", "begun"),
)
_STUDY_FOLDERS = ("approvals", "withdrawals", "refusals", "breaches", erasures.FOLDER, own_heads.FOLDER)
_END_FILES = {
    "model.safetensors": "result",
    "result.json": "result",
    "own.json": "result",
    "verification.json": "result",
    "stopped": "result",
    "failed": "result",
    "withdrawn.signed": "result",
    "rounds.jsonl": "log",
    "log.jsonl": "log",
    "coordinator/openings.jsonl": "log",
    "report.html": "report",
}


class Archive:
    """One run's way into a vault. Until `begin` nothing is written; nothing waits for the store but `close`.

    Args:
        address: the vault; it is made where there is none.
        on_event: told what changes in the vault.
        apart: a vault that is not on this machine is filled by a process of its own, which outlives this one where it has to.
    """

    def __init__(
        self,
        address: Address,
        on_event: Callable[[str, dict[str, object]], None] | None = None,
        *,
        apart: bool = False,
    ) -> None:
        self.address, self._apart = address, apart and not access.is_local(address)
        self.made_key: Path | None = None
        self.left = Behind(0, 0)
        self._on_event = on_event
        self._uploader: Uploader | Apart | None = None
        self._taken: dict[str, files.Stamp | None] = {}
        self._last_model = b""
        self._log_taken, self._log_folder = 0, ""
        self._left: set[int] = set()
        self._puts = 0
        self._log_stamps: tuple[files.Stamp | None, ...] = ()
        self._whole_at = float("-inf")

    @property
    def shown(self) -> str:
        """The vault's address, without anything that could be a credential."""
        return shown(self.address.url)

    @property
    def is_apart(self) -> bool:
        """Whether a process of its own fills the vault."""
        return self._apart

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        """However the run ended: take what it left, and wait a little for the store."""
        self.end()
        self.left = self.close(LONGEST_WAIT)

    def check(self) -> None:
        """What can be said without asking the store: the client is installed, and there is a key. A local vault is made.

        Raises:
            StorageError, AuditError: it cannot be used.
        """
        if access.is_local(self.address):
            _, self.made_key = access.open_or_create(self.address, self._on_event or ignore)
        else:
            access.check_remote(self.address)

    def begin(self, run: RunDirectory, study: Study) -> None:
        """Start to store what this run leaves; of one that goes on, what is not there yet.

        Raises:
            StorageError: the run folder cannot be written.
        """
        self._study = study
        self._run, self._rules, self._digest = run, study.vault, study.digest().hex()
        folder = run.path / FOLDER
        self._queue = Queue(folder / "queue")
        own_chain(folder)
        write_address(folder, self.address)
        self._uploader = Apart(run.path, folder, self._queue) if self._apart else self._start()
        self.notice()

    def _start(self) -> Uploader:
        run, folder = self._run, self._run.path / FOLDER
        chain, memory = own_chain(folder), Memory(folder / "seen.json")

        def log(event: str, facts: dict[str, object]) -> None:
            if self._on_event:
                self._on_event(event, facts | {"study": self._study.name})
            elif event != "vault stored":
                run.write_log("vault", event, facts)

        def open_writer() -> Writer:
            vault, _ = access.open_or_create(self.address, log)
            writer = Writer(vault, chain, memory, access.software())
            self._note_erasures(writer)
            return writer

        return Uploader(
            self._queue,
            open_writer,
            afterwards=self._afterwards,
            look_every=LOOK_EVERY if self._has_days else None,
            on_trouble=lambda reason: run.write_log("vault", "vault away", {"reason": reason}),
        )

    def serve(self, run: RunDirectory, study: Study) -> None:
        """In a process of its own: carry the queue of a run that another process makes (`carrier`)."""
        self._study, self._run, self._rules, self._digest = study, run, study.vault, study.digest().hex()
        folder = run.path / FOLDER
        self._queue = Queue(folder / "queue")
        with alone(folder):
            serve(folder, self._queue, self._start())

    def sum_done(self, round: int, contributors: Iterable[int], state: StudyState) -> None:
        """After a sum: its opening, receipts, updates, and the model that follows, if it is another one.

        Raises:
            StorageError: the run folder cannot be written.
        """
        if self._uploader is None:
            return
        for hospital in contributors:
            kept = kept_updates(self._run) / f"{hospital}.payload"
            if kept.exists() and hospital not in self._left:
                self._put(UPDATES, f"{UPDATES}/{round:04d}/hospital-{hospital}.payload", kept, round + 1)
            files.remove(kept)
        self._take_sum(round)
        self._take_log(newest=2)
        if self._run.rounds.exists():
            self._put("log", f"{ROUNDS}/{round:04d}.json", lines.last_line(self._run.rounds), round + 1)
        model = modelfile.of(state)
        if model is not None and (found := model.weights.tobytes()) != self._last_model:
            self._last_model = found
            self._put("models", f"models/{round:04d}.safetensors", modelfile.to_bytes(model), round + 1)
        self._uploader.wake()

    def notice(self) -> None:
        """What the run folder has got since, of sums and of what people decided. What has come late, of earlier sums than the
        newest, is looked for now and then only, and at the end.

        Raises:
            StorageError: the run folder cannot be written.
        """
        if self._uploader is None:
            return
        before, newest = self._puts, _NEWEST
        if time.monotonic() >= self._whole_at:
            newest, self._whole_at = 0, time.monotonic() + WHOLE_SECONDS
        self._take_study()
        for round in self._run.rounds_with_openings()[-newest:]:
            self._take_sum(round)
        self._take_log(newest)
        if self._puts != before:
            self._uploader.wake()

    def notice_log(self) -> None:
        """What the audit log has got after the end: cosignatures, erasures, a withdrawal; at the cost of a glance where nothing came.

        Raises:
            StorageError: the run folder cannot be written.
        """
        run = self._run.path
        now = tuple(files.stamp(path) for path in (run / LOG, run / CHECKPOINTS, run))
        if self._uploader is not None and now != self._log_stamps:
            self._log_stamps = now
            self.end()

    def end(self) -> None:
        """When nothing more is written: result, log, report, and what has come late.

        Raises:
            StorageError: the run folder cannot be written.
        """
        if self._uploader is None:
            return
        self._whole_at = float("-inf")
        self.notice()
        tables = {path.name: "result" for path in self._run.path.glob("*.csv") if path.name != "example-rows.csv"}
        for name, kind in (_END_FILES | tables).items():
            self._take(kind, name)
        self._uploader.wake()

    def erase_updates(self, reason: str, hospital: int = 0) -> None:
        """Updates of a study that stops, or of a hospital (roster index) that leaves it, are erased: those that wait at once, the
        others with their data keys.

        Raises:
            StorageError: the run folder cannot be written.
        """
        if self._uploader is not None:
            self._left.add(hospital)
            path = f"hospital-{hospital}.payload" if hospital else ""
            self._queue.order_erasure(Label(UPDATES, self._digest, path), reason)
            self._uploader.wake()

    def behind(self) -> Behind:
        """How far the vault is behind."""
        return self._uploader.behind() if self._uploader else Behind(0, 0)

    def close(self, wait: float) -> Behind:
        """Wait for the vault, at most so many seconds; what is left stays in the queue. Returns how far it is behind."""
        return self._uploader.close(wait) if self._uploader else Behind(0, 0)

    @property
    def _has_days(self) -> bool:
        """Whether time alone makes something too old to be kept."""
        return any(getattr(self._rules, name).days for name in type(self._rules).model_fields)

    def _afterwards(self, writer: Writer) -> None:
        """In the uploader's thread: erase what is kept no longer, and note what was erased."""
        retention.apply(writer, self._rules, self._digest)
        self.address.memory().keep(writer.vault.id, {writer.chain: writer.head})
        self._note_erasures(writer)

    def _note_erasures(self, writer: Writer) -> None:
        erasures.note(self._run.path, writer.catalogue.tombstones.values(), self._digest)

    def _take_study(self) -> None:
        for name in _STUDY_FILES:
            self._take(STUDY_KIND, name)
        for folder in _STUDY_FOLDERS:
            for path in sorted((self._run.path / folder).glob("[0-9]*")):
                self._take(STUDY_KIND, f"{folder}/{path.name}")

    def _take_sum(self, round: int) -> None:
        folder = f"receipts/{round:04d}"
        self._take("openings", f"{folder}/opening.cbor", round + 1)
        for path in sorted((self._run.path / folder).glob("hospital-*.cbor")):
            self._take("receipts", f"{folder}/{path.name}", round + 1)

    def _take_log(self, newest: int = 0) -> None:
        """What the audit log has got since, and its heads; `newest`: only so many of them, 0 for all."""
        run = self._run.path
        for name in earlier_logs.stored_files(run):
            self._take(STUDY_KIND, name)
        inside = log_folder(earlier_logs.name_of(run, self._study))
        log = run / LOG
        if inside != self._log_folder:
            self._log_folder, self._log_taken = inside, 0
        if log.exists() and (size := log.stat().st_size) > self._log_taken:
            piece = files.read(log, self._log_taken)
            self._put(STUDY_KIND, f"{inside}{AUDIT}/{self._log_taken:012d}.jsonl", piece, 0)
            self._log_taken = size
        for path in checkpoint_files(run, newest):
            self._take(STUDY_KIND, f"{CHECKPOINTS}/{path.name}", inside=inside)

    def _take(self, kind: str, name: str, sum: int = 0, inside: str = "") -> None:
        """A file of the run folder, if it is there and not as it was taken before. `inside`: before its name in the vault."""
        path = self._run.path / name
        now = files.stamp(path)
        if now is not None and self._taken.get(name) != now:
            self._taken[name] = now
            self._put(kind, f"{inside}{name}", path, sum)

    def _put(self, kind: str, name: str, content: bytes | Path, sum: int) -> None:
        if kind == STUDY_KIND or getattr(self._rules, kind).keep:
            self._puts += 1
            self._queue.put(Label(kind, self._digest, name, sum), content)


def kind_of(name: str) -> str:
    """The kind of object that a file of a run's folder is in a vault; empty for one that goes into none."""
    if name.startswith("receipts/"):
        return "openings" if name.endswith("/opening.cbor") else "receipts"
    if name.endswith(".csv"):
        return "result"
    is_study = name in _STUDY_FILES or name.partition("/")[0] in (*_STUDY_FOLDERS, earlier_logs.FOLDER)
    return STUDY_KIND if is_study else _END_FILES.get(name, "")


def log_folder(name: str) -> str:
    """In a vault, the folder of what belongs to the coordinator's log of this name: the first one's has none, since a copy and the
    original would have files of one name that say different things."""
    _, is_later, after = name.partition("/after-")
    return f"after-{after}/" if is_later else ""


def kept_updates(run: RunDirectory) -> Path:
    """Where the coordinator's node leaves the encrypted updates of its current sum for a vault."""
    return run.path / FOLDER / UPDATES


def is_kept(run: RunDirectory) -> bool:
    """Whether a run is stored in a vault."""
    return (run.path / FOLDER).exists()


def carry(path: str) -> None:
    """What the process of its own runs: the queue of the run in a folder is carried into its vault.

    Raises:
        CipherwardError: run or vault cannot be used; it waits in the queue.
    """
    run = RunDirectory(Path(path))
    address = address_of(run.path)
    if address is not None:
        Archive(address).serve(run, study_document.load(run.study))


def own_chain(folder: Path) -> bytes:
    """The chain that this folder's owner writes in the catalogue; 16 bytes, drawn once."""
    path = folder / "chain"
    if not path.exists():
        files.write(path, os.urandom(16).hex().encode())
    return bytes.fromhex(files.read(path).decode("ascii", "replace").strip())


def write_address(folder: Path, address: Address) -> None:
    """Note where the vault is, for `address_of`: no key, no credential."""
    key = str(address.key_file.absolute()) if address.key_file else ""
    files.write(folder / "vault.json", (json.dumps({"url": address.absolute_url, "key_file": key}) + "\n").encode())


def address_of(run: Path) -> Address | None:
    """The vault that the run in a folder was stored in, None if in none.

    Raises:
        StorageError: the note is damaged.
    """
    path = run / FOLDER / "vault.json"
    if not path.exists():
        return None
    try:
        note = files.json_object(files.read(path))
        return Address(str(note["url"]), Path(note["key_file"]) if note["key_file"] else None)
    except (ValueError, KeyError, TypeError):
        raise StorageError(f"{path} is damaged", hint="remove it, and give --vault") from None
