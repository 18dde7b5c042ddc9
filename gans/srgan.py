"""SRGAN: photo-realistic super-resolution (Ledig et al. 2017, arXiv:1609.04802)."""

from __future__ import annotations

from gans.families.adversarial_super_resolution import AdversarialSuperResolution


class SRGAN(AdversarialSuperResolution):
    """Learns to enlarge images so that a discriminator takes them for sharp ones.

    A residual generator, a discriminator of VGG's form and binary cross-entropy; beside it the distances to
    the truth in pixels and in features. The defaults are those of BasicSR's program: no batch norm in the
    generator, L1 in place of L2, features before their ReLU, Adam(1e-4, 0.9, 0.99), averages with 0.999;
    there 400000 steps follow upon an SRResNet's, with `halve_at` 50000, 100000, 200000 and 300000.

    Images are (N, channels, H, W) in [-1, 1].
    """
