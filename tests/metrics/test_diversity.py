from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.compared import counted_extractor, random_images
from torch import Tensor
from torchvision.models import alexnet

from gans.metrics import diversity
from gans.metrics.diversity import Lite0Diversity, LPIPSDiversity, load_diversity, lpips_weights


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Torch's hub cache without weights, and a quick extractor."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(diversity, "load_extractor", lambda name: counted_extractor()[0])


def outcomes(inputs: int = 2, count: int = 3, size: int = 12) -> Tensor:
    return random_images(inputs * count, size=size).view(inputs, count, 3, size, size)


def put_alexnet() -> None:
    """Put untrained weights where the trained ones belong."""
    torch.manual_seed(0)
    lpips_weights().parent.mkdir()
    torch.save(alexnet().state_dict(), lpips_weights())


def test_it_is_the_mean_distance_of_all_pairs_of_one_input() -> None:
    images, extractor = outcomes(), counted_extractor()[0]
    for measured, several in zip(Lite0Diversity()(images), images, strict=True):
        features = extractor(several)
        pairs = [float((features[i] - features[j]).norm()) for i, j in ((0, 1), (0, 2), (1, 2))]
        assert float(measured) == pytest.approx(sum(pairs) / 3, rel=1e-5)


def test_equal_outcomes_have_none_and_others_have_some() -> None:
    same = outcomes(count=1).expand(-1, 3, -1, -1, -1)
    assert Lite0Diversity()(same).tolist() == [0, 0]
    assert (Lite0Diversity()(outcomes()) > 0).all()


def test_lpips_is_taken_where_its_weights_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_diversity().name == "lite0"
    with pytest.raises(FileNotFoundError, match=r"alexnet-owt-7be5be79\.pth does not exist.*distance: lite0"):
        load_diversity("lpips")
    put_alexnet()
    with pytest.raises(ValueError, match="is not the file that defines this metric"):
        load_diversity()
    monkeypatch.setattr(diversity, "ALEXNET_SHA256", "")
    assert load_diversity("lite0").name == "lite0"
    lpips = load_diversity()
    assert isinstance(lpips, LPIPSDiversity)
    images = outcomes(count=2, size=lpips.smallest)
    expected = lpips.network(images[:, 0], images[:, 1]).flatten()
    torch.testing.assert_close(lpips(images), expected)
    assert (expected > 0).all()
    assert lpips(images[:, :1].expand(-1, 2, -1, -1, -1)).tolist() == [0, 0]


def test_an_unknown_distance_is_named() -> None:
    with pytest.raises(ValueError, match=r"'ssim': it is auto, lpips or lite0"):
        load_diversity("ssim")  # type: ignore[arg-type]
