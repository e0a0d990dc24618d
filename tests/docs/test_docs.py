from __future__ import annotations

import functools
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from cipherward import study, thresholds
from cipherward.cli import app
from cipherward.crypto import params
from cipherward.sums import messages, packets

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str, first: str) -> list[list[str]]:
    """Cells of the table whose header line starts with `first`."""
    lines = text[text.index(f"| {first} |") :].splitlines()
    table = lines[2 : next(i for i, line in enumerate([*lines, ""]) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def shown_commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for code in re.findall(r"`(cipherward(?: [^`\n]*)?)`|^(cipherward .*)$", page.read_text("utf-8"), re.MULTILINE):
            yield page.name, (code[0] or code[1]).split("#")[0].split(">")[0].strip()


COMMANDS = sorted(set(shown_commands()))


def test_the_readme_shows_every_command() -> None:
    shown = {command for page, command in COMMANDS if page == "README.md"}
    group: Any = typer.main.get_command(app)
    for name in group.commands:
        assert any(command.split()[1:2] == [name] for command in shown), name


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_every_command_that_is_shown_exists_with_its_options_and_arguments(page: str, command: str) -> None:
    words = shlex.split(command)[1:]
    current: Any = typer.main.get_command(app)
    while words and hasattr(current, "commands"):
        assert words[0] in current.commands, f"{page}: {command}"
        current = current.commands[words.pop(0)]
    options = {flag: option for option in current.params for flag in option.opts if flag.startswith("-")}
    n_arguments = sum(not option.opts[0].startswith("-") for option in current.params)
    given = 0
    while words:
        word = words.pop(0)
        if word == "--help":
            continue
        if word.startswith("-"):
            assert word in options, f"{page}: {command}"
            if not options[word].is_flag:
                assert words, f"{page}: {command}: {word} needs a value"
                words.pop(0)
        else:
            given += 1
    assert given <= n_arguments, f"{page}: {command}"


def test_options_named_in_the_readme_exist() -> None:
    group: Any = typer.main.get_command(app)
    known = {flag for command in group.commands.values() for option in command.params for flag in option.opts}
    assert set(re.findall(r"`(--[a-z-]+)`", read("README.md"))) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = page.parent / name if name else page
        assert found.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{page.name} links to {target}"


def test_every_page_that_the_code_names_exists() -> None:
    named = {name for path in SOURCES for name in re.findall(r"docs/[\w/-]+\.md", path.read_text("utf-8"))}
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_decision_is_listed() -> None:
    index = read("docs/adr/README.md")
    for path in (ROOT / "docs" / "adr").glob("0*.md"):
        assert f"({path.name})" in index


def test_every_make_target_that_is_named_exists_and_every_target_is_explained() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`?make ([a-z-]+)(?:`|     ?#)", page.read_text("utf-8"))}
    assert named <= targets
    assert targets <= set(re.findall(r"`make ([a-z-]+)`", read("docs/development.md")))


@functools.cache
def names_in_source() -> set[str]:
    """What is defined, begins a line (a field, a setting), or is a module."""
    code = "\n".join(path.read_text("utf-8") for path in SOURCES)
    patterns = (r"\b(?:def|class) (\w+)", r"^\s*(\w+)", r"\b(\w+)\.py\b")
    found = {name for pattern in patterns for name in re.findall(pattern, code, re.MULTILINE)}
    return found | {path.stem for path in (ROOT / "src").rglob("*.py")}


@pytest.mark.parametrize("page", ["docs/protocol.md", "docs/architecture.md", "docs/security.md"])
def test_every_function_named_with_its_module_exists(page: str) -> None:
    known = names_in_source()
    for dotted in re.findall(r"`((?:\w+\.)+\w+)`", read(page)):
        name = dotted.rsplit(".", 1)[1]
        if name in ("md", "py", "toml", "json", "jsonl", "png", "safetensors", "cbor", "key", "digest", "txt", "html"):
            continue
        assert name in known, f"{page}: {dotted}"


def test_every_test_that_the_security_page_names_exists() -> None:
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", read("docs/security.md"))
    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []


SECTIONS = [value for value in vars(study).values() if isinstance(value, type) and issubclass(value, BaseModel)]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: str(section.__name__))
def test_every_setting_of_a_study_is_explained(section: type[BaseModel]) -> None:
    page = read("docs/study.md")
    explained = set(
        re.findall(r"`(\w+)`", "\n".join(line.split(" | ")[0] for line in page.splitlines() if line[:1] == "|"))
    )
    assert set(section.model_fields) <= explained


def test_every_default_in_the_settings_tables_is_the_one_in_the_code() -> None:
    fields = [(name, f) for section in SECTIONS for name, f in section.model_fields.items() if not f.is_required()]
    defaults = {name: repr(f.default) for name, f in fields}
    for name, default in re.findall(r"^\| `(\w+)` \| (-?[\d.]+) \|", read("docs/study.md"), re.MULTILINE):
        assert defaults[name] == default, name


@pytest.mark.slow
def test_the_example_with_a_torch_module_of_ones_own_runs_as_shown(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", read("docs/study.md"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", shown], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert 0.5 < float(done.stdout) < 1.0


@pytest.mark.parametrize("page", ["README.md", "docs/study.md"])
def test_every_study_that_is_shown_is_valid(page: str) -> None:
    shown = re.findall(r"```toml\n(.*?)```", read(page), re.DOTALL)
    assert shown
    for text in shown:
        study.parse(tomllib.loads(text), origin=page)


def test_the_quorum_table_is_what_the_code_derives() -> None:
    for cells in rows(read("docs/study.md"), "n | t | f | d"):
        n, t, f, d, least = map(int, cells)
        derived = thresholds.derive(n)
        assert derived == thresholds.Thresholds(n, t, f, d, least)
        assert derived.problems() == ()


BODIES = [kind for kind in vars(messages).values() if isinstance(kind, type) and is_dataclass(kind)]
BODIES = [kind for kind in BODIES if kind.__module__ == messages.__name__]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: str(body.__name__))
def test_every_message_is_documented_with_its_fields_in_order(body: type[Any]) -> None:
    page = read("docs/protocol.md")
    assert f"`{body.__name__}`" in page
    table = {cells[0].strip("`"): cells[2] for cells in rows(page, "message")}
    if body.__name__ in table:
        without_remarks = re.sub(r"\([^)]*\)", "", table[body.__name__])
        assert [part.strip() for part in without_remarks.split(",")] == [field.name for field in fields(body)]


def test_the_packet_codes_are_those_of_the_code() -> None:
    listed = re.findall(r"(\d+) ([A-Z]\w+)", read("docs/protocol.md").split("**Packet**")[1].split("**Vector**")[0])
    assert [name for _, name in listed] == list(packets.KINDS)
    assert [int(code) for code, _ in listed] == [packets.pack(kind, b"")[0] for kind in packets.KINDS]


def test_the_sizes_table_is_what_the_parameters_give() -> None:
    table = rows(read("docs/protocol.md"), "n_hospitals | n_lanes")
    assert table
    for cells in table:
        n, lanes, *expected = map(int, cells)
        chosen = params.choose(lanes, bits=16, n_hospitals=n, threshold=thresholds.derive(n).threshold)
        ring = chosen.ring
        found = [ring.ring_degree, ring.n_primes, chosen.n_ciphertexts, chosen.payload_bytes, chosen.update_bytes]
        assert found == expected


def test_the_ring_table_is_that_of_the_code() -> None:
    listed = [tuple(map(int, cells[:3])) for cells in rows(read("docs/security.md"), "N | K | log2 q")]
    assert listed == [(ring.ring_degree, ring.n_primes, ring.modulus.bit_length()) for ring in params.RINGS]
