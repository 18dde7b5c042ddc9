from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule
from support.compared import Items, Painter, items, random_images, trainer
from support.processes import run_together
from torch import Tensor
from torchvision.models import alexnet

from datamodules.imresize import imresize
from gans.callbacks.evaluation import Stage
from gans.callbacks.translation_error import TranslationError
from gans.metrics.diversity import LPIPSDiversity, load_diversity, lpips_weights
from gans.metrics.enlargement import bicubic_errors, enlargement_errors
from gans.metrics.translation import best_constant_l1, level_counts
from gans.protocol import Comparison

METRICS = ("l1", "psnr", "ssim", "l1_constant", "l1_doing_nothing")


def validate(folder: Path, module: Painter) -> dict[str, float]:
    (metrics,) = trainer(folder, TranslationError()).validate(module, verbose=False)
    return dict(metrics)


def mean_difference(images: Tensor, others: Tensor | None) -> float:
    assert others is not None
    return float((images - others).abs().mean() * 127.5)


def test_errors_are_means_over_all_images(tmp_path: Path) -> None:
    images = items(sources=7, reals=2)
    metrics = validate(tmp_path, Painter(images, batch_size=3))
    fake = (images.source + 0.25).clamp(-1, 1)
    assert set(metrics) == {f"val/{name}/A2B" for name in METRICS}
    assert metrics["val/l1/A2B"] == pytest.approx(mean_difference(fake, images.truth), rel=1e-6)
    assert metrics["val/l1_doing_nothing/A2B"] == pytest.approx(
        mean_difference(images.source, images.truth), rel=1e-6
    )
    assert images.truth is not None
    assert metrics["val/l1_constant/A2B"] == pytest.approx(best_constant_l1(level_counts(images.truth)))
    for batch_size in (1, 7):
        assert validate(tmp_path, Painter(images, batch_size)) == pytest.approx(metrics, rel=1e-5)


def test_what_should_have_stayed_is_measured_by_itself(tmp_path: Path) -> None:
    images = items(sources=4, reals=2)
    assert images.truth is not None
    truth = images.truth.clone()
    truth[:3, :, :5] = images.source[:3, :, :5]  # the last image has nothing in common with its truth
    metrics = validate(tmp_path, Painter(images._replace(truth=truth), batch_size=3))
    fake = (images.source + 0.25).clamp(-1, 1)
    expected = mean_difference(fake[:3, :, :5], images.source[:3, :, :5])
    assert metrics["val/l1_untouched/A2B"] == pytest.approx(expected, rel=1e-6)


def test_images_with_nothing_to_translate_do_not_count(tmp_path: Path) -> None:
    images = items(sources=5, reals=2)
    assert images.truth is not None
    truth = images.truth.clone()
    truth[[0, 1, 3]] = images.source[[0, 1, 3]]
    metrics = validate(tmp_path, Painter(images._replace(truth=truth), batch_size=2))
    expected = mean_difference(images.source[[2, 4]], truth[[2, 4]])
    assert metrics["val/l1_doing_nothing/A2B"] == pytest.approx(expected, rel=1e-6)
    assert validate(tmp_path, Painter(images._replace(truth=images.source))) == {}


def test_without_truth_there_is_no_error(tmp_path: Path) -> None:
    assert validate(tmp_path, Painter(items(4, 4)._replace(truth=None))) == {}
    assert validate(tmp_path, Painter(items(0, 4))) == {}


def test_doing_nothing_needs_images_of_one_kind(tmp_path: Path) -> None:
    class Colouring(Painter):
        def comparisons(self, batch: Items) -> dict[str, object]:  # type: ignore[override]
            return {"A2B": super().comparisons(batch)["A2B"]._replace(source=batch.source[:, :1])}

    metrics = validate(tmp_path, Colouring(items(3, 0)))
    assert set(metrics) == {f"val/{name}/A2B" for name in METRICS if name != "l1_doing_nothing"}


def test_every_epoch_of_a_fit_is_measured_anew_and_the_sanity_check_is_not(tmp_path: Path) -> None:
    seen = []

    class Watched(Painter):
        def on_train_epoch_start(self) -> None:
            seen.append(dict(self.trainer.callback_metrics))

    images = items(4, 4)
    module = Watched(images)
    fit = trainer(tmp_path, TranslationError(), max_epochs=2, num_sanity_val_steps=1)
    fit.fit(module)
    assert seen[0] == {}
    fake = (images.source + module.shift.detach()).clamp(-1, 1)
    assert float(fit.callback_metrics["val/l1/A2B"]) == pytest.approx(
        mean_difference(fake, images.truth), rel=1e-5
    )
    assert seen[1]["val/l1/A2B"] != pytest.approx(float(fit.callback_metrics["val/l1/A2B"]), rel=1e-3)


def test_test_has_its_own_names(tmp_path: Path) -> None:
    (metrics,) = trainer(tmp_path, TranslationError()).test(Painter(items(3, 3)), verbose=False)
    assert set(metrics) == {f"test/{name}/A2B" for name in METRICS}


def measure_together(folder: str, shares: list[tuple[int, int]] | None) -> dict[str, float]:
    """Validate on this process's share of 7 images."""
    options = {"devices": len(shares), "strategy": "ddp"} if shares else {}
    run = trainer(Path(folder), TranslationError(), **options)
    images = Items(random_images(7), random_images(1), random_images(7, seed=1))
    run.validate(Painter(images, shares=shares), verbose=False)
    return {name: float(value) for name, value in run.callback_metrics.items()}


def test_number_of_processes_does_not_matter(tmp_path: Path) -> None:
    (alone,) = run_together(measure_together, str(tmp_path), None, count=1)
    assert set(alone) == {f"val/{name}/A2B" for name in METRICS}
    for shares in ([(4, 1), (3, 0)], [(0, 0), (7, 1)]):
        first, second = run_together(measure_together, str(tmp_path), shares)
        assert first == second
        assert first == pytest.approx(alone, rel=1e-6)


class Enlarging(Painter):
    """Repeats every pixel of the source."""

    scale = 2

    def comparisons(self, batch: Items) -> dict[str, Comparison]:
        fake = batch.source.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return {"A2B": Comparison(fake, batch.real, batch.source, batch.truth)}


def test_enlargements_are_measured_as_papers_do(tmp_path: Path) -> None:
    images = Items(random_images(5), random_images(2, size=24), random_images(5, size=24, seed=1))
    module = Enlarging(images, batch_size=2)
    metrics = validate(tmp_path, module)
    assert images.truth is not None
    fake = module.comparisons(images)["A2B"].fake
    expected = enlargement_errors(fake, images.truth, border=2)
    expected["psnr_y_bicubic"] = enlargement_errors(imresize(images.source, 2), images.truth, 2)["psnr_y"]
    expected["distance_lite0"] = load_diversity("lite0")(torch.stack([fake, images.truth], dim=1))
    for name, values in expected.items():
        assert metrics[f"val/{name}/A2B"] == pytest.approx(float(values.mean()), rel=1e-6)
    of_all = {"l1", "psnr", "ssim", "l1_constant", *expected}
    assert set(metrics) == {f"val/{name}/A2B" for name in of_all}


def test_enlargements_are_measured_by_lpips_where_its_weights_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    lpips_weights().parent.mkdir()
    torch.save(alexnet().state_dict(), lpips_weights())
    with pytest.raises(ValueError, match="is not the file that defines this metric"):
        load_diversity()
    monkeypatch.setattr("gans.metrics.diversity.verified", lambda path, _: path)
    images = Items(random_images(2, size=20), None, random_images(2, size=40, seed=1))
    module = Enlarging(images)
    metrics = validate(tmp_path, module)
    assert images.truth is not None
    distances = LPIPSDiversity()(torch.stack([module.comparisons(images)["A2B"].fake, images.truth], dim=1))
    assert metrics["val/distance_lpips/A2B"] == pytest.approx(float(distances.mean()), rel=1e-5)
    assert "val/distance_lite0/A2B" not in metrics
    small = Items(random_images(2, size=12), None, random_images(2, size=24))
    assert not {name for name in validate(tmp_path, Enlarging(small)) if "distance" in name}


def test_looks_are_compared_at_the_end_of_a_training_alone(tmp_path: Path) -> None:
    images = Items(random_images(2), None, random_images(2, size=24))
    seen = []

    class WatchedError(TranslationError):
        def finish(self, pl_module: LightningModule, stage: Stage) -> None:
            seen.append(any("distance_lite0" in errors for errors in self._errors.values()))
            super().finish(pl_module, stage)

    trainer(tmp_path, WatchedError(), max_epochs=3).fit(Enlarging(images))
    assert seen == [False, False, True]


def test_grey_pictures_have_brightness_alone(tmp_path: Path) -> None:
    images = Items(random_images(3, channels=1), None, random_images(3, channels=1, size=24))
    metrics = validate(tmp_path, Enlarging(images))
    assert {"val/psnr_y/A2B", "val/psnr_y_bicubic/A2B"} <= set(metrics)
    assert not {name for name in metrics if "rgb" in name}
    assert bicubic_errors(images.source, random_images(3, size=24), 2) == {}
