"""Whether a study that the coordinator offers may be shown to the people of this hospital."""

from __future__ import annotations

from collections.abc import Iterator

from cipherward import study as study_document
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership.authority import check_name
from cipherward.crypto import ckks, schemes
from cipherward.data import catalogue as sources
from cipherward.data import temporal
from cipherward.errors import ProtocolError, RefusedError, StudyError, WireError
from cipherward.parties import given_up, who_stands
from cipherward.store import files
from cipherward.study import Study

MAX_STUDY_BYTES = 1 << 20
_PARAGRAPHS = ("description", "purpose", "contact", "legal_basis")


def parse(document: bytes) -> Study:
    """The study in a document that the coordinator sent.

    Raises:
        WireError, StudyError: too large, or not a study.
    """
    if len(document) > MAX_STUDY_BYTES:
        raise WireError(f"a study of {len(document)} bytes is too large (at most {MAX_STUDY_BYTES})")
    try:
        parsed = files.toml_table(document)
    except ValueError:
        raise StudyError("the offered study is not valid TOML") from None
    return study_document.parse(parsed, origin="offered by the coordinator")


def check_offer(home: HospitalHome, study: Study, ckks_public: bytes) -> None:
    """Whether this study, with the coordinator's CKKS key (empty for other schemes), may be shown to people here.

    Raises:
        StudyError: not frozen, or it reads tables or paths that are not the coordinator's to name.
        RefusedError, ProtocolError: not this coordinator's, or this hospital is not on its roster with its own key.
    """
    if not study.is_frozen:
        raise StudyError("the offered study is not frozen: it names no keys")
    _check_texts(study)
    if not sources.source(study.data.source).is_own_tables:
        raise StudyError(f'the offered study reads source "{study.data.source}", not this hospital\'s own table')
    if study.data.test_from:
        raise StudyError(f"the offered study cannot run here: {temporal.BETWEEN_HOSPITALS}")
    if study.data.path or any(hospital.path for hospital in study.hospitals):
        raise StudyError("the offered study names paths: where a hospital's table is belongs in its own settings")
    if study.coordinator_key != home.coordinator_key.hex():
        raise ProtocolError("the offered study is of another coordinator", culprit="coordinator")
    if schemes.facts(study.aggregation.scheme).has_key_pair:
        ckks.check_public_key(ckks_public, bytes.fromhex(study.ckks_key_digest))
    elif ckks_public:
        raise ProtocolError("a CKKS key came with a study that uses none", culprit="coordinator")
    index = own_index(home, study)
    if study.hospitals[index - 1].public_key != home.identity.public_key.hex():
        raise ProtocolError("the offered study lists another key for this hospital", culprit="coordinator")
    who_stands.blocks_of(study)
    given_up.proved(study)


def _check_texts(study: Study) -> None:
    """Names and texts of others end up on this hospital's screens: no control characters, and names are names."""
    document = study.model_dump(mode="json")
    for name in _PARAGRAPHS:
        document[name] = document[name].replace("\n", " ")
    if not all(text.isprintable() for text in _texts(document)):
        raise StudyError("the offered study holds control characters")
    for hospital in study.hospitals:
        check_name(hospital.name)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def own_index(home: HospitalHome, study: Study) -> int:
    """This hospital's roster index, 1..n. Raises RefusedError where the study does not list it."""
    for index, hospital in enumerate(study.hospitals, start=1):
        if hospital.name == home.name:
            return index
    raise RefusedError(f"the offered study does not list this hospital ({home.name})")
