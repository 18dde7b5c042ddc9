"""Images per second of `predict`, from disk to disk, beside the network's own forward on the same batches.

    python -m benchmarks.predict --systems cyclegan --formats png jpg
    python -m benchmarks.predict --systems esrgan --size 64 --batch 4 --onnx

Each line is a process of its own: `predict` of an untrained checkpoint over a folder, `--repeats` times the
whole folder, then the same batches through the model alone, in turn. The first batch warms up and does not
count. The ratio is of seconds; CPU seconds are of all threads and worker processes. With `--onnx` the model
is exported, and onnxruntime makes the same pictures of the same batches. Every other argument goes to
`predict`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import lightning as L
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from PIL import Image

import gans
from benchmarks.plain_process import wait_for
from benchmarks.programs import TRAIN, command_line, print_header, print_row
from benchmarks.systems import SYSTEMS, faces

COLUMNS = (
    "system",
    "format",
    "images/s of predict",
    "of the forward",
    "ratio",
    "CPU s of an image",
    "of the forward",
    "images/s of ONNX",
)
Passes = list[dict[str, Any]]


class Pace(Callback):
    """Times each pass of `predict` and, after it, of the model alone on the same batches.

    Args:
        output: JSON file for the seconds and CPU seconds of each pass, and its number of images.
        model: ONNX file that makes the same pictures, or none.
    """

    def __init__(self, output: str, model: str | None = None) -> None:
        self._output, self._model = Path(output), model
        self._batches: list[Any] = []
        self._began = (0.0, 0.0)

    def on_predict_batch_end(self, trainer: Trainer, pl_module: LightningModule, *arguments: Any) -> None:
        """Keep the batch; take the time from the end of the first."""
        _, batch, *_ = arguments
        self._batches.append(batch)
        if len(self._batches) == 1:
            wait_for(pl_module.device)
            self._began = _now()

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what this pass took, and what the model alone and ONNX take."""
        wait_for(pl_module.device)
        taken = {"predict": _since(self._began)}
        rest = self._batches[1:]
        with torch.inference_mode():
            taken["forward"] = _timed(lambda: [pl_module.predict_step(batch, 0) for batch in rest], pl_module)
        if self._model is not None:
            run = onnx_session(self._model)
            run(rest[0].images)
            taken["onnx"] = _timed(lambda: [run(batch.images) for batch in rest], pl_module)
        images = sum(len(batch.images) for batch in rest)
        self._output.write_text(json.dumps({"images": images, **taken}), encoding="utf-8")


def _now() -> tuple[float, float]:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(part.ru_utime + part.ru_stime for part in usage)


def _since(began: tuple[float, float]) -> dict[str, float]:
    return {name: now - then for name, now, then in zip(("wall", "cpu"), _now(), began, strict=True)}


def _timed(function: Callable[[], Any], module: LightningModule) -> dict[str, float]:
    began = _now()
    function()
    wait_for(module.device)
    return _since(began)


def onnx_session(model: str) -> Callable[[torch.Tensor], Any]:
    """Return what runs an ONNX file on images, with as many threads as torch."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images.cpu().numpy()})


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("predict", __doc__)
    made.add_argument("--systems", nargs="+", choices=SYSTEMS, default=["cyclegan", "esrgan"])
    made.add_argument("--formats", nargs="+", choices=["png", "jpg"], default=["png", "jpg"])
    made.add_argument("--images", type=int, default=17, help="in the folder")
    made.add_argument("--size", type=int, help="side of the images in pixels; by default that of training")
    made.add_argument("--batch", type=int, default=1, help="images of a batch")
    made.add_argument("--repeats", type=int, default=2, help="processes of each line")
    made.add_argument("--onnx", action="store_true", help="export the model, and run that beside")
    return made


def main() -> int:
    """Measure the chosen systems and print one Markdown row for each format."""
    options, arguments = parser().parse_known_args()
    print_header(*COLUMNS)
    for name in options.systems:
        for kind in options.formats:
            print_row(*row(name, kind, measure(name, kind, options, arguments)))
    return 0


def measure(name: str, kind: str, options: argparse.Namespace, arguments: Sequence[str] = ()) -> Passes:
    """Return what `Pace` wrote in each of the processes."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = write_checkpoint(name, Path(folder, "model.ckpt"))
        images = write_folder(
            Path(folder, "images"), kind, options.images, options.size or SYSTEMS[name].size
        )
        model = exported(checkpoint, Path(folder, "model.onnx")) if options.onnx else None
        passes = []
        for repeat in range(options.repeats):
            output = Path(folder, f"pass_{repeat}.json")
            command = [
                *(sys.executable, str(TRAIN), "predict", "--ckpt_path", str(checkpoint)),
                *("--model", SYSTEMS[name].model, "--data", SYSTEMS[name].data),
                *("--data.predict_dir", str(images), "--output", str(Path(folder, f"made_{repeat}"))),
                *("--data.eval_batch_size", str(options.batch), *arguments),
                *("--trainer.callbacks+=benchmarks.predict.Pace", "--trainer.callbacks.output", str(output)),
                *(("--trainer.callbacks.model", model) if model else ()),
            ]
            finished = subprocess.run(command, capture_output=True, text=True, check=False)
            if not output.exists():
                raise SystemExit(f"{' '.join(command)}\n{finished.stdout[-2000:]}\n{finished.stderr[-4000:]}")
            passes.append(json.loads(output.read_text(encoding="utf-8")))
    return passes


def write_checkpoint(name: str, path: Path) -> Path:
    """Write an untrained checkpoint of a system's variant."""
    system = SYSTEMS[name]
    torch.manual_seed(0)
    variant = getattr(import_module(gans.VARIANTS[system.model]), system.model)
    trainer = L.Trainer(accelerator="cpu", devices=1, logger=False, enable_progress_bar=False)
    trainer.strategy.connect(variant(**system.more_model))
    trainer.save_checkpoint(path)
    return path


def write_folder(folder: Path, kind: str, count: int, size: int) -> Path:
    """Write so many images in a format, and return their folder."""
    folder.mkdir()
    pictures = faces("black_hair", size)
    for index in range(count):
        Image.fromarray(pictures[index % len(pictures)]).save(folder / f"{index:04d}.{kind}")
    return folder


def exported(checkpoint: Path, path: Path) -> str:
    """Write a checkpoint's model as an ONNX file, and return its path."""
    command = [sys.executable, "-m", "gans.tools.export", str(checkpoint), str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return str(path)


def row(name: str, kind: str, passes: Passes) -> list[str]:
    """Return the cells of a row, in the order of `COLUMNS`: medians over the processes."""

    def per_image(what: str, clock: str) -> float:
        return float(median(one[what][clock] / one["images"] for one in passes))

    predict, forward = per_image("predict", "wall"), per_image("forward", "wall")
    ratio = median(one["forward"]["wall"] / one["predict"]["wall"] for one in passes)
    return [
        name,
        kind,
        f"{1 / predict:.3g}",
        f"{1 / forward:.3g}",
        f"{ratio:.3f}",
        f"{per_image('predict', 'cpu'):.3g}",
        f"{per_image('forward', 'cpu'):.3g}",
        f"{1 / per_image('onnx', 'wall'):.3g}" if "onnx" in passes[0] else "",
    ]


if __name__ == "__main__":
    sys.exit(main())
