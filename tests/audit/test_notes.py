"""Signed notes and cosignatures: as published, and refused in every other form."""

from __future__ import annotations

import base64

import pytest

from cipherward.audit import notes
from cipherward.audit.notes import Checkpoint, Key, SignedCheckpoint
from cipherward.crypto.identity import Identity
from cipherward.crypto.merkle import EMPTY_ROOT
from cipherward.errors import AuditError

AUTHOR, OTHER = Identity(b"\x01" * 32), Identity(b"\x02" * 32)
KEY = Key("cipherward/log", AUTHOR.public_key)
WITNESS = Key("cipherward/hospital-1", OTHER.public_key, notes.WITNESS)
HEAD = Checkpoint(KEY.name, 7, bytes(range(32)))

# c2sp.org/signed-note, "Example".
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
TEXT = "This is an example message.\n"
SIGNATURE = (
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
)


class Message(Checkpoint):
    """The published example is a note, and no checkpoint."""

    @property
    def body(self) -> str:
        return TEXT


def test_the_published_note_verifies_with_the_published_key() -> None:
    name, _, key = VKEY.split("+")
    found = Key(name, base64.b64decode(key)[1:])
    assert found.words == VKEY
    assert SignedCheckpoint(Message("", 0, b""), (SIGNATURE,)).signed_by(found) == 0


def test_a_head_is_signed_cosigned_written_and_read() -> None:
    signed = notes.sign(AUTHOR, HEAD).with_line(notes.cosign(OTHER, WITNESS.name, HEAD, 1_700_000_000))
    assert signed.text.startswith(
        "cipherward/log\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— cipherward/log "
    )
    found = notes.parse(signed.text)
    assert found == signed
    assert found.signed_by(KEY) == 0
    assert found.signers({1: WITNESS}) == {1: 1_700_000_000}
    assert found.signed_by(Key(KEY.name, OTHER.public_key)) is None


def test_a_signature_on_something_else_is_not_believed() -> None:
    line = notes.cosign(OTHER, WITNESS.name, HEAD, 1)
    other = Checkpoint(KEY.name, 8, HEAD.root)
    with pytest.raises(AuditError, match="is not its own"):
        SignedCheckpoint(other, (line,)).signed_by(WITNESS)
    later = base64.b64decode(line.rpartition(" ")[2])
    moved = base64.b64encode(later[:4] + (2).to_bytes(8, "big") + later[12:]).decode()
    with pytest.raises(AuditError, match="is not its own"):
        SignedCheckpoint(HEAD, (f"— {WITNESS.name} {moved}",)).signed_by(WITNESS)


def test_whoever_signs_a_digest_elsewhere_has_signed_no_note() -> None:
    with pytest.raises(ValueError, match="too short"):
        AUTHOR.sign_note(EMPTY_ROOT)


GOOD = notes.sign(AUTHOR, HEAD).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[:-1],
        GOOD.replace("\n\n", "\n"),
        GOOD.replace("\n7\n", "\n07\n"),
        GOOD.replace("\n7\n", "\n-7\n"),
        GOOD.replace("\n7\n", "\n9223372036854775808\n"),
        GOOD.replace("Hh8=", "Hh9="),
        GOOD.replace("Hh8=", "Hh8"),
        GOOD.replace("\n7\n", "\n7\nextension\n"),
        GOOD.replace("— ", "- "),
        GOOD + "\x00\n",
        GOOD + "no signature\n",
        "\n" + GOOD,
    ],
)
def test_what_is_no_checkpoint_in_its_only_form_is_refused(text: str) -> None:
    with pytest.raises(AuditError):
        notes.parse(text)
