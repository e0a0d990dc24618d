"""From a frozen study to the protocol's view of it: keys, numbers, scheme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cipherward.crypto import ckks, schemes
from cipherward.crypto.identity import COORDINATOR
from cipherward.crypto.scheme import Scheme
from cipherward.disclosure.blocks import Block
from cipherward.learning.catalogue import kind_of
from cipherward.parties import refreshes, who_stands
from cipherward.privacy import noise as privacy_plan
from cipherward.study import Study
from cipherward.sums.votes import Rules
from cipherward.tasks import noise
from cipherward.tasks.catalogue import make_task


def freeze(
    study: Study,
    hospitals: Mapping[str, tuple[str, bytes]],
    coordinator_key: bytes,
    ckks_public: bytes,
    existing: Iterable[Block] = (),
    names: Mapping[bytes, str] | None = None,
    earlier: refreshes.Known = refreshes.Known(),
) -> Study:
    """The study with its roster and blocks: every public key enters the document, and so its digest.

    Args:
        hospitals: name -> (path of its own table or "", public key), in roster order.
        ckks_public: empty where the scheme has no such key.
        existing: blocks of earlier studies, in which hospitals of this one may be.
        names: of hospitals outside the study, by key, for what is said to people.
        earlier: the refreshes of earlier studies.

    Raises:
        StudyError: the roster breaks the quorum arithmetic, or the rules on blocks.
    """
    registers = {hospital.name: hospital.register_name for hospital in study.hospitals}
    listed = [
        {"name": name, "path": path, "public_key": key.hex()}
        | ({"register_name": registers[name]} if name in registers else {})
        for name, (path, key) in hospitals.items()
    ]
    key_digest = ckks.public_key_digest(ckks_public).hex() if ckks_public else ""
    frozen = study.with_overrides(
        top={"hospitals": listed, "coordinator_key": coordinator_key.hex(), "ckks_key_digest": key_digest}
    )
    frozen = who_stands.with_blocks(frozen, existing, names or {})
    frozen = refreshes.with_refreshes(frozen, who_stands.blocks_of(frozen), earlier)
    if (
        frozen.privacy and frozen.privacy.unit == "hospital"
    ):  # before the task is asked for its plan, which this noise bounds
        frozen = frozen.with_overrides(privacy={"noise_multiplier": privacy_plan.noise_multiplier(frozen)})
    if frozen.own_noise:
        task = make_task(frozen)
        frozen = frozen.with_overrides(noise=noise.stated(frozen, task))
        if not kind_of(frozen.model).is_own_code:  # whose parts are not known here; statistics have room in any study
            noise.check(frozen, task)
    return frozen


def roster_keys(study: Study) -> dict[int, bytes]:
    """Public signature keys of a frozen study by roster index, the coordinator's at 0."""
    keys = {COORDINATOR: bytes.fromhex(study.coordinator_key)}
    return keys | {index: bytes.fromhex(h.public_key) for index, h in enumerate(study.hospitals, start=1)}


def rules_of(study: Study, scheme: Scheme) -> Rules:
    """The protocol's view of a frozen study. Raises StudyError: its blocks break a rule."""
    numbers = study.thresholds
    registers = {index: hospital.register_name for index, hospital in enumerate(study.hospitals, start=1)}
    blocks = who_stands.blocks_of(study)
    refreshes.check(study, blocks)
    keys, first = roster_keys(study), {i: r.hospital for i, r in enumerate(who_stands.registers_of(study), start=1)}
    return Rules(study.digest(), keys, numbers.threshold, numbers.min_contributors, scheme, blocks, registers, first)


def public_scheme(study: Study, ckks_public: bytes) -> Scheme:
    """The scheme as hospitals and auditors run it: without any coordinator key.

    Raises:
        ProtocolError: the CKKS public key is not the one whose digest the study names.
    """
    return schemes.make(study.aggregation.scheme, ckks_public, bytes.fromhex(study.ckks_key_digest))
