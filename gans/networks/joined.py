"""Several batches through a network in one forward, where that does not change what it computes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase  # batch norms; batch and instance norms


def has_batch_statistics(network: nn.Module) -> bool:
    """Say whether a forward, in the network's present mode, depends on what else is in the batch.

    True where a batch norm takes its statistics from the batch (in training, or always without running
    statistics), and where an instance norm in training updates running statistics from it.
    """
    return any(
        (module.training and module.track_running_stats)
        or (isinstance(module, _BatchNorm) and not module.track_running_stats)
        for module in network.modules()
        if isinstance(module, _NormBase)
    )


def forward_joined(network: nn.Module, *inputs: Tensor, labels: Tensor | None = None) -> tuple[Tensor, ...]:
    """Return `network(x)` for each input x, by one forward over all of them where the results agree.

    With labels it is `network(x, labels)`. One forward fills a GPU better than several small ones. It is
    taken if the images of all inputs have the same shape and the network has no batch statistics; otherwise
    the inputs go one by one. Dropout draws other, equally good, masks.

    Args:
        network: maps (N, ...) to a tensor of N items.
        inputs: tensors (N_i, ...), whose numbers of items may differ.
        labels: what the network takes beside its input, (N,): the same for each of the inputs, which then
            all have N items; None for a network that takes its input alone.

    Returns:
        The outputs, as many as inputs, each with N_i items.
    """
    beside = () if labels is None else (labels,)
    same_shape = len({images.shape[1:] for images in inputs}) == 1
    if len(inputs) < 2 or not same_shape or has_batch_statistics(network):
        return tuple(network(images, *beside) for images in inputs)
    outputs: Tensor = network(torch.cat(inputs), *(part.repeat(len(inputs)) for part in beside))
    return outputs.split_with_sizes([len(images) for images in inputs])
