"""The generator of a checkpoint for programs without this project: ONNX, torch.export and safetensors."""

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2", "safetensors": ".safetensors"}
"""Name of every format, as `--formats` takes it -> end of its files' names."""

TOLERANCE = 1e-3
"""Largest difference from PyTorch: an eighth of a step of 8-bit images, whose range is from -1 to 1."""
