"""SEAL's serialised ciphertexts and public keys, checked byte for byte by our own code.

SEAL reads what others send with code that is written for files of one's own: some malformed inputs have ended the
process. So it is handed the numbers alone, uncompressed, under a head that is written here (SEAL 4, `Ciphertext::save`;
a public key is a ciphertext over all primes).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from cipherward.errors import WireError

_OUTER = struct.Struct("<HBBBBHQ")  # magic, its own size, major, minor, compression, reserved, size of it all
_HEAD = struct.Struct("<4Q?3QdQ")  # parameters' digest, NTT form, polynomials, degree, primes, scale, correction factor
_COUNT = struct.Struct("<Q")
_MAGIC, _ZSTD, _UNCOMPRESSED = 0xA15E, 2, 0
_N_POLYNOMIALS = 2
_MAX_WINDOW = 1 << 23
MOST_EXTRA_BYTES = 4096
"""A compressed object is at most so much larger than its numbers."""


def uncompressed(
    data: bytes, *, parms: Sequence[int], degree: int, moduli: Sequence[int], scale: float, version: bytes
) -> bytes:
    """The same object as SEAL would write it without compression.

    Args:
        data: what SEAL wrote, compressed with zstd.
        parms: SEAL's digest of the parameters, four numbers.
        moduli: the primes that the numbers are residues of.
        version: SEAL's, two bytes.

    Raises:
        WireError: it is not an object of two polynomials in NTT form with just these parameters and residues.
    """
    n_numbers = _N_POLYNOMIALS * len(moduli) * degree
    inner = _outer(version, _UNCOMPRESSED, _OUTER.size + _COUNT.size + 8 * n_numbers) + _COUNT.pack(n_numbers)
    head = _HEAD.pack(*parms, True, _N_POLYNOMIALS, degree, len(moduli), scale, 1) + inner
    if data[: _OUTER.size] != _outer(version, _ZSTD, len(data)):
        raise WireError("not an object of SEAL, or of another version of it")
    plain = _decompressed(data[_OUTER.size :], len(head) + 8 * n_numbers)
    if plain[: len(head)] != head:
        raise WireError("an object of SEAL that was made with other parameters")
    residues = np.frombuffer(plain, dtype="<u8", offset=len(head)).reshape(_N_POLYNOMIALS, len(moduli), degree)
    if (residues >= np.array(moduli, dtype=np.uint64)[:, None]).any():
        raise WireError("an object of SEAL with numbers that are no residues")
    return _outer(version, _UNCOMPRESSED, _OUTER.size + len(plain)) + plain


def _outer(version: bytes, compression: int, size: int) -> bytes:
    return _OUTER.pack(_MAGIC, _OUTER.size, *version, compression, 0, size)


def version_in(data: bytes) -> bytes:
    """The two bytes of SEAL's version in the first object that these bytes hold.

    Raises:
        WireError: there is none.
    """
    start = data.find(_OUTER.pack(_MAGIC, _OUTER.size, 0, 0, 0, 0, 0)[:3])
    if start < 0:
        raise WireError("no object of SEAL")
    return data[start + 3 : start + 5]


def _decompressed(data: bytes, size: int) -> bytes:
    import zstandard

    try:
        reader: Any = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(io.BytesIO(data))
        plain: bytes = reader.read(size + 1)
    except (zstandard.ZstdError, MemoryError) as error:
        raise WireError(f"an object of SEAL that does not unpack ({type(error).__name__})") from None
    if len(plain) != size:
        raise WireError("an object of SEAL of another size")
    return plain
