"""Every decoder against malformed inputs: a hundred thousand each in `make test-all`, some in `make test`."""

from __future__ import annotations

from random import Random

import pytest
from tests.fuzz.attack import CORPUS, attack, corpus, is_refused
from tests.fuzz.decoders import Decoder

QUICK = 300
AROUND = 30


WIRE = (
    "Announce", "Answer", "Answered", "Attested", "Behind", "Certificate", "Challenge", "Claim", "Complaint", "ConsentRequest", "Contradiction", "Contribution", "Dealing", "Declined", "Entry", "Excerpt", "FalseShare",
    "Header", "Join", "Joined", "Manifest", "Notice", "Opened", "Opening", "Receipt", "Release", "SeedTable", "ShareFor", "Shown", "ShownShare", "ShownSlice", "ShowRequest", "Signed", "Update", "VoidCertificate",
    "VoidRequest", "Vote",
)  # fmt: skip
LETTERS = (
    "Offer",
    "Approval",
    "Withdrawal",
    "Refusal",
    "Members",
    "Alert",
    "Stopped",
    "Head",
    "LogSuccession",
    "LostOpening",
    "ModelWithdrawn",
)
NAMES = (
    *(f"wire-{kind}" for kind in WIRE),
    "packet", "signed", "hospital", "coordinator-join", "coordinator-deal", "coordinator-consent", "coordinator-release",
    "quorum-payload", "quorum-total", "quorum-witness", "quorum-fingerprint", "quorum-release", "sealed-share", "join-key",
    "masks-payload", "masks-dealing", "masks-witness", "masks-release", "masks-join-key", "plain-payload", "plain-total",
    "model-file", "model-file-text", "study-toml", "preprocessor", "openings", "rounds", "ledger", "journal",
    "ckks-payload", "ckks-witness", "ckks-sealed-key", "ckks-public-key", "ckks-context",
    # of other parties, by letter or by hand
    "chunk", "delivery", "rewind-answer", "letter-down", "letter-up", "letter-head", *(f"letter-{kind}" for kind in LETTERS),
    "invitation", "invitation-body", "request", "request-body", "admission", "admission-body", "admission-certificate",
    "members-chain", "members-list", "signing-request", "certificate", "tls-key", "approval", "withdrawal", "offer", "letter-Begun", "inventory",
    "inventories",
    "sums-statistics", "sums-train", "sums-evaluate",
    # in a home
    "audit-checkpoint", "audit-entry", "audit-request", "consortium-toml", "server-address", "stored-contribution", "hospital-toml", "policy-toml", "invitation-record", "started-json", "status-json", "verification-json",
    "log-jsonl", "slots", "upload-note", "handled", "refusals", "privacy-event", "journal-line", "journal-Begun", "evidence",
    # of runs and comparisons
    "result-json", "receipt-file", "opening-file", "opening-body", "simulation-json", "own-json", "quarantine-note", "report-of-result",
    "report-of-rounds", "compared-comparison.json", "compared-sizes.json", "compared-shift.json", "compared-result.json",
    "compared-rounds.jsonl", "comparison-settings", "sizes-kept", "shift-kept", "yardsticks",
    # of a hospital's own data
    "table-csv", "table-csv-gz", "table-parquet", "table-zip",
)  # fmt: skip
every = pytest.mark.parametrize("name", NAMES)


def test_no_decoder_is_left_out(everything: dict[str, Decoder]) -> None:
    assert set(NAMES) == set(everything)
    assert {path.name for path in CORPUS.iterdir()} <= set(NAMES)


@every
def test_a_decoder_takes_valid_input(everything: dict[str, Decoder], name: str) -> None:
    decoder = everything[name]
    for data in () if decoder.remembers else decoder.valid:
        decoder.decode(data)


@every
def test_the_kept_corpus_breaks_no_decoder(everything: dict[str, Decoder], name: str) -> None:
    for path in corpus(name):
        is_refused(everything[name], path.read_bytes())


@every
def test_a_decoder_refuses_malformed_input_or_takes_it_for_what_it_is(
    everything: dict[str, Decoder], name: str
) -> None:
    tries = min(QUICK, everything[name].tries // 20)
    assert attack(everything[name], seed=0, tries=tries) > tries // 50 or not everything[name].refuses


@pytest.mark.slow
@every
def test_a_decoder_survives_a_hundred_thousand_malformed_inputs(everything: dict[str, Decoder], name: str) -> None:
    tries = everything[name].tries
    assert attack(everything[name], seed=1, tries=tries) > tries // 50 or not everything[name].refuses


@every
def test_a_decoder_survives_bytes_around_its_own(everything: dict[str, Decoder], name: str) -> None:
    decoder, rng = everything[name], Random(name)
    for _ in range(AROUND):
        own = rng.choice(decoder.valid)
        start = rng.choice((0, len(own), rng.randint(0, len(own))))
        tried = own[:start] + rng.randbytes(rng.choice((0, 1, rng.randint(0, 20)))) + own[start + rng.randint(0, 20) :]
        if tried not in decoder.valid:
            is_refused(decoder, tried)
