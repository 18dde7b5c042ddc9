"""Translation to several domains in random, given or borrowed styles: what a trained StarGAN v2 does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datamodules.multi_domain.batches import MultiDomainBatch
from datamodules.multi_domain.masks import OTHERWISE
from gans.families.regularised import Regularised
from gans.inference import (
    Given,
    Images,
    coded,
    evaluating,
    how_many,
    mapped,
    one_for_each,
    seeded_noise,
)
from gans.networks.landmarks import FaceMasks, load_landmarks

PAPER_DOMAINS = ["female", "male"]
FOR_THE_MEAN = 10_000  # random styles, the authors' number

Masks = Callable[[Tensor], Tensor]
"""Makes of images (N, C, H, W) in [-1, 1] masks (N, 2, h, w) in [0, 1], see `StyledGenerator`."""


class DomainStyles(Regularised):
    """Base of variants that translate to any domain by a generator, in styles of the domain.

    A sub-class has the networks `generator`, `mapping_network` and `style_encoder`, and the arguments
    `channels`, `image_size`, `latent_size`, `style_size`, `high_pass`, `landmarks` and `truncation`.

    Attributes:
        domains: their names.
    """

    batch_type = MultiDomainBatch
    domains: list[str]

    def take_domains(self, domains: list[str] | None, target: list[str] | None) -> None:
        """Note the domains.

        Raises:
            ValueError: if there are fewer than two, one is there twice, or a target is none of them.
        """
        self.domains = list(PAPER_DOMAINS if domains is None else domains)
        # In a list, so that a network is neither trained nor stored.
        self._masking: list[Masks] = []
        if len(set(self.domains)) != len(self.domains) or len(self.domains) < 2:
            raise ValueError(
                f"model.domains is {self.domains}: it names two or more domains, each of them once."
            )
        for name in target or []:
            self._number(name)
        if not 0 <= self.hparams["truncation"] <= 1:
            raise ValueError(f"model.truncation is {self.hparams['truncation']}: it lies between 0 and 1.")

    def setup(self, stage: str) -> None:
        """Refuse data of other domains; ask the data for references, and for masks if they are needed."""
        super().setup(stage)
        data: Any = getattr(self.trainer, "datamodule", None)
        if data is None:
            return
        data.masks = self._needs_masks and not self._makes_masks()
        if stage == "predict":
            return
        if data.domains is None:
            raise ValueError(
                f"{type(self).__name__} translates between domains, of which each image shows one, and the "
                f"data has attributes that may go together: {data.attributes}. Choose such as exclude each "
                "other by --data.attributes, or give a folder with a sub-folder for each domain."
            )
        if data.domains != self.domains:
            raise ValueError(
                f"The model was made for the domains {self.domains}, and the data has {data.domains}: choose "
                "them in this order with --data.attributes."
            )
        data.references = True

    def style_of(self, images: Images, domain: str | Sequence[str]) -> Tensor:
        """Return the styles (N, style_size) that images have in their domain, where the module is.

        They are (N, channels, H, W) or (channels, H, W) in [-1, 1], or Pillow images, of any size, which
        becomes that of training; see `gans.inference.Images`. The domain is a name, or one for each image.

        Raises:
            ValueError: if a domain is unknown, or the images have other channels, or another type or range.
        """
        network, side = self.averaged("style_encoder"), self.hparams["image_size"]
        labels = self._labels(domain, how_many(images)).to(self.device)
        done = 0

        def styles(batch: Tensor) -> Tensor:
            nonlocal done
            rows = labels[done : done + len(batch)]
            done += len(batch)
            if not len(batch):
                return batch.new_empty(0, self.hparams["style_size"])
            if batch.shape[2:] != (side, side):
                batch = F.interpolate(batch, size=(side, side), mode="bilinear", antialias=True)
            made: Tensor = network(batch, rows)
            return made

        return coded(images, network, self.hparams["channels"], styles)

    @torch.no_grad()
    def random_styles(
        self, domain: str | Sequence[str], seeds: Sequence[int], truncation: float = 1.0
    ) -> Tensor:
        """Return random styles (N, style_size), each of which depends on its seed and domain alone.

        Args:
            domain: name of the domain, or one for each seed.
            seeds: N of them.
            truncation: share of the way from the domain's mean style; 1 is the whole way, 0 the mean.

        Raises:
            ValueError: if a domain is unknown, or the truncation outside of [0, 1].
        """
        if not 0 <= truncation <= 1:
            raise ValueError(f"truncation is {truncation}: it lies between 0 and 1.")
        labels = self._labels(domain, len(seeds))
        styles = self.styles_of_noise(seeded_noise(seeds, self.hparams["latent_size"]), labels)
        if truncation == 1 or not len(seeds):
            return styles
        names = {int(label): self.domains[int(label)] for label in labels}
        means = {label: self.mean_style(name) for label, name in names.items()}
        mean = torch.stack([means[int(label)] for label in labels])
        return torch.lerp(mean, styles, truncation)

    @torch.no_grad()
    def mean_style(self, domain: str) -> Tensor:
        """Return the mean (style_size,) of 10 000 random styles of a domain, the same every time."""
        chance = torch.Generator().manual_seed(0)
        noise = torch.randn(FOR_THE_MEAN, self.hparams["latent_size"], generator=chance, dtype=torch.float64)
        return self.styles_of_noise(noise.float(), self._labels(domain, FOR_THE_MEAN)).mean(0)

    @torch.no_grad()
    def styles_of_noise(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Return the styles (N, style_size) that noise (N, latent_size) is made into.

        The labels (N,) int64 are the numbers of the domains.
        """
        network = self.averaged("mapping_network")
        noise = noise.to(next(network.parameters()))
        with evaluating(network):
            styles: Tensor = network(noise, labels.to(noise.device))
        return styles

    def translate(
        self,
        images: Given,
        domain: str | Sequence[str],
        seed: int = 0,
        reference: Images | None = None,
        style: Tensor | None = None,
        truncation: float = 1.0,
        masks: Tensor | None = None,
    ) -> Given:
        """Translate images without a trainer or data module, in a random look or that of reference pictures.

        A translation depends on its image and its style alone, never on the others of the batch.

        Args:
            images: (N, channels, H, W) or (channels, H, W) in [-1, 1], or Pillow images, of any size; see
                `gans.inference.Images`.
            domain: name of the domain that they become one of, or a name for each.
            seed: of the random look, which is the same on every machine; another seed, another look.
            reference: pictures of that domain, one for all images or as many, of any form and size, whose
                looks are taken instead.
            style: styles (style_size,) or (N, style_size) of that domain instead, as `random_styles` and
                `style_of` return them.
            truncation: of the random look, see `random_styles`.
            masks: of a model with high-pass, masks (N, 2, h, w) of the faces; by default they are made,
                see `make_masks_by`.

        Returns:
            The translated images, of the same height and width: as tensor in [-1, 1] where the module is, or
            as Pillow images.

        Raises:
            ValueError: if a domain is unknown, the images have other channels, or another type or range, both
                reference and style are given, either has another shape, or masks are lacking.
        """
        count = how_many(images)
        labels = self._labels(domain, count)
        names = [self.domains[int(label)] for label in labels]
        if reference is not None:
            if style is not None:
                raise ValueError("translate takes a reference or a style, not both.")
            style = self._style_of_reference(reference, domain, names)
        elif style is None:
            style = self.random_styles(names, [seed] * count, truncation)
        network = self.averaged("generator")
        assert isinstance(network, nn.Module)
        beside = [one_for_each(style, count, self.hparams["style_size"])]
        if masks is not None:
            beside.append(masks)

        def translated(batch: Tensor, style: Tensor, *masks: Tensor) -> Tensor:
            if not len(batch):  # a process may have no image to evaluate
                return batch
            seen = self.masks_of(batch, masks[0] if masks else None)
            made: Tensor = network(batch, style, seen)
            return made.clamp(-1, 1)

        return mapped(images, network, self.hparams["channels"], translated, *beside)

    def _style_of_reference(self, reference: Images, domain: str | Sequence[str], names: list[str]) -> Tensor:
        """Return the style of one picture in one or several domains, or of as many pictures as names."""
        count = how_many(reference)
        if count not in (1, len(names)):
            raise ValueError(f"There are {count} references for {len(names)} images: give one, or as many.")
        if count == len(names):
            return self.style_of(reference, names)
        if isinstance(domain, str):
            return self.style_of(reference, domain)
        return torch.cat([self.style_of(reference, name) for name in names])

    def between(
        self,
        images: Given,
        domain: str,
        first: Tensor,
        last: Tensor,
        moment: float,
        masks: Tensor | None = None,
    ) -> Given:
        """Translate images in the style at a moment, from 0 to 1, of the straight line between two styles.

        Args:
            images: as for `translate`.
            domain: likewise.
            first: a style (style_size,).
            last: another one.
            moment: share of the way.
            masks: as for `translate`.
        """
        return self.translate(images, domain, style=torch.lerp(first, last, moment), masks=masks)

    def make_masks_by(self, masks: Masks) -> None:
        """Let a function make the masks of faces that a model with high-pass needs.

        Without one those of `landmarks` are taken, or the files beside the images. It is no argument, so that
        a checkpoint names no code to be executed.

        Args:
            masks: makes of images (N, C, H, W) in [-1, 1] masks (N, 2, h, w) in [0, 1] where these are; a
                network has to be there already.
        """
        self._masking = [masks]

    def _makes_masks(self) -> bool:
        """Tell whether there is what makes masks; load the landmark network, if it is to."""
        if not self._masking and self.hparams["landmarks"] is not None:
            landmarks = FaceMasks(load_landmarks(self.hparams["landmarks"]))
            self._masking = [lambda images: landmarks.to(images)(images)]
        return bool(self._masking)

    @property
    def _needs_masks(self) -> bool:
        return bool(self.hparams["high_pass"] > 0)

    @torch.no_grad()
    def masks_of(self, pictures: Tensor, given: Tensor | None) -> Tensor | None:
        """Return the masks (N, 2, h, w) of pictures; None where there is no high-pass.

        Raises:
            ValueError: if they are needed and neither given nor to be made.
        """
        if not self._needs_masks:
            return None
        if self._makes_masks():
            return self._masking[0](pictures.detach())
        if given is None:
            raise ValueError(
                f"model.high_pass is {self.hparams['high_pass']}: it needs masks that tell where a face is, "
                f"which translate takes as `masks`. {OTHERWISE}"
            )
        return given

    def _labels(self, domain: str | Sequence[str], count: int) -> Tensor:
        """Return the numbers (count,) of the domains, of which one or as many are named."""
        names = [domain] * count if isinstance(domain, str) else list(domain)
        if len(names) != count:
            raise ValueError(f"domain has {len(names)} names for {count} images: give one, or as many.")
        return torch.tensor([self._number(name) for name in names], dtype=torch.int64)

    def _number(self, name: str) -> int:
        if name not in self.domains:
            raise ValueError(f"{name!r} is no domain; there are {', '.join(self.domains)}.")
        return self.domains.index(name)
