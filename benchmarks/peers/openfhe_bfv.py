"""OpenFHE's threshold BFV: a key in as many parts as parties, all of which open a sum together. 20 bits a parameter."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import openfhe

from work import N_PARAMETERS, N_PARTIES, Spent, report

MODULUS = 8_519_681  # above 8 times 2^20, and 1 modulo 2 N, so that N numbers go into one ciphertext
BOUND = 2**19


def one_sum() -> tuple[Spent, int]:
    parameters = openfhe.CCParamsBFVRNS()
    parameters.SetPlaintextModulus(MODULUS)
    parameters.SetMultiplicativeDepth(0)
    engine = openfhe.GenCryptoContext(parameters)
    for feature in (
        openfhe.PKESchemeFeature.PKE,
        openfhe.PKESchemeFeature.LEVELEDSHE,
        openfhe.PKESchemeFeature.MULTIPARTY,
    ):
        engine.Enable(feature)
    size = engine.GetRingDimension()
    keys = [engine.KeyGen()]
    for _ in range(N_PARTIES - 1):
        keys.append(engine.MultipartyKeyGen(keys[-1].publicKey))
    together, spent = keys[-1].publicKey, Spent()
    numbers = np.random.default_rng(1).integers(-BOUND, BOUND, N_PARAMETERS)
    parts = [numbers[start : start + size] for start in range(0, N_PARAMETERS, size)]

    def encrypted() -> list[bytes]:
        packed = (engine.MakePackedPlaintext(part.tolist()) for part in parts)
        return [openfhe.Serialize(engine.Encrypt(together, each), openfhe.BINARY) for each in packed]

    def added() -> list[Any]:
        sums = [openfhe.DeserializeCiphertextString(each, openfhe.BINARY) for each in updates[0]]
        for update in updates[1:]:
            sums = [
                engine.EvalAdd(one, openfhe.DeserializeCiphertextString(each, openfhe.BINARY))
                for one, each in zip(sums, update, strict=True)
            ]
        return sums

    def released(number: int) -> list[Any]:
        decrypt = engine.MultipartyDecryptMain if number else engine.MultipartyDecryptLead
        return [decrypt([each], keys[number].secretKey)[0] for each in total]

    def opened() -> list[int]:
        found: list[int] = []
        for place, part in enumerate(parts):
            plain = engine.MultipartyDecryptFusion([each[place] for each in shares])
            plain.SetLength(len(part))
            found += plain.GetPackedValue()
        return found

    updates = [spent.hospital(encrypted) for _ in range(N_PARTIES)]
    total = spent.server(added)
    shares = [spent.hospital(partial(released, number)) for number in range(N_PARTIES)]
    if not np.array_equal(spent.server(opened), N_PARTIES * numbers):
        raise ValueError("the sum is not the sum of the vectors")
    share = sum(len(openfhe.Serialize(each, openfhe.BINARY)) for each in shares[0])
    return spent, sum(map(len, updates[0])) + share


report(version("openfhe"), one_sum)
