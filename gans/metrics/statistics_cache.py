"""Features of real images are computed once: they are the same in every epoch and in every run."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gans.files import cache_folder, written_whole
from gans.metrics.features import FeatureExtractor, to_pixels

KEY_BYTES = 16


class RealFeatures:
    """Features of one set of real images, remembered in memory for this process and on disk for the next.

    Every row is looked up by a hash of the 8-bit image that the network sees, its size included, so a changed
    image, resolution or selection is never answered with an old row: the worst a stale file can cost is time.
    A file is named after the extractor and the first image of the set.

    Args:
        extractor: what computes a row that is not known.
        folder: where files are kept; by default `features` in the cache folder.
    """

    def __init__(self, extractor: FeatureExtractor, folder: Path | None = None) -> None:
        self._extractor = extractor
        self._folder = folder or cache_folder() / "features"
        self._rows: dict[bytes, Tensor] = {}
        self._used: dict[bytes, Tensor] = {}
        self._file: Path | None = None
        self._has_new_rows = False
        self._written = False

    def __call__(self, images: Tensor) -> tuple[Tensor, list[bytes]]:
        """Return the features (N, D), on the CPU, and keys of images (N > 0, 1 or 3, H, W) in [-1, 1]."""
        pixels = to_pixels(images)
        keys = content_keys(pixels)
        if self._file is None:
            self._file = self._folder / f"{self._extractor.fingerprint}-{keys[0].hex()}.npz"
            self._rows = self._read(self._file)
        unknown = [i for i, key in enumerate(keys) if key not in self._rows]
        if unknown:
            features = self._extractor.of_pixels(pixels[unknown]).cpu()
            self._rows.update(zip([keys[i] for i in unknown], features, strict=True))
            self._has_new_rows = True
        self._used.update((key, self._rows[key]) for key in keys)
        return torch.stack([self._rows[key] for key in keys]), keys

    def finish(self) -> None:
        """End one pass over the set: forget images that were not in it, and write the rest if any were new.

        The file is written once per object: a set that differs in every pass would be written for nothing. A
        disk that cannot be written costs a warning, and the next run computes the rows again.
        """
        if self._file is None or not self._used:
            return
        self._rows, self._used = self._used, {}
        if self._has_new_rows and not self._written:
            self._write(self._file)
            self._written = True

    def _write(self, path: Path) -> None:
        keys = np.frombuffer(b"".join(self._rows), dtype=np.uint8).reshape(-1, KEY_BYTES)
        features = torch.stack(list(self._rows.values())).numpy()
        try:
            with written_whole(path) as file:
                np.savez(file, keys=keys, features=features)
        except OSError as error:
            warnings.warn(f"Could not keep the features of the real images in {path}: {error}", stacklevel=2)

    def _read(self, path: Path) -> dict[bytes, Tensor]:
        """Return the rows in a file; none if it is absent or damaged, which computing them again repairs."""
        try:
            with np.load(path, allow_pickle=False) as content:
                keys, features = content["keys"], torch.from_numpy(content["features"])
            if features.shape != (len(keys), self._extractor.dimension) or features.dtype != torch.float32:
                return {}
            return {key.tobytes(): row for key, row in zip(keys, features, strict=True)}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return {}


def content_keys(pixels: Tensor) -> list[bytes]:
    """Return one hash of 16 bytes per uint8 image (N, C, H, W), its size included."""
    size = str(tuple(pixels.shape[1:])).encode()
    return [
        hashlib.blake2b(image.tobytes(), digest_size=KEY_BYTES, key=size).digest()
        for image in pixels.cpu().numpy()
    ]
