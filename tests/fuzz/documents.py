"""The decoders of files: models, studies, ledgers, what a run directory holds, and SEAL's ciphertexts and contexts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.fuzz.decoders import Decoder, lanes, task
from tests.fuzz.mutation import BINARY, TEXT, at_the_edges
from tests.schedules.world import setting
from tests.sums.sum_parties import N_LANES

from cipherward import study as study_document
from cipherward.crypto import _tenseal, ckks
from cipherward.data.preprocess import Preprocessor
from cipherward.runs import modelfile, result_json
from cipherward.runs.folder import RunDirectory
from cipherward.runs.modelfile import ModelFile
from cipherward.store.journal import LARGE, Journal, Record
from cipherward.store.ledger import Ledger
from cipherward.study import Study

STUDY = """name = "tiny"
[data]
source = "files"
outcome = "outcome"
[[columns]]
name = "ward"
kind = "categorical"
categories = ["A", "B"]
[[columns]]
name = "age"
kind = "numeric"
minimum = 0.0
maximum = 120
[training]
rounds = 2
[aggregation]
scheme = "quorum"
threshold = 3
[[hospitals]]
name = "a"
path = "a.csv"
[[hospitals]]
name = "b"
path = "b.csv"
[[hospitals]]
name = "c"
path = "c.csv"
"""


def everything(folder: Path) -> Iterator[Decoder]:
    folder.mkdir(parents=True)
    yield from documents(folder)
    yield ledger(folder)
    yield journal(folder / "journal")
    yield from seal()


def documents(folder: Path) -> Iterator[Decoder]:
    path, state = folder / "file", setting(3, 3).first
    preprocessor = Preprocessor(state.study.columns, (), (), 10, 4)

    def load_model(data: bytes) -> ModelFile:
        path.write_bytes(data)
        return modelfile.load(path)

    def same_model(data: bytes, model: ModelFile) -> bool:
        modelfile.save(path, model)
        again = modelfile.load(path)
        return again.weights.tobytes() == model.weights.tobytes() and again.study.digest() == model.study.digest()

    valid = []
    for each in (None, preprocessor):
        modelfile.save(path, ModelFile(state.study, state.inner.model.groups, state.inner.model.weights, each))
        valid.append(path.read_bytes())
    yield Decoder("model-file", valid, load_model, same_model)
    yield Decoder("model-file-text", valid, load_model, same_model, mutations=TEXT)

    def load_study(data: bytes) -> Study:
        path.write_bytes(data)
        return study_document.load(path)

    def same_study(data: bytes, study: Study) -> bool:
        return load_study(study.to_toml().encode()).digest() == study.digest()

    yield Decoder("study-toml", [STUDY.encode()], load_study, same_study, mutations=TEXT)

    def load_preprocessor(data: bytes) -> Preprocessor:
        return Preprocessor.from_json(data.decode("utf-8", "replace"))

    def same_preprocessor(data: bytes, value: Preprocessor) -> bool:
        return Preprocessor.from_json(value.to_json()) == value

    numeric = study_document.load_builtin(study_document.builtin_names()[0]).columns[:1]
    scaling = Preprocessor(
        numeric, (0.5,) * (numeric[0].kind == "numeric"), (1.0,) * (numeric[0].kind == "numeric"), 9, 3
    )
    texts = [each.to_json().encode() for each in (preprocessor, scaling)]
    yield Decoder("preprocessor", texts, load_preprocessor, same_preprocessor, mutations=TEXT)

    run = RunDirectory(folder / "run")
    openings = run.coordinator / "openings.jsonl"
    openings.parent.mkdir(parents=True)
    line = {"context": "ab" * 32, "total": "cd" * 32, "base": "ef" * 32, "n_contributors": 4, "opening": 1}

    def load_openings(data: bytes) -> list[dict[str, object]]:
        openings.write_bytes(data)
        found = run.openings()
        for item in found:  # what `ckks.KeyHolder` looks at
            assert {"context", "total", "base", "n_contributors"} <= set(item)
        return found

    two = b"".join(json.dumps(line | {"opening": k}).encode() + b"\n" for k in (1, 2))
    yield Decoder("openings", [two], load_openings, lambda data, value: isinstance(value, list), mutations=TEXT)

    rounds = b"".join(json.dumps({"sum": k, "purpose": "train", "opened": True}).encode() + b"\n" for k in (0, 1))
    yield Decoder(
        "rounds",
        [rounds],
        partial(result_json.sum_lines, path),
        lambda data, value: isinstance(value, dict),
        mutations=TEXT,
    )


def ledger(folder: Path) -> Decoder:
    """A ledger file: what SQLite makes of it, and what is read from it."""
    path = folder / "ledger.sqlite"
    context, study, query = b"c" * 32, b"s" * 32, b"q" * 32
    made = Ledger(path)
    made.begin(context, study, query, 0, 0, b"p" * 96, b"joined")
    made.record_update(context, b"header", b"update" * 100)
    made.record_vote(context, b"vote", b"m" * 32)
    made.record_receipt(context, study, 0, b"receipt")
    made.record_charge(
        study, query, 0, "record", "train", '{"noise_multiplier": 1.0, "sampling_rate": 0.1, "steps": 3}', b""
    )
    made.close()

    def read(data: bytes) -> list[Any]:
        for stale in folder.glob("ledger.sqlite*"):
            stale.unlink(missing_ok=True)  # SQLite may be faster
        path.write_bytes(data)
        opened = Ledger(path)
        try:
            found = [opened.device_key, opened.sum(context), opened.receipt(study, 0), opened.receipts(study)]
            return [*found, opened.charges(), opened.contribution(study, query)]
        finally:
            opened.close()

    return Decoder("ledger", [path.read_bytes()], read, lambda data, value: len(value) == 6)


def journal(folder: Path) -> Decoder:
    """The coordinator's journal: a torn end is cut off, so what is read is the start of what was written, or nothing."""
    made = Journal(folder)
    for k in range(4):
        made.append("packet", k, b"data" * k)
    made.append("total", 0, bytes(LARGE))
    whole, content = list(made.records()), (folder / "journal").read_bytes()
    large = next(folder.glob("*.payload"))

    def read(data: bytes) -> list[Record]:
        (folder / "journal").write_bytes(data)
        large.write_bytes(bytes(LARGE))
        return list(Journal(folder).records())

    return Decoder("journal", [content], read, lambda data, records: records == whole[: len(records)])


def seal() -> Iterator[Decoder]:
    """TenSEAL's inputs, as `crypto.ckks` lets them through."""
    keys, who = ckks.generate_keys(), task()
    scheme = ckks.CkksScheme(keys.public_context)
    payloads = [scheme.protect(who, i, lanes(), {}, b"").payload for i in (1, 2)]

    public = ckks._public_context(keys.public_context)
    own = ckks._parse(public, who, payloads[0])

    def adds_up(data: bytes, vectors: list[Any]) -> bool:
        return len(vectors) == len(own) and all((a + b).size() == N_LANES for a, b in zip(vectors, own, strict=True))

    def sums(data: bytes) -> Any:
        return scheme.sums(who, payloads[0], data, 3)

    def same(data: bytes, value: Any) -> bool:
        return bool(value.astype("<i8").tobytes() == data)

    def unseal(data: bytes) -> bytes:
        return ckks.unseal_secret(data, b"k" * 32)

    witness = lanes().astype("<i8").tobytes()
    sealed = ckks.seal_secret(b"context", b"k" * 32)
    # zstd frames and residues have other valid encodings: they are another ciphertext, which adds up.
    yield Decoder("ckks-payload", payloads, partial(ckks._parse, public, who), adds_up)
    yield Decoder("ckks-witness", [witness], sums, same)
    yield Decoder("ckks-sealed-key", [sealed], unseal)
    context = keys.public_context
    digest = ckks.public_key_digest(context)
    yield Decoder("ckks-public-key", [context], lambda data: ckks.check_public_key(data, digest))
    # Only bytes with the study's digest get here; should that ever change, they still must not crash. What our own checks
    # let through costs TenSEAL 20 ms: a key that was changed inside.
    load = partial(_tenseal.load_context, secret=False)
    edges = [at_the_edges(mutation, 120, 20) for mutation in BINARY]
    yield Decoder("ckks-context", [context], load, lambda data, value: value.has_public_key(), mutations=edges)
