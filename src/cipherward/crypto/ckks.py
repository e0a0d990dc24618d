"""`ckks`: the textbook scheme. One key pair, CKKS from Microsoft SEAL through TenSEAL (secure-sum.md, section 3).

Hospitals encrypt under the coordinator's public key; the sum starts from Enc(model) and grows by homomorphic addition;
the key holder decrypts the total only and rounds it to the fixed-point grid before anything leaves it, because raw
approximate decryptions leak the key (Li and Micciancio, eprint 2020/1533).

What this protects against: eavesdroppers and other hospitals. What it does not: the coordinator, who holds the key.
`KeyHolder` is an audit aid, not a boundary: whoever runs it can read the key from memory and open single updates. A
witness cannot be checked against the total without the key either, so hospitals trust the coordinator's opening.

TenSEAL draws keys and encryption randomness from the operating system itself and offers no way to pass them in, so,
unlike the other schemes, `protect` ignores its `randomness` and the same call never gives the same bytes twice.

Parameters: N = 4096, primes of 58 and 48 bits. SEAL's table for 128-bit security allows 109 bits in all at this N.
Ciphertexts live modulo the 58-bit prime; the other one is used up by encryption, which leaves only rounding noise.

The bytes of payloads, totals and contexts are in `_tenseal`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from cipherward.crypto import _tenseal
from cipherward.crypto.hashing import digest
from cipherward.crypto.scheme import Accumulator, Opener, Protected, SumTask, WithoutShares
from cipherward.errors import (
    AlreadyReleasedError,
    DataError,
    ProtocolError,
    RefusedError,
    StorageError,
    StudyError,
    SuspectError,
)

Record = dict[str, object]
"""One line of the key holder's log: context, total and base (hex digests), n_contributors, opening (1, 2, ...)."""

RING_DEGREE, MODULUS_BITS, N_SLOTS = _tenseal.RING_DEGREE, _tenseal.MODULUS_BITS, _tenseal.N_SLOTS

# Standard deviation of one fresh ciphertext's error in a slot, in units of 1/scale: dividing by the second prime rounds
# both halves (1/12 each per coefficient, the second times a ternary secret), encoding rounds once more, and the real part
# of a slot adds RING_DEGREE coefficients times cosines. This is the mean over slots: one where the secret happens to be
# large has more, by a factor above 4.6 for one key in a million. 40 = 4.6 x 8.7 standard deviations.
ERROR_STDDEV = math.sqrt(RING_DEGREE / 2 * (RING_DEGREE * (2 / 3) / 12 + 2 / 12))
_SIGMAS = 40
_TOLERANCE = 0.25
_COEFFICIENT_BITS = 56  # what scale x (base + sum) may reach; half the 58-bit prime is 2^57

_SEALED_LABEL = b"cipherward/v1/ckks-secret"


@dataclass(frozen=True)
class KeyPair:
    """Serialised TenSEAL contexts. The public one, about 120 kB, goes to every hospital."""

    secret_context: bytes = field(repr=False)
    public_context: bytes = field(repr=False)


def generate_keys() -> KeyPair:
    """Step 2 of the original algorithm: a fresh (pk, sk), with randomness that TenSEAL takes from the OS.

    Raises:
        StudyError: TenSEAL is not installed.
    """
    ts = _tenseal.library()
    context = ts.context(ts.SCHEME_TYPE.CKKS, RING_DEGREE, coeff_mod_bit_sizes=list(MODULUS_BITS))
    parts = {"save_public_key": True, "save_galois_keys": False, "save_relin_keys": False}
    return KeyPair(context.serialize(save_secret_key=True, **parts), context.serialize(save_secret_key=False, **parts))


def public_key_digest(public: bytes) -> bytes:
    """What a study names so that a substituted public key is refused; 32 bytes."""
    return digest("ckks-public-key", public)


def check_public_key(public: bytes, expected_digest: bytes) -> None:
    """Raises ProtocolError when `public` is not the key that the study names."""
    if public_key_digest(public) != expected_digest:
        raise ProtocolError("the encryption key is not the one that the study names", culprit="coordinator")


def key_from_passphrase(passphrase: str, salt: bytes) -> bytes:
    """32 bytes for `seal_secret` by scrypt (n = 2^17, r = 8: 128 MiB). `salt`: at least 16 random bytes, kept beside."""
    if len(salt) < 16:
        raise ValueError("a salt has at least 16 bytes")
    return Scrypt(salt=salt, length=32, n=1 << 17, r=8, p=1).derive(passphrase.encode())


def seal_secret(secret: bytes, key32: bytes) -> bytes:
    """The secret context for storage: 12-byte nonce from the OS, then AES-256-GCM ciphertext and tag."""
    nonce = os.urandom(12)
    return nonce + AESGCM(_aes_key(key32)).encrypt(nonce, secret, _SEALED_LABEL)


def unseal_secret(sealed: bytes, key32: bytes) -> bytes:
    """The secret context back. Raises StorageError: wrong key, or the bytes were altered."""
    if len(sealed) >= 28:
        try:
            return AESGCM(_aes_key(key32)).decrypt(sealed[:12], sealed[12:], _SEALED_LABEL)
        except InvalidTag:
            pass
    raise StorageError("the sealed key does not open", hint="check the passphrase or key file; or restore the key file")


def _aes_key(key32: bytes) -> bytes:
    if len(key32) != 32:
        raise ValueError("a sealing key has 32 bytes")
    return key32


def scale_bits(task: SumTask) -> int:
    """log2 of the CKKS scale: the smallest with which the noise of all n + 1 ciphertexts cannot change an integer.

    Raises:
        StudyError: so many hospitals that their sum at this scale would not fit the modulus.
    """
    needed = _SIGMAS * ERROR_STDDEV * math.sqrt(task.n_hospitals + 1) / _TOLERANCE
    bits = task.bits + math.ceil(math.log2(needed))
    if 1 << max(_COEFFICIENT_BITS - bits, 0) <= task.n_hospitals:
        raise StudyError(
            f"ckks cannot sum {task.n_hospitals} hospitals at {task.bits} bits exactly",
            hint="use scheme quorum, or fewer bits",
        )
    return bits


def largest_base(task: SumTask) -> float:
    """Magnitude (grid units) up to which the sum starts from the model's own value; beyond it, from this limit."""
    return float((1 << (_COEFFICIENT_BITS - scale_bits(task))) - task.n_hospitals) * float(1 << task.bits)


class KeyHolder:
    """Holds the secret key and opens one total per sum, of at least `min_contributors` hospitals.

    Args:
        record: called with each record before the total is decrypted, to be made durable; an exception stops it.
        opened: records of earlier runs, so that a restart forgets no opening.
    """

    def __init__(
        self,
        secret: bytes,
        min_contributors: int,
        record: Callable[[Record], None] | None = None,
        *,
        opened: Iterable[Record] = (),
    ) -> None:
        self._context = _tenseal.load_context(secret, secret=True)
        self._min_contributors = min_contributors
        self._log: list[Record] = [dict(item) for item in opened]
        self._record = record

    def __repr__(self) -> str:
        return f"KeyHolder(openings={len(self._log)}, min_contributors={self._min_contributors}, key=hidden)"

    @property
    def log(self) -> list[Record]:
        """Every opening so far, oldest first (copies)."""
        return [dict(item) for item in self._log]

    def open(
        self, task: SumTask, total: bytes, base: npt.NDArray[np.float64], n_contributors: int
    ) -> npt.NDArray[np.int64]:
        """The integer sums, int64[n_lanes]; opening the same total again is allowed and logged again.

        Raises:
            RefusedError: too few contributors.
            AlreadyReleasedError: another total or base of this sum was opened before.
            WireError: the total is malformed.
            SuspectError: it does not decrypt to whole grid units, so some contribution was not honest.
        """
        if n_contributors < self._min_contributors:
            raise RefusedError(
                f"a sum over {n_contributors} hospital(s) is not opened: the study asks for {self._min_contributors}"
            )
        vectors = _parse(self._context, task, total)
        start = _start(task, base)
        entry: Record = {
            "context": task.context.hex(),
            "total": digest("payload", total).hex(),
            "base": digest("ckks-base", start.astype("<f8").tobytes()).hex(),
            "n_contributors": n_contributors,
            "opening": len(self._log) + 1,
        }
        same = ("total", "base", "n_contributors")
        for item in self._log:
            if item["context"] == entry["context"] and any(item[name] != entry[name] for name in same):
                raise AlreadyReleasedError("another total of this sum was opened before; this one stays closed")
        if self._record is not None:
            self._record(dict(entry))
        self._log.append(entry)
        with _tenseal.seal_errors("the total does not decrypt"):
            raw = np.concatenate([np.zeros(0), *(np.asarray(vector.decrypt(), dtype=np.float64) for vector in vectors)])
        grid = raw * float(1 << task.bits) - start
        # Garbage is often whole: a double above 2^52 has no fraction. What no honest sum can be is not opened.
        top = n_contributors * ((1 << task.bits) - 1)
        if not np.isfinite(grid).all() or grid.min(initial=0.0) < -0.5 or grid.max(initial=0.0) > top + 0.5:
            raise SuspectError("the total decrypts to numbers out of range", culprit="a contributor")
        nearest = np.rint(grid)
        if np.abs(grid - nearest).max(initial=0.0) > _TOLERANCE:
            raise SuspectError("the total does not decrypt to whole grid units", culprit="a contributor")
        return nearest.astype(np.int64)


class CkksScheme(WithoutShares):
    """The `ckks` scheme under one public key; the coordinator also gives the `KeyHolder`.

    Raises (on first use): WireError when `public_context` is not a public context with this module's parameters,
    StudyError when TenSEAL is not installed.
    """

    name = "ckks"
    protection = (
        "Each hospital encrypts under the coordinator's public key (CKKS). It protects against eavesdroppers and other "
        "hospitals. It does not protect against the coordinator, who holds the key and could open one contribution."
    )
    opening = "The coordinator decrypted this one sum; {consents} hospitals consented ({threshold} needed)."
    caution = (
        "Scheme ckks does not protect against the coordinator: its key could open one hospital's update by itself."
    )
    extra = ("ckks", "tenseal")
    opener = Opener.COORDINATOR
    has_key_pair = True
    for_deployments = True
    assumes = "the coordinator, who holds the decryption key, opened nothing but this sum"

    def __init__(self, public_context: bytes, key_holder: KeyHolder | None = None) -> None:
        self._public = public_context
        self._key_holder = key_holder

    def __repr__(self) -> str:
        return f"CkksScheme(public_key={public_key_digest(self._public).hex()[:16]}, key_holder={self._key_holder!r})"

    def protect(
        self,
        task: SumTask,
        sender: int,
        vector: npt.NDArray[np.generic],
        holders: Mapping[int, bytes],
        randomness: bytes,
        private_key: bytes = b"",
    ) -> Protected:
        """Encrypt lanes (uint32[n_lanes], each below 2^bits), divided by 2^bits, N/2 to a ciphertext. No shares.

        Raises:
            DataError: not such a vector.
        """
        if vector.shape != (task.n_lanes,) or vector.dtype != np.uint32:
            raise DataError(f"a contribution has {task.n_lanes} lanes of uint32")
        if vector.size and int(vector.max()) >= 1 << task.bits:
            raise DataError(f"a lane does not fit in {task.bits} bits")
        return Protected(_encrypt(_public_context(self._public), task, vector.astype(np.float64)), {})

    def update_limit(self, task: SumTask) -> int:
        return 4 + -(-task.n_lanes // N_SLOTS) * (4 + _tenseal.MAX_CIPHERTEXT_BYTES)

    def accumulator(self, task: SumTask, base: npt.NDArray[np.float64]) -> Accumulator:
        """A sum that starts from Enc(base): the model in grid units, 0 where a lane is not a model update.

        Entries beyond `largest_base` start from that limit instead; `open` subtracts the same, so nothing is lost.
        """
        context = _public_context(self._public)
        return _CkksSum(context, task, _parse(context, task, _encrypt(context, task, _start(task, base))))

    def open(
        self,
        task: SumTask,
        total: bytes,
        releases: Mapping[int, bytes],
        base: npt.NDArray[np.float64],
        n_contributors: int,
    ) -> bytes:
        """The witness: n_lanes little-endian int64 sums; empty when the total is not a sum of honest contributions.

        Raises:
            ProtocolError: this party holds no key.
            RefusedError, WireError: see `KeyHolder.open`.
        """
        if self._key_holder is None:
            raise ProtocolError("only the key holder can open a ckks sum")
        try:
            return self._key_holder.open(task, total, base, n_contributors).astype("<i8").tobytes()
        except SuspectError:
            return b""  # `sums` refuses it: like any other certified sum that does not open, it does not end the study

    def sums(self, task: SumTask, total: bytes, witness: bytes, n_contributors: int) -> npt.NDArray[np.generic]:
        if not witness and task.n_lanes:
            raise ProtocolError("the key holder found no whole grid units in the total")
        if len(witness) != 8 * task.n_lanes:
            raise ProtocolError(f"a witness of {task.n_lanes} lanes has {8 * task.n_lanes} bytes, found {len(witness)}")
        sums = np.frombuffer(witness, dtype="<i8").astype(np.int64)
        top = n_contributors * ((1 << task.bits) - 1)
        if sums.size and (int(sums.min()) < 0 or int(sums.max()) > top):
            raise ProtocolError(f"an opened lane is outside what {n_contributors} contributions can give")
        return sums


class _CkksSum:
    def __init__(self, context: Any, task: SumTask, vectors: list[Any]) -> None:
        self._context = context
        self._task = task
        self._vectors = vectors

    def add(self, payload: bytes) -> None:
        parsed = _parse(self._context, self._task, bytes(payload))
        with _tenseal.seal_errors("a ckks update cannot be added"):
            # Not in place: a failure half-way leaves the sum as it was.
            self._vectors = [mine + theirs for mine, theirs in zip(self._vectors, parsed, strict=True)]

    def total(self) -> bytes:
        return _tenseal.serialize(self._vectors, self._task.n_lanes, 2.0 ** scale_bits(self._task))


def _start(task: SumTask, base: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if base.shape != (task.n_lanes,) or not np.isfinite(base).all():
        raise DataError(f"the model that the sum starts from has {task.n_lanes} finite entries in grid units")
    limit = largest_base(task)
    return np.clip(base.astype(np.float64), -limit, limit)


def _encrypt(context: Any, task: SumTask, grid: npt.NDArray[np.float64]) -> bytes:
    return _tenseal.encrypt(context, grid / float(1 << task.bits), 2.0 ** scale_bits(task))


def _parse(context: Any, task: SumTask, payload: bytes) -> list[Any]:
    """TenSEAL vectors, one per ciphertext; WireError for anything that `_encrypt` would not have written."""
    return _tenseal.parse(context, task.n_lanes, 2.0 ** scale_bits(task), payload)


@lru_cache(maxsize=4)
def _public_context(data: bytes) -> Any:
    return _tenseal.load_context(data, secret=False)
