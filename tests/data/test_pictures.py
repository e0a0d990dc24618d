from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from cipherward.data import pictures
from cipherward.data.sources import load_hospitals, load_table_for_prediction
from cipherward.data.tables import read_table
from cipherward.errors import DataError
from cipherward.study import Column, Study

Image = pytest.importorskip("PIL.Image", reason="the extra images is not installed")
pydicom = pytest.importorskip("pydicom", reason="the extra images is not installed")

GREY = Column(name="scan", kind="image", shape=(1, 4, 6), minimum=0, maximum=255)
COLOUR = Column(name="scan", kind="image", shape=(3, 4, 6), minimum=0, maximum=255)
PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


def png(pixels: NDArray[Any], **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", **options)
    return out.getvalue()


def dicom(pixels: NDArray[Any], **tags: Any) -> bytes:
    found = pydicom.Dataset()
    found.file_meta = pydicom.dataset.FileMetaDataset()
    found.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    found.PatientName = "Doe^Jane"
    found.Rows, found.Columns = pixels.shape[0], pixels.shape[1]
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    found.SOPInstanceUID = found.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    found.SamplesPerPixel, found.BitsAllocated, found.BitsStored, found.HighBit = 1, 16, 16, 15
    found.PixelRepresentation, found.PhotometricInterpretation = 0, "MONOCHROME2"
    found.PixelData = pixels.astype("<u2").tobytes()
    found["PixelData"].VR = "OW"
    for name, value in tags.items():
        setattr(found, name, value)
    out = io.BytesIO()
    pydicom.dcmwrite(out, found, enforce_file_format=True)
    return out.getvalue()


def read(folder: Path, content: bytes, column: Column = GREY) -> NDArray[Any]:
    (folder / "jane-doe.img").write_bytes(content)
    (folder / "t.csv").write_text("scan,outcome\njane-doe.img,1\n")
    raw, problems = pictures.with_images(read_table(folder / "t.csv"), (column,))
    assert not problems, problems
    values: NDArray[Any] = raw.table["scan"].to_numpy().reshape(column.shape)
    return values


def refusal(folder: Path, content: bytes | None, column: Column = GREY) -> str:
    if content is not None:
        (folder / "jane-doe.img").write_bytes(content)
    (folder / "t.csv").write_text("scan,outcome\njane-doe.img,1\n")
    _, (problem,) = pictures.with_images(read_table(folder / "t.csv"), (column,))
    assert problem.startswith("column 'scan', row 1: ")
    assert "doe" not in (problem + problem.logged).lower()
    return str(problem)


def test_png_and_jpeg_are_read_channels_first(tmp_path: Path) -> None:
    assert np.array_equal(read(tmp_path, png(PIXELS))[0], PIXELS)
    colour = np.stack([PIXELS, PIXELS // 2, 255 - PIXELS], axis=2)
    assert np.array_equal(read(tmp_path, png(colour), COLOUR), colour.transpose(2, 0, 1))
    out = io.BytesIO()
    Image.fromarray(np.full((4, 6), 77, np.uint8)).save(out, format="JPEG")
    assert np.abs(read(tmp_path, out.getvalue())[0].astype(float) - 77).max() <= 2
    deep = PIXELS.astype(np.uint16) * 200
    assert np.array_equal(read(tmp_path, png(deep), GREY.model_copy(update={"maximum": 65535.0}))[0], deep)


def test_an_image_of_another_size_is_refused_or_stretched_as_the_study_says(tmp_path: Path) -> None:
    large = np.repeat(np.repeat(PIXELS, 3, axis=0), 2, axis=1)
    assert "the image is 12 x 12 (height x width), not 4 x 6" in refusal(tmp_path, png(large))
    found = read(tmp_path, png(large), GREY.model_copy(update={"fit": "stretch"}))
    assert np.abs(found[0].astype(float) - PIXELS).max() < 20


def bomb() -> bytes:
    """A few bytes of PNG that claim 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "the image file cannot be read: No such file or directory"),
        (b"", "the image file is empty"),
        (b"GIF89a" + bytes(200), "no PNG, JPEG or DICOM image"),
        (png(PIXELS)[:60], "damaged or cut short"),
        (b"\xff\xd8\xff" + bytes(100), "damaged or cut short"),
        (png(np.stack([PIXELS] * 3, axis=2)), "the image has the colours RGB, and the study asks for grey"),
        (bomb(), "damaged or cut short|60000 x 60000 pixels; at most"),
        (dicom(PIXELS)[:400], "damaged, cut short or without pixels"),
        (dicom(PIXELS, NumberOfFrames=2), "has 2 frames"),
        (dicom(PIXELS, PhotometricInterpretation="PALETTE COLOR"), "has the colours PALETTE COLOR"),
        (bytes(128) + b"DICM" + bytes(50), "damaged, cut short or without pixels"),
    ],
)
def test_what_is_no_image_of_the_column_is_refused_by_its_row_and_not_by_its_name(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    assert any(part in refusal(tmp_path, content) for part in words.split("|"))


def test_dicom_values_are_rescaled_windowed_and_inverted(tmp_path: Path) -> None:
    stored = np.arange(24).reshape(4, 6) * 100
    lung = Column(name="scan", kind="image", shape=(1, 4, 6), minimum=-1000, maximum=1000)
    found = read(tmp_path, dicom(stored, RescaleSlope=1, RescaleIntercept=-1024), lung)
    assert np.array_equal(found[0], stored - 1024)
    inverted = read(
        tmp_path, dicom(stored, PhotometricInterpretation="MONOCHROME1", RescaleIntercept=-1024, RescaleSlope=1), lung
    )
    assert np.array_equal(inverted[0], -np.clip(stored - 1024, -1000, 1000))
    windowed = read(
        tmp_path, dicom(stored, WindowCenter=1000, WindowWidth=1001), GREY.model_copy(update={"window": "file"})
    )
    inside = np.clip((stored - 999.5) / 1000 + 0.5, 0, 1) * 255
    assert np.abs(windowed[0] - inside).max() < 1e-3
    assert "names no window" in refusal(tmp_path, dicom(stored), GREY.model_copy(update={"window": "file"}))


def test_compressed_dicom_is_refused_by_name(tmp_path: Path) -> None:
    content = dicom(PIXELS).replace(b"1.2.840.10008.1.2.1\x00", b"1.2.840.10008.1.2.5\x00")
    assert "compressed" in refusal(tmp_path, content)


def test_no_header_of_an_image_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    read(tmp_path, dicom(PIXELS, StudyDate="not-a-date", PatientID="4711" * 40))
    assert "Doe" not in caplog.text
    assert "4711" not in caplog.text


def folder_of_images(folder: Path, rows: int = 40) -> None:
    rng = np.random.default_rng(0)
    for name in ("north", "south", "west"):
        (folder / name).mkdir()
        lines = ["patient,scan,readmitted"]
        for row in range(rows):
            (folder / name / f"{row}.png").write_bytes(png(rng.integers(0, 255, (4, 6)).astype(np.uint8)))
            lines.append(f"p{row},{row}.png,{row % 2}")
        (folder / name / "labels.csv").write_text("\n".join(lines) + "\n")


def test_a_folder_of_images_with_a_label_table_is_a_hospital(make_study: Callable[..., Study], tmp_path: Path) -> None:
    folder_of_images(tmp_path)
    hospitals = [{"name": name, "path": f"{name}/labels.csv"} for name in ("north", "south", "west")]
    columns = [GREY.model_dump(mode="json", exclude_none=True)]
    study = make_study(columns=columns, hospitals=hospitals)
    found = load_hospitals(study, None, tmp_path)
    assert [h.table["scan"].dtype for h in found] == [pl.Array(pl.UInt8, 24)] * 3
    (tmp_path / "south" / "7.png").write_bytes(b"")
    (tmp_path / "south" / "9.png").unlink()
    with pytest.raises(DataError) as caught:
        load_hospitals(study, None, tmp_path)
    assert len(caught.value.problems) == 2
    assert "7.png" not in caught.value.logged
    lenient = make_study(columns=columns, hospitals=hospitals, unreadable_images="leave out")
    south = load_hospitals(lenient, None, tmp_path)[1]
    assert south.table.height == 38
    assert south.assumed == ("2 row(s) without a readable image in column 'scan' are left out",)
    raw, converted = load_table_for_prediction(tmp_path / "north" / "labels.csv", study.columns)
    assert converted.table["scan"].to_numpy().shape == (40, 24)
    assert raw.table["patient"].to_list()[:2] == ["p0", "p1"]


def test_without_the_extra_the_way_to_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "t.csv").write_text("scan\na.png\n")
    with pytest.raises(DataError, match="needs Pillow") as caught:
        pictures.with_images(read_table(tmp_path / "t.csv"), (GREY,))
    assert "cipherward[images]" in caught.value.hint
