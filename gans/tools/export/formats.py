"""The formats: what each writes of a variant, and how it is run again from what was written."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from gans.base import AdversarialModule
from gans.tools.export.program import BATCH, HEIGHT, WIDTH, Case, Program
from gans.tools.export.variants import Direction, program_of

OUTPUT = "output"
"""Name of what comes out of an ONNX file."""

OPSET = 18
"""Of ONNX: what PyTorch's exporter is written for; later ones are converted from it."""

Run = Callable[..., Tensor]


@dataclass(frozen=True)
class Subject:
    """What is exported.

    Attributes:
        model: the variant, in evaluation mode on the CPU.
        direction: which of its directions, if it has several.
        program: the network with its named inputs.
    """

    model: AdversarialModule
    direction: Direction | None
    program: Program

    @cached_property
    def captured(self) -> ExportedProgram:
        """The program as a graph of operations, of which the number and size of images are left open."""
        program, sizes = self.program, self.program.sizes
        # Two images, of several multiples: a graph would take what is 1 for a constant.
        side = max(sizes.training, 2 * sizes.multiple)
        example = program.example(Case(2, side, side))
        # Else each side would be compared with 1, by which such sizes were shut out.
        sizes_config: Any = import_module("torch.fx.experimental._config")
        with torch.no_grad(), sizes_config.patch(backed_size_oblivious=True):
            return torch.export.export(program.module, example, dynamic_shapes=self.free_axes)

    @cached_property
    def free_axes(self) -> tuple[dict[int, Dim], ...]:
        """By input, the axes whose lengths are left open."""
        sides = {name: Dim(name, min=self.program.sizes.smallest) for name in (HEIGHT, WIDTH)}
        axes = {BATCH: Dim(BATCH)} | sides
        return tuple(
            {axis: axes[length] for axis, length in enumerate(given.shape) if isinstance(length, str)}
            for given in self.program.inputs
        )

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """The weights, and running statistics, of the networks, by their names in the variant."""
        return {
            f"{network}.{name}": value.contiguous()
            for network in self.program.networks
            for name, value in self.model.averaged(network).state_dict().items()
        }


class Format(NamedTuple):
    """One way to write a variant.

    Attributes:
        packages: what it takes beside PyTorch.
        write: returns the contents of a file.
        opened: returns what a file computes from the program's inputs, made of the file's contents.
    """

    packages: tuple[str, ...]
    write: Callable[[Subject], bytes]
    opened: Callable[[bytes, Subject], Run]


def needed(formats: Iterable[str]) -> None:
    """Import what formats take.

    Raises:
        ImportError: if a package is missing; says how to install it.
    """
    for name in formats:
        for package in FORMATS[name].packages:
            try:
                import_module(package)
            except ImportError as error:
                raise ImportError(
                    f"--formats {name}: {package} is missing: pip install 'gans[export]'. The format torch "
                    "needs no further package."
                ) from error


def _write_onnx(subject: Subject) -> bytes:
    with warnings.catch_warnings():
        # Of inputs that share their batch it says so.
        warnings.filterwarnings("ignore", "# The axis name: .* will not be used")
        converted = torch.onnx.export(
            subject.captured,
            dynamo=True,
            dynamic_shapes=subject.free_axes,  # for their names
            input_names=[given.name for given in subject.program.inputs],
            output_names=[OUTPUT],
            opset_version=OPSET,
            verbose=False,
        )
    assert converted is not None
    contents: bytes = converted.model_proto.SerializeToString()
    return contents


def _open_onnx(contents: bytes, subject: Subject) -> Run:
    session = import_module("onnxruntime").InferenceSession(contents, providers=["CPUExecutionProvider"])
    names = [given.name for given in subject.program.inputs]

    def run(*inputs: Tensor) -> Tensor:
        arrays = {name: given.numpy() for name, given in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run([OUTPUT], arrays)[0])

    return run


def _write_torch(subject: Subject) -> bytes:
    contents = io.BytesIO()
    torch.export.save(subject.captured, contents)
    return contents.getvalue()


def _open_torch(contents: bytes, subject: Subject) -> Run:
    module: Any = torch.export.load(io.BytesIO(contents)).module()

    @torch.no_grad()
    def run(*inputs: Tensor) -> Tensor:
        made: Tensor = module(*inputs)
        return made

    return run


def _write_safetensors(subject: Subject) -> bytes:
    contents: bytes = import_module("safetensors.torch").save(
        subject.weights, {"variant": type(subject.model).__name__}
    )
    return contents


def _open_safetensors(contents: bytes, subject: Subject) -> Run:
    """Load the weights into a newly drawn variant."""
    weights = import_module("safetensors.torch").load(contents)
    fresh = type(subject.model)(**subject.model.hparams).eval()
    for network in subject.program.networks:
        own = {name: value for name, value in weights.items() if name.startswith(f"{network}.")}
        getattr(fresh, network).load_state_dict(
            {name.removeprefix(f"{network}."): value for name, value in own.items()}
        )
    return program_of(fresh, subject.direction).eager


FORMATS = {
    "onnx": Format(("onnx", "onnxscript", "onnxruntime"), _write_onnx, _open_onnx),
    "torch": Format((), _write_torch, _open_torch),
    "safetensors": Format(("safetensors",), _write_safetensors, _open_safetensors),
}
"""Name of every format -> how it is written and opened."""
