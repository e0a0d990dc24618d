"""Sentences of the report that do not depend on a run's numbers. docs/security.md is their source."""

from __future__ import annotations

from cipherward.crypto.scheme import Opener
from cipherward.runs.exposure import LIMITS
from cipherward.study import Study

READABLE = {
    Opener.HOSPITALS: "nobody alone: {threshold} hospitals together with the coordinator, while the keys of the sum existed",
    Opener.COORDINATOR: "the coordinator, who holds the decryption key",
    Opener.ANYONE: "the coordinator: it was not encrypted",
}

READERS = {
    Opener.HOSPITALS: "nobody alone",
    Opener.COORDINATOR: "the coordinator",
    Opener.ANYONE: "the coordinator",
}
"""READABLE in few words."""

LEAKAGE = {
    False: "The opened sums and the final model can reveal training data. Only differential privacy bounds that, and this run used none.",
    True: "The opened sums and the final model can reveal training data. Differential privacy bounds that for what is listed as "
    "covered above, and for nothing else.",
}
"""By whether the run used differential privacy."""

EXACT = (
    "Exact sums: all others, as of training rounds, steps and measurements. Nothing bounds what they say about a single patient.",
    "Every sum is exact. Nothing bounds what they say about a single patient.",
)
"""Beside noise on counts, and without it."""


def noise_on_counts(study: Study) -> tuple[str, str]:
    """Which sums carry each hospital's own noise, and what that promises: heading and text."""
    noise = study.own_noise
    if noise is None:
        return "Noise on counts: none", EXACT[1]
    rest = "" if study.task == "describe" else f" {EXACT[0]}"
    return (
        f"Noise on counts: epsilon {noise.epsilon:g} at delta {noise.delta:g} for each patient",
        "Statistics carry noise that each hospital added in full for its own patients, each with at most "
        f"{noise.rows_per_patient} row{'s' if noise.rows_per_patient > 1 else ''}; what a patient has left over all "
        f"studies is in the hospital's own ledger.{rest}",
    )


LEAKAGE_COMPARED = (
    "The opened sums and the final model can reveal training data. Only differential privacy bounds that: in the arms that "
    "have it, for what its budget is spent on, and for nothing else."
)

NOT_PROTECTED = (
    "The sums that measure a model are exact histograms of narrow bins by outcome. Test rows of a hospital share a score in "
    "groups (evaluation.group_rows), but a group in which one row has the outcome shows that it does, without saying whose.",
    *LIMITS,
    "Who took part, sizes and timing are visible to the coordinator and, in the openings, to every hospital.",
    "A hospital can poison the model within the bounds of its contribution, send false counts, or stop a sum.",
    "Nothing proves that a hospital used real data, or authenticates the people who run a node.",
    "The final model is not secret.",
)

TERMS = (
    ("AUROC", "how often the model gives a patient with the outcome a higher risk than one without; 0.5 is chance, 1 is perfect."),
    ("95 % interval", "the range in which the true AUROC plausibly lies, given how few or many test patients there are "
     "(Newcombe 2006, method 5). It says nothing about other hospitals or other years."),
    ("Federated", "trained by all hospitals together; only encrypted contributions left them."),
    ("Centralised", "trained on all rows in one place, for comparison. Possible in a simulation only."),
    ("Alone", "trained by one hospital on its own rows only."),
    ("Sum", "one secure addition over the hospitals: first the statistics for preprocessing, then each training round, last the final evaluation."),
    ("Digest", "a fingerprint (SHA-256) that changes when anything in the file or message changes; 16 of 64 digits are shown."),
    ("Quorum", "how many hospitals must agree before a sum is opened."),
)  # fmt: skip

TERMS_COMPARED = (
    ("Arm", "one way to train the model, with every seed."),
    ("Seed", "the number that decides the first model and the order of rows; several show how much is chance."),
    *((term, meaning) for term, meaning in TERMS if term not in ("95 % interval", "Alone")),
    ("95 % interval", "from drawing patients again with replacement (bootstrap over patients), over the test rows and the seeds."),
    ("Alone", "trained by one hospital on its own rows only (local-only)."),
    ("Epsilon, delta", "how much differential privacy lets one record or hospital change what can be seen; less is more private."),
)  # fmt: skip
