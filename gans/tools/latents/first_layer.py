"""The layer that a latent reaches first."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


@torch.no_grad()
def first_layer_weights(model: nn.Module, decode: Callable[[Tensor], Tensor], latent: Tensor) -> Tensor:
    """Return the weights (features, L) of the linear layer, or convolution of one pixel, that a latent meets.

    A class may follow the latent in what goes into it; its weights are left out.

    Args:
        model: to look at.
        decode: makes images of latents by it.
        latent: (1, L), not all 0.

    Raises:
        ValueError: if there is none: it is normalised before.
    """
    found: list[Tensor] = []

    def look(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        if found or given[0].ndim < 2:  # labels have one axis
            return
        if torch.equal(given[0].flatten(1)[:, : latent.shape[1]].to(latent), latent):
            weights: Tensor = layer.get_parameter("weight").detach()
            by_feature = weights if isinstance(layer, nn.Linear) else weights.flatten(1).t()
            found.append(by_feature[:, : latent.shape[1]].float().cpu())

    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.ConvTranspose2d)]
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        decode(latent)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise ValueError(f"A {type(model).__name__} takes no latent of this space by a linear layer first.")
    return found[0]
