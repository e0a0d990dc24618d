"""NVIDIA FLARE's homomorphic encryption, by its own filter, serializer and aggregation: every hospital has the key of all."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

import numpy as np
import tenseal
from nvflare.apis.fl_context import FLContext
from nvflare.app_common.aggregators.weighted_aggregation_helper import WeightedAggregationHelper
from nvflare.app_opt.he import decomposers
from nvflare.app_opt.he.model_encryptor import HEModelEncryptor
from nvflare.fuel.utils import fobs

from work import N_PARAMETERS, N_PARTIES, Spent, report


def one_sum() -> tuple[Spent, int]:
    key = tenseal.context(tenseal.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 40], n_threads=1)  # its defaults
    key.global_scale = 2**40
    spent, vector = Spent(), np.random.default_rng(1).normal(size=N_PARAMETERS)

    def encrypted() -> bytes:
        party = HEModelEncryptor(weigh_by_local_iter=False)
        party.tenseal_context, party.encrypt_layers = key, [True]
        update: bytes = fobs.dumps(party.encryption({"weights": vector}, FLContext())[0])
        return update

    updates = [spent.hospital(encrypted) for _ in range(N_PARTIES)]

    def added() -> Any:
        helper = WeightedAggregationHelper(weigh_by_local_iter=False)
        for number, update in enumerate(updates):
            helper.add(data=fobs.loads(update), weight=1.0, contributor_name=str(number), contribution_round=0)
        return helper.get_result()["weights"]

    total = spent.server(added)
    for _ in range(N_PARTIES):
        opened = spent.hospital(lambda: total.decrypt(key.secret_key()))
    if not np.allclose(opened, vector, atol=1e-2):  # their result is the mean
        raise ValueError("the mean is not the mean of the vectors")
    return spent, len(updates[0])


logging.disable(logging.WARNING)
decomposers.register()
report(version("nvflare"), one_sum)
