"""DICOM slices: values after the rescale slope and intercept, in Hounsfield units for CT, least as black."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datamodules.files.formats.common import Array, Bounds, Decoded, ImageError, Stored, check_size
from datamodules.files.formats.packages import needed

_DESCRIPTION = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation")


def rescale(data: Any) -> tuple[float, float]:
    """Return slope and intercept that turn stored numbers into their units."""
    return float(data.get("RescaleSlope", None) or 1), float(data.get("RescaleIntercept", None) or 0)


def stored_range(data: Any) -> tuple[int, int]:
    """Return the least and the greatest number that the bits stored of a pixel hold."""
    bits = int(data.BitsStored)
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if data.PixelRepresentation else (0, 2**bits - 1)


def described(data: Any, *scales: tuple[float, float]) -> tuple[np.dtype[Any], Bounds | None]:
    """Return the type of values in their units, and the range of all bits stored.

    Of signed numbers only a small part is ever used: there is no such range.

    Args:
        data: a data set with the description of its pixels.
        scales: slopes and intercepts of its frames.
    """
    eight_bit = data.BitsAllocated == 8 and set(scales) == {(1, 0)} and not data.PixelRepresentation
    kind = np.dtype(np.uint8 if eight_bit else np.float64)
    if data.PixelRepresentation:
        return kind, None
    ends = [value * slope + intercept for value in stored_range(data) for slope, intercept in scales]
    return kind, (min(ends), max(ends))


def negative(pixels: Array, data: Any) -> Array:
    """Return stored numbers with the least one as black, or turn those back into how they are stored.

    MONOCHROME1 stores the negative. It is turned within the bits stored, before slope and intercept, so that
    a range of values means the same for it as for every other file.
    """
    if data.PhotometricInterpretation != "MONOCHROME1":
        return pixels
    return sum(stored_range(data)) - pixels.astype(np.int64)


def check(path: Path, data: Any, *, frames: bool = False) -> None:
    """Refuse what is not read.

    Args:
        path: of the file.
        data: its header.
        frames: whether several frames are.

    Raises:
        ImageError: says what is not read, and what to do.
    """
    missing = [name for name in _DESCRIPTION if name not in data]
    if missing:
        raise _no_image(path, data, missing[0])
    if "BitsStored" not in data:
        raise ImageError(f"{path}: DICOM of floating point numbers is not read. Store it as TIFF or NIfTI.")
    if frames_of(data) > 1 and not frames:
        raise ImageError(
            f"{path}: a DICOM file of {data.NumberOfFrames} frames. If these are slices: --data.slices k."
        )
    if data.PhotometricInterpretation == "PALETTE COLOR":
        raise ImageError(f"{path}: DICOM with a palette is not read. Convert it to RGB or to grey.")
    if "ModalityLUTSequence" in data:
        raise ImageError(
            f"{path}: DICOM with a table of values (Modality LUT) is not read. Apply it and store that."
        )


def frames_of(data: Any) -> int:
    """Return the number of frames."""
    return int(data.get("NumberOfFrames", None) or 1)


def _no_image(path: Path, data: Any, missing: str) -> ImageError:
    kind = data.get("SOPClassUID", None)
    return ImageError(
        f"{path}: a DICOM file without an image ({kind.name if kind else 'of no class'}; no {missing}). "
        "Remove it, or leave such files out with on_bad_image: skip."
    )


def _describe(data: Any) -> Stored:
    kind, whole = described(data, rescale(data))
    return Stored(int(data.Rows), int(data.Columns), int(data.SamplesPerPixel), kind, whole)


def describe(path: Path) -> Stored:
    """Read the header."""
    data = needed("pydicom", path).dcmread(path, stop_before_pixels=True)
    check(path, data)
    return _describe(data)


def decode(path: Path) -> Decoded:
    """Decode one slice; colours become RGB.

    Raises:
        ImageError: several frames, a palette, or a compression that needs another package.
    """
    pydicom = needed("pydicom", path)
    data = pydicom.dcmread(path)
    check(path, data)
    stored = _describe(data)
    check_size(path, stored.height, stored.width, stored.channels)
    slope, intercept = rescale(data)
    values = (stored_pixels(path, data) * slope + intercept).astype(stored.dtype)
    return Decoded(values.reshape(stored.height, stored.width, stored.channels), stored.whole)


def stored_pixels(path: Path, data: Any) -> Array:
    """Decode the pixels of all frames as stored, with the least as black; colours become RGB.

    Raises:
        ImageError: there are none, or their compression needs another package.
    """
    if "PixelData" not in data:
        raise _no_image(path, data, "PixelData")
    try:
        return negative(data.pixel_array, data)
    except (RuntimeError, NotImplementedError) as error:  # pydicom's "no handler for this compression"
        if not data.file_meta.TransferSyntaxUID.is_compressed:
            raise
        reason = " ".join(str(error).split())
        raise ImageError(
            f"{path}: compressed as {data.file_meta.TransferSyntaxUID.name}, which pydicom does not decode "
            f"by itself: pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg ({reason})"
        ) from error


def encode(values: Array, source: Path, file: BinaryIO) -> None:
    """Write (H, W, C) with the header of the source, uncompressed, into an open file.

    It is an instance of its own, in a series of its own, that says it is derived: unique identifiers are
    functions of those of the source.
    """
    pydicom = needed("pydicom", source)
    data = pydicom.dcmread(source)
    slope, intercept = rescale(data)
    _fit_geometry(data, *values.shape[:2])
    save_derived(values.astype(np.float64), slope, intercept, data, file)


def save_derived(
    values: Array, slope: float | Array, intercept: float | Array, data: Any, file: BinaryIO
) -> None:
    """Write values in their units, of one or several frames, with the header that they were read with.

    Args:
        values: ([frames,] H, W, C) of float64.
        slope: of the units, or one for each frame.
        intercept: likewise.
        data: the data set that they are derived from, which is changed.
        file: to write to.
    """
    from pydicom.uid import generate_uid

    low, high = stored_range(data)
    dtype = f"{'i' if data.PixelRepresentation else 'u'}{max(data.BitsAllocated // 8, 1)}"
    pixels = negative(np.rint((values - intercept) / slope).clip(low, high), data).astype(dtype)
    interpretation = data.PhotometricInterpretation if pixels.shape[-1] == 1 else "RGB"
    if pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    data.set_pixel_data(pixels, interpretation, int(data.BitsStored), generate_instance_uid=False)
    for name in ("SOPInstanceUID", "SeriesInstanceUID"):
        if name in data:
            setattr(data, name, generate_uid(entropy_srcs=[str(data[name].value), "gans"]))
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.ImageType = ["DERIVED", "SECONDARY", *list(data.get("ImageType", None) or [])[2:]]
    data.save_as(file, enforce_file_format=True)


def _fit_geometry(data: Any, height: int, width: int) -> None:
    """Keep the place in the body where the number of pixels has changed."""
    if "PixelSpacing" not in data or (height, width) == (data.Rows, data.Columns):
        return
    spacing = np.array(data.PixelSpacing, float)  # between rows, between columns
    scaled = spacing * [data.Rows / height, data.Columns / width]
    data.PixelSpacing = [f"{value:.10g}" for value in scaled]
    if "ImagePositionPatient" in data and "ImageOrientationPatient" in data:
        along_row, along_column = np.array(data.ImageOrientationPatient, float).reshape(2, 3)
        down, right = (scaled - spacing) / 2  # from the centre of the old first pixel to that of the new one
        position = np.array(data.ImagePositionPatient, float) + along_row * right + along_column * down
        data.ImagePositionPatient = [f"{value:.10g}" for value in position]
