"""Packages that come with an extra of this one: what to say where a command needs one that is not installed."""

from __future__ import annotations

from collections.abc import Mapping

from cipherward.errors import CipherwardError, StudyError

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "backbones": ("monai",),
    "duckdb": ("duckdb",),
    "fhir": ("fhirpathpy",),
    "formats": ("openpyxl", "pyreadstat"),
    "gdrive": ("gdrive_fsspec",),
    "images": ("PIL", "pydicom"),
    "network": ("nats", "tenacity"),
    "onnx": ("onnx", "onnxruntime"),
    "privacy": ("opacus", "dp_accounting"),
    "rocrate": ("rocrate",),
    "s3": ("s3fs",),
    "sql": ("sqlalchemy", "psycopg"),
    "units": ("pint", "ucumvert"),
}
"""extra -> what is imported of it; those of schemes are in `everything`."""


def everything() -> dict[str, tuple[str, ...]]:
    """The same with the extras of schemes."""
    from cipherward.crypto.schemes import CATALOGUE  # not above: every command would load the kernels

    return {**EXTRAS, **{facts.extra[0]: facts.extra[1:] for facts in CATALOGUE.values() if facts.extra}}


def missing(error: ModuleNotFoundError) -> CipherwardError | None:
    """The error with the extra to install, for an import that failed; None where the package is of no extra."""
    package = (error.name or "").partition(".")[0]
    for extra, packages in everything().items():
        if package in packages:
            return StudyError(
                f"this command needs the Python package {package}, which is not installed",
                hint=f'install the extra: python -m pip install "cipherward[{extra}]"',
            )
    return None
