"""Files as the programs of StyleGAN2-ADA and R3GAN pickle their networks, made without their programs."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn


class Part(nn.Module):
    """A module of any parameters and parts."""


class WithSource(nn.Module):
    """A module that is pickled as StyleGAN2-ADA's are: its state beside the source text of its class."""

    source = "raise SystemExit('the source was executed')"

    def __reduce__(self) -> Any:
        meta = EasyDict(
            type="class", version=6, module_src=self.source, class_name="Part", state=self.__dict__
        )
        return _reconstruct_persistent_obj, (meta,)


class EasyDict(dict[str, Any]):
    """A dictionary of a class of its own, as the authors have one."""


def _reconstruct_persistent_obj(meta: Any) -> Any:
    raise AssertionError("a pickle was executed")


def module_of(state: Mapping[str, Tensor], kind: type[nn.Module] = Part) -> nn.Module:
    """Return a module that has these tensors as parameters, in parts of `kind`; filters are buffers."""
    root = kind()
    for name, value in state.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if part not in module._modules:
                module.add_module(part, kind())
            module = module.get_submodule(part)
        if last == "Kernel":
            module.register_buffer(last, value)
        else:
            module.register_parameter(last, nn.Parameter(value))
    return root


def write_snapshot(path: Path, protocol: int = 4, **contents: Any) -> Path:
    """Pickle contents of a snapshot, their classes under names of the authors."""
    named: dict[str, list[Any]] = {
        "R3GAN.Networks": [Part],
        "torch_utils.persistence": [WithSource, _reconstruct_persistent_obj],
        "dnnlib.util": [EasyDict],
    }
    modules, patches = dict(sys.modules), []
    for module, things in named.items():
        for part in (module.split(".")[0], module):
            modules[part] = ModuleType(part)
        for thing in things:
            setattr(modules[module], thing.__name__, thing)
            patches.append(patch.object(thing, "__module__", module))
    with patch.dict(sys.modules, modules):
        for each in patches:
            each.start()
        try:
            path.write_bytes(pickle.dumps(contents, protocol))
        finally:
            for each in patches:
                each.stop()
    return path


def random_state(names: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, Tensor]:
    """Return tensors of these shapes."""
    chance = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=chance) for name, shape in names.items()}
