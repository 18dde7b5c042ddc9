"""Our reader against Pillow, pydicom, tifffile and nibabel, over every image file that three wheels ship.

Each file is either read as the other library reads it, or refused for a reason that stands in `REFUSED`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import skimage
import tifffile
from PIL import Image, ImageOps
from pydicom.pixels.processing import apply_rescale
from support.pictures import Array
from torchvision.io import ImageReadMode, decode_image

from datamodules.files.readers import ImageError, format_of, read_header, read_image
from datamodules.files.value_range import ValueRange

SHIPPED = {
    "pydicom": Path(pydicom.__file__).parent / "data",
    "nibabel": Path(nibabel.__file__).parent,
    "skimage": Path(skimage.__file__).parent,
}
NO_IMAGE, PYDICOM_NEEDS_MORE = "a DICOM file without an image", "which pydicom does not decode by itself"
NO_PREAMBLE, FRAMES = "holds no image", "DICOM file of .* frames"
REFUSED = {  # name -> what the message says
    "DICOMDIR*": NO_IMAGE,
    "IM0000*": NO_IMAGE,  # headers without rows
    "chrJapMulti*.dcm": NO_IMAGE,  # without pixel data, as the next two
    "chrKoreanMulti.dcm": NO_IMAGE,
    "csa_slice_norm.dcm": NO_IMAGE,
    "chrSQEncoding*.dcm": NO_IMAGE,
    "data/palettes/*.dcm": NO_IMAGE,
    "reportsi*.dcm": NO_IMAGE,
    "test-SR.dcm": NO_IMAGE,
    "rtplan*.dcm": NO_IMAGE,
    "waveform_ecg.dcm": NO_IMAGE,
    "*priv_SQ.dcm": NO_IMAGE,
    "UN_sequence.dcm": NO_IMAGE,
    "empty_charset_LEI.dcm": NO_IMAGE,
    "meta_missing_tsyntax.dcm": NO_IMAGE,
    "no_meta_group_length.dcm": NO_IMAGE,
    "no_meta.dcm": NO_PREAMBLE,
    "ExplVR_*NoMeta.dcm": NO_PREAMBLE,
    "rtstruct.dcm": NO_PREAMBLE,
    "SC_rgb_rle*_2frame.dcm": FRAMES,
    "examples_ybr_color.dcm": FRAMES,
    "rtdose.dcm": FRAMES,
    "rtdose_expb.dcm": FRAMES,
    "rtdose_rle.dcm": FRAMES,
    "JPEGLS*.dcm": PYDICOM_NEEDS_MORE,
    "MR_small_jpeg_ls_lossless.dcm": PYDICOM_NEEDS_MORE,
    "SC_rgb_jls_lossy_*.dcm": PYDICOM_NEEDS_MORE,
    "SC_rgb_jpeg_gdcm.dcm": PYDICOM_NEEDS_MORE,
    "JPGExtended.dcm": PYDICOM_NEEDS_MORE,
    "JPEG-lossy.dcm": PYDICOM_NEEDS_MORE,
    "GDCMJ2K_TextGBR.dcm": PYDICOM_NEEDS_MORE,
    "JPEG2000-embedded-sequence-delimiter.dcm": PYDICOM_NEEDS_MORE,
    "MR_truncated.dcm": "damaged or truncated",
    "badVR.dcm": "damaged or truncated",
    "examples_palette.dcm": "DICOM with a palette",
    "*.nii": "a NIfTI volume|Cifti2Image",  # each slice of them is compared below
    "*.nii.gz": "a NIfTI volume",
    "multipage_rgb.tif": "several colour images",
}


def shipped() -> Iterator[tuple[str, Path]]:
    """Yield every image file, by library and path within it; DICOM is known by its content too."""
    for library, folder in SHIPPED.items():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and (format_of(path) or path.read_bytes()[128:132] == b"DICM"):
                yield f"{library}/{path.relative_to(folder.parent).as_posix()}", path


FILES = dict(shipped())


def refusal(name: str) -> str | None:
    return next((why for pattern, why in REFUSED.items() if fnmatch(name, f"*/{pattern}")), None)


def on_white(image: Image.Image) -> Array:
    """Return what Pillow shows of an image on white paper."""
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        grey = image.mode in ("L", "LA")
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert(
            "L" if grey else "RGB"
        )
    return np.asarray(image.convert("L") if image.mode in ("1", "L") else image.convert("RGB"))


def by_other_library(path: Path) -> tuple[Array, tuple[float, float]]:
    """Return the values of a file, and which are black and white by their type."""
    kind = format_of(path)
    if kind == "DICOM":
        data = pydicom.dcmread(path)
        low, high = (-(2 ** (data.BitsStored - 1)), 2 ** (data.BitsStored - 1) - 1)
        if not data.PixelRepresentation:
            low, high = 0, 2**data.BitsStored - 1
        ends = apply_rescale(np.array([low, high], float), data)
        return apply_rescale(data.pixel_array, data), (float(ends.min()), float(ends.max()))
    if kind == "NumPy":
        values = np.load(path)
        return values, (0, 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max)
    if kind == "TIFF":
        return np.moveaxis(tifffile.imread(path), 0, -1), (0, 255)  # pages are channels
    if path.name == "chessboard_RGB.png":  # 16 bit, which Pillow cuts to 8
        return decode_image(str(path), ImageReadMode.UNCHANGED).permute(1, 2, 0).numpy(), (0, 65535)
    with Image.open(path) as image:
        return on_white(image), (0, 255)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_files_are_read_as_others_read_them(tmp_path: Path, name: str) -> None:
    path = FILES[name]
    if format_of(path) is None:
        path = tmp_path / f"{path.name}.dcm"
        path.write_bytes(FILES[name].read_bytes())
    why = refusal(name)
    if why:
        with pytest.raises(ImageError, match=f"^{re.escape(str(path))}: .*({why})"):
            read_image(path)
        return
    values, whole = by_other_library(path)
    negative = format_of(path) == "DICOM" and pydicom.dcmread(path).PhotometricInterpretation == "MONOCHROME1"
    value_range = ValueRange(window=whole)
    unit: Array = read_image(path, value_range=value_range).astype(np.float64)
    if list(whole) == [0, 255]:
        unit = unit / 127.5 - 1
    assert read_header(path) == unit.shape
    expected = np.clip((values.astype(np.float64) - whole[0]) / (whole[1] - whole[0]) * 2 - 1, -1, 1)
    expected = -expected if negative else expected
    rounding = 2 / 255 if path.suffix == ".png" and Image.open(path).has_transparency_data else 1e-6
    np.testing.assert_allclose(unit, expected.reshape(unit.shape), rtol=0, atol=rounding)


def test_every_reason_is_needed() -> None:
    unused = [pattern for pattern in REFUSED if not any(fnmatch(name, f"*/{pattern}") for name in FILES)]
    assert not unused
    assert len(FILES) > 150


VOLUMES = [name for name in FILES if format_of(FILES[name]) == "NIfTI" and not name.endswith("dconn.nii")]


@pytest.mark.parametrize("name", VOLUMES)
def test_slices_of_volumes_are_those_of_nibabel(tmp_path: Path, name: str) -> None:
    volume: Any = nibabel.load(FILES[name])
    for level in (0, volume.shape[2] // 2, volume.shape[2] - 1):
        first = (slice(0, 1),) * (volume.ndim - 3)
        part = volume.slicer[(slice(None), slice(None), slice(level, level + 1), *first)]
        path = tmp_path / f"{level}.nii.gz"
        part.to_filename(path)
        given = np.asarray(nibabel.load(path).dataobj)  # type: ignore[attr-defined]
        if np.isnan(given).any():
            with pytest.raises(ImageError, match="some values are NaN"):
                read_image(path)
            continue
        low, high = float(given.min()), float(given.max()) + 1
        unit = read_image(path, value_range=ValueRange(window=(low, high)))
        expected = (given.reshape(given.shape[:2]).T.astype(np.float64) - low) / (high - low) * 2 - 1
        np.testing.assert_allclose(unit[:, :, 0], expected, rtol=0, atol=1e-6)


def test_a_preamble_like_a_tiff_does_not_mislead() -> None:
    """pydicom's own sample is what the issue was about: its first bytes are those of a TIFF."""
    assert FILES["pydicom/data/test_files/CT_small.dcm"].read_bytes()[:4] == b"II*\0"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_header(FILES["pydicom/data/test_files/CT_small.dcm"]) == (128, 128, 1)
