"""Files that are too large, cut off, animated, or not what they seem, in every format."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from support.medical import write_dicom, write_nifti
from support.pictures import random_pixels

from datamodules.files.formats import packages
from datamodules.files.formats.common import MAX_PIXELS, ImageError, check_size
from datamodules.files.readers import read_header, read_image


def png_that_claims(path: Path, side: int, bits: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, bits, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def npy_that_claims(path: Path, side: int) -> None:
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (side, side)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + side * side)  # a file with a hole, which takes no space


@pytest.mark.parametrize("bits", [8, 16])
def test_decompression_bombs_are_refused(tmp_path: Path, bits: int) -> None:
    png_that_claims(tmp_path / "bomb.png", 20_000, bits)
    for read in (read_image, read_header):
        with pytest.raises(ImageError, match=r"bomb\.png.*178 million pixels.*decompression bomb"):
            read(tmp_path / "bomb.png")


def test_arrays_that_are_too_large_are_refused(tmp_path: Path) -> None:
    npy_that_claims(tmp_path / "a.npy", 14_000)
    with pytest.raises(ImageError, match=r"a\.npy: 14000x14000 pixels with 1 channels are more than"):
        read_image(tmp_path / "a.npy")


def test_ten_thousand_by_ten_thousand_is_no_bomb() -> None:
    check_size(Path("a.tif"), 10_000, 10_000, 3)
    with pytest.raises(ImageError, match="decompression bomb"):
        check_size(Path("a.tif"), 1000, MAX_PIXELS // 1000, 5)


def as_npy(path: Path, pixels: Any) -> None:
    np.save(path, pixels)


@pytest.mark.parametrize(
    ("name", "write"),
    [("a.npy", as_npy), ("a.dcm", write_dicom), ("a.nii", write_nifti), ("a.nii.gz", write_nifti)],
)
def test_truncated_files_are_named(tmp_path: Path, name: str, write: Callable[[Path, Any], object]) -> None:
    path = tmp_path / name
    write(path, random_pixels(60, 60, 1).squeeze())
    assert read_image(path).shape == (60, 60, 1)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=rf"{name}: the image is damaged.*on_bad_image: skip"):
        read_image(path)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.gif", "a.avif"])
def test_of_an_animation_the_first_picture_is_read(tmp_path: Path, name: str) -> None:
    first, second = (Image.new("RGB", (9, 6), colour) for colour in ("red", "blue"))
    first.save(tmp_path / name, save_all=True, append_images=[second], lossless=True)
    with Image.open(tmp_path / name) as animation:
        assert getattr(animation, "n_frames", 1) == 2
    loss = 2 if name == "a.avif" else 0
    red = np.broadcast_to([255, 0, 0], (6, 9, 3))
    np.testing.assert_allclose(read_image(tmp_path / name, 3), red, rtol=0, atol=loss)
    assert read_header(tmp_path / name) == (6, 9, 3)


def test_gif_under_another_name_is_refused(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.gif")
    (tmp_path / "a.gif").rename(tmp_path / "a.png")
    with pytest.raises(ImageError, match="holds a GIF image"):
        read_image(tmp_path / "a.png")


def test_arrays_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[print]]), allow_pickle=True)
    with pytest.raises(ImageError, match=r"a\.npy"):
        read_image(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4, 5), (0, 4)])
def test_arrays_that_are_no_image_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.float32))
    with pytest.raises(ImageError, match="is no image: height x width"):
        read_image(tmp_path / "a.npy")


def test_volumes_and_frames_are_to_be_cut(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", random_pixels(4, 5, 6))
    with pytest.raises(ImageError, match=r"volume of 4x5x6.*--data.slices axial"):
        read_header(tmp_path / "a.nii")
    import pydicom

    data = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", random_pixels(4, 5, 1).squeeze()))
    data.NumberOfFrames = 3
    data.save_as(tmp_path / "a.dcm")
    with pytest.raises(ImageError, match=r"of 3 frames.*--data.slices k"):
        read_image(tmp_path / "a.dcm")


@pytest.mark.parametrize(("name", "package"), [("a.dcm", "pydicom"), ("a.nii", "nibabel")])
def test_a_missing_package_is_said(
    tmp_path: Path, name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (write_dicom if package == "pydicom" else write_nifti)(tmp_path / name, random_pixels(4, 5, 1).squeeze())

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(packages, "import_module", missing)
    with pytest.raises(ImageError, match=rf"{name}: {package}.*pip install {package}.*gans\[medical\]"):
        read_image(tmp_path / name)


def test_pages_of_a_tiff_are_channels(tmp_path: Path) -> None:
    pixels = random_pixels(6, 9, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tifffile.imwrite(tmp_path / "a.tif", pixels.transpose(2, 0, 1), photometric="minisblack")
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pixels)
