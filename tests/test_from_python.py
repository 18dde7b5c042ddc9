"""Every variant is used from Python with the same manners."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops
from support.checkpoints import checkpoint_of
from support.uses import USES, Use, usable
from torch import Tensor, nn

import gans
from gans.inference import to_pil
from gans.protocol import scale_of

SIZE = 16
NOT_AVERAGED = ("StarGAN.recognise", "GANCLS.embed")  # a discriminator and a frozen network
every_use = pytest.mark.parametrize("use", USES, ids=str)
every_use_of_images = pytest.mark.parametrize("use", [use for use in USES if use.takes_images], ids=str)


def pictures(count: int = 2, height: int = SIZE, width: int = SIZE) -> list[Image.Image]:
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    return [Image.fromarray(each) for each in pixels]


def tensors(of: list[Image.Image]) -> Tensor:
    return torch.stack([torch.from_numpy(np.array(each)) for each in of]).permute(0, 3, 1, 2) / 127.5 - 1


def shift(networks: nn.Module) -> None:
    """Change every weight a little."""
    for parameter in networks.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)


def is_image(result: Any) -> bool:
    """Tell images from codes."""
    return isinstance(result, list) or result.ndim > 2


@pytest.mark.parametrize("name", gans.VARIANTS)
def test_every_variant_can_be_used(name: str) -> None:
    methods = {use.method for use in USES if use.variant == name}
    assert methods & {"translate", "upscale", "sample", "draw", "reconstruct", "embed"}, (
        f"{name} can be trained and not used from Python: give it translate(images), upscale(images), "
        "sample(count, seed), draw(captions, seed), or reconstruct(images), by gans.inference.mapped."
    )


@every_use_of_images
def test_what_is_given_comes_back_as_such(use: Use) -> None:
    model, given = usable(use.variant), pictures()
    batch = use.call(model, tensors(given))
    one, several = use.call(model, given[0]), use.call(model, given)
    assert len(batch) == 2
    if is_image(batch):
        assert isinstance(several, list)
        assert [np.asarray(each).tolist() for each in several] == [
            np.asarray(p).tolist() for p in to_pil(batch)
        ]
        assert isinstance(one, Image.Image)
        assert np.asarray(ImageChops.difference(one, several[0])).max() <= 1
        torch.testing.assert_close(use.call(model, tensors(given)[0]), batch[0], rtol=0, atol=1e-4)
    else:
        torch.testing.assert_close(several, batch)
        for single in (given[0], tensors(given)[0]):
            torch.testing.assert_close(use.call(model, single), batch[:1], rtol=0, atol=1e-4)


@every_use_of_images
def test_pictures_of_many_sizes_keep_theirs_or_are_refused(use: Use) -> None:
    model, first = usable(use.variant), use.call(usable(use.variant), pictures())
    given = [*pictures(1, 20, 13), *pictures(2), *pictures(1, 20, 13)]
    if use.method in ("reconstruct", "encode", "embed_images"):
        with pytest.raises(ValueError, match="images of 16x16 pixels, got 20x13"):
            use.call(model, given)
        return
    made = use.call(model, given)
    assert len(made) == 4
    if is_image(first):
        sizes, scale = [(13, 20), (16, 16), (16, 16), (13, 20)], scale_of(model)
        assert [picture.size for picture in made] == [(scale * w, scale * h) for w, h in sizes]
        made, first = [tensors([picture]) for picture in made], tensors(first)
    torch.testing.assert_close(torch.stack([made[1], made[2]]).view(first.shape), first, rtol=0, atol=0.01)
    torch.testing.assert_close(made[3], made[0])


@every_use
def test_nothing_of_the_model_or_the_caller_changes(use: Use) -> None:
    model, images = usable(use.variant).train(), tensors(pictures()).requires_grad_()
    next(model.children()).eval()
    modes = [part.training for part in model.modules()]
    numbers, kept = torch.get_rng_state(), images.detach().clone()
    weights = {name: part.clone() for name, part in model.state_dict().items() if isinstance(part, Tensor)}
    made = use.call(model, images)
    assert not made.requires_grad
    assert torch.is_grad_enabled()
    assert [part.training for part in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), numbers)
    assert torch.equal(images, kept)
    for name, weight in weights.items():
        assert torch.equal(model.state_dict()[name], weight), name
    assert torch.equal(use.call(model.eval(), images), made), "training mode makes a difference"


@pytest.mark.parametrize("use", [use for use in USES if str(use) not in NOT_AVERAGED], ids=str)
def test_the_averaged_networks_are_used(use: Use) -> None:
    model, images = usable(use.variant, ema_decay=0.9), tensors(pictures())
    made = use.call(model, images)
    for name in model.ema:
        shift(getattr(model, name))
    assert torch.equal(use.call(model, images), made)
    shift(model.ema)
    assert not torch.allclose(use.call(model, images), made)


@every_use
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_device_and_precision_are_the_modules(use: Use, dtype: torch.dtype) -> None:
    model, images = usable(use.variant), tensors(pictures())
    expected = use.call(model, images)
    made = use.call(model.to(dtype), images)
    assert made.dtype == dtype
    assert made.isfinite().all()
    if dtype == torch.float64:
        torch.testing.assert_close(made.float(), expected, rtol=0, atol=1e-3)
    if use.takes_images:
        again = use.call(model, pictures())
        assert len(again) == 2
        assert is_image(again) == is_image(made)


@every_use_of_images
@pytest.mark.parametrize(
    ("images", "said"),
    [
        (torch.full((1, 3, SIZE, SIZE), 255.0), r"reach from 255 to 255.* pixels / 127\.5 - 1"),
        (torch.zeros(1, 3, SIZE, SIZE, dtype=torch.uint8), r"not torch\.uint8: give pixels / 127\.5 - 1"),
        (torch.zeros(1, 2, SIZE, SIZE), "have 2 channels, and the model takes 3"),
        (torch.zeros(SIZE, SIZE), r"not of shape \(16, 16\)"),
        (torch.zeros(1, 3, 0, SIZE), r"not of shape \(1, 3, 0, 16\)"),
        (np.zeros((3, SIZE, SIZE)), "this is a ndarray"),
        ("photo.jpg", r"this is a str\. Open files by PIL\.Image\.open"),
        ([torch.zeros(3, SIZE, SIZE)], "this is a list with a Tensor"),
    ],
    ids=["0 to 255", "uint8", "channels", "no channels", "no pixels", "array", "path", "list of tensors"],
)
def test_what_are_no_such_images_is_refused_in_a_sentence(use: Use, images: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        use.call(usable(use.variant), images)
    assert "\n" not in str(refused.value)


@every_use
def test_a_loaded_model_does_the_same(use: Use, tmp_path: Path) -> None:
    model, images = usable(use.variant, ema_decay=0.9), tensors(pictures())
    shift(model.ema)
    torch.save(checkpoint_of(model), tmp_path / "last.ckpt")
    loaded = type(model).load_from_checkpoint(tmp_path / "last.ckpt")
    torch.testing.assert_close(use.call(loaded, images), use.call(model, images))


@pytest.mark.parametrize("name", gans.VARIANTS)
def test_a_checkpoint_of_another_variant_says_so(name: str, tmp_path: Path) -> None:
    other = next(another for another in gans.VARIANTS if another != name)
    torch.save(checkpoint_of(usable(other)), tmp_path / "last.ckpt")
    said = rf"last\.ckpt holds a {other}, not a {name}: use {other}\.load_from_checkpoint, or gans\.load"
    with pytest.raises(ValueError, match=said):
        getattr(gans, name).load_from_checkpoint(str(tmp_path / "last.ckpt"))


@pytest.mark.parametrize("use", [use for use in USES if use.method in ("sample", "decode", "draw")], ids=str)
def test_images_that_are_made_become_pictures(use: Use) -> None:
    made = use.call(usable(use.variant), None)
    shown = gans.to_pil(made)
    assert [(picture.size, picture.mode) for picture in shown] == [((SIZE, SIZE), "RGB")] * 2
    torch.testing.assert_close(tensors(shown), made, rtol=0, atol=1 / 127)
