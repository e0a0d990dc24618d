"""What a hospital signs outside any study is of one form, about one thing, by one key."""

from __future__ import annotations

import pytest

from cipherward.crypto.identity import Identity
from cipherward.disclosure.blocks import Register
from cipherward.errors import ProtocolError, WireError
from cipherward.parties import declarations

ONE, OTHER = (Identity(bytes([k]) * 32) for k in (1, 2))
REGISTER = Register(ONE.public_key, "stroke")
SAID = declarations.end(REGISTER)


def test_a_declaration_is_what_its_key_has_signed() -> None:
    data = declarations.sign(ONE, SAID)
    assert declarations.read(data) == declarations.opened(data, ONE.public_key) == SAID
    with pytest.raises(ProtocolError):
        declarations.opened(data, OTHER.public_key)
    assert not declarations.is_by(data, OTHER.public_key, SAID)
    keys = [ONE.public_key, OTHER.public_key]
    assert declarations.signers([data], keys, SAID) == {ONE.public_key}
    for another in (declarations.agreement(REGISTER), declarations.end(Register(ONE.public_key, "births"))):
        assert not declarations.is_by(data, ONE.public_key, another)


@pytest.mark.parametrize(
    ("kind", "subject", "sender"),
    [("consent", SAID.subject, 1), (SAID.kind, SAID.subject[:31], 1), (SAID.kind, SAID.subject, 2)],
)
def test_what_has_another_form_is_none(kind: str, subject: bytes, sender: int) -> None:
    with pytest.raises(WireError, match="not a declaration"):
        declarations.read(ONE.sign(kind, subject, sender, SAID.body))
