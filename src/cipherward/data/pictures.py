"""Image files that a table names, read into an image column: PNG and JPEG through Pillow, DICOM through pydicom.

Files are the hospital's own, and yet nothing in them is trusted: bytes and pixels are bounded before anything is unpacked. What
is said of a file names its row, never its name or a header: both may tell who the patient is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import arrays
from cipherward.data.problems import Problem
from cipherward.data.tables import RawTable
from cipherward.data.values import is_missing
from cipherward.errors import DataError
from cipherward.study import Column

MOST_BYTES = 64 * 2**20
MOST_PIXELS = 1 << 25
"""Of one file: 33 million pixels, as of 5,792 x 5,792."""
SETTING, LEAVE_OUT = "unreadable_images", "leave out"
"""In `[data]`: rows without a readable image are not used, and counted."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_INSTALL = 'pip install "cipherward[images]"'


class UnreadableError(Exception):
    """Why a file is no image of the column; the words name nothing of it but sizes and kinds."""


def with_images(raw: RawTable, columns: Sequence[Column], unreadable: str = "") -> tuple[RawTable, list[Problem]]:
    """The table with the images in place of the names of their files, and what is wrong with them.

    A path starts at the table's folder. A column that holds images already, or is not there, stays.

    Args:
        unreadable: `LEAVE_OUT`, or nothing: each is a problem.

    Raises:
        DataError: Pillow or pydicom is wanted and not installed.
    """
    problems: list[Problem] = []
    for column in columns:
        if column.kind != "image" or raw.table.schema.get(column.name) != pl.String:
            continue
        raw, found = _read_all(raw, column, unreadable == LEAVE_OUT)
        problems += found
    return raw, problems


def _read_all(raw: RawTable, column: Column, leave_out: bool) -> tuple[RawTable, list[Problem]]:
    if raw.folder is None:
        said = f"column {column.name!r} names image files, but the table is no file in a folder"
        return raw, [Problem(f"{said}; give a table file beside the images", said)]
    values = np.zeros((raw.table.height, column.size), dtype=np.float32)
    wrong: dict[str, list[int]] = {}
    whole = True
    for row, name in enumerate(raw.table[column.name].to_list()):
        try:
            values[row] = _read(raw.folder, name, column)
            whole = whole and bool((values[row] == np.floor(values[row])).all())
        except UnreadableError as error:
            wrong.setdefault(str(error), []).append(row)
    is_byte = whole and values.min(initial=0.0) >= 0 and values.max(initial=0.0) <= 255
    kind = pl.UInt8 if is_byte else pl.Float32
    typed = values.astype(np.uint8) if is_byte else values
    loaded = pl.Series(column.name, typed, dtype=pl.Array(kind, column.size))
    found = dataclasses.replace(raw, table=raw.table.with_columns(loaded))
    if not wrong:
        return found, []
    bad = np.zeros(raw.table.height, bool)
    problems = []
    for text, places in wrong.items():
        these = np.zeros(raw.table.height, bool)
        these[places] = True
        bad |= these
        problems.append(arrays.problem(column.name, raw.rows, these, text))
    if not leave_out:
        return found, problems
    kept = found.where(pl.Series(~bad))
    said = f"{int(bad.sum())} row(s) without a readable image in column {column.name!r} are left out"
    return dataclasses.replace(kept, assumed=(*kept.assumed, said)), []


def _read(folder: Path, name: str | None, column: Column) -> NDArray[np.float32]:
    """float32[size]: one file's pixels, channels first."""
    if name is None or is_missing(name):
        raise UnreadableError("no image is named")
    path = folder / name
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise UnreadableError(f"the image file cannot be read: {reason}") from None
    if len(content) > MOST_BYTES:
        raise UnreadableError(f"the image file has more than {MOST_BYTES >> 20} MiB")
    if content.startswith((_PNG, _JPEG)):
        pixels = _picture(content, column)
    elif content[128:132] == b"DICM":
        pixels = _dicom(content, column)
    else:
        raise UnreadableError("the file is no PNG, JPEG or DICOM image" if content else "the image file is empty")
    return np.ascontiguousarray(_fitted(pixels, column).transpose(2, 0, 1), dtype=np.float32).reshape(-1)


def _picture(content: bytes, column: Column) -> NDArray[np.float32]:
    """float32[height, width, channels] of a PNG or JPEG, turned as its EXIF orientation says."""
    image_module, ops = _pillow()
    with _quiet():
        try:
            with image_module.open(io.BytesIO(content), formats=("PNG", "JPEG")) as opened:
                _check_pixels(opened.height, opened.width)
                opened.load()
                image = ops.exif_transpose(opened)
        except UnreadableError:
            raise
        except Exception as error:  # of many kinds, for each way in which a file can be damaged
            raise UnreadableError(f"the image is damaged or cut short ({type(error).__name__})") from None
    if image.mode == "P" and "transparency" not in image.info:
        image = image.convert("RGB")
    modes = ("L", "1", "I;16", "I;16L", "I;16B", "I") if column.shape[0] == 1 else ("RGB",)
    if image.mode not in modes:
        wanted = "grey" if column.shape[0] == 1 else "red, green and blue without transparency"
        raise UnreadableError(f"the image has the colours {image.mode}, and the study asks for {wanted}")
    image = image.convert("L") if image.mode == "1" else image
    values = np.asarray(image, dtype=np.float32)
    return values.reshape(*values.shape[:2], column.shape[0])


def _dicom(content: bytes, column: Column) -> NDArray[np.float32]:
    """float32[height, width, channels] of an uncompressed DICOM file with one frame: the rescaled values; MONOCHROME1 inverted."""
    pydicom = _pydicom()
    with _quiet():
        try:
            found = pydicom.dcmread(io.BytesIO(content))
            height, width, frames = int(found.Rows), int(found.Columns), int(found.get("NumberOfFrames") or 1)
            colours = str(found.PhotometricInterpretation)
            _check_pixels(height, width)
            if frames != 1:
                raise UnreadableError(f"the DICOM file has {frames} frames; one is wanted")
            if found.file_meta.TransferSyntaxUID.is_compressed:
                raise UnreadableError("the DICOM pixels are compressed; write the file with uncompressed pixels")
            if colours not in (("RGB",) if column.shape[0] == 3 else ("MONOCHROME1", "MONOCHROME2")):
                raise UnreadableError(f"the DICOM image has the colours {colours}, and the study asks for another kind")
            values = np.asarray(found.pixel_array, dtype=np.float64).reshape(height, width, column.shape[0])
            if column.shape[0] == 1:
                values = values * float(found.get("RescaleSlope", 1.0)) + float(found.get("RescaleIntercept", 0.0))
                values = _shown(values, found, colours, column)
        except UnreadableError:
            raise
        except Exception as error:
            raise UnreadableError(
                f"the DICOM file is damaged, cut short or without pixels ({type(error).__name__})"
            ) from None
    if not np.isfinite(values).all():
        raise UnreadableError("the image holds pixels that are not numbers")
    return values.astype(np.float32)


def _shown(values: NDArray[np.float64], found: Any, colours: str, column: Column) -> NDArray[np.float64]:
    """What a screen would show, in the column's range: DICOM PS3.3, C.11.2.1.2 (linear window) and C.7.6.3.1.2 (MONOCHROME1)."""
    low, high = float(column.minimum or 0.0), float(column.maximum or 0.0)
    if column.window == "file":
        if "WindowCenter" not in found or "WindowWidth" not in found:
            raise UnreadableError("the DICOM file names no window")
        centre, width = (_first(found[name].value) for name in ("WindowCenter", "WindowWidth"))
        if not width > 1.0:
            raise UnreadableError("the DICOM file names a window without width")
        values = np.clip((values - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0) * (high - low) + low
    return low + high - np.clip(values, low, high) if colours == "MONOCHROME1" else values


def _first(value: Any) -> float:
    return float(value[0]) if isinstance(value, Sequence) or hasattr(value, "__getitem__") else float(value)


def _fitted(pixels: NDArray[np.float32], column: Column) -> NDArray[np.float32]:
    """float32[height, width, channels] of the declared size."""
    _, height, width = column.shape
    if pixels.shape[:2] == (height, width):
        return pixels
    if column.fit != "stretch":
        size = f"{pixels.shape[0]} x {pixels.shape[1]}"
        raise UnreadableError(f"the image is {size} (height x width), not {height} x {width}")
    image_module, _ = _pillow()
    layers = [image_module.fromarray(np.ascontiguousarray(pixels[:, :, k])) for k in range(pixels.shape[2])]
    bilinear = image_module.Resampling.BILINEAR
    return np.stack([np.asarray(layer.resize((width, height), bilinear)) for layer in layers], axis=2)


def _check_pixels(height: int, width: int) -> None:
    if height < 1 or width < 1 or height * width > MOST_PIXELS:
        raise UnreadableError(f"the image has {height} x {width} pixels; at most {MOST_PIXELS:,} are read")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Libraries warn of, and log, what stands in a header: names of patients are among it."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "PIL")]
    before = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise DataError("reading PNG and JPEG images needs Pillow, which is not installed", hint=_INSTALL) from None
    return Image, ImageOps


def _pydicom() -> Any:
    try:
        import pydicom
    except ImportError:
        raise DataError("reading DICOM images needs pydicom, which is not installed", hint=_INSTALL) from None
    return pydicom
