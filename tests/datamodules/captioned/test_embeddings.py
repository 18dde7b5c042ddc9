from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from support.captioned import FACES, epoch, write_plain

from datamodules import CaptionedImages
from datamodules.captioned.embeddings import StoredEmbeddings, write_embeddings


def lengths(texts: list[str]) -> npt.NDArray[np.float64]:
    """Embed texts in a way that can be told again."""
    return np.array([[len(text), sum(map(ord, text)), 1.5] for text in texts])


def test_batches_hold_the_embeddings_of_their_captions(tmp_path: Path) -> None:
    root = str(write_plain(tmp_path))
    CaptionedImages(root=root).write_embeddings("clip/small.npy", lengths, batch_size=5)
    data = CaptionedImages(root=root, embeddings="clip/small.npy", size=16, batch_size=4)
    assert data.embedding_size == 3
    for batch in [*epoch(data), data.preview(2)]:
        assert batch.embeddings is not None
        assert batch.wrong_embeddings is not None
        assert batch.embeddings.dtype == torch.float32
        assert batch.embeddings.tolist() == lengths(list(batch.captions)).tolist()
        assert batch.wrong_embeddings.tolist() == lengths(list(batch.wrong_captions)).tolist()
    (prompts,) = list(data.predict_dataloader())
    assert prompts.embeddings.tolist() == lengths(prompts.captions).tolist()


def test_the_array_is_opened_late_and_never_read_as_a_whole(tmp_path: Path) -> None:
    write_embeddings(tmp_path / "e.npy", {"1.jpg": ["a", "bb"], "2.jpg": ["ccc"]}, lengths)
    stored = StoredEmbeddings(tmp_path / "e.npy")
    assert "_array" not in vars(stored)
    assert stored(["2.jpg", "1.jpg"], ["ccc", "bb"])[:, 0].tolist() == [3, 2]
    assert isinstance(stored._array, np.memmap)
    assert stored([], []).shape == (0, 3)


def test_half_precision_and_tensors_are_taken(tmp_path: Path) -> None:
    write_embeddings(tmp_path / "e.npy", {"1.jpg": ["a"]}, lambda texts: torch.ones(len(texts), 2))
    np.save(tmp_path / "e.npy", np.full((1, 2), 0.5, np.float16))
    assert StoredEmbeddings(tmp_path / "e.npy")(["1.jpg"], ["a"]).tolist() == [[0.5, 0.5]]


def test_missing_files_say_how_to_make_them(tmp_path: Path) -> None:
    root = str(write_plain(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"embeddings: .*clip\.npy does not exist.*write_embeddings"):
        CaptionedImages(root=root, embeddings="clip.npy")
    np.save(tmp_path / "clip.npy", np.zeros((12, 3)))
    with pytest.raises(FileNotFoundError, match=r"clip\.jsonl does not exist"):
        CaptionedImages(root=root, embeddings="clip.npy")


def test_embeddings_of_other_captions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.npy"
    write_embeddings(path, {"1.jpg": ["a", "b"]}, lengths)
    with pytest.raises(ValueError, match=r"has none of the caption 'c' of 1\.jpg: .* Make it anew"):
        StoredEmbeddings(path)(["1.jpg"], ["c"])
    np.save(path, np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"has shape \(3, 3\), and .*e\.jsonl has 2 captions"):
        StoredEmbeddings(path)
    np.save(path, np.array([[1.0], [np.nan]]))
    with pytest.raises(ValueError, match="row 1 has values that are no numbers"):
        StoredEmbeddings(path)(["1.jpg", "1.jpg"], ["a", "b"])
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is no array of numpy"):
        StoredEmbeddings(path)


def test_a_model_that_answers_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"embed made \(3,\) of 1 texts"):
        write_embeddings(tmp_path / "e.npy", {"1.jpg": ["a"]}, lambda texts: lengths(texts)[0])
    with pytest.raises(ValueError, match=r"must end in \.npy"):
        write_embeddings(tmp_path / "e.bin", {"1.jpg": ["a"]}, lengths)
    with pytest.raises(ValueError, match="drawn faces have none"):
        CaptionedImages(**FACES).write_embeddings("e.npy", lengths)
