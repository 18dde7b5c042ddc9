"""Tiles against whole images: what the reach of a model promises."""

from __future__ import annotations

import warnings

import pytest
import torch
from support.pictures import channels_last
from torch import Tensor, nn

from datamodules.prediction.batches import PROBE_NAME, PredictBatch
from datamodules.prediction.tiles import Tiling, choose_tiling
from gans.callbacks.predicting.blending import Blend
from gans.callbacks.predicting.reach import Predicts, try_out
from gans.networks.resnet import ResNetGenerator, Upsampling
from gans.networks.unet import UNetGenerator
from gans.protocol import Predictions

PROBE = PredictBatch(torch.zeros(1, 1, 32, 32), [PROBE_NAME])


class Translator:
    """A model of one network."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval()

    def generator_networks(self) -> tuple[str, ...]:
        return ("network",)

    def averaged(self, name: str) -> nn.Module:
        network: nn.Module = getattr(self, name)
        return network

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        return Predictions(self.network(batch.images), batch.names)


def tiled(model: Predicts, image: Tensor, tiling: Tiling) -> Tensor:
    """Translate an image (C, H, W) in tiles."""
    _, height, width = image.shape
    blend = Blend(tiling, height, width, to_pixels=channels_last)
    for tile in tiling.tiles(*image.shape[1:]):
        part = PredictBatch(tiling.cut(image, tile)[None], ["image"])
        blend.add(model.predict_step(part, 0).images[0], tile)
    return torch.from_numpy(blend.finish()[0]).permute(2, 0, 1)


def resnet(upsampling: Upsampling = "transposed") -> Translator:
    torch.manual_seed(0)
    return Translator(ResNetGenerator(1, 1, width=4, blocks=1, norm="none", upsampling=upsampling))


def unet() -> Translator:
    torch.manual_seed(0)
    return Translator(UNetGenerator(1, 1, image_size=32, width=4, depth=2, norm="batch", dropout=False))


@torch.no_grad()
@pytest.mark.parametrize("model", [resnet(), resnet("nearest"), unet()], ids=["resnet", "nearest", "unet"])
def test_tiles_of_a_model_that_sees_no_further_are_the_whole_image(model: Translator) -> None:
    reach, names = try_out(model, PROBE)
    assert (reach.whole, reach.multiple, names) == ((), 4, [PROBE_NAME])
    image = torch.rand(1, 252, 160, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiling = choose_tiling(128, "auto", reach)
    assert tiling.exact
    assert len(tiling.tiles(252, 160)) > 3
    whole = model.network(image[None])[0]
    torch.testing.assert_close(tiled(model, image, tiling), whole, rtol=0, atol=1e-6)
    less = tiling._replace(overlap=4)
    assert (tiled(model, image, less) - whole).abs().max() > 1e-5, "the overlap is not what does it"


def test_the_reach_is_an_upper_bound_of_what_a_pixel_changes() -> None:
    model = resnet().network.double()
    for part in list(model.modules()):
        for name, layer in part.named_children():
            if isinstance(layer, nn.ReLU):
                setattr(part, name, nn.Identity())  # else the few features may be dead here
    reach = try_out(Translator(model), PROBE._replace(images=PROBE.images.double()))[0].pixels
    image = torch.rand(1, 1, 96, 96, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(image)[0, 0, 48, 48], image)
    rows, columns = gradient[0, 0].nonzero().T
    furthest = max(int((rows - 48).abs().max()), int((columns - 48).abs().max()))
    assert reach // 2 < furthest <= reach


def test_instance_norm_and_dropout_are_named() -> None:
    reach, _ = try_out(Translator(ResNetGenerator(1, 1, width=2, blocks=1)), PROBE)
    assert reach.whole == ("InstanceNorm2d",)
    with pytest.warns(UserWarning, match="as InstanceNorm2d depends on all of it"):
        tiling = choose_tiling(64, "auto", reach)
    assert not tiling.exact
    assert tiling.ramp == tiling.overlap > 0

    noisy = Translator(UNetGenerator(1, 1, image_size=32, width=2, depth=3, norm="none"))
    noisy.network.train()
    assert try_out(noisy, PROBE)[0].whole == ("Dropout",)
