"""From a frozen study to the protocol's view of it: keys, numbers, scheme."""

from __future__ import annotations

from cipherward.crypto import ckks
from cipherward.crypto.identity import COORDINATOR
from cipherward.crypto.masks import MasksScheme
from cipherward.crypto.plain import PlainScheme
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import Scheme
from cipherward.protocol.party import Rules
from cipherward.study import Study


def roster_keys(study: Study) -> dict[int, bytes]:
    """Public signature keys of a frozen study by roster index, the coordinator's at 0."""
    keys = {COORDINATOR: bytes.fromhex(study.coordinator_key)}
    return keys | {index: bytes.fromhex(h.public_key) for index, h in enumerate(study.hospitals, start=1)}


def rules_of(study: Study, scheme: Scheme) -> Rules:
    """The protocol's view of a frozen study."""
    numbers = study.thresholds
    return Rules(study.digest(), roster_keys(study), numbers.threshold, numbers.min_contributors, scheme)


def public_scheme(study: Study, ckks_public: bytes) -> Scheme:
    """The scheme as hospitals and auditors run it: without any coordinator key.

    Raises:
        ProtocolError: the CKKS public key is not the one whose digest the study names.
    """
    if study.aggregation.scheme == "plain":
        return PlainScheme()
    if study.aggregation.scheme == "masks":
        return MasksScheme()
    if study.aggregation.scheme == "ckks":
        ckks.check_public_key(ckks_public, bytes.fromhex(study.ckks_key_digest))
        return ckks.CkksScheme(ckks_public, None)
    return QuorumScheme()
