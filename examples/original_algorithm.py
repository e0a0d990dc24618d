"""The original design's algorithm, all 14 steps in one function, in one process: read it top to bottom.

It is built from the same public parts as the real nodes (`crypto.ckks`, `protocol`, `learning`), so what it shows is
what they do. Where the design could not work as written, the step says what is done instead: the new model is a
weighted mean, not a sum of updates, and clients hold no secret key, so step 13 checks the receipt of the sum and
recomputes the model. Simulation only: every party lives here, and the secret key with them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cipherward import thresholds
from cipherward.crypto import ckks, wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.scheme import SumTask
from cipherward.errors import CipherwardError, FaultyCoordinatorError, ProtocolError, StudyError, WireError
from cipherward.learning import averaging
from cipherward.store import files
from cipherward.sums import hospital_steps
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.hospital_steps import Consent, Dealt
from cipherward.sums.messages import Opening, Query, context, sign
from cipherward.sums.votes import Member, Rules
from cipherward.tasks.lanes import CountSegment, Layout, RealSegment

Dataset = TypeVar("Dataset")
Network = Callable[[str, int, bytes], bytes | None]
"""What the line between client and coordinator makes of a message: (kind, client, bytes) -> bytes, or None if lost."""

_RANGE = (2.0**-20, 64.0)


@dataclass(frozen=True)
class OriginalRun:
    """`model`: float32[n_parameters]. `rounds`: how many were run. `predictions`: one array per client (step 12)."""

    model: NDArray[np.float32] = field(repr=False)
    rounds: int
    predictions: tuple[NDArray[Any], ...] = field(repr=False)


def run_original_algorithm(
    datasets: Sequence[Dataset],
    initial_model: NDArray[np.float32],
    train: Callable[[Dataset, NDArray[np.float32]], tuple[NDArray[np.float64], int]],
    rounds: int = 10,
    *,
    weight_cap: int,
    folder: Path,
    say: Callable[[str], None],
    predict: Callable[[Dataset, NDArray[np.float32]], NDArray[Any]] | None = None,
    bound: float = 1.0,
    bits: int = 16,
    tolerance: float = 0.0,
    network: Network = lambda kind, client, data: data,
) -> OriginalRun:
    """Run the 14 steps over one dataset per client.

    Args:
        initial_model: M_0, float32[n_parameters], with the caller's random weights.
        train: (dataset, M_t) -> (local model float64[n_parameters], n_samples).
        weight_cap: W_max; a client with n_samples has weight min(n_samples / W_max, 1).
        folder: where encrypted updates and the log go (step 14): a local disk, or a synchronised or mounted drive.
        say: gets every line for people.
        bound: first range of an update's entries; later ranges follow from the opened sums.
        tolerance: training has converged when no entry of the mean update exceeds it (0: run all rounds).
        network: the line between the parties; updates that it loses are resent once from the client's cache.

    Raises:
        StudyError: fewer than 3 clients, or TenSEAL is missing.
        QuorumError: too few updates arrived.
        FaultyCoordinatorError: a client has evidence of a breach; said, and the run is aborted.
        ProtocolError: a client's verification failed; said, and the run is aborted.
    """
    # 1. The coordinator initialises M_0.
    model = initial_model.astype(np.float32)
    # 2. It generates (pk, sk); sk stays with a key holder that opens and logs sums only.
    keys = ckks.generate_keys()
    # 3. pk goes to every client, which checks it against the study's digest.
    log = _Log(folder)
    coordinator, clients = _parties(keys, len(datasets), log)
    predictions: tuple[NDArray[Any], ...] = ()
    done = 0
    for round in range(1, rounds + 1):
        # 4, 5. M_t goes to every client; it is part of the sum's name, so that all mean the same one.
        layout = _layout(model.size, bound, bits, weight_cap)
        task = _task(coordinator.rules, layout, model, round)
        # 9 begins: the coordinator starts from Enc(M_t).
        collection = Collection(coordinator, task, layout.grid({"update": model}), {})
        for client in clients:
            collection.add_join(client.index, hospital_steps.join(client, task, b"")[1])
        joined = collection.close_joins()
        sent: dict[int, Dealt] = {}
        for client, dataset in zip(clients, datasets, strict=True):
            # 6. The client trains on its own data and forms its update, times its weight, and the weight itself.
            local, n_samples = train(dataset, model)
            values = _contribution(layout, local - model, min(n_samples / weight_cap, 1.0))
            # 7. It encrypts the update with pk and signs it.
            sent[client.index] = hospital_steps.deal(client, task, joined, layout.encode(values), b"")
            # 8, 9. It sends it; the coordinator adds it homomorphically, or sets it aside with the reason.
            _deliver(collection, client.index, sent[client.index], network, say)
        # 10. The coordinator decrypts the aggregate only, once the clients have agreed what is in it.
        consents = _agree(collection, clients, task, sent, say)
        found = collection.open()
        if found.sums is None:
            raise ProtocolError(f"the sum does not open: {found.reason}")
        following, change, next_bound = _next(layout, model, found.sums, len(collection.contributors))
        opening = collection.opening(round, 1, found.witness, _model_digest(following))
        # 13. Client-side verification, every round: own ciphertext in the sum, and the model recomputed from it.
        for client in clients:
            with _verdict(client.index, say):
                received = network("Opening", client.index, wire.encode(opening))
                checks = _verify(client, task, received, sent, consents, layout, model)
            say(f"Privacy Preserved for Client {client.index} (round {round}: {'; '.join(checks)})")
        # 14. Encrypted updates and the log are stored.
        log.keep(round, {i: dealt.update for i, dealt in sent.items() if i in collection.contributors}, opening)
        # 11. Until the last round, or until convergence.
        model, bound, done = following, next_bound, round
        if change <= tolerance:
            break
    # 12. The final model is at every client already, recomputed and verified; each predicts locally.
    if predict is not None:
        predictions = tuple(predict(dataset, model) for dataset in datasets)
    return OriginalRun(model, done, predictions)


class _Log:
    """Step 14's folder: log.jsonl and one folder per round."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        files.write(folder / "log.jsonl", b"")

    def line(self, event: str, facts: Mapping[str, Any]) -> None:
        files.append(self._folder / "log.jsonl", json.dumps({"event": event, **facts}, sort_keys=True))

    def keep(self, round: int, updates: Mapping[int, bytes], opening: Opening) -> None:
        place = self._folder / f"round-{round:04d}"
        for client, data in updates.items():
            files.write(place / f"client-{client}.update", data)
            facts = {"round": round, "client": client, "bytes": len(data), "digest": digest("stored", data).hex()}
            self.line("update stored", facts)
        files.write(place / "opening", wire.encode(opening))
        self.line("round verified", {"round": round, "next_model": opening.next_model.hex()})


def _parties(keys: ckks.KeyPair, n_clients: int, log: _Log) -> tuple[Member, list[Member]]:
    numbers = thresholds.derive(n_clients)
    if numbers.problems():
        raise StudyError(numbers.problems()[0], problems=numbers.problems())
    identities = [Identity(os.urandom(32)) for _ in range(n_clients + 1)]
    public_keys = {index: identity.public_key for index, identity in enumerate(identities)}
    key_digest = ckks.public_key_digest(keys.public_context)
    study = digest("original-study", key_digest, *public_keys.values())
    holder = ckks.KeyHolder(
        keys.secret_context, numbers.min_contributors, record=lambda entry: log.line("aggregate decrypted", entry)
    )

    def member(index: int, key_holder: ckks.KeyHolder | None) -> Member:
        ckks.check_public_key(keys.public_context, key_digest)
        scheme = ckks.CkksScheme(keys.public_context, key_holder)
        agreed = Rules(study, public_keys, numbers.threshold, numbers.min_contributors, scheme)
        return Member(agreed, index, identities[index])

    return member(COORDINATOR, holder), [member(index, None) for index in range(1, n_clients + 1)]


def _layout(n_parameters: int, bound: float, bits: int, weight_cap: int) -> Layout:
    if weight_cap < 1:
        raise StudyError("weight_cap must be at least 1 row")
    segments = RealSegment("update", n_parameters, bound), RealSegment("weight", 1, 1.0), CountSegment("clipped", 1, 3)
    return Layout(segments, bits)


def _task(agreed: Rules, layout: Layout, model: NDArray[np.float32], round: int) -> SumTask:
    parameters = json.dumps([layout.bits, layout.segments[0].size, repr(layout.segments[0])]).encode()
    query = Query("train", parameters, _model_digest(model)).digest()
    return SumTask(
        context(agreed.study, query, round, 1),
        agreed.n_hospitals,
        agreed.threshold,
        layout.bits,
        layout.n_lanes,
        layout.n_values,
        layout.n_values - 1,
    )


def _contribution(layout: Layout, update: NDArray[np.float64], weight: float) -> dict[str, NDArray[Any]]:
    values: dict[str, NDArray[Any]] = {
        "update": weight * update,
        "weight": np.array([weight]),
        "clipped": np.array([0]),
    }
    values["clipped"] = np.array([layout.clipped(values)["update"]])
    return values


def _deliver(collection: Collection, client: int, dealt: Dealt, network: Network, say: Callable[[str], None]) -> None:
    for _ in range(2):
        received = network("Update", client, dealt.update)
        if received is None:
            continue
        try:
            collection.add_update(client, received)
        except (WireError, ProtocolError) as error:
            say(f"Set aside an update of client {client}: {error.message}")
        else:
            return
    say(f"No usable update of client {client}: the round goes on without it")


def _agree(
    collection: Collection,
    clients: Sequence[Member],
    task: SumTask,
    sent: Mapping[int, Dealt],
    say: Callable[[str], None],
) -> dict[int, Consent]:
    given: dict[int, Consent] = {}
    for client, request in zip(clients, collection.close().values(), strict=True):
        with _verdict(client.index, say):
            consent = hospital_steps.consent(client, task, request, private_key=b"", own=sent[client.index])
        if not isinstance(consent, Consent):
            raise ProtocolError(f"client {client.index} complains about client {consent.dealer}: {consent.reason}")
        given[client.index] = consent
        vote = sign(client.identity, client.rules.study, client.index, consent.vote)
        collection.add_vote(client.index, vote)
    certificate = collection.certificate()
    for client in clients:
        released = hospital_steps.release(client, task, certificate, given[client.index], b"")
        collection.add_release(client.index, released)
    return given


def _next(
    layout: Layout, model: NDArray[np.float32], sums: NDArray[Any], n_contributors: int
) -> tuple[NDArray[np.float32], float, float]:
    """The public rule: (M_{t+1} = M_t + sum(w x) / sum(w), largest entry of that step, next range)."""
    named = layout.decode(sums, n_contributors)
    mean = averaging.mean_update(named["update"], float(named["weight"][0]), n_contributors)
    segment = layout.segments[0]
    bound = segment.bound if isinstance(segment, RealSegment) else 0.0
    used = float(np.abs(named["update"]).max(initial=0.0))
    clipped = int(named["clipped"][0])
    next_bound = averaging.next_range(bound, clipped, used, layout.bits, *_RANGE, n_contributors)
    return averaging.next_weights(model, mean), float(np.abs(mean).max(initial=0.0)), next_bound


def _verify(
    client: Member,
    task: SumTask,
    received: bytes | None,
    sent: Mapping[int, Dealt],
    consents: Mapping[int, Consent],
    layout: Layout,
    model: NDArray[np.float32],
) -> list[str]:
    if received is None:
        raise ProtocolError("the opening did not arrive")
    opening = wire.decode(Opening, received)
    verified = hospital_steps.verify(
        client,
        task,
        opening,
        own_header=sent[client.index].header,
        consented=consents[client.index].vote.manifest_digest,
    )
    following, _, _ = _next(layout, model, verified.sums, len(verified.contributors))
    if _model_digest(following) != opening.next_model:
        raise FaultyCoordinatorError(
            "the announced model is not the one that follows from the opened sum", culprit="coordinator"
        )
    return [*verified.checks, "model recomputed", *(f"assumed: {fact}" for fact in verified.assumed)]


@contextmanager
def _verdict(client: int, say: Callable[[str], None]) -> Iterator[None]:
    """Step 13's words: a breach on evidence only, "verification failed" otherwise; either aborts the run."""
    try:
        yield
    except FaultyCoordinatorError as error:
        say(f"Privacy Breach Detected for Client {client}: {error.message}")
        raise
    except CipherwardError as error:
        say(f"Verification failed for Client {client}: {error.message}")
        raise


def _model_digest(model: NDArray[np.float32]) -> bytes:
    return digest("original-model", model.astype("<f4").tobytes())
