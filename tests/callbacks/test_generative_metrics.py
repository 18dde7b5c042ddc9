from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from support.compared import Counted, Items, Painter, counted_extractor, items, random_images, trainer
from support.processes import run_together
from torch import Tensor

from gans.callbacks import generative_metrics
from gans.callbacks.generative_metrics import GenerativeMetrics
from gans.metrics.distances import dealt_out, frechet_distance, kernel_distance
from gans.metrics.features import FeatureExtractor, to_pixels
from gans.metrics.inception_score import inception_score
from gans.metrics.manifold import manifold_scores
from gans.metrics.statistics_cache import content_keys

Metrics = dict[str, float]


class Classifying(Counted):
    """Returns logits of three classes too."""

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        features = super().forward(pixels)
        return features, self.logits_of(features)

    @staticmethod
    def logits_of(features: Tensor) -> Tensor:
        return 20 * features[:, :3]


@pytest.fixture(autouse=True)
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Put a small network in the place of Lite0, and the cache into a temporary folder."""
    extractor, network = counted_extractor()
    monkeypatch.setattr(generative_metrics, "load_extractor", lambda *_: extractor)
    monkeypatch.setenv("GANS_CACHE", str(tmp_path / "cache"))
    return network


def validate(folder: Path, module: Painter, **options: Any) -> Metrics:
    (metrics,) = trainer(folder, GenerativeMetrics(**options)).validate(module, verbose=False)
    return dict(metrics)


def test_distances_floors_and_counts_are_logged(tmp_path: Path) -> None:
    images = items(sources=7, reals=9)
    metrics = validate(tmp_path, Painter(images))
    extractor, _ = counted_extractor()
    assert images.real is not None
    fake, real = extractor((images.source + 0.25).clamp(-1, 1)), extractor(images.real)
    scores = {"fd_lite0", "kid_lite0", "precision_lite0", "recall_lite0", "density_lite0", "coverage_lite0"}
    context = {"fd_lite0_floor", "kid_lite0_floor", "images", "real_images"}
    assert metrics.keys() == {f"val/{name}/A2B" for name in scores | context} | {
        f"val/{score}" for score in scores
    }
    assert (metrics["val/images/A2B"], metrics["val/real_images/A2B"]) == (7, 9)
    assert metrics["val/fd_lite0/A2B"] == pytest.approx(frechet_distance(real, fake), rel=1e-5)
    assert metrics["val/kid_lite0/A2B"] == pytest.approx(kernel_distance(real, fake), rel=1e-5)
    for score, value in manifold_scores(real, fake, neighbours=5).items():
        assert metrics[f"val/{score}_lite0/A2B"] == pytest.approx(value, rel=1e-6)


def test_number_of_neighbours_can_be_chosen(tmp_path: Path) -> None:
    images = items(sources=7, reals=9)
    found = [validate(tmp_path, Painter(images), neighbours=k)["val/recall_lite0/A2B"] for k in (1, 6)]
    assert found[0] < found[1]
    assert "val/recall_lite0/A2B" not in validate(tmp_path, Painter(images), manifold=False)


def test_inception_alone_bears_the_names_of_papers(tmp_path: Path) -> None:
    metrics = validate(tmp_path, Painter(items(6, 6)), features="inception")
    assert {"val/fid/A2B", "val/fid_floor/A2B", "val/kid/A2B", "val/fid", "val/kid"} <= metrics.keys()
    assert {"val/precision/A2B", "val/recall", "val/density/A2B", "val/coverage"} <= metrics.keys()
    assert not any("lite0" in name for name in metrics)


def test_a_network_with_classes_gives_the_inception_score_in_the_same_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Classifying()
    extractor = FeatureExtractor("inception", network, 6, "classifying")
    monkeypatch.setattr(generative_metrics, "load_extractor", lambda *_: extractor)
    images = items(sources=9, reals=8)
    found = [
        validate(tmp_path, Painter(images, batch_size=size), features="inception", splits=2)
        for size in (2, 9)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert network.images == 2 * 9 + 8  # the reals' features are read in the second run
    pixels = to_pixels((images.source + 0.25).clamp(-1, 1))
    order = dealt_out(content_keys(pixels))
    expected = inception_score(network.logits_of(extractor.of_pixels(pixels))[order], splits=2)
    assert found[0]["val/inception_score/A2B"] == pytest.approx(expected.mean, rel=1e-5)
    assert found[0]["val/inception_score_deviation/A2B"] == pytest.approx(expected.deviation, rel=1e-4)
    assert found[0]["val/inception_score"] == found[0]["val/inception_score/A2B"]
    with pytest.warns(UserWarning, match="No Inception score for A2B: 9 generated images are too few for 5"):
        few = validate(tmp_path, Painter(images), features="inception", splits=5)
    assert not any("inception_score" in name for name in few)


def test_means_are_over_names(tmp_path: Path) -> None:
    class TwoWays(Painter):
        def comparisons(self, batch: Items) -> dict[str, Any]:
            there = super().comparisons(batch)["A2B"]
            return {"A2B": there, "B2A": there._replace(fake=-there.fake)}

    metrics = validate(tmp_path, TwoWays(items(6, 6)), frechet=False)
    one, other = metrics["val/kid_lite0/A2B"], metrics["val/kid_lite0/B2A"]
    assert one != pytest.approx(other)
    assert metrics["val/kid_lite0"] == pytest.approx((one + other) / 2)
    assert not any("fd" in name for name in metrics)


def test_batch_size_does_not_matter(tmp_path: Path) -> None:
    images = items(sources=7, reals=5)
    found = [validate(tmp_path, Painter(images, batch_size=size)) for size in (1, 3, 7)]
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    assert found[0] == pytest.approx(found[2], rel=1e-5)


def test_only_due_epochs_cost_anything_and_reals_only_once(tmp_path: Path, network: Counted) -> None:
    after: dict[int, int] = {}

    class Watched(Painter):
        def on_train_epoch_end(self) -> None:
            after[self.current_epoch + 1] = network.images

    fit = trainer(tmp_path, GenerativeMetrics(every_n_epochs=2), max_epochs=3)
    fit.fit(Watched(items(sources=4, reals=5)))
    # Epoch 2 is due, epoch 3 is the last.
    assert after == {1: 0, 2: 4 + 5, 3: 4 + 5 + 4}
    assert fit.callback_metrics["val/images/A2B"] == 4


def test_the_sanity_check_costs_nothing(tmp_path: Path, network: Counted) -> None:
    class Watched(Painter):
        def on_train_start(self) -> None:
            assert network.images == 0

    trainer(tmp_path, GenerativeMetrics(), num_sanity_val_steps=1).fit(Watched(items(4, 4)))
    assert network.images == 8


def test_changed_real_images_change_the_distance(tmp_path: Path) -> None:
    callback = GenerativeMetrics(frechet=False)
    found = []
    for seed in (2, 3):
        images = items(6, 6)._replace(real=random_images(6, seed=seed))
        found.append(trainer(tmp_path, callback).validate(Painter(images), verbose=False)[0])
    fresh = validate(tmp_path / "other", Painter(images), frechet=False)
    assert found[1] == pytest.approx(fresh, rel=1e-5)
    assert found[0]["val/kid_lite0_floor/A2B"] != pytest.approx(found[1]["val/kid_lite0_floor/A2B"])


def test_test_always_measures_under_its_own_names(tmp_path: Path) -> None:
    run = trainer(tmp_path, GenerativeMetrics(every_n_epochs=7))
    (metrics,) = run.test(Painter(items(4, 4)), verbose=False)
    assert "test/kid_lite0/A2B" in metrics
    assert not any(name.startswith("val/") for name in metrics)


def test_without_real_images_nothing_is_said(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    for real in (None, random_images(0)):
        assert validate(tmp_path, Painter(items(4, 4)._replace(real=real))) == {}
    assert not [warning for warning in recwarn if "No distance" in str(warning.message)]


@pytest.mark.parametrize(
    ("images", "reason"), [(items(1, 4), "two"), (items(4, 1), "two"), (items(4, 4, 2), "2 ch")]
)
def test_what_cannot_be_measured_is_left_out_with_one_warning(
    tmp_path: Path, images: Items, reason: str
) -> None:
    fit = trainer(tmp_path, GenerativeMetrics(), max_epochs=2, num_sanity_val_steps=0)
    with pytest.warns(UserWarning, match="No distance") as warnings:
        fit.fit(Painter(images))
    said = [str(warning.message) for warning in warnings if "No distance" in str(warning.message)]
    assert len(said) == 1
    assert "A2B" in said[0]
    assert reason in said[0]
    assert "val/kid_lite0/A2B" not in fit.callback_metrics


def test_points_pass_in_silence(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    points = Items(random_images(4, 2, size=1), random_images(4, 2, size=1), None)
    assert validate(tmp_path, Painter(points)) == {}
    assert not [warning for warning in recwarn if "A2B" in str(warning.message)]


def test_too_few_images_for_the_neighbours_cost_those_scores_and_one_warning(tmp_path: Path) -> None:
    fit = trainer(tmp_path, GenerativeMetrics(neighbours=4), max_epochs=2)
    with pytest.warns(UserWarning, match="4 images are too few for 4 neighbours") as warnings:
        fit.fit(Painter(items(4, 9)))
    assert sum("too few" in str(warning.message) for warning in warnings) == 1
    assert "val/kid_lite0/A2B" in fit.callback_metrics
    assert "val/recall_lite0/A2B" not in fit.callback_metrics


def test_the_network_is_no_part_of_the_module(tmp_path: Path) -> None:
    fit = trainer(tmp_path, GenerativeMetrics())
    module = Painter(items(4, 4))
    fit.fit(module)
    fit.save_checkpoint(tmp_path / "last.ckpt")
    assert [name for name, _ in module.named_parameters()] == ["shift"]
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert list(checkpoint["state_dict"]) == ["shift"]
    assert not checkpoint.get("callbacks")


def test_missing_weights_stop_the_run_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    module = Painter(items(2, 2))
    with pytest.raises(FileNotFoundError, match="FID needs the Inception weights"):
        trainer(tmp_path, GenerativeMetrics(features="inception")).fit(module)
    assert module.shift == 0.25


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="features is 'vgg'"):
        GenerativeMetrics(features="vgg")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nothing is left"):
        GenerativeMetrics(frechet=False, kernel=False, manifold=False)
    with pytest.raises(ValueError, match="neighbours is 0"):
        GenerativeMetrics(neighbours=0)
    with pytest.raises(ValueError, match="splits is 0"):
        GenerativeMetrics(splits=0)
    with pytest.raises(ValueError, match="every_n_epochs is 0"):
        GenerativeMetrics(every_n_epochs=0)


def measure_together(folder: str, shares: list[tuple[int, int]] | None) -> Metrics:
    """Validate with Lite0 on this process's share of 7 sources and 5 reals."""
    os.environ["GANS_CACHE"] = str(Path(folder, f"cache {os.environ.get('LOCAL_RANK')}"))
    options = {"devices": len(shares), "strategy": "ddp"} if shares else {}
    run = trainer(Path(folder), GenerativeMetrics(neighbours=2), **options)
    run.validate(Painter(items(7, 5), shares=shares), verbose=False)
    return {name: float(value) for name, value in run.callback_metrics.items()}


def test_number_of_processes_does_not_matter(tmp_path: Path) -> None:
    (alone,) = run_together(measure_together, str(tmp_path), None, count=1)
    assert {"val/fd_lite0/A2B", "val/kid_lite0_floor/A2B", "val/recall_lite0/A2B"} <= alone.keys()
    for shares in ([(4, 2), (3, 3)], [(7, 5), (0, 0)]):
        first, second = run_together(measure_together, str(tmp_path), shares)
        assert first == second
        assert first == pytest.approx(alone, rel=1e-6)
