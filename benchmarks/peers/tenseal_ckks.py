"""TenSEAL's CKKS with a public key: one flat vector, N = 8192, [60, 40, 40]. Whoever has the key opens every single update."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import tenseal

from work import N_PARAMETERS, N_PARTIES, Spent, report


def one_sum() -> tuple[Spent, int]:
    key = tenseal.context(tenseal.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 40], n_threads=1)
    key.global_scale = 2**40
    public, vector, spent = key.copy(), np.random.default_rng(1).normal(size=N_PARAMETERS).tolist(), Spent()
    public.make_context_public()
    updates = [spent.hospital(lambda: tenseal.ckks_vector(public, vector).serialize()) for _ in range(N_PARTIES)]

    def opened() -> list[float]:
        total = tenseal.ckks_vector_from(key, updates[0])
        for update in updates[1:]:
            total += tenseal.ckks_vector_from(key, update)
        found: list[float] = total.decrypt()
        return found

    if not np.allclose(spent.server(opened), N_PARTIES * np.array(vector), atol=1e-2):
        raise ValueError("the sum is not the sum of the vectors")
    return spent, len(updates[0])


report(version("tenseal"), one_sum)
