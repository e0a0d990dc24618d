"""Which encoding a CSV file is in, told from its bytes or named by the hospital: never guessed without saying so."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

import numpy as np

from cipherward.data.problems import not_usable
from cipherward.errors import TableError

HEAD = 1 << 16
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_HINT = "correct the file (a CSV with one header line, encoding UTF-8) and run the command again"
_SAVE = "save the file as CSV with encoding UTF-8, or name its encoding in a mapping file ([file] encoding)"
# Windows-1252, as far as Western European text uses it and the old encodings of DOS and Macintosh do not: their letters
# are at 0x80 to 0x9F. ÿ (0xFF) is hardly ever written.
_WESTERN = re.compile(rb"[\x00-\x7f\x80\x92\x96\x97\xa0-\xfe]*")
# Three of these letters in a row are Cyrillic or Greek; a sign between two letters is a letter of another encoding.
_NOT_WESTERN = re.compile(
    rb"[\xc0-\xff]{3}|[A-Za-z\xc0-\xff][\xa1-\xa9\xab-\xb4\xb6\xb8\xb9\xbb-\xbf][A-Za-z\xc0-\xff]"
)
_UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x19\x1b-\x1f]")
_LARGEST_SHARE = 0.3


def as_utf8(content: bytes, path: Path, named: str = "") -> tuple[bytes, list[str]]:
    """The content as UTF-8 with newlines, and what was assumed about it.

    Args:
        named: the encoding that the hospital says; "": told from the content.

    Raises:
        TableError: not text in that encoding, or in none that is told; names the first row that shows it.
    """
    assumed: list[str] = []
    encoding = named or next((name for mark, name in _MARKS if content.startswith(mark)), "")
    if not encoding and b"\x00" in content[:HEAD] and (encoding := _unmarked(content)):
        assumed.append(f"encoding {encoding}, though the file does not begin with its mark")
    elif encoding:
        assumed.append(f"encoding {encoding}{', as set' * bool(named)}")
    try:
        if encoding:
            content = content.decode(encoding).removeprefix("\ufeff").encode()
        else:
            content = content.removeprefix(codecs.BOM_UTF8)
            if not content.isascii():
                content.decode("utf-8")
    except UnicodeDecodeError as error:
        if not encoding and (b"\x00" in content[:HEAD] or _CONTROL.search(content.partition(b"\n")[0])):
            raise _binary(path) from None
        if encoding or not _is_western(content):
            raise _not_text(content, error.start, encoding or "UTF-8", path) from None
        n_lines = sum(not line.isascii() for line in content.split(b"\n"))
        assumed.append(
            f"encoding Windows-1252 (Western European), as the file is not UTF-8: {n_lines} line(s) hold letters beyond ASCII; "
            "if it is another, name it in a mapping file ([file] encoding)"
        )
        content = content.decode("cp1252").encode()
    except (UnicodeError, LookupError):
        raise _not_text(content, 0, encoding, path) from None
    if (zero := content.find(b"\x00")) >= 0:
        raise _zero_bytes(content, zero, path)
    if _CONTROL.search(content.partition(b"\n")[0]):
        raise _binary(path)
    if b"\n" not in content and b"\r" in content:
        content = content.replace(b"\r", b"\n")
        assumed.append("lines that end in a carriage return")
    return content, assumed


def _is_western(content: bytes) -> bool:
    """Whether the bytes read well as Windows-1252, and not as a damaged file of another encoding."""
    if not _WESTERN.fullmatch(content) or _NOT_WESTERN.search(content) or _UTF8_LETTER.search(content):
        return False
    sample = np.frombuffer(content[:HEAD], np.uint8)
    return float((sample >= 0x80).mean()) <= _LARGEST_SHARE


def _not_text(content: bytes, start: int, encoding: str, path: Path) -> TableError:
    row = content[:start].count(b"\n")
    place = f"row {row}" if row else "the header line"
    said = f"is not {encoding} text, from {place} on (another encoding, or damaged)"
    return not_usable(path, said, _SAVE)


def _unmarked(content: bytes) -> str:
    """The encoding that explains the zero bytes, or ""."""
    sample = np.frombuffer(content[: min(len(content), HEAD) // 2 * 2], np.uint8).reshape(-1, 2) == 0
    low, high = sample.mean(axis=0) if len(sample) else (0.0, 0.0)
    if high > 0.8 > 0.1 > low:
        return "UTF-16-LE"
    if low > 0.8 > 0.1 > high:
        return "UTF-16-BE"
    return ""


def _zero_bytes(content: bytes, first: int, path: Path) -> TableError:
    if content[:HEAD].count(b"\x00") * 50 < len(content[:HEAD]):
        row = content[:first].count(b"\n")
        said = f"row {row} holds a zero byte: the file was damaged"
        return TableError(f"{path}, {said}", logged=said, hint="copy or export the file again")
    return _binary(path)


def _binary(path: Path) -> TableError:
    return not_usable(path, "is no table of a kind that is read (it holds binary data)", _HINT)
