"""The coordinator's CKKS key on disk, and the scheme that opens with it: only what the key holder's rule allows."""

from __future__ import annotations

import os

from cipherward.crypto import ckks, schemes
from cipherward.crypto.scheme import Scheme
from cipherward.parties import roster
from cipherward.runs.folder import RunDirectory
from cipherward.store import files
from cipherward.study import Study


def make(run: RunDirectory) -> tuple[bytes, bytes]:
    """A fresh pair in the run directory: (public context, secret context); the secret one lies there sealed."""
    pair = ckks.generate_keys()
    storage_key = os.urandom(32)
    files.write(run.coordinator / "storage.key", storage_key, private=True)
    files.write(
        run.coordinator / "ckks-secret.sealed", ckks.seal_secret(pair.secret_context, storage_key), private=True
    )
    files.write(run.ckks_public, pair.public_context)
    return pair.public_context, pair.secret_context


def load(run: RunDirectory) -> tuple[bytes, bytes]:
    """The pair that `make` wrote.

    Raises:
        StorageError: a file is missing or damaged.
    """
    sealed = files.read(run.coordinator / "ckks-secret.sealed")
    secret = ckks.unseal_secret(sealed, files.read(run.coordinator / "storage.key"))
    return files.read(run.ckks_public), secret


def scheme(study: Study, run: RunDirectory, public: bytes, secret: bytes) -> Scheme:
    """The study's scheme as the coordinator runs it; with a secret CKKS context, every opening is noted first."""
    if not secret:
        return roster.public_scheme(study, public)
    minimum = study.thresholds.min_contributors
    holder = ckks.KeyHolder(secret, minimum, run.record_opening, opened=run.openings())
    return schemes.make(study.aggregation.scheme, public, bytes.fromhex(study.ckks_key_digest), holder)
