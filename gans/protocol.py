"""What callbacks and tools may ask of a variant: pictures for a grid, sets of images to compare, latents.

Callbacks know no variant and variants know no callback; both know the types of this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Tensor


class Comparison(NamedTuple):
    """What one batch offers to metrics under one name, such as the direction A2B.

    Every image tensor is (N, C, H, W) in [-1, 1]. `fake`, `source` and `truth` are aligned: row i is one
    item. `real` is not aligned with them and may have another N; it is empty or None where the batch has
    none. `fake`, `real` and `truth` have one size, which is `scale_of` the variant times that of `source`.

    Where images have attributes, `labels` (N, K) are what `fake` is to show, and `source_labels` (N, K) what
    `source` shows: 1, 0, or NaN where nothing is said.
    """

    fake: Tensor
    real: Tensor | None = None
    source: Tensor | None = None
    truth: Tensor | None = None
    labels: Tensor | None = None
    source_labels: Tensor | None = None


@dataclass(frozen=True)
class Grid:
    """Pictures to be drawn side by side: one column per key, one row per item.

    Attributes:
        columns: column label -> images (N, C, H, W) in [-1, 1]; every column has the same N.
        row_labels: a text before each row, for example its caption.
    """

    columns: dict[str, Tensor]
    row_labels: list[str] = field(default_factory=list)


class Predictions(NamedTuple):
    """What `predict_step` returns: pictures, and the names they are to be saved under.

    `images` is (N, C, H, W) in [-1, 1]; `names[i]` is the file name of the input of row i, possibly with
    folders. `sources` are the names of the inputs, where pictures are to have others.
    """

    images: Tensor
    names: list[str]
    sources: Sequence[str] = ()


@runtime_checkable
class Evaluated(Protocol):
    """A variant as callbacks see it.

    `comparisons` runs once per validation or test batch, in eval mode without gradients; its result is what
    callbacks receive as the `outputs` of `on_validation_batch_end` and `on_test_batch_end`.
    """

    def comparisons(self, batch: Any) -> dict[str, Comparison]:
        """Return, by name (such as `A2B`), the images that metrics compare."""
        ...

    def grids(self, batch: Any) -> dict[str, Grid]:
        """Return, by name, the pictures that show the variant at work on a fixed batch."""
        ...


@runtime_checkable
class Enlarges(Protocol):
    """A variant that makes of an image (C, H, W) pictures of `scale` times its height and width.

    Attributes:
        scale: an integer of 1 or more, the same for images of any size.
    """

    scale: int


def scale_of(variant: Any) -> int:
    """Return how many times as high and as wide as its inputs the pictures of a variant are.

    This is the rule by which output follows from input: (scale * H, scale * W). Tiles, files, exported
    programs and pairs of images ask it; a variant that says nothing keeps the size, which is 1.
    """
    return variant.scale if isinstance(variant, Enlarges) else 1


@runtime_checkable
class KeepsForm(Protocol):
    """A variant whose predictions are to be grey where their images are, and transparent where those are.

    Its `predict_step` takes RGB images with a fourth channel, their alpha, too, and returns such pictures.
    """

    @property
    def keeps_form(self) -> bool:
        """Return whether it does so."""
        ...


def keeps_form(variant: Any) -> bool:
    """Return whether pictures of a variant keep of their images that they are grey, or transparent."""
    return isinstance(variant, KeepsForm) and variant.keeps_form


@runtime_checkable
class Upscales(Enlarges, Protocol):
    """A variant that enlarges images without a trainer or data module."""

    def upscale(self, images: Any) -> Any:
        """Return images (N, C, H, W), or of another form of `gans.inference.Images`, enlarged."""
        ...


@runtime_checkable
class Translates(Protocol):
    """A variant that makes of images other ones of the same size, without a trainer or data module.

    What it takes beside the images tells what it can do, see `taken_by`: a `direction`, `A2B` or `B2A`; a
    `seed` of which the outcome depends; a `style` or a `reference`, an image that lends its look; a `domain`
    of those of `HasDomains`; a `target`, labels of `HasAttributes`.
    """

    def translate(self, images: Any, *beside: Any, **settings: Any) -> Any:
        """Return images (N, C, H, W), or of another form of `gans.inference.Images`, translated."""
        ...


@runtime_checkable
class HasDomains(Protocol):
    """A variant that translates into several domains, one at a time.

    Attributes:
        domains: their names, which `translate` takes as `domain`.
    """

    domains: Sequence[str]


@runtime_checkable
class HasAttributes(Protocol):
    """A variant that knows what images show, and translates to labels.

    Attributes:
        attributes: the names and which exclude each other, `datamodules.multi_domain.attributes.Attributes`.
    """

    attributes: Any

    def recognise(self, images: Any) -> Tensor:
        """Return the labels (N, K) of 0 and 1 that images show, in the order of `attributes.flat`."""
        ...


def taken_by(method: Callable[..., Any]) -> frozenset[str]:
    """Return the names of the arguments that a method takes, by which it says what it can do."""
    return frozenset(signature(method).parameters)


@runtime_checkable
class HasLatent(Protocol):
    """A variant that decodes latents into images, as tools that explore its latent space see it.

    Attributes:
        latent_size: number of values in a latent.
    """

    latent_size: int

    def latents(self, seeds: Sequence[int]) -> Tensor:
        """Return the latents of seeds, (N, latent_size) on the CPU.

        Row i depends on seed i alone: it is the same on any machine and in any batch.
        """
        ...

    def from_noise(self, noise: Tensor) -> Tensor:
        """Return the latents (N, latent_size) at standard normal noise (N, latent_size), all on the CPU.

        Those of seeds are made of `gans.inference.seeded_noise`.
        """
        ...

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return the images (N, C, H, W) in [-1, 1] of latents (N, latent_size) on any device.

        The condition is what else the variant is given: of one with classes, labels (N,).
        """
        ...


@runtime_checkable
class HasStyles(HasLatent, Protocol):
    """A variant that maps a latent to a style w, and makes an image of the w of each of its layers.

    Attributes:
        style_size: number of values in a w.
    """

    style_size: int

    @property
    def style_layers(self) -> int:
        """How many layers take a w."""
        ...

    @property
    def noise_sizes(self) -> Sequence[tuple[int, ...]]:
        """Height and width of the noise of every layer that takes some."""
        ...

    @property
    def mean_style(self) -> Tensor:
        """The mean w of the training, (style_size,)."""
        ...

    def styles(self, latents: Tensor, condition: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        """Return w of every layer, (N, style_layers, style_size), of latents (N, latent_size)."""
        ...

    def style_weights(self) -> list[Tensor]:
        """Return the weights (channels, style_size) by which each layer takes its style, in their order."""
        ...

    def decode_styles(self, styles: Tensor, noise: Any = "constant") -> Tensor:
        """Return the images of w, (N, style_layers, style_size) or one for all layers, (N, style_size)."""
        ...


@runtime_checkable
class MakesSamples(Protocol):
    """A variant that makes images out of nothing but seeds."""

    def sample(self, count: int, seed: int = 0, labels: Tensor | None = None) -> Tensor:
        """Return images (count, C, H, W) in [-1, 1]; image i depends on seed + i (and its label) alone."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """A variant that brings images through a code and back."""

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] as they come back from their codes, of the same shape."""
        ...


@runtime_checkable
class ManyOutcomes(Protocol):
    """A variant with several right answers to one input."""

    def outcomes(self, batch: Any, count: int) -> dict[str, Tensor]:
        """Return, by name (such as `A2B`), outcomes of every input: (N, count, C, H, W) in [-1, 1]."""
        ...


@runtime_checkable
class TakesMasks(Protocol):
    """A variant that needs to know where in an image a face is."""

    def make_masks_by(self, masks: Callable[[Tensor], Tensor]) -> None:
        """Let a function make masks (N, 2, h, w) in [0, 1] of images (N, C, H, W) in [-1, 1]."""
        ...


@runtime_checkable
class DrawsCaptions(Protocol):
    """A variant that makes images of what captions say."""

    def draw(self, captions: Any, seed: Any = 0) -> Tensor:
        """Return the image (C, H, W) in [-1, 1] of one caption, or those of several, (N, C, H, W)."""
        ...

    def unknown(self, caption: str) -> list[str]:
        """Return the words of a caption, or its characters, that the variant never learnt."""
        ...


@runtime_checkable
class JudgesCaptions(Protocol):
    """A variant whose discriminator judges how well images match captions."""

    def caption_scores(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Return how the N images of a batch score with their right and with their wrong captions, (N,)."""
        ...


@runtime_checkable
class JointEmbedding(Protocol):
    """A variant that embeds images and texts so that those which match have the largest inner products.

    Attributes:
        hparams: its arguments, of which `image_size` is the edge in pixels of the images that it takes.
    """

    hparams: Any

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Return the embeddings (N, E) of N texts."""
        ...

    def embed_images(self, images: Tensor) -> Tensor:
        """Return the embeddings (N, E) of images (N, C, H, W) in [-1, 1]."""
        ...
