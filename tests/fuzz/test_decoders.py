"""Every decoder against malformed inputs: a hundred thousand each in `make test-all`, some in `make test`."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.attack import CORPUS, attack, corpus, is_refused
from tests.fuzz.decoders import Decoder

from cipherward.errors import CipherwardError

QUICK = 300


WIRE = (
    "Announce", "Behind", "Certificate", "Complaint", "ConsentRequest", "Contribution", "Dealing", "Declined", "Entry",
    "Header", "Join", "Joined", "Manifest", "Notice", "Opened", "Opening", "Receipt", "Release", "SeedTable", "ShareFor", "Signed", "Update", "VoidCertificate",
    "VoidRequest", "Vote",
)  # fmt: skip
NAMES = (
    *(f"wire-{kind}" for kind in WIRE),
    "packet", "signed", "hospital", "coordinator-join", "coordinator-deal", "coordinator-consent", "coordinator-release",
    "quorum-payload", "quorum-total", "quorum-witness", "quorum-fingerprint", "quorum-release", "sealed-share", "join-key",
    "masks-payload", "masks-witness", "masks-release", "masks-join-key", "plain-payload", "plain-total",
    "model-file", "model-file-text", "study-toml", "preprocessor", "openings", "rounds", "ledger", "journal",
    "ckks-payload", "ckks-witness", "ckks-sealed-key", "ckks-public-key", "ckks-context",
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
    assert attack(everything[name], seed=0, tries=QUICK) > QUICK // 50


@pytest.mark.slow
@every
def test_a_decoder_survives_a_hundred_thousand_malformed_inputs(everything: dict[str, Decoder], name: str) -> None:
    tries = everything[name].tries
    assert attack(everything[name], seed=1, tries=tries) > tries // 50


@every
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_decoder_survives_bytes_around_its_own(
    everything: dict[str, Decoder], name: str, data: st.DataObject
) -> None:
    decoder = everything[name]
    own = decoder.valid[data.draw(st.integers(0, len(decoder.valid) - 1))]
    start, gone = data.draw(st.integers(0, len(own))), data.draw(st.integers(0, 20))
    tried = own[:start] + data.draw(st.binary(max_size=20)) + own[start + gone :]
    if tried not in decoder.valid:
        with suppress(CipherwardError):
            decoder.accepts_only_what_is_right(tried)
