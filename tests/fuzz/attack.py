"""Malformed inputs against one decoder: none may crash it, hang it, or be taken for something that it is not."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.fuzz.decoders import Decoder
from tests.fuzz.mutation import Mutator

from cipherward.errors import CipherwardError

CORPUS = Path(__file__).parents[1] / "corpus"
PATIENCE = 60
"""Seconds for a thousand inputs, before it counts as a hang."""


class HangError(BaseException):
    """Nothing under test may catch it."""


@contextmanager
def no_hang() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def attack(decoder: Decoder, seed: int, tries: int) -> int:
    """Try `tries` malformed inputs; how many were refused. The others were rightly accepted, as another valid encoding.

    An input that breaks the decoder is put into the corpus, and named.
    """
    valid, next_input = (
        set(decoder.valid),
        Mutator((decoder.name, seed), decoder.valid, decoder.others, decoder.mutations),
    )
    done = refused = 0
    while done < tries:
        with no_hang():
            for _ in range(min(1000, tries - done)):
                while (data := next_input()) in valid:
                    pass
                refused += is_refused(decoder, data)
                done += 1
    return refused


def is_refused(decoder: Decoder, data: bytes) -> bool:
    try:
        decoder.accepts_only_what_is_right(data)
    except CipherwardError as error:
        if not error.message:
            raise keep(decoder, data, error) from error
        return True
    except (Exception, HangError) as error:
        raise keep(decoder, data, error) from error
    return False


def keep(decoder: Decoder, data: bytes, error: BaseException) -> AssertionError:
    """Put a failing input where every later run replays it."""
    path = CORPUS / decoder.name / f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return AssertionError(
        f"{decoder.name} fails with {error!r} on {len(data)} bytes, kept in tests/corpus/{path.parent.name}/{path.name}"
    )


def corpus(name: str) -> Iterable[Path]:
    return sorted((CORPUS / name).glob("*.bin"))
