"""Every variant at toy size, for the sweeps: a variant without an entry here fails them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any

import datamodules
import gans
from datamodules.base import BatchDataModule
from gans.base import AdversarialModule


@dataclass(frozen=True)
class Toy:
    """What makes a variant and its data small enough to train in a blink.

    Attributes:
        data: name of its data module.
        model_arguments: of the variant.
        data_arguments: of the data module, over drawn faces.
        separable: model arguments under which a step is the sum of its images' gradients: without chance, and
            without statistics over the batch.
        score: beginning of the name of a metric that tells how good the variant is.
        parted: whether its comparisons part the images among each other, instead of being of all.
    """

    data: str
    model_arguments: dict[str, Any] = field(default_factory=dict)
    data_arguments: dict[str, Any] = field(default_factory=dict)
    separable: dict[str, Any] = field(default_factory=dict)
    score: str = "test/kid_lite0/"
    parted: bool = False


ENLARGED_FACES = {"size": 16, "scale": 2, "task": "bicubic", "faces_count": 8, "test_count": 5}

TOYS = {
    "CycleGAN": Toy(
        data="UnpairedImages",
        model_arguments={
            "image_size": 16,
            "generator_width": 2,
            "blocks": 1,
            "discriminator_width": 2,
            "discriminator_layers": 1,
            "history_size": 3,
        },
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5},
        separable={"history_size": 0},
    ),
    "CUT": Toy(
        data="UnpairedImages",
        model_arguments={
            "image_size": 16,
            "generator_width": 2,
            "blocks": 1,
            "nce_layers": ["input", "down_1", "block_1"],
            "projection_width": 16,
            "patches": 20,
            "discriminator_width": 2,
            "discriminator_layers": 1,
            "flip_equivariance": True,
        },
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5},
        # A milder contrast: that of few and thin features begins with gradients beyond what fp16 holds.
        separable={"nce_temperature": 1.0, "lambda_NCE": 0.1},
    ),
    "MUNIT": Toy(
        data="UnpairedImages",
        model_arguments={
            "image_size": 16,
            "generator_width": 2,
            "blocks": 1,
            "style_size": 3,
            "mlp_width": 4,
            "discriminator_width": 2,
            "discriminator_layers": 2,
            "discriminator_scales": 2,
        },
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5},
        separable={"style_std": 0.0},
    ),
    "Pix2Pix": Toy(
        data="PairedImages",
        model_arguments={"image_size": 16, "generator_width": 2, "discriminator_width": 2, "patch": 16},
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5},
        separable={"norm": "instance", "dropout": False},
    ),
    "SRResNet": Toy(
        data="SharpImages",
        model_arguments={"image_size": 16, "scale": 2, "generator_width": 2, "blocks": 1},
        data_arguments=ENLARGED_FACES,
    ),
    "SRGAN": Toy(
        data="SharpImages",
        model_arguments={
            "image_size": 16,
            "scale": 2,
            "generator_width": 2,
            "blocks": 1,
            "discriminator_width": 2,
            "perceptual_weight": 0.0,
        },
        data_arguments=ENLARGED_FACES,
        separable={"discriminator_norm": "instance"},
    ),
    "ESRGAN": Toy(
        data="SharpImages",
        model_arguments={
            "image_size": 16,
            "scale": 2,
            "generator_width": 2,
            "blocks": 1,
            "growth": 2,
            "discriminator_width": 2,
            "perceptual_weight": 0.0,
        },
        data_arguments=ENLARGED_FACES,
        # Its own objective compares with the means over a batch.
        separable={"discriminator_norm": "none", "objective": "non_saturating"},
    ),
    "RealESRGAN": Toy(
        data="SharpImages",
        model_arguments={
            "image_size": 16,
            "scale": 2,
            "generator_width": 2,
            "blocks": 1,
            "growth": 2,
            "discriminator_width": 2,
            "perceptual_weight": 0.0,
            "pool_size": 16,
        },
        data_arguments=ENLARGED_FACES,
        # Its own discriminator has spectral norm, which moves with every forward.
        separable={"discriminator": "vgg_style", "discriminator_norm": "none", "pool_size": 0},
    ),
    "GAN": Toy(
        data="Images",
        model_arguments={"image_size": 16, "latent_size": 3, "width": 4},
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5, "batch_size": 4},
    ),
    "DCGAN": Toy(
        data="Images",
        model_arguments={"image_size": 16, "latent_size": 3, "width": 2},
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5, "batch_size": 4},
        separable={"generator_norm": "instance", "discriminator_norm": "instance"},
    ),
    "WGANGP": Toy(
        data="Images",
        model_arguments={"image_size": 16, "latent_size": 3, "width": 2, "discriminator_steps": 2},
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5, "batch_size": 4},
        separable={"architecture": "mlp", "gradient_penalty": 0.0, "r1_weight": 10.0},
    ),
    "StyleGAN2": Toy(
        data="Images",
        model_arguments={
            "image_size": 16,
            "latent_size": 3,
            "style_size": 4,
            "generator_width": 32,
            "most_channels": 4,
            "minibatch_group": 2,
            "path_length_every": 2,
            "penalty_every": 3,
        },
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5, "batch_size": 4},
    ),
    "R3GAN": Toy(
        data="Images",
        model_arguments={
            "image_size": 16,
            "latent_size": 3,
            "widths": [4, 4, 4],
            "group_width": 4,
            "blocks": 1,
            "schedule_images": 8,
        },
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5, "batch_size": 4},
        # Without its own, so that a sweep may add penalties.
        separable={"r1_weight": 0.0, "r2_weight": 0.0},
    ),
    "AutoEncoder": Toy(
        data="Images",
        model_arguments={"image_size": 16, "width": 2, "latent_size": 3},
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5, "batch_size": 4},
        separable={"norm": "layer"},
    ),
    "VAE": Toy(
        data="Images",
        model_arguments={"image_size": 16, "width": 2, "latent_size": 3},
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5, "batch_size": 4},
        separable={"norm": "layer"},
    ),
    "Energy": Toy(
        data="Images",
        model_arguments={
            "image_size": 16,
            "width": 2,
            "buffer_size": 12,
            "langevin_steps": 2,
            "sampling_steps": 3,
        },
        data_arguments={"size": 16, "faces_count": 8, "test_count": 5, "batch_size": 4},
        separable={"start": "data", "langevin_noise": 0.0},
    ),
    "StarGAN": Toy(
        data="MultiDomainImages",
        model_arguments={
            "image_size": 16,
            "attributes": [["black_hair", "blond_hair", "glasses"]],
            "exclusive": [["black_hair", "blond_hair"]],
            "generator_width": 2,
            "blocks": 1,
            "discriminator_width": 2,
            "discriminator_steps": 2,
        },
        data_arguments={
            "size": 16,
            "faces_count": 8,
            "test_count": 5,
            "batch_size": 4,
            "attributes": ["black_hair", "blond_hair", "glasses"],
        },
        separable={"discriminator_steps": 1, "gradient_penalty": 0.0},
    ),
    "StarGANv2": Toy(
        data="MultiDomainImages",
        model_arguments={
            "image_size": 16,
            "domains": ["black_hair", "blond_hair"],
            "latent_size": 3,
            "style_size": 4,
            "generator_width": 2,
            "discriminator_width": 2,
            "mapping_width": 4,
            "looks": 1,
        },
        data_arguments={
            "size": 16,
            "preprocess": "resized_crop",
            "faces_count": 8,
            "test_count": 5,
            "batch_size": 4,
            "attributes": ["black_hair", "blond_hair"],
        },
        parted=True,
    ),
    "TextEncoder": Toy(
        data="CaptionedImages",
        model_arguments={
            "image_size": 16,
            "embedding_size": 8,
            "level": "word",
            "text_width": 16,
            "image_width": 4,
        },
        data_arguments={
            "size": 16,
            "faces_count": 8,
            "test_count": 5,
            "captions_per_face": 3,
            "batch_size": 4,
        },
        # The last biases have gradient 0 at first, whose rounding error Adam's first step would blow up.
        separable={"norm": "layer", "learning_rate": 1e-6},
        score="test/retrieval_rank",
    ),
    "GANCLS": Toy(
        data="CaptionedImages",
        model_arguments={
            "image_size": 16,
            "text_encoder_arguments": {"level": "word", "embedding_size": 8, "width": 16},
            "projection": 4,
            "latent_size": 3,
            "generator_width": 2,
            "discriminator_width": 2,
            "interpolation": 0.5,
        },
        data_arguments={
            "size": 16,
            "faces_count": 8,
            "test_count": 5,
            "captions_per_face": 3,
            "batch_size": 4,
        },
        separable={"generator_norm": "instance", "discriminator_norm": "instance"},
    ),
}


def make_model(name: str, **arguments: Any) -> AdversarialModule:
    """Return a variant at toy size."""
    variant = getattr(importlib.import_module(gans.VARIANTS[name]), name)
    model: AdversarialModule = variant(**(TOYS[name].model_arguments | arguments))
    return model


def make_data(name: str, **arguments: Any) -> BatchDataModule:
    """Return the data of a variant at toy size."""
    toy = TOYS[name]
    module = getattr(importlib.import_module(datamodules.DATA_MODULES[toy.data]), toy.data)
    data: BatchDataModule = module(**(toy.data_arguments | arguments))
    return data
