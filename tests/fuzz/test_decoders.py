"""Every decoder against malformed inputs: a hundred thousand each in `make test-all`, some in `make test`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fuzz import decoders, documents
from tests.fuzz.attack import CORPUS, attack, corpus, is_refused
from tests.fuzz.decoders import Decoder
from tests.schedules.world import World, memory_folder, setting

from cipherward.nodes.hub import Phase

QUICK = 300


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Decoder]]:
    """All decoders by name."""
    otherwise = tmp_path_factory.mktemp("worlds")
    with tempfile.TemporaryDirectory(dir=memory_folder(otherwise)) as name:
        folder = Path(name)
        # What is spliced in comes from another study: its signatures are good, and not for this one.
        worlds = [World(folder / str(k), setting(4, 3, 2 if k == 0 else 1)) for k in range(6)]
        ups, downs = decoders.packets_of(worlds[0])
        found = [
            *decoders.wire_kinds(ups, downs),
            decoders.packets(ups, downs),
            decoders.signatures(worlds[0], ups, downs),
            decoders.hospital_node(worlds[1]),
            *(
                decoders.coordinator_node(world, ups, phase)
                for world, phase in zip(
                    worlds[2:], (Phase.JOIN, Phase.DEAL, Phase.CONSENT, Phase.RELEASE), strict=True
                )
            ),
            *decoders.quorum_parsers(),
            *decoders.masks_parsers(),
            *decoders.plain_parsers(),
            *documents.everything(folder / "documents"),
        ]
        yield {decoder.name: decoder for decoder in found}
        for world in worlds:
            world.close()


WIRE = (
    "Announce", "Behind", "Certificate", "Complaint", "ConsentRequest", "Contribution", "Dealing", "Entry", "Header", "Join",
    "Joined", "Manifest", "Opening", "Receipt", "Release", "SeedTable", "ShareFor", "Signed", "Update", "VoidCertificate",
    "VoidRequest", "Vote",
)  # fmt: skip
NAMES = (
    *(f"wire-{kind}" for kind in WIRE),
    "packet", "signed", "hospital", "coordinator-join", "coordinator-deal", "coordinator-consent", "coordinator-release",
    "quorum-payload", "quorum-total", "quorum-witness", "quorum-fingerprint", "quorum-release", "sealed-share", "join-key",
    "masks-payload", "masks-witness", "masks-release", "masks-join-key", "plain-payload", "plain-total",
    "model-file", "model-file-text", "study-toml", "preprocessor", "openings", "rounds", "ledger",
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
