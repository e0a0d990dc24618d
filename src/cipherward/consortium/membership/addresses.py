"""Names and addresses of machines as people type them, checked before anything is made of them."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from cipherward.errors import ProtocolError

DEFAULT_PORT = 4222
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_NUMBER = re.compile("[0-9]+|0x[0-9a-f]*")
_LONGEST = 253


def host(text: str) -> str:
    """A host name in the form that certificates and DNS hold (an umlaut as xn--...), or an IP address without brackets.

    Raises:
        ProtocolError: neither; the hint says what to write.
    """
    bare = text.strip().removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return _name(text, bare)
    if address.is_unspecified:
        raise ProtocolError(f"{text!r} is no address that can be dialled", hint="write the name that hospitals dial")
    if "%" in bare:
        raise ProtocolError(
            f"{text!r} has a zone (%), which means something on this machine only",
            hint="write a name, or another address",
        )
    return str(address)


def _name(text: str, bare: str) -> str:
    try:
        name = bare.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        name = ""
    labels = name.split(".")
    # What ends in a number is read as an IPv4 address by some programs and as a name by others.
    is_half_an_address = bool(_NUMBER.fullmatch(labels[-1]))
    if len(name) > _LONGEST or is_half_an_address or not all(_LABEL.fullmatch(label) for label in labels):
        raise ProtocolError(
            f"{text!r} cannot be the name or address of a host",
            hint="write a name of letters, digits, hyphens and dots such as hub.example.org, or an IP address",
        )
    return name


def url(text: str) -> str:
    """The address of a message server, tls://host:port, with the port written out.

    Raises:
        ProtocolError: no such address.
    """
    try:
        parts = urlsplit(text if "://" in text else f"tls://{text}")
        port = DEFAULT_PORT if parts.port is None else parts.port
    except ValueError:
        port, parts = 0, urlsplit("")
    odd = parts.scheme != "tls" or parts.username or parts.path or parts.query or parts.fragment
    if not port or odd or not parts.hostname:
        raise ProtocolError(f"{text!r} is not the address of a server", hint="write it as tls://host:4222")
    return f"tls://{in_url(host(parts.hostname))}:{port}"


def in_url(name: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{name}]" if ":" in name else name
