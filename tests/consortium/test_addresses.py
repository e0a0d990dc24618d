"""Names of machines as people type them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cipherward import cli
from cipherward.consortium.membership import addresses
from cipherward.errors import ProtocolError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("klinik-süd.example", "xn--klinik-sd-x9a.example"),
        ("HUB.Example.", "hub.example"),
        ("hub\u3002example", "hub.example"),
        ("[::1]", "::1"),
        ("2001:DB8::0001", "2001:db8::1"),
        ("10.0.0.7", "10.0.0.7"),
        ("3com.example", "3com.example"),
    ],
)
def test_a_name_or_address_becomes_what_certificates_and_dns_hold(written: str, meant: str) -> None:
    assert addresses.host(written) == meant


REFUSED = [
    "", "bad host!", "tls://hub.example", "hub.example:4222", "hub.example/", "*.example", "a_b.example", "-bad.example", "two..dots",
    "...", "a" * 64 + ".example", "ab." * 90 + "de", 'a"b', "hub.example\nlisten", "999.1.1.1", "127.1", "0x7f.1", "hub.0x1f", "0.0.0" + ".0",
    "::", "fe80::1%eth0",
]  # fmt: skip


@pytest.mark.parametrize("written", REFUSED)
def test_what_no_certificate_can_hold_or_nobody_can_dial_is_refused_with_what_to_write(written: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        addresses.host(written)
    assert "write a name" in caught.value.hint or "write the name" in caught.value.hint


@pytest.mark.parametrize("written", ["bad host!", "999.1.1.1", "fe80::1%eth0", "two..dots"])
def test_a_refused_name_leaves_nothing_behind(written: str, tmp_path: Path) -> None:
    made = CliRunner().invoke(cli.app, ["coordinator", "init", str(tmp_path / "c"), "--name", "t", "--host", written])
    assert made.exit_code == 1
    assert not (tmp_path / "c").exists()
