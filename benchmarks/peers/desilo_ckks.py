"""DESILO's CKKS with a key in as many parts as parties, all of which open a sum together."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import Any

import desilofhe
import numpy as np

from work import N_PARAMETERS, N_PARTIES, Spent, report


def one_sum() -> tuple[Spent, int]:
    engine, spent = desilofhe.Engine(max_level=1, multiparty=True, thread_count=1), Spent()
    secrets = [engine.create_secret_key() for _ in range(N_PARTIES)]
    common = engine.create_public_key_a()
    together = engine.create_multiparty_public_key([engine.create_public_key_b(one, common) for one in secrets], common)
    vector, size = np.random.default_rng(1).normal(size=N_PARAMETERS), engine.slot_count
    parts = [vector[start : start + size] for start in range(0, N_PARAMETERS, size)]

    def encrypted() -> list[bytes]:
        return [bytes(engine.serialize_ciphertext(engine.encrypt(part, together, 0))) for part in parts]

    def added() -> list[Any]:
        sums = [engine.deserialize_ciphertext(each) for each in updates[0]]
        for update in updates[1:]:
            sums = [
                engine.add(one, engine.deserialize_ciphertext(each)) for one, each in zip(sums, update, strict=True)
            ]
        return sums

    def released(number: int) -> list[Any]:
        return [engine.individual_decrypt(each, secrets[number]) for each in total]

    def opened() -> Any:
        found = [engine.multiparty_decrypt(one, [each[place] for each in shares]) for place, one in enumerate(total)]
        return np.concatenate([each[: len(part)].real for each, part in zip(found, parts, strict=True)])

    updates = [spent.hospital(encrypted) for _ in range(N_PARTIES)]
    total = spent.server(added)
    shares = [spent.hospital(partial(released, number)) for number in range(N_PARTIES)]
    if not np.allclose(spent.server(opened), N_PARTIES * vector, atol=1e-2):
        raise ValueError("the sum is not the sum of the vectors")
    share = sum(len(engine.serialize_decrypted_share(each)) for each in shares[0])
    return spent, sum(map(len, updates[0])) + share


report(version("desilofhe"), one_sum)
