"""What a terminal shows: whole words, whole commands, and that something is going on."""

from __future__ import annotations

import io
import time

import pytest

from cipherward.cli import screen, terminal
from cipherward.cli.screen import Live, folded


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_long_line_is_broken_between_words_and_stays_where_it_was_indented() -> None:
    text = "  north: " + "words of eight " * 12 + "\n"
    lines = folded(text, 40).splitlines()
    assert max(map(len, lines)) <= 40
    assert " ".join(line.strip() for line in lines) == text.strip()
    assert {line[:4] for line in lines[1:]} == {"    "}
    assert folded(text, 40).endswith("\n")


def test_colour_takes_no_room_and_no_indent() -> None:
    plain = "  north: " + "words of eight " * 12
    styled = f"\x1b[33m{plain.rstrip()}\x1b[0m\n"
    assert folded(styled, 40) == f"\x1b[33m{folded(plain.rstrip(), 40)}\x1b[0m\n"


def test_a_command_to_copy_stays_whole() -> None:
    command = f"cipherward run --resume {'long' * 20}/run --verbose"
    lines = folded(f"what to do: go on with: {command}\n", 40).splitlines()
    assert [line.strip() for line in lines] == ["what to do: go on with:", command]


@pytest.mark.parametrize(
    "text", ["short\n", "", "\n", '{"json": "' + "x " * 60 + '"}\n', "laid out\n" + "x " * 60 + "\n"]
)
def test_short_lines_json_and_blocks_are_left_as_they_are(text: str) -> None:
    assert folded(text, 40) == text


def test_what_goes_on_is_replaced_by_the_next_line(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Screen()
    monkeypatch.setattr(screen, "_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(terminal, "_live", Live(shown))
    terminal.doing("  round 1")
    until = time.monotonic() + 60.0
    while shown.getvalue().count("round 1 ...") < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert shown.getvalue().count("round 1 ...") >= 3
    terminal.Lasting(shown, "output").write("done\n")
    last = shown.getvalue().rpartition("round 1 ...")[2]
    assert last.replace("\r", "").replace(" ", "") == "done\n"
    assert last.endswith("\rdone\n")


def test_what_is_quick_is_not_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Screen()
    live = Live(shown)
    monkeypatch.setattr(screen, "_EVERY_SECONDS", 3600.0)
    monkeypatch.setattr(terminal, "_live", live)
    live.show("  loading", if_slow=True)
    terminal.Lasting(shown, "output").write("done\n")
    assert shown.getvalue() == "done\n"


def test_what_is_true_of_several_hospitals_is_said_once() -> None:
    import numpy as np
    import polars as pl

    from cipherward.cli import telling
    from cipherward.data.about import Finding
    from cipherward.data.sources import HospitalData
    from cipherward.data.values import Change, Rule

    def hospital(name: str, count: int) -> HospitalData:
        none = np.zeros(0, dtype=np.uint8)
        changes = (Change("icd", Rule.UNDECLARED, count),)
        about = (Finding("x", "column 'x' has the same value in every row"),)
        return HospitalData(name, pl.DataFrame(), none.astype(np.int8), none, changes=changes, about=about)

    assert list(telling.about([hospital("north", 3), hospital("south", 5)])) == [
        "column 'icd': category not declared, read as other: 3 value(s) of north, 5 value(s) of south",
        "north, south: column 'x' has the same value in every row",
    ]
