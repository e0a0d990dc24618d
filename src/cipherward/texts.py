"""The form under which texts are compared. It needs the standard library only, so that a process that reads one file begins soon."""

from __future__ import annotations

import unicodedata


def same_text(text: str) -> str:
    """The one form under which texts are compared: Unicode NFKC, without space or invisible characters around."""
    return unicodedata.normalize("NFKC", text).strip().strip("\u200b\u2060\ufeff").strip()
