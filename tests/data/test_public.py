from __future__ import annotations

import gzip
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from cipherward.data import diabetes130, public
from cipherward.data.public import DATASETS, fetch, load_diabetes130, locate
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError
from cipherward.study import load_builtin

NO_NETWORK = "give a path with --data, set CIPHERWARD_DATA, or run `cipherward data fetch {}` on a machine with network"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep test output clean."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("CIPHERWARD_CACHE", str(folder))
    monkeypatch.delenv("CIPHERWARD_DATA", raising=False)
    return folder


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on this machine and the folder that it serves."""
    folder = tmp_path / "web"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_entry_says_what_it_is_and_may_be_used_for() -> None:
    for name, entry in DATASETS.items():
        assert entry.name == name
        assert entry.title
        assert entry.licence
        assert entry.publisher
        assert entry.citation
        assert entry.bundled or (entry.url.startswith("https://") and len(entry.sha256) == 64 and entry.size)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(DataError, match="no public data set is called 'mimic'") as error:
        locate("mimic")
    assert "diabetes130" in error.value.hint


def test_a_bundled_set_has_nothing_to_download() -> None:
    with pytest.raises(DataError, match="comes with scikit-learn"):
        fetch("breast-cancer")


def test_a_download_is_checked_kept_and_not_repeated(cache: Path, web: tuple[str, Path], shared_data: Path) -> None:
    url, folder = web
    content = (shared_data / "retinamnist" / "retinamnist.npz").read_bytes()
    (folder / "r.npz").write_bytes(content)
    path = fetch("retinamnist", url=f"{url}/r.npz")
    assert path == cache / "retinamnist.npz"
    assert path.read_bytes() == content
    (folder / "r.npz").unlink()
    assert fetch("retinamnist", url=f"{url}/r.npz") == path
    assert locate("retinamnist") == path


def test_a_download_with_another_digest_names_both_and_leaves_nothing(cache: Path, web: tuple[str, Path]) -> None:
    url, folder = web
    (folder / "r.npz").write_bytes(b"other")
    with pytest.raises(DataError) as error:
        fetch("retinamnist", url=f"{url}/r.npz")
    assert DATASETS["retinamnist"].sha256 in error.value.message
    assert public.sha256_of(b"other") in error.value.message
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x.zip", "{web}/none.zip"])
def test_without_network_the_hint_says_what_else_works(address: str, cache: Path, web: tuple[str, Path]) -> None:
    with pytest.raises(DataError, match="cannot download diabetes130") as error:
        fetch("diabetes130", url=address.format(web=web[0]))
    assert error.value.hint == NO_NETWORK.format("diabetes130")
    assert list(cache.iterdir()) == []


def test_a_url_that_is_no_web_address_is_refused(cache: Path) -> None:
    with pytest.raises(DataError, match="not a web address"):
        fetch("diabetes130", url="ftp://example.org/x")


def test_a_cache_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: tuple[str, Path]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CIPHERWARD_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match="cannot write to the cache folder"):
        fetch("diabetes130", url=f"{web[0]}/x")


def test_a_given_path_comes_first_then_the_data_folder(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "data" / "diabetes130"
    inside.mkdir(parents=True)
    file = inside / "diabetic_data.csv"
    file.write_text("x")
    assert locate("diabetes130", file) == file
    assert locate("diabetes130", inside) == file
    assert locate("diabetes130", tmp_path / "data") == file
    monkeypatch.setenv("CIPHERWARD_DATA", str(tmp_path / "data"))
    assert locate("diabetes130") == file
    with pytest.raises(DataError, match="holds no file of Diabetes 130-US") as error:
        locate("diabetes130", tmp_path / "none")
    assert error.value.hint == NO_NETWORK.format("diabetes130")


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("428", "circulatory"), ("785", "circulatory"), ("486", "respiratory"), ("786", "respiratory"),
        ("577", "digestive"), ("250.83", "diabetes"), ("250", "diabetes"), ("996", "injury"), ("715", "musculoskeletal"),
        ("599", "genitourinary"), ("788", "genitourinary"), ("199", "neoplasms"), ("276", "other"), ("38", "other"),
        ("V57", "other"), ("E885", "other"), ("780", "other"), (None, None),
    ],
)  # fmt: skip
def test_icd9_codes_are_grouped_as_in_strack_2014(code: str | None, group: str | None) -> None:
    assert diabetes130.diagnosis_group(code) == group


def test_a_changed_file_is_refused_with_both_digests(tmp_path: Path) -> None:
    for name, content in (("a.csv", b"a,b\n"), ("a.csv.gz", gzip.compress(b"a,b\n"))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError) as error:
            load_diabetes130(tmp_path / name)
        assert public.sha256_of(b"a,b\n") in error.value.message
        assert public.DIABETES130_CSV_SHA256[0] in error.value.message


def test_a_damaged_or_wrong_archive_is_refused_in_words(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wrong.zip", "w") as archive:
        archive.writestr("other.csv", "x")
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 cut")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"a,b\n" * 99)[:-9])
    for name, text in (
        ("wrong.zip", "holds no diabetic_data.csv"),
        ("cut.zip", "damaged"),
        ("cut.gz", "damaged"),
        ("none", "cannot read"),
    ):
        with pytest.raises(DataError, match=text):
            load_diabetes130(tmp_path / name)


def test_the_published_data_give_the_published_numbers(shared_data: Path, tmp_path: Path) -> None:
    table = load_diabetes130(shared_data / "diabetes130" / "diabetic_data.csv.gz")
    assert table.height == 99_343
    assert table[diabetes130.PATIENT].n_unique() == 69_990
    assert table[diabetes130.OUTCOME].sum() == 11_314
    assert round(100 * 11_314 / 99_343, 2) == 11.39
    content = gzip.decompress((shared_data / "diabetes130" / "diabetic_data.csv.gz").read_bytes())
    with zipfile.ZipFile(tmp_path / "as_published.zip", "w") as archive:
        archive.writestr("dataset_diabetes/diabetic_data.csv", content)
    (tmp_path / "lf.csv").write_bytes(content.replace(b"\r\n", b"\n"))
    assert load_diabetes130(tmp_path / "as_published.zip").equals(table)
    assert load_diabetes130(tmp_path / "lf.csv").equals(table)


def test_the_built_in_study_splits_the_published_data_as_documented(shared_data: Path) -> None:
    study = load_builtin("diabetes130")
    hospitals = load_hospitals(study, shared_data, Path())
    assert [h.name for h in hospitals] == list(diabetes130.HOSPITALS)
    assert sum(h.table.height for h in hospitals) == 99_343
    counts = [sum(int((h.split == side).sum()) for h in hospitals) for side in range(3)]
    assert counts == [69_602, 9_897, 19_844]
    assert all(8_200 <= h.table.height <= 16_650 for h in hospitals)
    assert all(0.0995 <= h.outcome.mean() <= 0.1295 for h in hospitals)
    # no column is silently empty or silently "other": each declared category occurs
    whole = pl.concat([h.table for h in hospitals])
    for column in study.columns:
        found = set(whole[column.name].drop_nulls().unique().to_list())
        assert found
        assert set(column.categories) - found - {"other"} == set()
