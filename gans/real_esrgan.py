"""Real-ESRGAN: super-resolution of degraded photographs (Wang et al. 2021, arXiv:2107.10833)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from gans.families.adversarial_super_resolution import AdversarialSuperResolution, DiscriminatorName
from gans.families.super_resolution import GeneratorName


class RealESRGAN(AdversarialSuperResolution):
    """Learns to enlarge images that were blurred, made noisy and compressed, of which its data are made.

    ESRGAN's generator, at scale 4, 2 or 1, and a U-Net with spectral norm that judges every pixel, by binary
    cross-entropy. Pixels and features are compared with sharpened targets; the discriminator sees the targets
    as they are. In the paper 400000 steps at 1e-4 follow upon those of its first stage, Real-ESRNet: an
    SRResNet with `generator` rrdbnet, `sharpen_targets` and `pool_size` 180.

    Images are (N, channels, H, W) in [-1, 1].

    Args:
        generator: see `SuperResolution`.
        discriminator: see `AdversarialSuperResolution`.
        adversarial_weight: likewise.
        l1_weight: likewise.
        sharpen_targets: see `SuperResolution`.
        pool_size: likewise.
        **shared: the other arguments of `AdversarialSuperResolution`.

    Raises:
        ValueError: if an argument is out of range.
    """

    perceptual_layers: ClassVar[Mapping[str, float]] = MappingProxyType(
        {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}
    )

    def __init__(
        self,
        generator: GeneratorName = "rrdbnet",
        discriminator: DiscriminatorName = "unet",
        adversarial_weight: float = 0.1,
        l1_weight: float = 1.0,
        sharpen_targets: bool = True,
        pool_size: int = 180,
        **shared: Any,
    ) -> None:
        super().__init__(
            generator=generator,
            discriminator=discriminator,
            adversarial_weight=adversarial_weight,
            l1_weight=l1_weight,
            sharpen_targets=sharpen_targets,
            pool_size=pool_size,
            **shared,
        )
