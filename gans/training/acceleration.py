"""What makes training steps faster or smaller: all of it that is a choice, in one place.

What is not a choice is done everywhere, because it computes the same: one fused Adam kernel per player, no
gradients for networks that only judge, no graph through a generator that rests, penalties without a pass of
zeros (`gans.losses.penalties`), one forward for real and fake where no norm looks at the batch
(`gans.networks.joined`), images as uint8 up to the device, where they are cut and scaled in batches.
Precision is Lightning's: `--trainer.precision bf16-mixed`. docs/performance.md says what each of them gives.
"""

from __future__ import annotations

import ctypes
import sys

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torch.nn.modules.instancenorm import _InstanceNorm  # what those of all dimensions share

from gans.training.recomputation import recompute

# Of glibc's malloc.h: how much free memory goes back to the kernel, and how many blocks are mapped apart.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
# Each network and each of its modes (trained, judging, evaluated) is a graph of its own; torch stops at 8.
_GRAPHS = 64


class Acceleration(Callback):
    """Makes training steps faster or smaller, as far as is asked for.

    All but `tf32`, which rounds, compute the same up to rounding, as the tests hold them to 1e-10 in float64;
    only masks of dropout are others, equally good ones, where the layout is another.

    Args:
        keep_memory: on a CPU, keep freed memory instead of returning it to the system and asking for it again
            in every step. Takes effect with glibc only, and for the whole process.
        channels_last: store images and weights with the channels last, by which some networks gain, such as
            DCGAN's, and some lose much, such as StarGAN's discriminator: measure it. Networks with instance
            norm are left as they are: its gradient is wrong in that layout for a batch of one image (torch
            2.15 on a CPU).
        compile: compile the networks with `torch.compile`. The first steps take a minute or more; penalties
            on gradients run uncompiled, because compiled networks have no second derivative. Checkpoints are
            the same as without.
        tf32: on a GPU, round the factors of float32 products to 10 bits. Convolutions do so in any case, as
            is torch's default; this is about the other products.
        gradient_checkpointing: keep less between forward and backward pass, and compute it again there; for
            large images. A step takes about a third longer. See `gans.training.recomputation`.
    """

    def __init__(
        self,
        keep_memory: bool = True,
        channels_last: bool = False,
        compile: bool = False,  # noqa: A002 - the name that everybody knows
        tf32: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        self._keep_memory, self._channels_last = keep_memory, channels_last
        self._compile, self._tf32 = compile, tf32
        self._gradient_checkpointing = gradient_checkpointing

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Prepare process and networks, before averages are copied and a checkpoint is loaded."""
        if stage != "fit":
            return
        if self._keep_memory and trainer.strategy.root_device.type == "cpu":
            keep_freed_memory()
        if self._tf32:
            torch.set_float32_matmul_precision("high")
        if self._compile:
            torch._dynamo.config.recompile_limit = _GRAPHS
        for network in pl_module.children():
            if self._channels_last and not _has_instance_norm(network):
                network.to(memory_format=torch.channels_last)
            if self._gradient_checkpointing:
                recompute(network, compiled=self._compile)
            if self._compile and any(True for _ in network.parameters()):
                network.compile()


def _has_instance_norm(network: nn.Module) -> bool:
    return any(isinstance(part, _InstanceNorm) for part in network.modules())


def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed; return whether it could be told.

    A training step frees and asks for the same large blocks again and again; returned to the kernel, each of
    their pages costs a fault when it is used next.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, -1))
