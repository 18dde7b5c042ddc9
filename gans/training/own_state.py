"""What every process keeps for itself, beside weights that are the same on all."""

from __future__ import annotations

from torch import nn


class OwnState(nn.Module):
    """A module whose state, as `get_extra_state` returns it, differs between processes.

    Such a state is neither parameter nor buffer: nothing averages or broadcasts it. A checkpoint holds that
    of every process, and each takes its own back; see `gans.training.stored`.
    """
