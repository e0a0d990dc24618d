"""report.html says what a run did, believes nothing it reads, and is the same whenever it is made."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tests import simulator
from tests.parties.liars_in_a_sum import Liar

from cipherward import study as study_document
from cipherward.crypto import shamir
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import SumTask
from cipherward.errors import AuditError, InterruptedRunError, StorageError
from cipherward.report import page
from cipherward.report.facts import gather
from cipherward.runs import exposure
from cipherward.simulation import simulate

NAMES = ("<script>alert(1)</script>", 'St. \u202eMary & "Sons"', "x" * 300, "Krankenhaus Süd")


def make(path: Path, **changes: Any) -> Path:
    """A two-round run over four small synthetic hospitals whose names are as bad as names get."""
    document = study_document.load_builtin("readmission").model_dump(mode="json")
    document["hospitals"] = [{"name": name} for name in NAMES]
    document["data"]["cohort"] |= {"n_hospitals": len(NAMES), "encounters_per_hospital": 200}
    document["training"]["rounds"] = 2
    document["noise"]["enabled"] = False  # so few rows bear none
    document |= changes
    simulate.run_study(study_document.parse(document, origin="test"), out=path)
    page.write(path)
    return path


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("report") / "run", title="<img src=x onerror=alert(1)>")


@pytest.fixture
def copied(run_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run_dir, tmp_path / "copy"))


def read(path: Path) -> str:
    return (path / page.NAME).read_text("utf-8")


class Elements(HTMLParser):
    """Every element with its attributes, and the text of the page without its style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.found if name == tag)


def test_the_report_has_its_twelve_sections_and_every_figure_a_sentence_and_a_table(run_dir: Path) -> None:
    text = read(run_dir)
    assert re.findall(r"<h2 id=\"[\w-]+\">(\d+)\.", text) == [str(n) for n in range(1, 13)]
    figures = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    assert len(figures) == 9
    for figure in figures:
        assert re.search(r"</strong> \S.{20,}</figcaption>", figure)
        assert "<details>" in figure
        assert "<caption>" in figure
        if '<svg class="chart"' in figure:
            assert "<title" in figure
            assert "<desc" in figure


def test_the_report_shows_the_runs_own_numbers(run_dir: Path) -> None:
    shown, result = Elements(read(run_dir)).text, json.loads((run_dir / "result.json").read_text())
    facts = gather(run_dir)
    assert f"{result['auroc_federated']:.3f}" in shown
    assert f"{result['auroc_centralised']:.3f}" in shown
    assert result["study_digest"] in shown
    for item in facts.sums:
        assert item.total[:16] in shown
        assert item.manifest[:16] in shown
        assert item.model[:16] in shown
    assert len(facts.sums[1].payloads) == len(NAMES)
    assert all(digest[:16] in shown for digest in facts.sums[1].payloads.values())
    assert "Synthetic data: no real patients" in shown
    assert "Differential privacy of the training: none" in shown
    assert "Noise on counts: none" in shown
    assert "Every sum is exact" in shown
    assert "can reveal training data" in shown
    assert f"seed is {result['seed']}" in shown


def test_names_and_titles_are_text_and_never_markup(run_dir: Path) -> None:
    text = read(run_dir)
    page_elements = Elements(text)
    assert not list(page_elements.all("script"))
    assert not list(page_elements.all("img"))
    assert "<script>alert(1)</script>" in page_elements.text
    assert "\u202e" not in text
    assert "x" * 300 not in text.split("The frozen study")[0]
    assert not [name for _, attributes in page_elements.found for name in attributes if name.startswith("on")]


def test_the_report_is_one_file_that_loads_nothing(run_dir: Path) -> None:
    text = read(run_dir)
    assert len(text.encode()) < page.MAX_BYTES
    elements = Elements(text)
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in elements.found}
    for _, attributes in elements.found:
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"https?://|url\(|@import", text)
    policy = next(a["content"] for a in elements.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_ids_are_unique_and_every_reference_has_its_target(run_dir: Path) -> None:
    elements = Elements(read(run_dir))
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = {href[1:] for a in elements.all("a") if (href := a.get("href"))}
    wanted |= {name for _, a in elements.found for name in (a.get("aria-labelledby") or "").split()}
    assert wanted <= set(ids)


def test_a_rebuilt_report_has_the_same_bytes_wherever_the_run_lies(run_dir: Path, copied: Path) -> None:
    before = (run_dir / page.NAME).read_bytes()
    (copied / page.NAME).unlink()
    page.write(copied)
    assert (copied / page.NAME).read_bytes() == before


def test_small_counts_of_a_hospital_are_not_shown(copied: Path) -> None:
    result = json.loads((copied / "result.json").read_text())
    counts = {"rows": 171, "train_rows": 111, "validation_rows": 22, "test_rows": 38}
    positive = {"positive": 7, "train_positive": 4, "validation_positive": 0, "test_positive": 3}
    result["by_hospital"][0] |= counts | positive
    (copied / "result.json").write_text(json.dumps(result))
    page.write(copied)
    table = re.search(r"<caption>Rows and outcomes.*?</table>", read(copied), re.DOTALL)
    assert table is not None
    rows = re.findall(r'<tr role="row"><th scope="row".*?</tr>', table[0])
    first = re.sub(r"<[^>]+>", " ", next(row for row in rows if "alert(1)" in row))
    assert "171" in first
    assert first.count("not shown") >= 4, "with the outcome: of all rows, its rate, of training and of test rows"
    every = next(row for row in rows if "All hospitals" in row)
    for part in ("Training rows w", "Validation rows w", "Test rows w", "W"):
        cell = f'data-head="{part}ith the outcome"><bdi>not shown'
        hidden = sum(cell in row for row in rows if "All hospitals" not in row)
        assert hidden + (cell in every) != 1, "one hidden count would follow from the others"


def test_what_was_changed_and_noticed_in_the_tables_is_shown_without_small_counts(run_dir: Path, copied: Path) -> None:
    assert "Values that were changed" not in read(run_dir)
    result = json.loads((copied / "result.json").read_text())
    rule = "outside the declared range, cut to it"
    result["changes"] = [
        {"hospital": "<b>north", "column": "age", "rule": rule, "count": 3},
        {"hospital": "south", "column": "age", "rule": rule, "count": 1234},
    ]
    result["about_data"] = [{"hospital": "south", "column": "ward", "text": "column 'ward' has no value in any row"}]
    (copied / "result.json").write_text(json.dumps(result))
    page.write(copied)
    changed = re.search(r"<caption>Values that were changed.*?</table>", read(copied), re.DOTALL)
    assert changed is not None
    assert "&lt;b&gt;north" in changed[0]
    assert "under 10" in changed[0]
    assert "<bdi>3</bdi>" not in changed[0]
    assert "1\u202f234" in changed[0]
    assert rule in changed[0]
    assert "has no value in any row" in read(copied)


def test_a_run_that_ended_early_in_its_training_says_so_first(copied: Path) -> None:
    result = json.loads((copied / "result.json").read_text())
    result["warnings"] = ["Training had not converged: raise <training.rounds>."]
    (copied / "result.json").write_text(json.dumps(result))
    page.write(copied)
    text = read(copied)
    assert text.index("raise &lt;training.rounds&gt;") < text.index("1. AUROC over rounds")


def test_a_report_of_a_run_whose_files_do_not_hold_says_so(copied: Path) -> None:
    opening = copied / "receipts" / "0002" / "opening.cbor"
    data = bytearray(opening.read_bytes())
    data[len(data) // 2] ^= 1
    opening.write_bytes(bytes(data))
    facts = page.write(copied)
    assert not facts.holds
    shown = Elements(read(copied)).text
    assert "do not prove its result" in shown
    assert "does not hold" in shown
    assert "sum 2" in shown


def test_a_changed_result_is_noticed(copied: Path) -> None:
    result = json.loads((copied / "result.json").read_text())
    result["federated"]["brier"] = 0.01
    (copied / "result.json").write_text(json.dumps(result))
    facts = page.write(copied)
    assert not facts.holds
    assert "contradicts the opened sums" in read(copied)


def test_a_missing_receipt_is_neither_good_nor_bad_and_is_listed(copied: Path) -> None:
    (copied / "receipts" / "0001" / "hospital-4.cbor").unlink()
    facts = page.write(copied)
    assert facts.holds
    assert "– </span> no receipt" in read(copied) or "–</span> no receipt" in read(copied)
    assert "out of the ordinary" in read(copied)


def test_an_unfinished_run_has_no_report_and_the_error_says_how_to_go_on(copied: Path) -> None:
    (copied / "result.json").unlink()
    with pytest.raises(StorageError, match="not finished") as caught:
        page.write(copied)
    assert "--resume" in caught.value.hint


def test_what_is_no_run_or_is_damaged_is_an_error_with_a_hint(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not a run directory"):
        page.write(tmp_path)
    whole = json.loads((copied / "result.json").read_text())
    changes: list[dict[str, Any]] = [{"privacy": 7}, {"rounds": 1e999}, {"auroc_local": []}]
    odd = [json.dumps(whole | changed) for changed in changes]
    for damaged in ("{", "[]", "{}", '{"federated": 3}', *odd):
        (copied / "result.json").write_text(damaged)
        with pytest.raises(StorageError) as caught:
            page.write(copied)
        assert caught.value.hint
    (copied / "study.digest").write_text("00")
    with pytest.raises(AuditError):
        page.write(copied)


def test_a_run_of_an_older_version_is_reported_without_what_it_did_not_record(copied: Path) -> None:
    result = json.loads((copied / "result.json").read_text())
    del result["by_hospital"]
    (copied / "result.json").write_text(json.dumps(result))
    lines = [json.loads(line) for line in (copied / "rounds.jsonl").read_text().splitlines()]
    for line in lines:
        del line["simulation"]
    (copied / "rounds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    page.write(copied)
    assert read(copied).count("was not recorded") == 4


def test_scheme_plain_is_marked_as_no_protection(tmp_path: Path) -> None:
    document = study_document.load_builtin("readmission").model_dump(mode="json")
    aggregation = document["aggregation"] | {"scheme": "plain"}
    shown = Elements(read(make(tmp_path / "run", aggregation=aggregation))).text
    assert "Scheme plain (no protection)" in shown
    assert "Nothing is protected" in shown
    assert "nobody alone" not in shown


@pytest.mark.thorough
def test_sixty_hospitals_stay_readable(tmp_path: Path) -> None:
    study = study_document.load_builtin("readmission")
    cohort = study.data.cohort
    assert cohort is not None
    changed = {"cohort": cohort.model_dump() | {"n_hospitals": 60, "encounters_per_hospital": 100}}
    small = study.with_overrides(
        noise={"enabled": False}, data=changed, training={"rounds": 1}, aggregation={"scheme": "plain"}
    )
    simulate.run_study(small, out=tmp_path / "run")
    page.write(tmp_path / "run")
    text = read(tmp_path / "run")
    assert "hospitals, in order" in text
    assert "Receipts of 60 hospitals by sum" in text
    assert len(text.encode()) < page.MAX_BYTES


def test_sums_that_went_on_without_a_hospital_are_listed_with_its_name(tmp_path: Path) -> None:
    network = simulator.BentNetwork(simulator.lost({2}, kinds=simulator.PHASES["deal"], rounds={1}))
    path = simulator.run(tmp_path, simulator.agreed(5), network=network).path
    facts = page.write(path)
    assert facts.holds
    shown = read(path)
    table = re.search(r"<caption>Sums that went on without.*?</table>", shown, re.DOTALL)
    assert table is not None
    assert "clinic-2" in table[0]
    assert "round 1" in table[0]
    assert "not in the sum" in shown
    assert "4 of 5" in shown


def test_the_report_says_who_stands_apart_because_it_agreed_and_which_sums_are_exact(tmp_path: Path) -> None:
    network = simulator.BentNetwork(simulator.lost({5}, kinds={"Update"}, rounds={1}))
    chosen = simulator.study(5, singled_out=["clinic-5"], aggregation={"corrupt": 1, "min_contributors": 3})
    path = simulator.run(tmp_path, chosen, network=network).path
    page.write(path)
    section = re.search(r'<h3 id="exposure">.*?<h3>What is not protected</h3>', read(path), re.DOTALL)
    assert section is not None
    rows = re.findall(r"<tr role=\"row\"><th.*?</tr>", section[0], re.DOTALL)
    agreed = [row for row in rows if "yes, it agreed" in row]
    assert len(agreed) == 1
    assert "clinic-5" in agreed[0]
    assert sum("its block, " in row for row in rows) == 4
    assert "exact: promises no patient anything" in section[0]
    assert "clinic-5 stood apart from all others; what it sent alone is readable" in section[0]


def test_where_nobody_agreed_nobody_stands_apart(run_dir: Path) -> None:
    text = read(run_dir)
    assert "always together, so not to be told apart" in text
    assert "stood apart from all others" not in text
    assert "it agreed" not in text
    for sentence in exposure.LIMITS:
        assert unescape(text).count(sentence) == 1


def test_a_round_that_did_not_open_is_shown_with_its_culprit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest, sums, liar = QuorumScheme.protect, list[bytes](), Liar(lambda: True, "polynomial")

    def protect(self: QuorumScheme, task: SumTask, sender: int, *rest: Any) -> Any:
        sums.extend([] if task.context in sums else [task.context])
        if sender != 3 or sums.index(task.context) != 1:
            return honest(self, task, sender, *rest)
        with mock.patch.object(shamir, "share", liar._share(shamir.share)):
            return honest(self, task, sender, *rest)

    monkeypatch.setattr(QuorumScheme, "protect", protect)
    path = simulator.run(tmp_path, simulator.study(5)).path
    facts = page.write(path)
    assert [item.opened for item in facts.sums] == [True, False, True, True, True]
    assert facts.holds
    assert [n for n, _ in facts.auroc_by_round()] == [0, 1, 2], "the sum that did not open was asked once more"
    shown = Elements(read(path)).text
    assert "void: did not open" in shown
    assert "round void" in shown
    assert (
        "clinic-3 spoiled sum 1 and takes no further part: it answers two things about the share that it dealt to itself"
        in shown
    )


def test_a_resumed_run_is_reported_whole(tmp_path: Path) -> None:
    asked = iter([False, False, True])
    with pytest.raises(InterruptedRunError):
        simulator.run(tmp_path, simulator.study(5), should_stop=lambda: next(asked))
    simulate.resume_study(tmp_path / "run")
    facts = page.write(tmp_path / "run")
    assert sorted(facts.rounds) == [0, 1, 2, 3]
    assert [n for n, _ in facts.auroc_by_round()] == [0, 1, 2]
    assert "was not recorded" not in read(tmp_path / "run")
