"""What is moved: samples of seeds, or a picture that was projected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from gans.tools.latents.decoder import Decoder


class Starts(NamedTuple):
    """Latents (N, L), what each is called, and what makes their images."""

    latents: Tensor
    names: list[str]
    decoder: Decoder


def starts(decoder: Decoder, seeds: Sequence[int], projected: Path | None = None) -> Starts:
    """Return the latents of seeds, or instead the one of a projected picture, with its noise.

    Args:
        decoder: the variant.
        seeds: of samples.
        projected: the .npz of `project`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is none of `project`, or of another model.
    """
    if projected is None:
        return Starts(decoder.latents(seeds), [f"seed {seed}" for seed in seeds], decoder)
    latent, noise = read_projected(projected, decoder)
    return Starts(latent[None], [projected.stem], decoder.with_noise(noise) if noise else decoder)


def read_projected(path: Path, decoder: Decoder) -> tuple[Tensor, list[Tensor]]:
    """Return the latent (L,) and the noise of each layer that `project` has found; as `starts`."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (BadZipFile, ValueError, EOFError, AttributeError) as error:
        raise ValueError(f"{path} is no .npz of the command project, or not a whole one.") from error
    if "latent" not in arrays:
        raise ValueError(f"{path} holds no projected picture: give the .npz of the command project.")
    found = f"{arrays['latent'].size} numbers in {arrays.get('space', 'z')}"
    if found != (wanted := f"{decoder.latent_size} numbers in {decoder.space}"):
        raise ValueError(f"{path} holds a latent of {found}, and this model has {wanted}.")
    noise = [name for name in arrays if name.startswith("noise_")]
    return torch.from_numpy(arrays["latent"]), [torch.from_numpy(arrays[name]) for name in noise]
