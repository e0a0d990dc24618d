"""Public data sets: what they are, where they are published, and a checked copy on this machine.

Nothing is bundled with cipherward. A file comes from a path that the user gives, from the folder CIPHERWARD_DATA, from
the cache, or from its publisher; whichever it is, its SHA-256 is checked.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cipherward.data import diabetes130, tcga_brca
from cipherward.errors import DataError

MAX_UNPACKED = 64 * 2**20
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Dataset:
    """One public data set. `sha256`: of the published download; `size`: its bytes; `names`: file names it goes by.

    `bundled`: it comes with an installed package, and there is nothing to download.
    """

    name: str
    title: str
    publisher: str
    licence: str
    citation: str
    note: str
    url: str = ""
    file: str = ""
    sha256: str = ""
    size: int = 0
    names: tuple[str, ...] = ()
    bundled: bool = False


# The content of diabetic_data.csv, as published (CRLF) and with LF line ends (the same data).
DIABETES130_CSV_SHA256 = (
    "0689e7ec031237dc63031b938805c48377748761a3b26acab621567afa24df97",
    "da21942c25a10a51a8842907ab01a8530b06232616b17d317441d592a20c4359",
)

DATASETS: dict[str, Dataset] = {
    "diabetes130": Dataset(
        name="diabetes130",
        title="Diabetes 130-US Hospitals for Years 1999-2008",
        publisher="UCI Machine Learning Repository, data set 296",
        licence="CC BY 4.0",
        citation="Clore J, Cios K, DeShazo J, Strack B (2014). Diabetes 130-US Hospitals for Years 1999-2008. "
        "UCI Machine Learning Repository. https://doi.org/10.24432/C5230J",
        note="101,766 encounters of de-identified real patients; hospitals are simulated as blocks of patient numbers",
        url="https://archive.ics.uci.edu/static/public/296/diabetes+130-us+hospitals+for+years+1999-2008.zip",
        file="diabetes130.zip",
        sha256="f82ac129da2ddd2299391ff6fbae3a6a58b3edcf59ac9d7bd480c00fe453112a",
        size=3_170_254,
        names=(
            "diabetes130.zip",
            "diabetes+130-us+hospitals+for+years+1999-2008.zip",
            "dataset_diabetes.zip",
            "diabetic_data.csv.gz",
            "diabetic_data.csv",
        ),
    ),
    "retinamnist": Dataset(
        name="retinamnist",
        title="RetinaMNIST (MedMNIST v2)",
        publisher="Zenodo, record 10519652",
        licence="CC BY 4.0",
        citation="Yang J, Shi R, Wei D, et al. MedMNIST v2. Scientific Data 10:41 (2023). "
        "https://doi.org/10.5281/zenodo.10519652",
        note="1,600 fundus images, 28 x 28 x 3, diabetic retinopathy grade 0-4 (source: DeepDRiD)",
        url="https://zenodo.org/records/10519652/files/retinamnist.npz",
        file="retinamnist.npz",
        sha256="254915f5f0a2074665c4676356824cf4ef4a3bcab233894b4bafcaf48962bd69",
        size=3_291_041,
        names=("retinamnist.npz",),
    ),
    "tcga-brca": Dataset(
        name="tcga-brca",
        title="Breast cancer survival in six regions (Fed-TCGA-BRCA)",
        publisher="NCI Genomic Data Commons, prepared by FLamby",
        licence="GDC open access; nobody may try to identify a patient",
        citation="Liu J, Lichtenberg T, Hoadley K, et al. Cell 173:400 (2018); Ogier du Terrail J, Ayed S, Cyffers E, et al. "
        "FLamby. NeurIPS Datasets and Benchmarks (2022). https://github.com/owkin/FLamby",
        note="1,096 pseudonymous real patients, 151 deaths; the hospitals are the regions of the tissue source sites",
        url="https://raw.githubusercontent.com/owkin/FLamby/edacf54d5211520583b0133d55ac39b6fda8324b/flamby/datasets/"
        "fed_tcga_brca/brca.csv",
        file="brca.csv",
        sha256="07cb53423f7d579d33cfdbf2cba57b2aee75318b85866c68ce39a75b1f1ba020",
        size=113_184,
        names=("brca.csv", "tcga_brca/brca.csv"),
    ),
    "breast-cancer": Dataset(
        name="breast-cancer",
        title="Breast Cancer Wisconsin (Diagnostic)",
        publisher="UCI Machine Learning Repository, data set 17; bundled in scikit-learn",
        licence="CC BY 4.0",
        citation="Wolberg W, Mangasarian O, Street N, Street W (1995). Breast Cancer Wisconsin (Diagnostic). "
        "UCI Machine Learning Repository. https://doi.org/10.24432/C5DW2B",
        note="569 fine-needle aspirates, 30 numeric columns; hospitals are simulated",
        bundled=True,
    ),
}


def dataset(name: str) -> Dataset:
    """The registry's entry.

    Raises:
        DataError: no data set has that name.
    """
    if name not in DATASETS:
        raise DataError(f"no public data set is called {name!r}", hint=f"known data sets: {', '.join(DATASETS)}")
    return DATASETS[name]


def cache_folder() -> Path:
    """Where downloads are kept: CIPHERWARD_CACHE, or the user's cache folder of the operating system."""
    if given := os.environ.get("CIPHERWARD_CACHE"):
        return Path(given)
    import pooch

    return Path(pooch.os_cache("cipherward"))


def fetch(name: str, *, url: str | None = None) -> Path:
    """Download a data set into the cache (or find it there) and return its file.

    `url` names another place that holds the very same file. The file appears in the cache only once its SHA-256 is
    right; a failed or wrong download leaves nothing behind.

    Raises:
        DataError: unknown or bundled data set, no network, or another SHA-256.
    """
    entry = dataset(name)
    if entry.bundled:
        raise DataError(
            f"{entry.title} comes with scikit-learn", hint="there is nothing to download; just run the study"
        )
    target = cache_folder() / entry.file
    if target.is_file() and sha256_of(target.read_bytes()) == entry.sha256:
        return target
    source = url or entry.url
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as folder:
            received = Path(folder) / entry.file
            _download(name, source, received)
            found = sha256_of(received.read_bytes())
            if found != entry.sha256:
                raise DataError(
                    f"{source} has SHA-256 {found}, but {entry.title} has SHA-256 {entry.sha256}; nothing was kept",
                    hint="the file is damaged or not the published one: try again, or give a checked copy with --data",
                )
            received.replace(target)
    except OSError as error:
        raise DataError(
            f"cannot write to the cache folder {target.parent}: {error.strerror or error}",
            hint="set CIPHERWARD_CACHE to a folder that you may write to",
        ) from None
    return target


def _download(name: str, source: str, target: Path) -> None:
    import pooch

    if not source.startswith(("https://", "http://")):
        raise DataError(f"not a web address: {source!r}", hint="give a URL that starts with https://, or use --data")
    try:
        pooch.HTTPDownloader(timeout=TIMEOUT_SECONDS)(source, str(target), None)
    except (OSError, ValueError) as error:  # what requests raises is an OSError without errno
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(
            f"cannot download {name} from {source}: {_reason(error)}",
            hint=no_network_hint(name),
        ) from None


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"the server answered {status}" if status else f"no connection ({type(error).__name__})"


def no_network_hint(name: str) -> str:
    """What a person without network can do."""
    return (
        f"give a path with --data, set CIPHERWARD_DATA, or run `cipherward data fetch {name}` on a machine with network"
    )


def locate(name: str, path: Path | None = None) -> Path:
    """The data set's file: `path` (a file, or a folder that holds it), else CIPHERWARD_DATA, else cache or download.

    CIPHERWARD_DATA is a folder that holds the file itself or a folder called `name` that does.

    Raises:
        DataError: not there, and it cannot be downloaded.
    """
    entry = dataset(name)
    if path is not None:
        if path.is_file():
            return path
        return _within(path, entry) or _missing(f"{path} holds no file of {entry.title}", entry)
    if given := os.environ.get("CIPHERWARD_DATA"):
        found = _within(Path(given), entry)
        if found:
            return found
    return fetch(name)


def _within(folder: Path, entry: Dataset) -> Path | None:
    places = (folder / part / file for part in (entry.name, ".") for file in entry.names)
    return next((place for place in places if place.is_file()), None)


def _missing(text: str, entry: Dataset) -> Path:
    raise DataError(f"{text} (looked for {', '.join(entry.names)})", hint=no_network_hint(entry.name))


def load_diabetes130(path: Path) -> pl.DataFrame:
    """The prepared Diabetes-130 table (see `diabetes130.prepare`) from the zip, the CSV, or the gzipped CSV.

    The SHA-256 of the CSV inside is checked, whatever it was packed in.

    Raises:
        DataError: unreadable, damaged, or not the published data.
    """
    content = _csv_content(path)
    found = sha256_of(content)
    if found not in DIABETES130_CSV_SHA256:
        raise DataError(
            f"{path}: diabetic_data.csv has SHA-256 {found}, but the published file has SHA-256 "
            f"{DIABETES130_CSV_SHA256[0]} (or {DIABETES130_CSV_SHA256[1]} with LF line ends)",
            hint='use the file as UCI publishes it; for an edited table write a study with source "files"',
        )
    return diabetes130.prepare(content)


def load_tcga_brca(path: Path) -> pl.DataFrame:
    """The prepared table of Fed-TCGA-BRCA (see `tcga_brca.prepare`) from the CSV.

    Raises:
        DataError: unreadable, or not the published file.
    """
    entry = dataset("tcga-brca")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}", hint=no_network_hint(entry.name)) from None
    found = sha256_of(content)
    if found != entry.sha256:
        raise DataError(
            f"{path} has SHA-256 {found}, but the published file has SHA-256 {entry.sha256}",
            hint='use the file as FLamby publishes it; for an edited table write a study with source "files"',
        )
    return tcga_brca.prepare(content)


def _csv_content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        if content.startswith(b"PK"):
            with zipfile.ZipFile(path) as archive:
                members = [m for m in archive.infolist() if Path(m.filename).name == "diabetic_data.csv"]
                if not members:
                    raise DataError(f"{path} holds no diabetic_data.csv", hint=no_network_hint("diabetes130"))
                with archive.open(members[0]) as stream:
                    return stream.read(MAX_UNPACKED)
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(path) as packed:
                return packed.read(MAX_UNPACKED)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}", hint=no_network_hint("diabetes130")) from None
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError):
        raise DataError(
            f"{path} is damaged or cut short", hint="copy it again, or delete it and fetch it again"
        ) from None
    return content


def sha256_of(content: bytes) -> str:
    """Lower-case hex SHA-256."""
    return hashlib.sha256(content).hexdigest()
