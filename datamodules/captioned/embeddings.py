"""Embeddings of captions that any model has computed beforehand, stored beside the images and read lazily.

Two files belong together. `NAME.npy` is an array (captions, size) of float32 or float16, which is mapped into
memory and never read as a whole. `NAME.jsonl` is a table of captions (see `captioned.tables`) whose n-th
row says which caption of which image the n-th row of the array is, so that neither order nor number
matters and an embedding of another text is never taken by mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from datamodules.captioned.tables import read_table
from datamodules.progress import progress_bar
from datamodules.tables import entry_of

Embed = Callable[[list[str]], Any]
"""Makes of M texts a tensor or an array (M, size)."""


class StoredEmbeddings:
    """Embeddings of captions in a file; the array is opened when a row is first asked for.

    Attributes:
        size: numbers in an embedding.

    Args:
        path: of the `.npy` file.

    Raises:
        FileNotFoundError: one of the two files is missing.
        ValueError: they are malformed or do not belong together.
    """

    def __init__(self, path: Path) -> None:
        self.path, index = path, path.with_suffix(".jsonl")
        for file in (path, index):
            if not file.is_file():
                raise FileNotFoundError(
                    f"embeddings: {file} does not exist. CaptionedImages(...).write_embeddings(path, embed) "
                    "makes it; docs/text_to_image.md says how."
                )
        rows = read_table(index)
        shape = self._open().shape
        if len(shape) != 2 or shape[0] != len(rows):
            raise ValueError(
                f"embeddings: {path} has shape {shape}, and {index} has {len(rows)} captions: expected is "
                "one row for each caption. Make both anew."
            )
        self.size = int(shape[1])
        self._places = {(entry_of(row.image), row.caption): place for place, row in enumerate(rows)}

    def _open(self) -> npt.NDArray[np.floating[Any]]:
        try:
            opened: npt.NDArray[np.floating[Any]] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise ValueError(f"embeddings: {self.path} is no array of numpy: {error}") from error
        return opened

    @cached_property
    def _array(self) -> npt.NDArray[np.floating[Any]]:
        return self._open()

    def __call__(self, images: Sequence[str], captions: Sequence[str]) -> Tensor:
        """Return the embeddings (N, size) of N captions of images in float32.

        Raises:
            ValueError: a caption has none, or one with values that are no numbers.
        """
        rows = [self._place(image, caption) for image, caption in zip(images, captions, strict=True)]
        found = torch.from_numpy(np.asarray(self._array[rows], np.float32)).view(len(rows), self.size)
        if not found.isfinite().all():
            bad = int((~found.isfinite().all(1)).nonzero()[0])
            raise ValueError(f"embeddings: {self.path} row {rows[bad]} has values that are no numbers.")
        return found

    def _place(self, image: str, caption: str) -> int:
        place = self._places.get((entry_of(image), caption))
        if place is None:
            raise ValueError(
                f"embeddings: {self.path} has none of the caption {caption!r} of {image}: it was made for "
                "other captions. Make it anew."
            )
        return place


def write_embeddings(
    path: Path, captions: Mapping[str, Sequence[str]], embed: Embed, batch_size: int = 256
) -> None:
    """Embed captions and store them, so that `StoredEmbeddings` finds each by its image and text.

    Args:
        path: of the `.npy` file; the `.jsonl` file is written beside it.
        captions: name of every image -> its captions.
        embed: any model: M texts -> (M, size).
        batch_size: largest M.

    Raises:
        ValueError: the path has another suffix, or the model's answer another shape.
    """
    if path.suffix != ".npy":
        raise ValueError(f"embeddings: {path} must end in .npy.")
    pairs = [(image, caption) for image, texts in captions.items() for caption in texts]
    parts = []
    with progress_bar(f"Embedding {path.name}", len(pairs)) as advance:
        for start in range(0, len(pairs), batch_size):
            texts = [caption for _, caption in pairs[start : start + batch_size]]
            part = torch.as_tensor(embed(texts)).detach().float().cpu().numpy()
            if part.ndim != 2 or len(part) != len(texts):
                raise ValueError(
                    f"embed made {part.shape} of {len(texts)} texts: expected is one row for each."
                )
            parts.append(part)
            for _ in texts:
                advance()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.concatenate(parts))
    lines = [dumps({"image": image, "caption": caption}, ensure_ascii=False) for image, caption in pairs]
    path.with_suffix(".jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
