"""Files that are no tables of a kind that is read, told by their content, with what to do instead."""

from __future__ import annotations

import io
import zipfile

_SAVE = "save the sheet as CSV (UTF-8), or unpack the archive, and give that file"
_AS_XLSX = (
    "open it in a spreadsheet program and save it as Excel workbook (.xlsx) or as CSV (UTF-8), and give that file"
)
_FHIR = 'by an extract with source = "fhir" (docs/data.md)'
OF_FOLDER = f"give one file; a folder of FHIR resources is read {_FHIR}"
OF_DATABASE = 'write an extract with source = "database", its url and a query (docs/data.md)'
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_IN_OLD_OFFICE = (
    (
        "EncryptedPackage",
        "an Excel workbook with a password",
        "take the password off in the spreadsheet program (File, Info), save it, and give that file",
    ),
    ("WordDocument", "an old Word document (.doc)", _SAVE),
)
_IN_ZIP = (
    ("content.xml", "an OpenDocument spreadsheet (.ods)", _AS_XLSX),
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)", _AS_XLSX),
    ("Index/Document.iwa", "a Numbers document", "export it from Numbers as Excel (.xlsx) or CSV, and give that file"),
    ("word/document.xml", "a Word document", "paste the table into a spreadsheet, save it as .xlsx or CSV"),
)
"""A member of the archive that gives its kind away."""
_BY_FIRST_BYTES = (  # in small letters and without space
    (b"PK\x03\x04", "a zip archive"),
    (b"ARROW1", "an Arrow file"),
    (b"FEA1", "a Feather file"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC\x08", "an ORC file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x80\x05\x95", "a Python pickle"),
    (b"RDX2", "an R workspace"),
    (b"RDX3", "an R workspace"),
    (b"X\n\x00\x00\x00", "an R object (RDS)"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x1f\x8b", "compressed twice (gzip)"),
    (b"sqliteformat3", "an SQLite database"),
    (b"%pdf", "a PDF document"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"bzh", "compressed (bzip2)"),
    (b"\xfd7zxz", "compressed (xz)"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd)"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x04\x22\x4d\x18", "compressed (lz4)"),
    (b"Rar!", "a RAR archive"),
    (b"-----beginpgp", "encrypted (PGP)"),
    (b"@relation", "a Weka file (ARFF)"),
    (b"insertinto", "SQL statements"),
    (b"createtable", "SQL statements"),
    (b"versionhttps://git-lfs", "a Git LFS pointer that stands for the file"),
    (b"{", "a JSON document"),
    (b"[{", "a JSON document"),
    (b"<!", "a web page"),
    (b"<html", "a web page"),
    (b"<table", "a web page"),
    (b"<?xml", "an XML document"),
)
_REMEDY = {
    "a JSON document": f"save the sheet as CSV; FHIR resources are read {_FHIR}",
    "an SQLite database": OF_DATABASE,
}


def known(content: bytes) -> tuple[str, str] | None:
    """(what it is, what to do) of a whole file that is no table; None where nothing is known of its kind."""
    if content[8:12] == b"DUCK":
        return "a DuckDB database", OF_DATABASE
    if content.startswith(_OLD_OFFICE):
        for stream, what, remedy in _IN_OLD_OFFICE:
            if stream.encode("utf-16-le") in content:
                return what, remedy
        return "an old Excel workbook (.xls)", _AS_XLSX
    if found := in_archive(content):
        return found
    compact = b"".join(content[:64].lower().split())
    for signature, what in _BY_FIRST_BYTES:
        if compact.startswith(b"".join(signature.lower().split())):
            return what, _REMEDY.get(what, _SAVE)
    return None


def in_archive(content: bytes) -> tuple[str, str] | None:
    """The same of a document that is a zip archive, and no Excel workbook that is read."""
    if not content.startswith(b"PK\x03\x04"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None
    return next(((what, remedy) for member, what, remedy in _IN_ZIP if member in members), None)
