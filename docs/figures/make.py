"""Draws the diagrams of docs/ and of the README: `make figures`, or python docs/figures/make.py."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from diagram import Box, Diagram  # noqa: E402 - it lies beside this file

Step = tuple[str, tuple[str, ...], str]
"""What a box says and of which kind it is: head, lines, style."""


def chain(d: Diagram, places: Iterable[tuple[float, float]], y: float, steps: Sequence[Step]) -> list[Box]:
    """Boxes from left to right, at (x, width) each, and an arrow from each to the next."""
    boxes = [d.box(x, y, width, *step) for (x, width), step in zip(places, steps, strict=True)]
    for a, b in pairwise(boxes):
        d.arrow(a.right, b.left)
    return boxes


def evenly(x: float, step: float, width: float, n: int) -> list[tuple[float, float]]:
    """(x, width) of `n` boxes, one every `step`."""
    return [(x + step * k, width) for k in range(n)]


def column(d: Diagram, x: float, y: float, width: float, step: float, steps: Sequence[Step]) -> list[Box]:
    """Boxes under each other, one every `step`."""
    return [d.box(x, y + step * k, width, *said) for k, said in enumerate(steps)]


def flow() -> Diagram:
    d = Diagram(
        "flow.svg", 960, 440, "One secure sum",
        "Hospitals encrypt their updates and deal sealed shares; the coordinator adds ciphertexts; a quorum of hospitals opens "
        "the sum and nothing else; every hospital verifies the sum and recomputes the next model.",
    )  # fmt: skip
    for x, text in (
        (115, "1  hospitals encrypt"),
        (398, "2  coordinator adds"),
        (625, "3  a quorum opens the sum"),
        (850, "4  everyone verifies"),
    ):
        d.note(x, 28, text, anchor="middle", style="head")
    lines = (
        ("Hospital 1", "trains on its own rows"),
        ("Hospital 2", "rows never leave it"),
        ("Hospital n", "trains on its own rows"),
    )
    hospitals = [
        d.box(14, 50 + 104 * k, 202, head, (text, "fresh key, one update"), "hospital")
        for k, (head, text) in enumerate(lines)
    ]
    d.note(115, 246, "…", anchor="middle", style="head")
    add = d.box(312, 140, 172, "Coordinator", ("C = Σ Enc(xᵢ)", "holds no key", "manifest: who is in C"), "coordinator")
    for k, (hospital, name) in enumerate(zip(hospitals, ("Enc(x₁)", "Enc(x₂)", "Enc(xₙ)"), strict=True)):
        x, y = hospital.right
        target = (add.left[0], add.left[1] + 28 * (k - 1))
        d.arrow((x, y), target)
        d.note(x + (12, 12, 56)[k], y + (-8, -12, -4)[k], name)
    quorum = d.box(
        528,
        122,
        194,
        "t of n hospitals",
        (
            "check and sign the",
            "manifest (consent), then",
            "release shares of the",
            "SUM of the keys:",
            "C opens to Σ xᵢ only",
        ),
        "quorum",
    )
    verify = d.box(
        762,
        122,
        184,
        "every hospital",
        (
            "own update in C?",
            "C is the signed sum?",
            "opens within bounds?",
            "recomputes the model,",
            "signs a receipt",
        ),
        "hospital",
    )
    d.arrow(add.right, quorum.left)
    d.arrow(quorum.right, verify.left)
    d.arrow(verify.bottom, (verify.bottom[0], 412), (115, 412), hospitals[2].bottom)
    d.note(
        484,
        404,
        "next round: the model that each hospital recomputed itself, never one it was told to believe",
        anchor="middle",
    )
    d.arrow((216, 318), (625, 318), quorum.bottom, dashed=True)
    d.note(420, 334, "shares of each one-time key, sealed to each holder, carried by", anchor="middle")
    d.note(420, 350, "the coordinator, who cannot open them", anchor="middle")
    return d


def collaboration() -> Diagram:
    d = Diagram(
        "collaboration.svg", 960, 356, "Collaborative data that stays where it is",
        "Three hospitals keep their own rows. They share one study document with the same columns and outcome. Only encrypted "
        "contributions leave them, and one model comes of all.",
    )  # fmt: skip
    study = d.box(
        300, 14, 360, "One study, signed by all", ("columns, outcome, model, rounds, quorum, privacy",), "plain"
    )
    names = ("Hospital 1", "Hospital 2", "Hospital n")
    for k, name in enumerate(names):
        group = d.group(20 + 316 * k, 100, 288, 112, name)
        d.box(group.x + 14, 134, 124, "its own rows", ("never leave,", "never pooled"), "hospital")
        d.box(group.x + 150, 134, 124, "its training", ("inside, on", "these rows"), "hospital")
        d.arrow((study.bottom[0] + 110 * (k - 1), study.bottom[1]), group.top)
    model = d.box(
        250,
        268,
        460,
        "One model of all hospitals",
        ("from sums that a quorum opened; every hospital recomputes it",),
        "quorum",
    )
    for k in range(3):
        x = 20 + 316 * k + 144
        d.arrow((x, 212), (model.top[0] + 150 * (k - 1), model.top[1]), both=True)
    d.note(236, 254, "encrypted contributions", anchor="end")
    d.note(726, 254, "sums, next model")
    return d


def training() -> Diagram:
    d = Diagram(
        "training.svg", 960, 214, "Local model training",
        "Inside a hospital: its rows are checked against the data dictionary, split by patient, scaled with statistics from an "
        "opened sum, and trained on from the shared model. The difference to that model is the update.",
    )  # fmt: skip
    d.group(8, 10, 944, 190, "Inside one hospital: nothing of this leaves, except the update, encrypted")
    steps = (
        ("own table", ("checked against the", "data dictionary", "split by patient"), "hospital"),
        ("preprocess", ("scaled with means of", "all hospitals, from an", "opened sum"), "hospital"),
        ("train", ("from the shared model,", "local epochs on own", "rows (CPU or GPU)"), "hospital"),
        ("update", ("difference to the", "shared model, times", "the rows' weight"), "hospital"),
        ("with privacy", ("clipped, with noise,", "if the study asks;", "the ledger is charged"), "quorum"),
    )
    chain(d, evenly(22, 187, 168, 5), 62, steps)
    d.note(
        480, 178, "how far training moves from the shared model is shown in section 8 of the report", anchor="middle"
    )
    return d


def update() -> Diagram:
    d = Diagram(
        "update.svg", 960, 316, "Encryption of one update",
        "A hospital rounds its update to whole numbers, packs them, encrypts them under a fresh secret, shares that secret among "
        "all hospitals, each share sealed to its holder, signs, keeps a copy in its ledger, and sends.",
    )  # fmt: skip
    steps = (
        ("update x", ("real numbers:", "one per parameter,", "and counts"), "hospital"),
        ("whole numbers", ("a public range per", "tensor, rounded;", "packed into lanes m"), "hospital"),
        ("encrypt", ("fresh secret s, errors e:", "c = a s + e + 2ᵈ m", "a follows from the sum's name"), "hospital"),
        (
            "sign and keep",
            ("header: digests of c and", "of every share; ledger", "first, then the network"),
            "hospital",
        ),
    )
    boxes = chain(d, ((14.0, 170), (225.0, 190), (456.0, 232), (729.0, 214)), 20, steps)
    share = d.box(
        262, 160, 206, "share the secret", ("Shamir: any t of n shares", "give s, fewer give nothing"), "quorum"
    )
    seal = d.box(508, 160, 206, "seal each share", ("to its holder's key for this", "sum (ML-KEM + X25519)"), "quorum")
    d.arrow((boxes[2].x + 40, boxes[2].bottom[1]), (boxes[2].x + 40, 134), (share.top[0], 134), share.top)
    d.arrow(share.right, seal.left)
    d.arrow(seal.right, (boxes[3].bottom[0], seal.right[1]), boxes[3].bottom)
    d.note(
        14,
        276,
        "s is used once and overwritten. Nobody holds a key that opens c: t hospitals release shares of the SUM of secrets only.",
    )
    d.note(
        14,
        297,
        "With scheme ckks the coordinator's public key takes the place of s and its shares: the coordinator could open c.",
    )
    return d


def aggregation() -> Diagram:
    d = Diagram(
        "aggregation.svg", 960, 300, "Aggregation at the coordinator",
        "The coordinator checks each encrypted update, adds it without opening it, lists who is in the sum, collects consents and "
        "releases from a quorum, and opens the sum only. Unusable messages are set aside.",
    )  # fmt: skip
    steps = (
        ("check", ("signature, digest,", "size and range of", "every ciphertext"), "coordinator"),
        ("add", ("C = c₁ + … + cₖ,", "without opening", "any of them"), "coordinator"),
        ("list", ("who is in C, and", "the digest of C,", "signed"), "coordinator"),
        ("consent", ("t hospitals check", "the list and sign;", "one vote each"), "quorum"),
        ("release", ("each sends a sum", "of its shares over", "those on the list"), "quorum"),
        ("open", ("Σ sᵢ from t of them;", "C gives Σ xᵢ,", "never one xᵢ"), "coordinator"),
    )
    boxes = chain(d, evenly(8, 159, 142, 6), 20, steps)
    below = (
        (8, 250, "set aside", ("late, repeated, malformed, unsigned:", "with a reason that names the sender"), "plain"),
        (
            320,
            292,
            "void attempt",
            ("fewer than t consents: a new attempt", "without dealers complained about"),
            "plain",
        ),
        (
            668,
            284,
            "every hospital",
            ("verifies C and the opening, recomputes", "the model, signs a receipt"),
            "hospital",
        ),
    )
    aside, void, verify = (d.box(x, 178, width, *said) for x, width, *said in below)
    d.arrow(boxes[0].bottom, (boxes[0].bottom[0], aside.y))
    d.arrow(boxes[3].bottom, (boxes[3].bottom[0], void.y))
    d.arrow(boxes[5].bottom, (boxes[5].bottom[0], verify.y))
    d.note(
        8,
        284,
        "Scheme quorum. The coordinator holds no key; it can neither open one update nor add one that is not on the list unnoticed.",
    )
    return d


def prediction() -> Diagram:
    d = Diagram(
        "prediction.svg", 960, 224, "Deployment of the final model",
        "After the last sum every hospital has recomputed the final model itself, keeps it in a file with study, scaling and digest, "
        "and predicts on its own patients locally.",
    )  # fmt: skip
    steps = (
        ("last opened sum", ("weights and test results,", "certified by a quorum"), "quorum"),
        ("each hospital", ("recomputes the model,", "compares digests, signs"), "hospital"),
        ("model.safetensors", ("weights, study, scaling;", "no code, no rows"), "hospital"),
        ("cipherward predict", ("own table, own machine:", "a risk for each row"), "hospital"),
    )
    boxes = chain(d, evenly(10, 238, 204, 4), 20, steps)
    report = d.box(
        248, 132, 262, "report.html", ("accuracy, calibration, verification,", "what is not protected"), "plain"
    )
    table = d.box(724, 132, 204, "its own patients", ("rows stay; no network", "is needed to predict"), "hospital")
    d.arrow(boxes[1].bottom, (boxes[1].bottom[0], report.y))
    d.arrow(table.top, boxes[3].bottom)
    return d


def interruptions() -> Diagram:
    d = Diagram(
        "interruptions.svg", 960, 330, "When the network breaks",
        "A hospital writes its encrypted update to its ledger before it sends it and sends the same bytes again when the connection "
        "is back. The coordinator goes on with those who are there, sets unusable messages aside, and sends openings to those "
        "who missed them.",
    )  # fmt: skip
    d.group(8, 10, 330, 308, "Hospital: recovery")
    d.group(622, 10, 330, 308, "Coordinator: goes on, and reports")
    ledger, again, behind = column(
        d, 24, 48, 298, 90,
        (
            ("ledger first", ("the encrypted update is on disk", "before the first byte leaves"), "hospital"),
            ("sends the same bytes again", ("after a lost connection or a restart;", "never a second update for one sum"), "hospital"),
            ("was away", ("is sent the openings it missed, and", "recomputes every model in between"), "hospital"),
        ),
    )  # fmt: skip
    waits, once, fresh = column(
        d, 638, 48, 298, 90,
        (
            ("waits, then goes on", ("with those who are there, if a quorum", "and min_contributors remain"), "coordinator"),
            ("counts each update once", ("repeats are answered alike; damaged or", "late ones are set aside, with a reason"), "coordinator"),
            ("void attempt", ("too few consents: the sum is asked", "again, without dealers complained of"), "coordinator"),
        ),
    )  # fmt: skip
    middle = (ledger.right[0], once.left[0])
    d.arrow((middle[0], ledger.right[1]), (440, ledger.right[1]))
    d.note(452, ledger.right[1] + 5, "✗ lost", style="head")
    d.arrow(again.right, once.left)
    d.note(480, again.right[1] - 8, "the same bytes", anchor="middle")
    d.arrow(fresh.left, behind.right)
    d.note(480, behind.right[1] - 8, "openings, next announcement", anchor="middle")
    d.arrow(waits.bottom, once.top)
    d.arrow(once.bottom, fresh.top)
    return d


def architecture() -> Diagram:
    d = Diagram(
        "architecture.svg", 960, 452, "Architecture",
        "In a deployment hospitals dial out to a message server; the coordinator does too. Each hospital runs a node with data, "
        "policy, keys and ledger. In a simulation the same nodes run in one process. Below the nodes lie protocol, "
        "cryptography, learning, data and privacy.",
    )  # fmt: skip
    for k, name in enumerate(("Hospital 1", "Hospital n")):
        group = d.group(10, 12 + 152 * k, 300, 140, name)
        d.box(24, group.y + 34, 130, "HospitalNode", ("trains, encrypts,", "consents,", "verifies"), "hospital")
        d.box(166, group.y + 34, 130, "stays inside", ("rows, keys,", "ledger, policy,", "local model"), "hospital")
    nats = d.box(
        392,
        92,
        186,
        "NATS JetStream",
        ("mailboxes, mutual TLS;", "stores and forwards", "what it cannot read", "or change unnoticed"),
        "plain",
    )
    coordinator = d.group(660, 12, 290, 292, "Coordinator")
    hub, _ = column(
        d, 676, 48, 258, 118,
        (
            ("CoordinatorNode", ("announces, adds ciphertexts,", "collects consents and releases,", "opens sums"), "coordinator"),
            ("run directory", ("openings, receipts, models, log:", "cipherward verify, report;", "on disk or a mounted drive"), "coordinator"),
        ),
    )  # fmt: skip
    d.arrow((310, 100), (nats.x, 126))
    d.arrow((310, 222), (nats.x, 176))
    d.arrow((coordinator.x, hub.left[1] + 40), nats.right)
    d.note(351, 84, "dial out", anchor="middle")
    d.note(351, 226, "dial out", anchor="middle")
    d.note(618, 120, "dials out", anchor="middle")
    d.note(485, 226, "simulation: one process,", anchor="middle")
    d.note(485, 243, "no server, same nodes", anchor="middle")
    layers = (
        ("sums", "steps of one sum"),
        ("crypto", "quorum, ckks, masks"),
        ("learning", "models, rules, metrics"),
        ("data", "tables, split, cohort"),
        ("privacy", "noise, accountant"),
        ("store", "ledger, atomic files"),
    )
    for k, (head, line) in enumerate(layers):
        d.box(10 + 158 * k, 376, 150, head, (line,), "quorum" if head in ("sums", "crypto") else "plain")
    d.note(
        480,
        352,
        "the same nodes everywhere; the core computes, the edge moves bytes; learning and cryptography do not know each other",
        anchor="middle",
    )
    return d


DIAGRAMS = (flow, collaboration, training, update, aggregation, prediction, interruptions, architecture)


def main() -> None:
    for draw in DIAGRAMS:
        diagram = draw()
        (HERE / diagram.name).write_text(diagram.svg(), "utf-8")


if __name__ == "__main__":
    main()
