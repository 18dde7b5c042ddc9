"""Fine-tuning on images of another size, or of other classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.checkpoints import checkpoint_of, write_checkpoint
from support.commands import run, write_toy_config
from support.toys import make_model
from torch import Tensor, nn

from gans.checkpoints.contents import take_weights


def by_side(network: nn.Module) -> dict[int, Any]:
    """Return the parts of a StyleGAN2 discriminator by the side of the images that they take."""
    blocks: Any = network.blocks
    return {16 * 2 ** (len(blocks) - 2 - number): block for number, block in enumerate(blocks)}


def test_blocks_keep_the_size_that_they_have_learnt() -> None:
    small: Any = make_model("StyleGAN2", image_size=16)
    large: Any = make_model("StyleGAN2", image_size=32)
    fresh = {name: part.clone() for name, part in large.state_dict().items()}
    (line,) = take_weights(large, checkpoint_of(small))
    assert line.startswith("image_size is 32 instead of 16: ")
    for number in range(3):
        ours, theirs = (model.generator.synthesis.blocks[number] for model in (large, small))
        assert equal(ours.conv1, theirs.conv1)
    ours, theirs = by_side(large.discriminator), by_side(small.discriminator)
    assert equal(ours[16].conv0, theirs[16].conv0)
    assert equal(ours[16].skip, theirs[16].skip)
    assert equal(ours[8].conv0, theirs[8].conv0)
    assert equal(large.discriminator.epilogue, small.discriminator.epilogue)
    assert equal(large.generator.mapping, small.generator.mapping)
    untouched = [name for name in fresh if name.startswith("discriminator.blocks.0.")]
    assert all(large.state_dict()[name].equal(fresh[name]) for name in untouched)
    back: Any = make_model("StyleGAN2", image_size=16)
    take_weights(back, checkpoint_of(large))
    assert equal(by_side(back.discriminator)[8].conv0, theirs[8].conv0)


def equal(ours: nn.Module, theirs: nn.Module) -> bool:
    mine, other = ours.state_dict(), theirs.state_dict()
    return mine.keys() == other.keys() and all(mine[name].equal(other[name]) for name in mine)


@pytest.mark.parametrize(("before", "after"), [(0, 3), (3, 2), (3, 0)])
def test_what_no_class_decides_is_carried_over(before: int, after: int) -> None:
    stored: Any = make_model("DCGAN", classes=before)
    model: Any = make_model("DCGAN", classes=after)
    fresh = model.generator.stages[0].weight.clone()
    (line,) = take_weights(model, checkpoint_of(stored))
    assert f"classes is {after} instead of {before}: " in line
    assert "begin anew, such as generator.stages.0.weight" in line
    assert model.generator.stages[0].weight.equal(fresh)
    assert equal(model.generator.stages[3], stored.generator.stages[3])
    assert equal(model.discriminator.stages, stored.discriminator.stages)


def test_all_is_carried_over_where_nothing_differs() -> None:
    stored, model = make_model("R3GAN"), make_model("R3GAN")
    assert take_weights(model, checkpoint_of(stored)) == []
    assert equal(model, stored)


def test_other_networks_are_refused_as_ever() -> None:
    with pytest.raises(ValueError, match="The weights in the checkpoint do not fit the model"):
        take_weights(make_model("DCGAN", width=4), checkpoint_of(make_model("DCGAN")))
    other = checkpoint_of(make_model("DCGAN", classes=2))
    other["state_dict"] = {"elsewhere.weight": Tensor([1.0])}
    with pytest.raises(ValueError, match="do not fit the model"):
        take_weights(make_model("DCGAN"), other)


def test_a_command_takes_size_and_classes_from_its_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = write_checkpoint(tmp_path / "start.ckpt", "DCGAN", image_size=32)
    config = write_toy_config(tmp_path / "mine.yaml", "DCGAN")
    typed = ("--data.labels", "skin", "--model.learning_rate", 0, "--without", "[metrics, sample_grid]")
    assert run("fit", "--config", config, "--run", tmp_path / "run", "--init_from", start, *typed) == 0
    said = " ".join("".join(capsys.readouterr()).split())
    assert "image_size is 16 instead of 32, classes is 2 instead of 0: " in said
    trained = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert (trained["hyper_parameters"]["image_size"], trained["hyper_parameters"]["classes"]) == (16, 2)
