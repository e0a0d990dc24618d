"""The bytes of the `ckks` scheme: TenSEAL's contexts and ciphertexts, read strictly and written in one form.

A payload or total is: number of ciphertexts (4 bytes, big-endian), then each as length (4 bytes) and SEAL's own
serialisation. TenSEAL's wrapping is taken off and put on again here, so nothing hides in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cipherward.crypto import _seal
from cipherward.errors import CipherwardError, StudyError, WireError

RING_DEGREE = 4096
MODULUS_BITS = (58, 48)
MODULI = (288230376151130113, 281474976694273)  # the largest primes 1 mod 2N of these sizes, as SEAL chooses
N_SLOTS = RING_DEGREE // 2

_INSTALL = 'pip install "cipherward[ckks]"'
_MAX_CONTEXT_BYTES = 1 << 20
_PLAIN_BYTES = 2 * RING_DEGREE * 8  # two polynomials of 64-bit words, before compression
MAX_CIPHERTEXT_BYTES = _PLAIN_BYTES + _seal.MOST_EXTRA_BYTES


def encrypt(context: Any, slots: npt.NDArray[np.float64], scale: float) -> bytes:
    """A payload of these slots, N_SLOTS to a ciphertext."""
    ts = library()
    with seal_errors("the vector does not encrypt"):
        parts = [slots[i : i + N_SLOTS].tolist() for i in range(0, len(slots), N_SLOTS)]
        return serialize([ts.ckks_vector(context, part, scale=scale) for part in parts], len(slots), scale)


def serialize(vectors: list[Any], n_lanes: int, scale: float) -> bytes:
    """TenSEAL vectors as a payload or total."""
    wrapped = [vector.serialize() for vector in vectors]
    out = bytearray(len(wrapped).to_bytes(4, "big"))
    for index, data in enumerate(wrapped):
        prefix, suffix = _wrapping(n_lanes, index, scale)
        rest = len(data) - len(prefix) - len(suffix)
        n_length = next((n for n in range(1, 5) if len(_varint(rest - n)) == n), 5) if rest > 5 else 5
        ciphertext = data[len(prefix) + n_length : len(prefix) + rest]
        if data != _wrapped(ciphertext, prefix, suffix):
            raise StudyError("this TenSEAL version writes ciphertexts in another form", hint=_INSTALL)
        out += len(ciphertext).to_bytes(4, "big") + ciphertext
    return bytes(out)


def parse(context: Any, n_lanes: int, scale: float, payload: bytes) -> list[Any]:
    """TenSEAL vectors, one per ciphertext; WireError for anything that `encrypt` would not have written."""
    ts = library()
    n_ciphertexts = -(-n_lanes // N_SLOTS)
    if len(payload) > 4 + n_ciphertexts * (4 + MAX_CIPHERTEXT_BYTES):
        raise WireError("a ckks payload is too large for this sum")
    if len(payload) < 4 or int.from_bytes(payload[:4], "big") != n_ciphertexts:
        raise WireError(f"a ckks payload of {n_lanes} lanes has {n_ciphertexts} ciphertexts")
    parts: list[bytes] = []
    position = 4
    for _ in range(n_ciphertexts):
        end = position + 4 + int.from_bytes(payload[position : position + 4], "big")
        part = payload[position + 4 : end]
        if end > len(payload) or len(part) > MAX_CIPHERTEXT_BYTES:
            raise WireError(f"ciphertext {len(parts)} of a ckks payload is cut short or too large")
        parts.append(_checked(part, _parameters().first, MODULI[:1], scale))
        position = end
    if position != len(payload):
        raise WireError("bytes after the last ciphertext of a ckks payload")
    vectors = []
    for index, part in enumerate(parts):
        with seal_errors(f"ciphertext {index} of a ckks payload is not valid"):
            vector = ts.ckks_vector_from(context, _wrapped(part, *_wrapping(n_lanes, index, scale)))
            _check_ciphertext(context, scale, vector)
        vectors.append(vector)
    return vectors


def _checked(data: bytes, parms: Sequence[int], moduli: Sequence[int], scale: float) -> bytes:
    version = _parameters().version
    return _seal.uncompressed(data, parms=parms, degree=RING_DEGREE, moduli=moduli, scale=scale, version=version)


def _check_ciphertext(context: Any, scale: float, vector: Any) -> None:
    found = vector.ciphertext()
    expected = context.seal_context().data.first_parms_id()
    if (
        len(found) != 1
        or found[0].size() != 2
        or found[0].scale != scale
        or found[0].parms_id() != expected
        or not found[0].is_ntt_form()
    ):
        raise WireError("a ciphertext was made with other parameters")


def _wrapping(n_lanes: int, index: int, scale: float) -> tuple[bytes, bytes]:
    """What TenSEAL's protobuf message puts around ciphertext `index`: (sizes, tag of the ciphertext), (scale)."""
    n_slots = _varint(min(N_SLOTS, n_lanes - index * N_SLOTS))
    prefix = b"\x0a" + _varint(len(n_slots)) + n_slots + b"\x12"
    return prefix, b"\x19" + struct.pack("<d", scale)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _wrapped(ciphertext: bytes, prefix: bytes, suffix: bytes) -> bytes:
    return b"".join((prefix, _varint(len(ciphertext)), ciphertext, suffix))


def load_context(data: bytes, *, secret: bool) -> Any:
    """A context that `ckks.generate_keys` has made: these parameters, a public key, and a secret key or none.

    Raises:
        WireError: anything else. What is not in the form of our own contexts does not reach TenSEAL.
    """
    ts = library()
    what = "secret" if secret else "public"
    if len(data) > _MAX_CONTEXT_BYTES:
        raise WireError(f"a {what} ckks context is too large")
    checked = _check_form(data, what, secret=secret)
    with seal_errors(f"the {what} ckks context is not valid"):
        context = ts.context_from(checked)
        parameters = context.seal_context().data.key_context_data().parms()
        primes = tuple(prime.value() for prime in parameters.coeff_modulus())
        if parameters.poly_modulus_degree() != RING_DEGREE or primes != MODULI:
            raise WireError(f"the {what} ckks context has other parameters")
        if context.has_secret_key() != secret or not context.has_public_key():
            raise WireError(f"this is not a {what} ckks context")
    return context


def _check_form(data: bytes, what: str, *, secret: bool) -> bytes:
    """The same context with its public key uncompressed. Everything around the keys is what this TenSEAL writes itself."""
    ours = _parameters()
    position = len(ours.start)
    if data[:position] != ours.start:
        raise WireError(
            f"the {what} ckks context is not in the form of ours",
            hint="it is damaged, or another version of TenSEAL has made it",
        )
    public, end = _field(data, position, b"\x12")
    key, settings = _field(public, 0, b"\x0a")
    if public[settings:] != ours.settings:
        raise WireError(f"the {what} ckks context has other settings")
    own = data[end:]  # the secret key: this party's, from its sealed file
    if (_field(own, 0, b"\x1a")[1] if secret else 0) != len(own):
        raise WireError(f"the {what} ckks context has further keys")
    checked = _as_field(b"\x0a", _checked(key, ours.all, MODULI, 1.0)) + ours.settings
    return ours.start + _as_field(b"\x12", checked) + own


def _field(data: bytes, position: int, tag: bytes) -> tuple[bytes, int]:
    """(content, position after it) of a protobuf field with this tag."""
    if data[position : position + 1] != tag:
        raise WireError("a ckks context without a key where one has to be")
    length, start = _read_varint(data, position + 1)
    if start + length > len(data):
        raise WireError("a ckks context that is cut short")
    return data[start : start + length], start + length


def _as_field(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content


@dataclass(frozen=True)
class _Parameters:
    """`start`: the parameters at the start of every context of ours; `settings`: what follows its public key; `first`, `all`:
    SEAL's digests of the parameters of ciphertexts and of keys."""

    start: bytes
    settings: bytes
    version: bytes
    first: tuple[int, ...]
    all: tuple[int, ...]


@lru_cache(maxsize=1)
def _parameters() -> _Parameters:
    ts = library()
    context = ts.context(ts.SCHEME_TYPE.CKKS, RING_DEGREE, coeff_mod_bit_sizes=list(MODULUS_BITS))
    without = ("save_public_key", "save_secret_key", "save_galois_keys", "save_relin_keys")
    bare = context.serialize(**dict.fromkeys(without, False))
    length, start = _read_varint(bare, 1)
    _, settings = _read_varint(bare, start + length + 1)
    data = context.seal_context().data
    first, every = tuple(data.first_parms_id()), tuple(data.key_parms_id())
    return _Parameters(bare[: start + length], bare[settings:], _seal.version_in(bare), first, every)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """(value, position after it) of a length of at most four bytes."""
    value = 0
    for n, byte in enumerate(data[position : position + 4]):
        value |= (byte & 0x7F) << 7 * n
        if byte < 0x80:
            return value, position + n + 1
    raise WireError("a ckks context with a length that is none")


@contextmanager
def seal_errors(what: str) -> Iterator[None]:
    try:
        yield
    except CipherwardError:
        raise
    except Exception as error:  # TenSEAL passes on whatever SEAL, protobuf or zstd throw
        raise WireError(f"{what} ({type(error).__name__})") from None


def library() -> Any:
    """The tenseal module. Raises StudyError where it is not installed."""
    try:
        import tenseal
        import tenseal.sealapi  # registers the SEAL types that the checks below look at
        import zstandard  # noqa: F401
    except ImportError:
        raise StudyError(
            "the ckks scheme needs TenSEAL and zstandard, which are not installed", hint=_INSTALL
        ) from None
    return tenseal
