"""Concepts such as glasses as directions in a latent space, and arithmetic with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from datamodules.images.module import Images
from gans.cli.errors import UsageError
from gans.tools.latents.decoder import Decoder
from gans.tools.latents.layers import moved, recorded
from gans.tools.latents.probe import Probe, accuracy, train_probe
from gans.tools.latents.sheet import Sheet
from gans.tools.latents.starts import starts

FRESH = 200  # samples beyond the labelled ones, on which a direction is checked


@dataclass(frozen=True)
class Concept:
    """Seeds whose samples show something, and seeds whose samples do not.

    Attributes:
        name: what it is.
        present: seeds of samples that show it, the clearest first.
        absent: seeds of samples that do not, the clearest first.
        probe: what chose them; None where a person did.
        findings: lines on how well they are known.
    """

    name: str
    present: list[int]
    absent: list[int]
    probe: Probe | None = None
    findings: list[str] = field(default_factory=list)

    def direction(self, decoder: Decoder) -> Tensor:
        """Return the mean latent of those that show it minus that of those that do not, (L,).

        For latents N(0, I) and a concept that is linear in them this is the direction of a linear
        discriminant too, and as long as the way from one kind to the other.
        """
        return decoder.latents(self.present).mean(0) - decoder.latents(self.absent).mean(0)

    def clearest(self, count: int) -> Concept:
        """Return the concept by its clearest seeds alone where a probe has ranked them; else as it is."""
        if self.probe is None:
            return self
        return replace(self, present=self.present[:count], absent=self.absent[:count])


def chosen_concept(present: list[int], absent: list[int]) -> Concept:
    """Return the concept that a person sees in the samples of some seeds, and not in those of others.

    Raises:
        UsageError: if there are fewer than two seeds of a kind.
    """
    for option, seeds in (("--plus", present), ("--minus", absent)):
        if len(seeds) < 2:
            raise UsageError(
                f"{' '.join([option, *map(str, seeds)])}: two seeds or more are needed, for a mean."
            )
    return Concept("concept", present, absent)


def find_concept(decoder: Decoder, data: Images, name: str, samples: int = 1000, least: int = 8) -> Concept:
    """Find out by a probe which of the first samples show a concept.

    Args:
        decoder: the variant.
        data: images whose attributes or classes are known, one of which is the concept.
        name: the concept.
        samples: the seeds 0, 1, ... that are looked at.
        least: how many samples with it, and without it, there have to be.

    Raises:
        ValueError: if the data does not know the concept, or too few samples show it, or too many do.
    """
    probe = train_probe(data, name)
    right, saying_no, images = accuracy(probe, data, name)
    margins = probe.margins(decoder(decoder.latents(range(samples))), name)
    order = margins.argsort(descending=True, stable=True).tolist()
    count = int((margins > 0).sum())
    present, absent = order[:count], order[count:][::-1]
    if min(len(present), len(absent)) < least:
        raise ValueError(
            f"By the probe {len(present)} of {samples} samples show {name}; {least} are needed, and as many "
            "without. Look at more with --samples, or name seeds by hand."
        )
    findings = [
        f"The probe of {name} is right on {right:.1%} of {images} held-out images (always no: "
        f"{saying_no:.1%}).",
        f"It finds {name} in {len(present)} of {samples} samples.",
    ]
    return Concept(name, present, absent, probe, findings)


def direction(
    decoder: Decoder,
    concept: Concept,
    seeds: Sequence[int] = range(6),
    steps: Sequence[float] = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5),
    layers: Sequence[int] | None = None,
    projected: Path | None = None,
) -> Sheet:
    """Move the latents of seeds along the direction of a concept.

    A step of 1 is the way from the mean of the samples without it to the mean of those with it.

    Args:
        decoder: the variant.
        concept: what is put on, and taken off.
        seeds: of the samples.
        steps: how far they are moved.
        layers: of a model with styles, in which they are moved; by default all.
        projected: the .npz of `project`, of a picture that is moved instead of samples.

    Raises:
        UsageError: if a step occurs twice, or there are no such layers.
        ValueError: if the file is none of `project`, or of another model.
    """
    if len(set(steps)) < len(steps):
        raise UsageError(f"--steps {' '.join(map(str, steps))}: one of them occurs twice.")
    way = concept.direction(decoder)
    moves = torch.tensor(steps)
    findings = [*concept.findings, *_checked(decoder, concept, way)]
    start = starts(decoder, seeds, projected)
    return Sheet(
        moved(decoder, start.latents[:, None], moves[:, None] * way, layers),
        columns=[f"{step:+g}" for step in steps],
        rows=start.names,
        numbers=_numbers(concept, way)
        | recorded(layers)
        | {"seeds": np.array(seeds), "steps": moves.numpy()},
        findings=findings,
        decoder=start.decoder,
    )


def _checked(decoder: Decoder, concept: Concept, way: Tensor) -> list[str]:
    """Say what the probe sees in samples that had no part in the direction, before and after a step."""
    if concept.probe is None:
        return []
    first = max(*concept.present, *concept.absent) + 1
    latents = decoder.latents(range(first, first + FRESH))
    before, less, more = (
        float((concept.probe.margins(decoder(latents + step * way), concept.name) > 0).double().mean())
        for step in (0.0, -1.0, 1.0)
    )
    return [
        f"In {FRESH} other samples it finds {concept.name} in {before:.0%}; after one step along the "
        f"direction in {more:.0%}, after one step back in {less:.0%}."
    ]


def arithmetic(decoder: Decoder, concept: Concept, onto: Sequence[int] = (), exemplars: int = 4) -> Sheet:
    """Compute a - b + c on latents: "smiling woman - neutral woman + neutral man" (Radford et al. 2016).

    Each row is one triple of exemplars: a shows the concept, b does not, c is what the concept is put onto.
    The last two columns are a - b + c of these three alone, and c with the difference of the MEANS of all a
    and all b; the last row is computed with the means of all three. The paper finds that single exemplars are
    unstable and means of three are not. Of what a probe has found, the means are of the rows' exemplars: the
    means of hundreds of latents lie near 0, and their difference changes little.

    Args:
        decoder: the variant.
        concept: its seeds are a and b; for a and b of a row the clearest are taken.
        onto: seeds of c, one per row; by default the next clearest without the concept.
        exemplars: rows, where `onto` is not given.

    Raises:
        UsageError: if there are fewer than two rows.
        ValueError: if there are fewer exemplars of a concept than rows.
    """
    rows = len(onto) or exemplars
    if rows < 2:
        raise UsageError("One exemplar is its own mean: give two seeds or more with --onto.")
    if concept.probe is None and not onto:
        raise UsageError("--plus and --minus need --onto: the seeds that the difference is added to.")
    onto = list(onto) or concept.absent[rows : 2 * rows]
    if min(len(concept.present), len(concept.absent), len(onto)) < rows:
        raise ValueError(
            f"{rows} exemplars of each kind are wanted, but there are {len(concept.present)} of "
            f"{concept.name}, {len(concept.absent)} without, and {len(onto)} others to put it onto."
        )
    concept = concept.clearest(rows)
    a, b, c = (decoder.latents(seeds[:rows]) for seeds in (concept.present, concept.absent, onto))
    way = concept.direction(decoder)
    means = [decoder.latents(seeds).mean(0) for seeds in (concept.present, concept.absent, onto)]
    singles = torch.stack([a, b, c, a - b + c, way + c], dim=1)
    averages = torch.stack([*means, means[0] - means[1] + means[2], way + means[2]])
    triples = zip(concept.present, concept.absent, onto, strict=False)
    return Sheet(
        torch.cat([singles, averages[None]]),
        columns=[f"a: {concept.name}", f"b: no {concept.name}", "c", "a - b + c", "means of a, b"],
        rows=[
            *(f"seeds {' '.join(map(str, triple))}" for triple in triples),
            f"means of {len(concept.present)}, {len(concept.absent)} and {len(onto)}",
        ],
        numbers=_numbers(concept, way) | {"onto": np.array(onto)},
        findings=concept.findings,
    )


def _numbers(concept: Concept, way: Tensor) -> dict[str, npt.NDArray[Any]]:
    return {
        "direction": way.numpy(),
        "present": np.array(concept.present),
        "absent": np.array(concept.absent),
    }
