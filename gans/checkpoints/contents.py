"""What a checkpoint of a variant says about itself, and what of it differs between processes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch.distributed as dist
from torch import Tensor, nn

from gans.checkpoints.carrying import fitting, what_was_carried
from gans.training.averaging import NetworkAverages

FORMAT = 1
"""Raised when a checkpoint's contents change so that older programs cannot read it."""
AVERAGES = "ema."
"""What the names of averaged weights begin with."""


class OwnState(nn.Module):
    """A module whose state, as `get_extra_state` returns it, differs between processes.

    Such a state is neither parameter nor buffer: nothing averages or broadcasts it. A checkpoint holds that
    of every process, and each takes its own back.
    """


def describe(module: nn.Module, checkpoint: dict[str, Any]) -> None:
    """Note in a checkpoint which variant made it, and each process's own states (a collective call)."""
    checkpoint["gans"] = {"variant": type(module).__name__, "format": FORMAT}
    checkpoint["gans_histories"] = _gather_own_states(module, checkpoint["state_dict"])


def accept(module: nn.Module, checkpoint: dict[str, Any]) -> None:
    """Refuse what the module cannot take; put this process's own states where they are loaded from.

    With more processes than wrote the checkpoint, these states are dealt out again from the first. Averages
    that the module has and the checkpoint has not begin at the stored weights; others are left out.

    Raises:
        ValueError: if the checkpoint is not of this project, of another variant, of a newer version, or of
            networks of another shape.
    """
    _refuse_other_makers(module, checkpoint)
    _match_averages(module, checkpoint["state_dict"])
    _refuse_other_weights(module, checkpoint["state_dict"])
    everyone: list[dict[str, Any]] = checkpoint["gans_histories"]
    rank = dist.get_rank() if dist.is_available() and dist.is_initialized() else 0
    stored, weights = everyone[rank % len(everyone)], checkpoint["state_dict"]
    for name in everyone[0]:
        weights.pop(f"{name}._extra_state", None)  # of a part that is not asked for any more
    for name, part in module.named_modules():
        if isinstance(part, OwnState):
            weights[f"{name}._extra_state"] = stored.get(name, part.get_extra_state())


def take_weights(module: nn.Module, checkpoint: Mapping[str, Any]) -> list[str]:
    """Give a module the networks of a checkpoint and nothing else: histories and averages begin anew.

    The checkpoint may be one of the module's `first_stages`. Then they are its averages, where it has any,
    and networks that it lacks stay as they are. Or it may be of other data, by an argument that is among
    `facts_of_its_own`: then those weights are taken that fit.

    Returns:
        A line that tells which they were, where not all are taken.

    Raises:
        ValueError: as `accept` does.
    """
    first_stages = getattr(module, "first_stages", {})
    _refuse_other_makers(module, checkpoint, first_stages)
    weights = {name: part for name, part in checkpoint["state_dict"].items() if isinstance(part, Tensor)}
    if checkpoint["gans"]["variant"] in first_stages:
        weights = _of_first_stage(module, weights)
    _match_averages(module, weights)
    differences = _differences(module, checkpoint)
    own = {name: part for name, part in module.state_dict().items() if isinstance(part, Tensor)}
    carried = fitting(own, weights) if differences else weights
    if not differences or not carried:
        _refuse_other_weights(module, weights)
    module.load_state_dict(carried, strict=False)  # each process's own states have no weights
    return [what_was_carried(own, carried, differences)] if differences else []


def _differences(module: nn.Module, checkpoint: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the values here and there of arguments by which a module is for other data than a checkpoint."""
    arguments: Any = getattr(module, "hparams", {})
    stored = checkpoint.get("hyper_parameters", {})
    return {
        name: (arguments[name], stored[name])
        for name in getattr(module, "facts_of_its_own", ())
        if name in stored and arguments[name] != stored[name]
    }


def _of_first_stage(module: nn.Module, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a module that begins with the averaged networks of another variant."""
    own = {name: part for name, part in module.state_dict().items() if isinstance(part, Tensor)}
    averaged = [name for name in stored if name.startswith(AVERAGES)]
    raw = {name: part for name, part in stored.items() if name not in averaged}
    return own | raw | {name.removeprefix(AVERAGES): stored[name] for name in averaged}


def _refuse_other_makers(
    module: nn.Module, checkpoint: Mapping[str, Any], others: Collection[str] = ()
) -> None:
    made_by = checkpoint.get("gans")
    if made_by is None:
        raise ValueError("This checkpoint was not written by this project: it does not name its variant.")
    if made_by["variant"] not in (type(module).__name__, *others):
        raise ValueError(
            f"The checkpoint holds a {made_by['variant']}, but the model is a {type(module).__name__}. "
            f"Use a config of {made_by['variant']}, or another checkpoint."
        )
    if made_by["format"] > FORMAT:
        raise ValueError("The checkpoint was written by a newer version of gans: update this one.")


def _match_averages(module: nn.Module, stored: dict[str, Any]) -> None:
    """Give stored weights the averages that the module keeps: `ema_decay` may be another than it was."""
    averages = [f"{name}." for name, part in module.named_modules() if isinstance(part, NetworkAverages)]
    present = module.state_dict()
    for prefix in averages:
        for name in [name for name in stored if name.startswith(prefix) and name not in present]:
            del stored[name]
        for name in present:
            if name.startswith(prefix) and name.removeprefix(prefix) in stored:
                stored.setdefault(name, stored[name.removeprefix(prefix)])


def _refuse_other_weights(module: nn.Module, state: Mapping[str, Any]) -> None:
    own = {name: part.shape for name, part in module.state_dict().items() if isinstance(part, Tensor)}
    stored = {name: part.shape for name, part in state.items() if isinstance(part, Tensor)}
    different = [name for name in own | stored if own.get(name) != stored.get(name)]
    if different:
        raise ValueError(
            f"The weights in the checkpoint do not fit the model: {len(different)} differ, such as "
            f"{different[0]}. Networks are those of the checkpoint; leave out the options of --model that "
            "change them. If there are none, another version of gans wrote it."
        )


def _gather_own_states(module: nn.Module, state_dict: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, by process, the state of every module that keeps one for itself."""
    # They are those in `state_dict` and no copies, so that a file holds this process's only once.
    mine = {
        name: state_dict[f"{name}._extra_state"]
        for name, part in module.named_modules()
        if isinstance(part, OwnState)
    }
    if not (dist.is_available() and dist.is_initialized()) or not mine:
        return [mine]
    everyone: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, mine)
    everyone[dist.get_rank()] = mine
    return everyone
