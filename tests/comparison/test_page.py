"""The report of a comparison: every section, its own numbers, nothing believed, and what is missing is said."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.comparison import compared
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.comparison import page as comparison_page
from cipherward.errors import CipherwardError, StorageError
from cipherward.report import page

NAMES = ("<script>alert(1)</script>", 'St. \u202eMary & "Sons"', "x" * 300, "Krankenhaus Süd")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("comparison") / "compare"
    path.mkdir()
    compared.make(path, title="<img src=x onerror=alert(1)>", names=NAMES)
    comparison_page.write(path)
    return path


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def read(path: Path) -> str:
    return (path / page.NAME).read_text("utf-8")


def words(path: Path) -> str:
    text = re.sub(r"<style>.*?</style>", " ", read(path), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def change(path: Path, name: str, how: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads((path / name).read_text())
    how(document)
    compared.write(path / name, document)


def test_the_page_has_the_twelve_sections_and_every_figure_a_sentence_and_a_table(made: Path) -> None:
    text = read(made)
    assert re.findall(r"<h2 id=\"[\w-]+\">(\d+)\.", text) == [str(n) for n in range(1, 13)]
    figures = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    numbers = [re.findall(r"<strong>Figure ([\d.]+):", figure)[0] for figure in figures]
    assert numbers == ["1", "2.1", "2.2", "2.3", "3.1", "3.2", "6", "7.1", "7.2", "7.3", "7.4", "8"]
    for figure in figures:
        assert re.search(r"</strong> \S.{20,}</figcaption>", figure)
        assert "<details>" in figure
        if '<svg class="chart"' in figure:
            assert "<title" in figure
            assert "<desc" in figure


def test_every_arm_stands_in_every_table_of_the_comparison(made: Path) -> None:
    section = read(made).partition('<section aria-labelledby="comparison">')[2].partition("</section>")[0]
    tables = re.findall(r'<table role="table">.*?</table>', section, re.DOTALL)
    assert len(tables) == 3
    for table in tables:
        for _, label, *_ in compared.ARMS:
            assert f">{label}<" in table
        heads = re.findall(r'<th scope="col" role="columnheader"><bdi>(.*?)</bdi></th>', table)
        for row in re.findall(r'<tr role="row"><th scope="row".*?</tr>', table):
            assert re.findall(r'data-head="(.*?)"', row) == heads[1:]


def test_the_page_shows_the_comparisons_own_numbers(made: Path) -> None:
    shown = words(made)
    for text in (
        "0.787 (0.775 to 0.799)",  # quorum
        "−0.001 (−0.004 to +0.002)",  # its difference to centralised
        "0.769 (0.757 to 0.781)",  # epsilon 1
        "from 18 000 parameters, and always from 66 000 on",
        "0.97 at 1 000 000",
        "quorum 0.00003",
        "0.999 of 1",  # epsilon spent
        "cipherward compare readmission --seeds 3",
        "5 hospitals, quorum of 4, 16 bits per parameter",
        "can reveal training data",
    ):
        assert text in shown.replace("\u202f", " "), text
    for line in (made / "arms/quorum/seed-7/rounds.jsonl").read_text().splitlines():
        assert json.loads(line)["model_digest"][:16] in shown


def test_lines_of_different_arms_differ_in_marker_or_dash() -> None:
    from cipherward.comparison.figures import style_of

    drawn = {(shape, *style.split()[1:]) for shape, style in (style_of(name) for name, *_ in compared.ARMS)}
    assert len(drawn) == len(compared.ARMS)


def test_names_and_titles_are_text_and_never_markup(made: Path) -> None:
    text = read(made)
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\u202e" not in text
    assert "x" * 300 not in text.split("The study as it was asked for")[0]
    assert not re.search(r"https?://|url\(|@import", text)
    assert not re.search(r"<[^>]*\son\w+=", text)
    assert len(text.encode()) < page.MAX_BYTES


def test_ids_are_unique_and_every_reference_has_its_target(made: Path) -> None:
    text = read(made)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r'href="#([^"]+)"', text))
    for group in re.findall(r'aria-labelledby="([^"]+)"', text):
        wanted |= set(group.split())
    assert wanted <= set(ids)
    assert set(re.findall(r'href="([^"])', text)) == {"#"}


def test_the_same_files_give_the_same_bytes_wherever_they_lie(made: Path, copied: Path) -> None:
    before = (made / page.NAME).read_bytes()
    (copied / page.NAME).unlink()
    comparison_page.write(copied)
    assert (copied / page.NAME).read_bytes() == before


def test_what_was_not_run_is_said(copied: Path) -> None:
    (copied / "sizes.json").unlink()
    (copied / "shift.json").unlink()
    comparison_page.write(copied)
    assert "The size sweep was not run" in read(copied)
    assert "The shift run was not run" in read(copied)


def test_a_comparison_that_has_just_begun_has_a_page_that_says_so(copied: Path) -> None:
    def begin(document: dict[str, Any]) -> None:
        document |= {"finished": False, "arms": document["arms"][:1], "equal_to_plain": {}, "hospitals_alone": []}

    change(copied, "comparison.json", begin)
    written = comparison_page.write(copied)
    assert written.detail is None
    assert written.holds
    shown = words(copied)
    assert "This comparison is not finished." in shown
    assert "What left each hospital: not here yet" in shown
    change(copied, "comparison.json", lambda document: document.update(arms=[], data=[]))
    comparison_page.write(copied)
    assert "No way to train is finished yet" in words(copied)


def test_a_run_that_was_deleted_is_missed_and_nothing_else(copied: Path) -> None:
    shutil.rmtree(copied / "arms")
    assert comparison_page.write(copied).detail is None
    assert "What left each hospital: not here." in words(copied)
    assert "0.787 (0.775 to 0.799)" in words(copied)


def test_a_run_whose_files_do_not_prove_it_is_called_out(copied: Path) -> None:
    opening = copied / "arms/quorum/seed-7/receipts/0002/opening.cbor"
    data = bytearray(opening.read_bytes())
    data[len(data) // 2] ^= 1
    opening.write_bytes(bytes(data))
    assert not comparison_page.write(copied).holds
    assert "do not prove its result" in words(copied)
    assert "does not hold" in words(copied)
    outcome = CliRunner().invoke(app, ["report", str(copied)])
    assert outcome.exit_code == 4


def test_the_report_command_takes_a_compare_directory(copied: Path) -> None:
    (copied / page.NAME).unlink()
    outcome = CliRunner().invoke(app, ["report", str(copied)])
    assert outcome.exit_code == 0
    assert "report.html" in outcome.output
    assert "comparison of ways" in read(copied)


def test_scores_of_a_hospital_with_few_test_rows_and_small_counts_are_not_shown(copied: Path) -> None:
    def hide(document: dict[str, Any]) -> None:
        document["data"][0] |= {"rows": 171, "positive": None}
        document["hospitals_alone"][0]["n_test"] = 7

    change(copied, "comparison.json", hide)
    comparison_page.write(copied)
    table = re.search(r"<caption>Rows and outcomes.*?</table>", read(copied), re.DOTALL)
    assert table is not None
    assert table[0].count("not shown") >= 4, "the hospital's two cells, and the total's two"
    assert "fewer than 10" in words(copied)


def test_spending_more_than_the_budget_is_marked(copied: Path) -> None:
    def overspend(document: dict[str, Any]) -> None:
        document["arms"][3]["privacy"]["epsilon_spent"] = 1.2

    change(copied, "comparison.json", overspend)
    comparison_page.write(copied)
    assert re.search(r'class="bad-mark">[^/]*/span> 1.2 of 1<', read(copied))


def _nan(document: dict[str, Any]) -> None:
    document["arms"][0]["metrics"]["auroc"]["mean"] = float("nan")


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "a missing key": lambda d: d.pop("arms"),
    "a number that is none": _nan,
    "an infinite number": lambda d: d["arms"][8]["seeds"][0].update(seconds_by_round=[float("inf")]),
    "an AUROC of 2": lambda d: d["arms"][0]["seeds"][0].update(auroc=2.0),
    "a run elsewhere": lambda d: d["arms"][8]["seeds"][0].update(run="arms/../../../etc/seed-1"),
    "an absolute run": lambda d: d["arms"][8]["seeds"][0].update(run="/etc/seed-1"),
    "another kind": lambda d: d.update(kind="run"),
    "another version": lambda d: d.update(version=2),
    "text for a number": lambda d: d.update(n_parameters="many"),
    "no metrics": lambda d: d["arms"][8].pop("metrics"),
    "metrics without AUROC": lambda d: d["arms"][8].update(metrics={}),
    "a huge number": lambda d: d.update(n_parameters=10**400),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_comparison_is_an_error_with_a_hint_and_no_page(
    copied: Path, damage: Callable[[dict[str, Any]], object]
) -> None:
    before = (copied / page.NAME).read_bytes()
    change(copied, "comparison.json", damage)
    with pytest.raises(StorageError) as caught:
        comparison_page.write(copied)
    assert caught.value.hint
    assert (copied / page.NAME).read_bytes() == before


@pytest.mark.parametrize("text", ["{", "[]", "null", "[" * 100_000, "\x00", '{"rows": "many"}'])
@pytest.mark.parametrize("name", ["comparison.json", "sizes.json", "shift.json"])
def test_a_file_that_is_no_document_is_an_error_that_names_it(copied: Path, name: str, text: str) -> None:
    (copied / name).write_text(text)
    with pytest.raises(StorageError, match=name.replace(".", r"\.")) as caught:
        comparison_page.write(copied)
    assert caught.value.hint


def test_a_folder_that_is_no_comparison_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not a compare directory"):
        comparison_page.write(tmp_path)


def test_a_quorum_run_that_is_another_one_is_an_error_of_this_tree(copied: Path) -> None:
    (copied / "arms/quorum/seed-7/study.digest").write_text("00")
    with pytest.raises(CipherwardError):
        comparison_page.write(copied)


def test_hostile_text_anywhere_in_the_documents_stays_text(copied: Path) -> None:
    evil = "</title></svg><script>alert(1)</script>\u202e"

    def poison(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: poison(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(v, key) for v in value]
        return (
            evil + value if isinstance(value, str) and key not in ("kind", "run", "unit", "name", "scheme") else value
        )

    for name in ("comparison.json", "sizes.json", "shift.json"):
        compared.write(copied / name, poison(json.loads((copied / name).read_text())))
    comparison_page.write(copied)
    assert "<script" not in read(copied)
    assert "\u202e" not in read(copied)


def test_a_comparison_without_some_arms_is_neither_titled_nor_scaled_as_if_they_were_there(copied: Path) -> None:
    def only(*names: str) -> str:
        everything = json.loads(whole)
        everything["arms"] = [arm for arm in everything["arms"] if arm["name"] in names]
        compared.write(copied / "comparison.json", everything)
        comparison_page.write(copied)
        return words(copied)

    whole = (copied / "comparison.json").read_text()
    shown = only("plain", "quorum")
    assert "AUROC over rounds, by way to train" in shown
    assert "federated against centralised" not in shown
    assert "Centralised model" not in shown
    assert "Difference of AUROC to centralised" not in shown
    assert "Hospitals alone" not in shown
    assert "the centralised one" not in shown
    shown = only("centralised", "local-only")
    assert "Figure 1: AUROC over rounds Means over seeds: centralised, all rows pooled." in shown
    assert "scheme quorum" not in shown.partition("How to repeat")[0]
    assert "What left each hospital: not here." in shown
    assert "AUROC against time" in shown
    assert "Figure 6:" not in shown


def test_the_tiles_name_their_metric_and_the_arm(made: Path) -> None:
    tiles = re.findall(r"<dt>(.*?)</dt><dd><span class=\"big\">", read(made))
    assert tiles[0] == "Federated model, scheme quorum, AUROC (95 % interval)"
    assert all("AUROC" in tile for tile in tiles[:4])


def test_what_a_run_warns_of_is_said_of_its_arm_and_what_stands_out_in_the_data_is_shown(copied: Path) -> None:
    def warn(document: dict[str, Any]) -> None:
        document["arms"][1]["warnings"] = ["Training had not converged: <b>example</b>"]

    change(copied, "comparison.json", warn)
    label = json.loads((copied / "comparison.json").read_text())["arms"][1]["label"]
    (result,) = copied.glob("arms/quorum/seed-*/result.json")
    document = json.loads(result.read_text())
    document["about_data"] = [{"hospital": "north", "column": "age", "text": "column 'age' has no value in any row"}]
    result.write_text(json.dumps(document))
    comparison_page.write(copied)
    assert f"{label}: Training had not converged: &lt;b&gt;example" in words(copied)
    assert "has no value in any row" in words(copied)
