"""Why a file is refused, as a reader in a child process says it."""

from __future__ import annotations


class RefusedFile(Exception):  # noqa: N818
    """`said`: the fact for people; `logged`: the same without any cell; `hint`: what to do."""

    def __init__(self, said: str, hint: str, *, logged: str = "") -> None:
        super().__init__(said)
        self.said = said
        self.hint = hint
        self.logged = logged or said
