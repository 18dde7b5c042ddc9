from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch

from gans.metrics import inception
from gans.metrics.features import load_extractor
from gans.metrics.inception import ADDRESS, WEIGHTS, find_weights


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty torch hub cache, and a hash that the content `weights` has."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(b"weights").hexdigest())
    return tmp_path / "hub" / "checkpoints"


def test_absence_is_explained_and_nothing_is_fetched(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = mock.Mock()
    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    with pytest.raises(FileNotFoundError) as error:
        find_weights()
    assert all(
        part in str(error.value)
        for part in (ADDRESS, str(hub / WEIGHTS), "--metrics.download true", "--metrics.weights ")
    )
    with pytest.raises(FileNotFoundError, match=r"my\.pth does not exist"):
        find_weights("my.pth", download=True)
    fetch.assert_not_called()


def test_the_hub_cache_and_a_given_path_are_looked_at(hub: Path, tmp_path: Path) -> None:
    for path in (hub / WEIGHTS, tmp_path / "mine.pth"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
    assert find_weights() == hub / WEIGHTS
    assert find_weights(str(tmp_path / "mine.pth")) == tmp_path / "mine.pth"


def test_a_file_of_other_content_is_refused(hub: Path) -> None:
    hub.mkdir(parents=True)
    (hub / WEIGHTS).write_bytes(b"weigh")
    with pytest.raises(ValueError, match="is not the file that defines this metric"):
        find_weights()


def test_a_download_goes_to_the_hub_cache(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(address: str, path: str, hash_prefix: str) -> None:
        assert (address, hash_prefix) == (ADDRESS, inception.SHA256)
        Path(path).write_bytes(b"weights")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    assert find_weights(download=True) == hub / WEIGHTS


def test_a_failed_download_says_what_to_do(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "download_url_to_file", mock.Mock(side_effect=OSError("no route to host")))
    with pytest.raises(FileNotFoundError, match=r"no route to host\. Fetch it by other means and put it at"):
        find_weights(download=True)


def test_torch_fidelity_reads_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3 as Network

    def random_state(*_: Any, **__: Any) -> dict[str, Any]:
        return {}

    with monkeypatch.context() as patch:  # a network with random weights, for want of the real ones
        patch.setattr(torch, "load", random_state)
        patch.setattr(Network, "load_state_dict", random_state)
        torch.manual_seed(0)
        network = Network("inception-v3-compat", ["2048", "logits_unbiased"], "absent")
    file = tmp_path / "random.pth"
    torch.save(network.state_dict(), file)
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())

    extractor = load_extractor("inception", weights=str(file))
    images = torch.rand(2, 1, 16, 16) * 2 - 1
    bytes_of_images = ((images.expand(-1, 3, -1, -1) + 1) * 127.5).round().to(torch.uint8)
    assert (extractor.name, extractor.dimension) == ("inception", 2048)
    features, logits = network(bytes_of_images)
    torch.testing.assert_close(extractor(images), features)
    found = extractor.classify(bytes_of_images)[1]
    assert found is not None
    assert found.shape == (2, 1008)
    torch.testing.assert_close(found, logits)
    torch.testing.assert_close(logits, features @ network.fc.weight.T)  # no bias, as the score is defined
