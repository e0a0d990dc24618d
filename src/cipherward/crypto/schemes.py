"""The catalogue of schemes: each by its name, made in one place. A new scheme is one file and one line here.

What is true of a scheme stands at its class (`SchemeFacts`); nothing else decides by a name.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from cipherward.crypto import ckks
from cipherward.crypto.ckks import CkksScheme, KeyHolder
from cipherward.crypto.masks import MasksScheme
from cipherward.crypto.plain import PlainScheme
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import Scheme, SchemeFacts
from cipherward.errors import StudyError

CATALOGUE: Mapping[str, type[SchemeFacts]] = {
    scheme.name: scheme for scheme in (PlainScheme, MasksScheme, CkksScheme, QuorumScheme)
}


def facts(name: str) -> type[SchemeFacts]:
    """What is true of the scheme with this name. Raises StudyError: there is none."""
    if name not in CATALOGUE:
        raise StudyError(f"no scheme is called {name!r}", hint=f"schemes: {', '.join(sorted(CATALOGUE))}")
    return CATALOGUE[name]


def check_installed(name: str) -> None:
    """Before anything is written: whether the packages that the scheme needs are there.

    Raises:
        StudyError: one is not, or no scheme has this name.
    """
    extra, *packages = facts(name).extra or ("",)
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise StudyError(
            f"scheme {name} needs {' and '.join(missing)}, not installed here",
            hint=f'install the extra: python -m pip install "cipherward[{extra}]"',
        )


def make(name: str, public_key: bytes = b"", key_digest: bytes = b"", key_holder: KeyHolder | None = None) -> Scheme:
    """A scheme, ready to use.

    Args:
        public_key: of a scheme with one key pair; else empty.
        key_digest: of that key, as the study names it; else empty.
        key_holder: at the coordinator, who opens with the pair's other half.

    Raises:
        ProtocolError: the public key is not the one with this digest.
        StudyError: no scheme has this name.
    """
    chosen = facts(name)
    if issubclass(chosen, CkksScheme):
        ckks.check_public_key(public_key, key_digest)
        return chosen(public_key, key_holder)
    made: Scheme = chosen()  # type: ignore[assignment]
    return made


def fresh(name: str, min_contributors: int) -> Scheme:
    """A scheme for one process that plays everybody: with a key pair of its own, where the scheme has one.

    Raises:
        StudyError: scheme ckks without TenSEAL.
    """
    if not facts(name).has_key_pair:
        return make(name)
    pair = ckks.generate_keys()
    holder = KeyHolder(pair.secret_context, min_contributors)
    return make(name, pair.public_context, ckks.public_key_digest(pair.public_context), holder)
