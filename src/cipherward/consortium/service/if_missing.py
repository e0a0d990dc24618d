"""What a missing hospital means for a study, as `status` says it: from the answers that are known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cipherward.disclosure.standing import Agreement
from cipherward.parties import who_stands
from cipherward.study import Study


@dataclass(frozen=True)
class _Asked:
    digest: bytes
    answers: tuple[tuple[int, Agreement], ...]
    study: Study = field(compare=False)


def lines(study: Study, answers: Mapping[int, Agreement]) -> list[str]:
    """As `who_stands.if_missing`, worked out once for the same answers; a service asks every second."""
    return list(_lines(_Asked(study.digest(), tuple(sorted(answers.items())), study)))


@lru_cache(maxsize=64)
def _lines(asked: _Asked) -> tuple[str, ...]:
    return tuple(who_stands.if_missing(asked.study, dict(asked.answers)))
