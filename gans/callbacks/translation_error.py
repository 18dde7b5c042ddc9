"""Errors of translated images against ground truth, where the data has it."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from gans.callbacks.evaluation import ComparisonCallback, Stage, is_last, log_synchronised
from gans.metrics.diversity import Diversity, load_diversity
from gans.metrics.enlargement import bicubic_errors, enlargement_errors
from gans.metrics.processes import gather
from gans.metrics.translation import (
    best_constant_l1,
    l1_255,
    level_counts,
    translation_errors,
    untouched_l1_255,
)
from gans.protocol import Comparison, Enlarges, scale_of


class TranslationError(ComparisonCallback):
    """Logs how far translations are from the truth, under every name whose batches carry it.

    For the name A2B: `val/l1/A2B` (mean absolute difference in 0..255), `val/psnr/A2B` (decibels),
    `val/ssim/A2B` (at most 1; not for images under 11 pixels), and two errors that a translation should stay
    under: `val/l1_constant/A2B`, that of the best single colour for all these truths together, and, where
    source and target have the same shape, `val/l1_doing_nothing/A2B`, that of returning the source. Where
    source and truth have pixels in common, `val/l1_untouched/A2B` is the error on these alone: how much of
    what should have stayed was changed. Images whose truth is the source itself, with nothing to translate,
    do not count. In test `test/` stands in place of `val/`. Each is the mean over all images of all
    processes.

    Of a variant that `Enlarges`, `val/psnr_y/A2B`, `val/ssim_y/A2B`, `val/psnr_rgb/A2B` and
    `val/ssim_rgb/A2B` are measured besides as papers on super-resolution do, without a border of `scale`
    pixels (see `gans.metrics.enlargement`); and `val/psnr_y_bicubic/A2B`, that of the source enlarged by
    MATLAB's bicubic, above which an enlargement should stay. And in test, in a validation by itself and in
    that of the last epoch, `val/distance_lpips/A2B`, how different enlargement and truth look, or
    `val/distance_lite0/A2B` where LPIPS lacks its weights: see `gans.metrics.diversity`.
    """

    def __init__(self) -> None:
        self._errors: dict[str, dict[str, list[Tensor]]] = {}
        self._levels: dict[str, Tensor] = {}
        self._scale: int | None = None
        self._distance: Diversity | None = None  # here, where it is neither trained nor stored

    def begin(self, pl_module: LightningModule, stage: Stage) -> None:
        """Forget the errors of the last epoch."""
        self._errors, self._levels = {}, {}
        self._scale = scale_of(pl_module) if isinstance(pl_module, Enlarges) else None
        due = pl_module.trainer.state.fn != "fit" or is_last(pl_module.trainer)
        self._distance = load_diversity() if self._scale is not None and due else None
        if self._distance is not None:
            self._distance.to(pl_module.device)

    def collect(self, stage: Stage, name: str, comparison: Comparison) -> None:
        """Keep the errors of every image of one batch."""
        fake, source, truth = comparison.fake, comparison.source, comparison.truth
        if truth is None or len(truth) == 0:
            return
        comparable = source is not None and source.shape == truth.shape
        if source is not None and comparable:
            changes = (source != truth).flatten(1).any(1)
            fake, source, truth = fake[changes], source[changes], truth[changes]
            if len(truth) == 0:
                return
        errors = translation_errors(fake, truth)
        if source is not None and comparable:
            errors["l1_doing_nothing"] = l1_255(source, truth)
            untouched = untouched_l1_255(fake, source, truth)
            errors |= {"l1_untouched": untouched} if len(untouched) else {}
        if self._scale is not None:
            errors |= enlargement_errors(fake, truth, self._scale)
            if source is not None and not comparable:
                errors |= bicubic_errors(source, truth, self._scale)
            errors |= self._distances(fake, truth)
        kept = self._errors.setdefault(name, {})
        for metric, values in errors.items():
            kept.setdefault(metric, []).append(values)
        levels = level_counts(truth).cpu()
        self._levels[name] = self._levels.get(name, 0) + levels

    def _distances(self, fake: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Return the distance of every enlargement from its truth, where it is due and can be measured."""
        distance, (channels, *sides) = self._distance, fake.shape[1:]
        if distance is None or channels not in (1, 3) or min(sides) < distance.smallest:
            return {}
        return {f"distance_{distance.name}": distance(torch.stack([fake, truth], dim=1))}

    def finish(self, pl_module: LightningModule, stage: Stage) -> None:
        """Bring the errors of all processes together and log their means."""
        mine = {
            f"{stage}/{metric}/{name}": torch.cat(values).cpu()
            for name, errors in self._errors.items()
            for metric, values in errors.items()
        }
        everyone = gather(mine)
        for name in sorted({name for errors in everyone for name in errors}):
            values = torch.cat([errors[name] for errors in everyone if name in errors])
            log_synchronised(pl_module, {name: float(values.double().mean())})
        everyones_levels = gather(self._levels)
        for name in sorted({name for levels in everyones_levels for name in levels}):
            counts = torch.stack([levels[name] for levels in everyones_levels if name in levels]).sum(dim=0)
            log_synchronised(pl_module, {f"{stage}/l1_constant/{name}": best_constant_l1(counts)})
