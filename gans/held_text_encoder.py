"""The text encoder that a model holds: out of a file, or rebuilt with the model from its own checkpoint."""

from __future__ import annotations

from typing import Any

from gans.text.encoder import FrozenTextEncoder
from gans.text.files import newest_text_encoder
from gans.text_encoder import frozen_text_encoder


def held_text_encoder(path: str | None, arguments: dict[str, Any] | None) -> FrozenTextEncoder | None:
    """Return the text encoder in a file; or, of arguments, one to load a checkpoint's weights into.

    Args:
        path: see `newest_text_encoder`.
        arguments: `TextEmbedder.arguments` of the one that was held; they win, so that a model which has one
            needs the file no more.

    Returns:
        None where nothing is given.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file holds something else.
    """
    if arguments is not None:
        return FrozenTextEncoder(**arguments)
    return None if path is None else frozen_text_encoder(newest_text_encoder(path))


def size_of_embeddings(text_encoder: FrozenTextEncoder | None, given: int | None) -> int:
    """Return how many numbers an embedding has: by the text encoder, or else as the data says.

    Raises:
        ValueError: if there are both, or neither.
    """
    if text_encoder is not None and given is not None:
        raise ValueError(
            "A text encoder and embeddings of the data are both given: leave out --model.text_encoder or "
            "--data.embeddings."
        )
    if text_encoder is not None:
        return text_encoder.embedding_size
    if given is None:
        raise ValueError(
            "Captions need a text encoder or embeddings. Train one by python train.py fit --config "
            "text_encoder and give --model.text_encoder runs/text_encoder, or give --data.embeddings FILE."
        )
    return given
