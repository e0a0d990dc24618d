"""Nothing waits for the disk, and the ring is a toy: see `tests.schedules.world`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fuzz import decoders, documents, homes, network, runs, tables
from tests.fuzz.decoders import Decoder
from tests.schedules import world
from tests.schedules.world import ForgetfulParties, memory_folder, setting

from cipherward.parties.coordinator_node import Phase


@pytest.fixture(autouse=True, scope="module")
def hasty_world() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        world.hasten(patch)
        yield
    world.forget()


@pytest.fixture(scope="module")
def everything(hasty_world: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Decoder]]:
    """All decoders by name."""
    otherwise = tmp_path_factory.mktemp("worlds")
    with tempfile.TemporaryDirectory(dir=memory_folder(otherwise)) as name:
        folder = Path(name)
        # What is spliced in comes from another study: its signatures are good, and not for this one.
        worlds = [ForgetfulParties(folder / str(k), setting(4, 3, 2 if k == 0 else 1)) for k in range(6)]
        ups, downs = decoders.packets_of(worlds[0])
        found = [
            *decoders.wire_kinds(ups, downs),
            decoders.packets(ups, downs),
            decoders.signatures(worlds[0], ups, downs),
            decoders.hospital_node(worlds[1]),
            *(
                decoders.coordinator_node(world, ups, phase)
                for world, phase in zip(worlds[2:], (Phase.JOIN, Phase.DEAL, Phase.CONSENT, Phase.RELEASE), strict=True)
            ),
            *decoders.quorum_parsers(),
            *decoders.masks_parsers(),
            *decoders.plain_parsers(),
            *documents.everything(folder / "documents"),
            *network.everything(folder / "network"),
            *homes.everything(folder / "homes"),
            *tables.everything(folder / "tables"),
            *runs.everything(folder / "runs"),
        ]
        yield {decoder.name: decoder for decoder in found}
        for world in worlds:
            world.close()
