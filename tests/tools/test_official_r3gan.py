"""R3GAN's snapshots: pickled networks, of which nothing is run, and files of tensors for its program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.official import convert, equal_states, imported, small
from support.parity import vectors, wave
from support.pickled import module_of, write_snapshot
from support.r3gan import noise, recorded_state
from torch import Tensor

import gans
from gans.tools.official.convert import import_official

FILTER = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


def official_state(name: str) -> dict[str, Tensor]:
    """Return the state of a recorded network under the names of a snapshot, filters included."""
    facts = vectors(name).facts
    state = recorded_state(facts["state_dict"], facts["fill_rules"])
    filters = {key: FILTER for key, *_ in facts["state_dict"] if key.endswith("Kernel")}
    return {f"Model.{key}": value for key, value in (state | filters).items()}


def snapshot(folder: Path, classes: int = 4, **others: Any) -> Path:
    kind = "_cond" if classes else ""
    contents: dict[str, Any] = {"G_ema": module_of(official_state(f"r3gan_g{kind}")), "cur_nimg": 5}
    contents |= {"D": module_of(official_state(f"r3gan_d{kind}"))} | others
    return write_snapshot(folder / "network-snapshot-000000005.pkl", **contents)


@pytest.mark.parametrize("classes", [0, 4])
def test_a_snapshot_gives_the_recorded_outputs(classes: int, tmp_path: Path) -> None:
    model = imported(snapshot(tmp_path, classes)).double()
    assert isinstance(model, gans.R3GAN)
    labels = torch.tensor([0, 2, 1, 3]) if classes else None
    with torch.no_grad():
        scores = model.discriminator(wave(4, 3, 32, 32), labels)
        averaged = model.averaged("generator")(noise(4, 8), labels)
    kind = "_cond" if classes else ""
    for made, name in ((averaged, f"r3gan_g{kind}"), (scores, f"r3gan_d{kind}")):
        recorded = vectors(name)
        slack = 2 * recorded.facts["modes"]["eval"]["out"]["max_abs_diff_vs_fp64_weights_fp32"]
        np.testing.assert_allclose(made, recorded.arrays["eval/out"], rtol=1e-6, atol=slack)
    assert equal_states(model.generator, model.ema["generator"])  # there was no other


def test_generator_and_average_of_a_snapshot_come_each_to_its_place(tmp_path: Path) -> None:
    other = {name: value + 1 for name, value in official_state("r3gan_g_cond").items()}
    other |= {name: FILTER for name in other if name.endswith("Kernel")}
    model = imported(snapshot(tmp_path, G=module_of(other)))
    assert torch.equal(model.generator.image.weight, model.ema["generator"].image.weight + 1)
    before = model.sample(2, labels=torch.tensor([1, 2]))
    model.generator.image.weight.data.zero_()
    assert torch.equal(model.sample(2, labels=torch.tensor([1, 2])), before)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_networks_come_back_from_files_for_the_authors_program(
    classes: int, ema_decay: float, tmp_path: Path
) -> None:
    checkpoint = small(tmp_path, "R3GAN", classes=classes, ema_decay=ema_decay, ema_share=0.0)
    stored = torch.load(checkpoint, weights_only=True)
    if ema_decay:
        weights = {n: v for n, v in stored["state_dict"].items() if n.startswith("generator.")}
        stored["state_dict"] |= {f"ema.{name}": value + 1 for name, value in weights.items()}
        torch.save(stored, checkpoint)
    assert convert(checkpoint, tmp_path / "official") == 0
    files = {path.name for path in (tmp_path / "official").iterdir()}
    assert files == {"G.pth", "D.pth", "networks.md"} | ({"G_ema.pth"} if ema_decay else set())
    card = (tmp_path / "official" / "networks.md").read_text()
    vectors = "ConditionDimension=3, ConditionEmbeddingDimension={}" if classes else "ExpansionFactor=2)"
    assert (
        "- `G.pth`: `Generator(NoiseDimension=5, WidthPerStage=[6, 6, 4], CardinalityPerStage=[3, 3, 2]"
        in card
    )
    assert "- `D.pth`: `Discriminator(WidthPerStage=[4, 6, 6], CardinalityPerStage=[2, 3, 3]" in card
    assert [vectors.format(size) in card for size in (5, 6)] == [True, True]
    state = torch.load(tmp_path / "official" / "G.pth", weights_only=True)
    assert torch.equal(state["Model.MainLayers.1.Layers.0.Resampler.Kernel"], FILTER)
    before, after = gans.load(checkpoint), imported(tmp_path / "official")
    for name in ("generator", "discriminator"):
        assert equal_states(getattr(before, name), getattr(after, name)), name
    assert equal_states(before.averaged("generator"), after.averaged("generator"))
    facts = {
        name: after.hparams[name] for name in ("widths", "blocks", "group_width", "latent_size", "classes")
    }
    assert facts == {
        "widths": [6, 6, 4],
        "blocks": [1, 2, 1],
        "group_width": 4,
        "latent_size": 5,
        "classes": classes,
    }


def test_what_is_no_network_of_theirs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deep: dict[str, Tensor] = {".".join("a" * 60): torch.zeros(1)}
    write_snapshot(tmp_path / "deep.pkl", G=module_of(deep))
    with pytest.raises(ValueError, match=r"deep\.pkl: its parts lie within each other without end"):
        import_official(tmp_path / "deep.pkl")
    write_snapshot(tmp_path / "a.pkl", cur_nimg=3)
    assert convert(tmp_path / "a.pkl", tmp_path / "out.ckpt") != 0
    assert "a.pkl is a pickle without G, D, G_ema" in capsys.readouterr().err
    state = official_state("r3gan_g")
    state["Model.MainLayers.1.Layers.0.Resampler.Kernel"] = FILTER.flip(0) + 1
    write_snapshot(tmp_path / "b.pkl", G_ema=module_of(state))
    with pytest.raises(ValueError, match="another filter"):
        import_official(tmp_path / "b.pkl")
    state = official_state("r3gan_g")
    state["Model.MainLayers.0.Layers.1.LinearLayer1.Layer.weight"] = torch.zeros(48, 16, 1, 1)
    write_snapshot(tmp_path / "c.pkl", G_ema=module_of(state))
    with pytest.raises(ValueError, match="twice as many channels inside"):
        import_official(tmp_path / "c.pkl")
    assert not (tmp_path / "out.ckpt").exists()
