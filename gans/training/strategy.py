"""Data-parallel training of several players under manual optimisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.strategies import DDPStrategy, StrategyRegistry
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from gans.training.lightning_internals import give_one_start


class GANDDPStrategy(DDPStrategy):
    """Averages the gradients of one optimiser over the processes once, right before it steps.

    `DistributedDataParallel` hooks every parameter when it is built and expects one backward pass through all
    of them, which no GAN does: several players, several backward passes, penalties with second derivatives,
    players that rest. Here the module is not wrapped. Gradients travel in flat buckets after the last
    backward pass and before unscaling, clipping and stepping, so every process clips and steps on the same
    numbers.

    A parameter without a gradient on some processes counts as zero there; without one on all processes it
    stays without, so that Adam leaves it alone. Every process must step every optimiser equally often.

    Attributes:
        bucket_bytes: gradients are sent in pieces of about this size.
    """

    bucket_bytes = 8 * 2**20

    def __init__(self, timeout: timedelta = timedelta(minutes=5), **options: Any) -> None:
        # Lightning waits half an hour for a lost process; a training step that takes five minutes is lost.
        super().__init__(timeout=timeout, **options)

    def configure_ddp(self) -> None:
        """Give every process the same start; called by Lightning when fitting begins."""
        assert self.model is not None
        give_one_start(self.model)

    def optimizer_step(
        self, optimizer: Optimizer, closure: Callable[[], Any], model: Any = None, **options: Any
    ) -> Any:
        """Step with gradients that are averaged after the closure (its backward passes) has run."""

        def closure_then_average() -> Any:
            output = closure()
            self.average_gradients(optimizer)
            return output

        return super().optimizer_step(optimizer, closure_then_average, model, **options)

    @torch.no_grad()
    def average_gradients(self, optimizer: Optimizer) -> None:
        """Replace every gradient of the optimiser by its mean over the processes."""
        world = dist.get_world_size()
        if world > 1:
            self.send_gradients(optimizer, world)

    def send_gradients(self, optimizer: Optimizer, world: int) -> None:
        """Send the gradients of an optimiser around among so many processes, and put their means back."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        travelling = []
        for bucket in _buckets(parameters, self.bucket_bytes):
            flat = _flatten(bucket)
            travelling.append((bucket, flat, dist.all_reduce(flat, async_op=True)))
        for bucket, flat, handle in travelling:
            assert handle is not None
            handle.wait()
            _unflatten(bucket, flat, world)


def _buckets(parameters: list[Parameter], limit: int) -> Iterator[list[Parameter]]:
    """Split parameters, in order, into runs of one dtype and device of about `limit` bytes."""
    bucket: list[Parameter] = []
    size = 0
    for parameter in parameters:
        bytes_needed = parameter.numel() * parameter.element_size()
        other_kind = bucket and (parameter.dtype, parameter.device) != (bucket[0].dtype, bucket[0].device)
        if bucket and (other_kind or size + bytes_needed > limit):
            yield bucket
            bucket, size = [], 0
        bucket.append(parameter)
        size += bytes_needed
    if bucket:
        yield bucket


def _flatten(bucket: list[Parameter]) -> Tensor:
    """Join the gradients, zero where missing, and one flag per parameter that says whether there was one."""
    pieces = [(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in bucket]
    flags = torch.tensor([float(p.grad is not None) for p in bucket])
    return torch.cat([*pieces, flags.to(pieces[0])])


def _unflatten(bucket: list[Parameter], flat: Tensor, world: int) -> None:
    """Write the mean gradients back; a gradient missing everywhere stays missing."""
    gradients, flags = flat[: -len(bucket)].div_(world), flat[-len(bucket) :]
    # Reading the flags waits for the device, so it is done only where this process lacks a gradient.
    present = flags.tolist() if any(p.grad is None for p in bucket) else [1.0] * len(bucket)
    offset = 0
    for parameter, somewhere in zip(bucket, present, strict=True):
        mean = gradients[offset : offset + parameter.numel()].view_as(parameter)
        offset += parameter.numel()
        if parameter.grad is not None:
            parameter.grad.copy_(mean)
        elif somewhere:
            parameter.grad = mean.clone()


if "gan_ddp" not in StrategyRegistry:
    StrategyRegistry.register("gan_ddp", GANDDPStrategy, "Several players, gradients averaged once per step")
