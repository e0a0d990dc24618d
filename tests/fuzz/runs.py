"""The files of runs and comparisons, which others hand over or a disk has damaged: audit, resumption and reports read them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tests import simulator
from tests.comparison import compared
from tests.fuzz.decoders import OWN_FILE, Decoder
from tests.fuzz.mutation import TEXT

from cipherward.comparison import compare, records, results, shift, sizes
from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR
from cipherward.errors import AuditError, StorageError
from cipherward.learning.baselines import Yardstick
from cipherward.report import deployed, facts, incidents, page, rendering
from cipherward.runs import result_json, verify
from cipherward.runs.folder import RunDirectory, sources_of
from cipherward.runs.result import contradictions
from cipherward.runs.study_folder import StudyFolder
from cipherward.simulation import make_parties
from cipherward.store import files
from cipherward.sums.messages import Opening, unsign
from cipherward.tasks import yardsticks


def everything(folder: Path) -> Iterator[Decoder]:
    made = simulator.run(folder, simulator.study(4)).path
    run = verify.open_run(made)
    replayed = list(verify.replay(run))
    yield from provable(run, replayed)
    yield sources(made)
    yield from reported(made)
    yield from compare_directory(folder / "compared", made)


def provable(run: verify.Run, replayed: list[verify.Replayed]) -> Iterator[Decoder]:
    """What the signed openings prove, or contradict."""
    last, before, after = replayed[-1].state, replayed[1].state, replayed[2]
    result = files.read(run.files.result)

    def same(data: bytes, value: None) -> bool:
        return contradictions(last, json.loads(data)) == []

    # What the sums do not prove, such as seconds, may say anything.
    yield Decoder("result-json", [result], partial(verify.check_result, last), same, mutations=TEXT)

    path = run.files.receipt(1, 2)
    receipts = [files.read(run.files.receipt(1, i)) for i in (2, 1, 3)]

    def receipt(data: bytes) -> None:
        path.write_bytes(data)
        line = verify._receipt_line(run, after, 1, 2, "clinic-2", "none has arrived")
        if not line.holds:
            raise AuditError(line.outcome)

    yield Decoder("receipt-file", receipts[:1], receipt, others=receipts)
    path.write_bytes(receipts[0])
    signed = [files.read(run.files.opening(number)) for number in (1, 0, 2)]
    rules = run.rules

    def step(data: bytes) -> Any:
        opening = unsign(data, Opening, study=rules.study, keys=rules.keys, sender=COORDINATOR)
        return verify._step(rules, before, opening).state

    yield Decoder("opening-file", signed[:1], step, others=signed)
    coordinator = make_parties.load_keys(run.files, rules.n_hospitals, "quorum").identities[0]

    def lied(data: bytes) -> Any:
        """The coordinator signs whatever it likes."""
        return step(coordinator.sign("Opening", rules.study, COORDINATOR, data))

    bodies = [wire.encode(unsign(data, Opening, study=rules.study, keys=rules.keys, sender=0)) for data in signed]
    # Votes, releases and reasons may differ, the model may not.
    yield Decoder(
        "opening-body", bodies[:1], lied, lambda data, state: state.digest() == after.state.digest(), others=bodies
    )


def sources(made: Path) -> Decoder:
    run = RunDirectory(made)
    original = files.read(run.simulation)

    def read(data: bytes) -> tuple[Path | None, Path]:
        run.simulation.write_bytes(data)
        return sources_of(run)

    def paths(data: bytes, found: tuple[Path | None, Path]) -> bool:
        return found[1].is_absolute() and (found[0] is None or found[0].is_absolute())

    other = json.dumps({"data": "/somewhere/rows.csv", "base": "/somewhere"}).encode()
    return Decoder("simulation-json", [original, other], read, paths, mutations=TEXT)


def reported(made: Path) -> Iterator[Decoder]:
    """A page says what the files say, or that they are damaged; it costs 20 ms."""
    known = facts.gather(made)
    result, rounds = (files.read(made / name) for name in ("result.json", "rounds.jsonl"))

    def render(found: facts.Facts) -> str:
        return rendering.render("report.html", page._content(found))

    def of_result(data: bytes) -> str:
        return render(dataclasses.replace(known, result=facts.result_of(made, data)))

    def of_rounds(data: bytes) -> str:
        return render(dataclasses.replace(known, rounds=result_json.sum_lines(made, data)))

    def is_page(data: bytes, text: str) -> bool:
        return "</html>" in text

    note = made / "quarantine" / "000001-sum-1-hospital-2.json"
    note.parent.mkdir()

    def of_quarantine(data: bytes) -> Any:
        note.write_bytes(data)
        return incidents.quarantined(made, known)

    text = json.dumps({"sum": 1, "hospital": 2, "bytes": 90, "reason": "a repeat"}).encode()
    yield Decoder(
        "quarantine-note",
        [text],
        of_quarantine,
        lambda data, found: len(found.rows) == 1,
        mutations=TEXT,
        tries=OWN_FILE,
    )
    yield Decoder("report-of-result", [result], of_result, is_page, mutations=TEXT, tries=2_000)
    yield Decoder("report-of-rounds", [rounds], of_rounds, is_page, mutations=TEXT, tries=2_000)


def compare_directory(folder: Path, made: Path) -> Iterator[Decoder]:
    folder.mkdir(parents=True)
    result = json.loads(files.read(made / "result.json"))
    names = [each["name"] for each in result["by_hospital"]]
    written = (
        (records.NAME, records.read, compared.document(result, names, "title")),
        (records.SIZES, records.read_sizes, compared.sizes()),
        (records.SHIFT, records.read_shift, compared.shift(names)),
    )

    def kept(file: Path, read: Callable[[Path], Any], data: bytes) -> Any:
        file.write_bytes(data)
        return read(file.parent)

    def model(data: bytes, value: Any) -> bool:
        return bool(type(value).model_validate(json.loads(value.model_dump_json(by_alias=True))) == value)

    for name, read, document in written:
        text, file = json.dumps(document).encode(), folder / name.removesuffix(".json") / name
        file.parent.mkdir()
        yield Decoder(f"compared-{name}", [text], partial(kept, file, read), model, mutations=TEXT, tries=OWN_FILE)

    def own(data: bytes) -> Any:
        found = kept(StudyFolder(folder).own_results, deployed.own_figures, data)
        if found and found.auroc:
            assert "AUROC" in str(deployed.own_rows(found))
        return found

    counts = {"rows": 90, "positive": 40, "train_rows": 60, "test_rows": 30, "test_positive": 12}
    document = {"hospital": "clinic-1", "index": 1, **counts, "auroc": {"federated": 0.75}, "why_not": ""}
    yield Decoder(
        "own-json",
        [json.dumps(document).encode()],
        own,
        lambda data, v: v is not None,
        mutations=TEXT,
        tries=OWN_FILE,
    )

    study = simulator.study(4)
    options = compare.Options(n_seeds=3, device="cpu")
    compare._open(study, folder / "new", [], options)
    settings = files.read(folder / "new" / "settings.json")

    def claim(data: bytes) -> dict[str, Any]:
        kept(folder / "new" / "settings.json", lambda path: compare._open(study, path, [], options), data)
        return files.json_object(data)

    def the_same(data: bytes, value: dict[str, Any]) -> bool:
        return bool(json.loads(settings).items() <= value.items())

    yield Decoder("comparison-settings", [settings], claim, the_same, mutations=TEXT, tries=OWN_FILE)

    text = json.dumps(sizes._begun(folder / "none", 5, 3) | {"rows": compared.sizes()["rows"]}).encode()

    def begun(data: bytes) -> Any:
        found = kept(folder / sizes.FILE, lambda path: sizes._begun(path / sizes.FILE, 5, 3), data)
        if not found["rows"]:
            raise StorageError("a fresh sweep")
        sizes._write(folder / sizes.FILE, found)
        return found

    yield Decoder(
        "sizes-kept", [text], begun, lambda data, found: type(found["rows"]) is list, mutations=TEXT, tries=OWN_FILE
    )
    done = json.dumps(compared.shift(names) | {"study_digest": "ab" * 32, "shift_round": 2}).encode()
    wanted = {"study_digest": "ab" * 32, "shift_round": 2}

    def finished(data: bytes) -> Any:
        found = kept(folder / "shift-kept.json", lambda path: shift._finished(path / "shift-kept.json", wanted), data)
        if found is None:
            raise StorageError("another shift run")
        return found

    yield Decoder(
        "shift-kept", [done], finished, lambda data, v: wanted.items() <= v.items(), mutations=TEXT, tries=OWN_FILE
    )

    texts = {name: files.read(made / name) for name in ("result.json", "rounds.jsonl")}
    for name, text in texts.items():
        run = folder / f"run-{name}"
        run.mkdir()
        for other in texts:
            (run / other).write_bytes(texts[other])
        read_run = partial(kept, run / name, partial(results.read_run, 1))
        yield Decoder(
            f"compared-{name}",
            [text],
            read_run,
            lambda data, v: v.result.n_hospitals == 4,
            mutations=TEXT,
            tries=OWN_FILE,
        )
    yield measures(folder, made)


def measures(folder: Path, made: Path) -> Decoder:
    """The figures beside which a comparison's arms are put; the weights are in a file beside."""
    metrics = list(verify.replay(verify.open_run(made)))[-1].state.inner.final
    assert metrics
    one = Yardstick(metrics, (0.5, 0.75), np.zeros(4, np.float32))
    path = folder / "yardsticks.json"
    yardsticks.save(path, yardsticks.Yardsticks("ab" * 32, one, (one,)))
    original = files.read(path)

    def load(data: bytes) -> Any:
        path.write_bytes(data)
        return yardsticks.load(path)

    def again(data: bytes, value: Any) -> bool:
        yardsticks.save(path, value)
        return bool(yardsticks.load(path).centralised.metrics == value.centralised.metrics)

    return Decoder("yardsticks", [original], load, again, mutations=TEXT, tries=OWN_FILE)
