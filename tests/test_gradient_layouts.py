"""Gradients do not depend on how the gradients that come in lie in memory, also where a batch is one image.

A compiled network or a sampler of patches hands back gradients that lie channels last; torch's instance norm
takes them for others on a CPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from support.tiny import trainer
from support.toys import TOYS, make_data, make_model
from torch import Tensor, nn

import gans
from gans.networks.norms import InstanceNorm2d


class Laid(Callback):
    """Lays every gradient that reaches a layer's output as it is told, and keeps those of the weights."""

    def __init__(self, layout: torch.memory_format) -> None:
        self.layout = layout
        self.laid = 0
        self.gradients: list[Tensor] = []

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        for layer in pl_module.modules():
            if not list(layer.children()):
                layer.register_forward_hook(self._hook)

    def _hook(self, layer: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.requires_grad:
            self.laid += 1
            output.register_hook(self._lay)

    def _lay(self, gradient: Tensor | None) -> Tensor | None:  # none where a penalty has none
        return None if gradient is None else gradient.contiguous(memory_format=self.layout)

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        self.gradients += [weight.grad.clone() for weight in weights if weight.grad is not None]


def laid(name: str, folder: Path, layout: torch.memory_format, norms: dict[str, Any]) -> Laid:
    """Train one step on one image."""
    torch.manual_seed(0)
    recorder = Laid(layout)
    fit = trainer(folder, max_steps=1, limit_val_batches=0, callbacks=[recorder])
    fit.fit(make_model(name, **norms), make_data(name, batch_size=1))
    return recorder


@pytest.mark.parametrize("name", gans.VARIANTS)
def test_every_network_of_every_variant(name: str, tmp_path: Path) -> None:
    norms = {key: value for key, value in TOYS[name].separable.items() if "norm" in key or key == "dropout"}
    contiguous = laid(name, tmp_path, torch.contiguous_format, norms)
    channels_last = laid(name, tmp_path, torch.channels_last, norms)
    assert len(contiguous.gradients) == len(channels_last.gradients) > 0
    assert channels_last.laid > 0 or name == "GAN"  # whose layers are all linear
    for expected, found in zip(contiguous.gradients, channels_last.gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_instance_norm_equals_its_definition(count: int, affine: bool) -> None:
    torch.manual_seed(0)
    norm = InstanceNorm2d(5, affine=affine).double()
    for weight in norm.parameters():
        nn.init.normal_(weight)
    images = torch.randn(count, 5, 6, 7, dtype=torch.float64, requires_grad=True)
    incoming = torch.randn(count, 5, 6, 7, dtype=torch.float64)
    mean, variance = images.mean((2, 3), keepdim=True), images.var((2, 3), keepdim=True, correction=0)
    exact = (images - mean) / (variance + 1e-5).sqrt()
    if affine:
        exact = exact * norm.weight[:, None, None] + norm.bias[:, None, None]
    wanted = [images, *norm.parameters()]
    gradients = torch.autograd.grad(exact, wanted, incoming)
    for layout in (torch.contiguous_format, torch.channels_last):
        found = torch.autograd.grad(norm(images), wanted, incoming.contiguous(memory_format=layout))
        for ours, theirs in zip(found, gradients, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
