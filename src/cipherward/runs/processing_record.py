"""A study's record of processing activities (GDPR Art. 30), as far as a study document says it. What only people know is left open."""

from __future__ import annotations

from collections.abc import Iterator

from cipherward.crypto import schemes
from cipherward.crypto.scheme import Opener
from cipherward.errors import CipherwardError
from cipherward.study import Study
from cipherward.tasks.catalogue import make_task
from cipherward.vault.access import software

OPEN = "[ ]"
"""In the place of what the study does not say."""


def of(study: Study) -> str:
    """The record as Markdown, ending in a line break."""
    return "\n".join(line.rstrip() for line in _lines(study)) + "\n"


def _lines(study: Study) -> Iterator[str]:
    digest = study.digest().hex() if study.is_frozen else "not frozen yet"
    yield f"# Record of processing activities: {study.title or study.name}"
    yield ""
    yield f"Made by {software()} from the study `{study.name}`, digest `{digest}`. Lines with {OPEN} are for people to fill in. It is"
    yield "a draft for your data protection officer, and no statement that the processing complies with any law."
    yield ""
    for title, lines in (
        ("Controllers (Art. 30(1)(a))", _controllers(study)),
        ("Purposes (b)", _purposes(study)),
        ("Data subjects and categories of data (c)", _data(study)),
        ("Recipients (d)", _recipients(study)),
        ("Transfers to third countries (e)", _transfers()),
        ("Time limits for erasure (f)", _erasure(study)),
        ("Technical and organisational measures (g)", _measures(study)),
    ):
        yield f"## {title}"
        yield ""
        yield from (f"- {line}" for line in lines)
        yield ""


def _controllers(study: Study) -> Iterator[str]:
    for name in study.hospital_names:
        yield f"{name}: address {OPEN}, representative {OPEN}, data protection officer {OPEN}"
    yield f"Coordinator: name {OPEN}; it has no rows. Whether it is a processor or a joint controller: {OPEN}"
    yield f"Contact named in the study: {study.contact or OPEN}"
    yield f"Arrangement between joint controllers (Art. 26) or contract (Art. 28): {OPEN}"


def _purposes(study: Study) -> Iterator[str]:
    yield study.purpose or OPEN
    yield f"What is computed: {study.description or study.title or OPEN}"
    yield f"Legal basis, as the study states it: {study.legal_basis or OPEN}"


def _data(study: Study) -> Iterator[str]:
    source = (
        "generated patients: no person stands behind a row"
        if study.synthetic
        else f"patients of the hospitals: which, and since when: {OPEN}"
    )
    yield f"Data subjects: {source}"
    yield f"Outcome: `{study.data.outcome}`. Health data (Art. 9): {'no, synthetic' if study.synthetic else 'yes'}"
    for column in study.columns:
        yield f"`{column.name}`: {column.description or column.kind}"
    if study.data.patient_column:
        yield f"`{study.data.patient_column}` tells patients apart within a hospital, and leaves it in no form"
    yield "Rows stay at each hospital. What leaves it is encrypted, and opened as a sum over hospitals only"


def _recipients(study: Study) -> Iterator[str]:
    n = study.thresholds.min_contributors
    yield f"Opened sums, each over at least {n} hospitals, and the model: every hospital above, and the coordinator"
    try:
        for question, times in make_task(study).plan():
            yield f"{question.title}: at most {times} time(s)"
    except CipherwardError:
        yield f"Which sums: see the review of the study ({OPEN})"
    yield f"Users of the model: {OPEN}"


def _transfers() -> Iterator[str]:
    yield f"Where hospitals, coordinator and message server are: {OPEN}"
    yield f"Where vaults of coordinator and hospitals are, if any: {OPEN}"


def _erasure(study: Study) -> Iterator[str]:
    yield f"Last day of the study: {study.until or OPEN}"
    yield "One-time keys, shares and contributions: erased at each hospital when the study ends there, in whichever way"
    for name in type(study.vault).model_fields:
        kept = getattr(study.vault, name)
        if not kept.keep:
            said = "not kept in vaults"
        elif kept.is_for_good:
            said = f"kept in vaults without limit; until when: {OPEN}"
        else:
            said = "in vaults " + " and ".join(
                [f"of the last {kept.rounds} sums"] * bool(kept.rounds) + [f"for {kept.days} days"] * bool(kept.days)
            )
        yield f"{name}: {said}"
    yield f"Rows at the hospitals: by each hospital's own rules: {OPEN}"


def _measures(study: Study) -> Iterator[str]:
    numbers = study.thresholds
    facts = schemes.facts(study.aggregation.scheme)
    who = (
        "the coordinator holds a key that could read single contributions"
        if facts.opener is Opener.COORDINATOR
        else "nobody alone can read a single contribution"
    )
    yield f"Encryption of what leaves a hospital: scheme `{study.aggregation.scheme}`; {who}"
    yield f"A sum is opened by {numbers.threshold} of {study.n_hospitals} hospitals, over at least {numbers.min_contributors}"
    yield (
        "Noise of each hospital for its own patients where a sum can carry it"
        if study.own_noise
        else "No noise on sums (exact)"
    )
    if study.privacy:
        yield f"Training with differential privacy: epsilon {study.privacy.epsilon:g}, delta {study.privacy.delta:g}, unit {study.privacy.unit}"
    yield "Mutual TLS between parties; messages signed by each party; approvals signed with a person's name and time"
    yield "Every hospital recomputes every model; receipts are signed; an audit log is cosigned by hospitals"
    yield f"Access to the machines, staff, training, incident process: {OPEN}"
