"""How a packed set is dealt out to many processes, and how many of its images one core reads.

    python -m benchmarks.streaming --items 1000000 --ranks 64 --nodes 8
    python -m benchmarks.streaming --items 1000000 --ranks 48 --nodes 6

The first table is a simulation of the sampler, without images: what all ranks together are given in an
epoch, and the chunks that they need for it. The second reads jpg files of 256 pixels in this process, out of
a folder and out of chunks on this disk, and prints images per CPU second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.programs import command_line, print_header, print_row
from datamodules import Images
from datamodules.streaming.order import StreamOrder, StreamSampler
from datamodules.streaming.packing import pack

SIDE = 256


class Dealt(NamedTuple):
    """What an epoch dealt out.

    Attributes:
        shown: how often each item was shown, (items,).
        chunks: chunks that each rank needed.
        of_node: chunks that each node needed.
        open: the most chunks that one rank was amid at once.
    """

    shown: np.ndarray[tuple[int], np.dtype[np.int64]]
    chunks: list[int]
    of_node: list[int]
    open: int


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("streaming", __doc__)
    made.add_argument("--items", type=int, default=1000000)
    made.add_argument("--per_chunk", type=int, default=640, help="items of a chunk")
    made.add_argument("--ranks", type=int, default=64)
    made.add_argument("--nodes", type=int, default=8)
    made.add_argument("--batch_size", type=int, default=4, help="of each rank")
    made.add_argument("--epochs", type=int, default=2)
    made.add_argument("--images", type=int, default=400, help="that are read; 0 leaves the second table out")
    return made


def main() -> int:
    """Print two Markdown tables."""
    options = parser().parse_args()
    sizes = [options.per_chunk] * (options.items // options.per_chunk)
    sizes += [options.items % options.per_chunk] * bool(options.items % options.per_chunk)
    columns = ("epoch", "shown once", "more than once", "not shown", "chunks", "of a rank", "of a node")
    print_header(*columns, "open at once")
    for epoch in range(options.epochs):
        dealt = deal(sizes, options.ranks, options.nodes, options.batch_size, epoch)
        counts = [(dealt.shown == 1).sum(), (dealt.shown > 1).sum(), (dealt.shown == 0).sum(), len(sizes)]
        most = max(dealt.chunks), max(dealt.of_node), dealt.open
        print_row(str(epoch), *map(str, (*counts, *most)))
    if options.images:
        print()
        print_header("images per CPU second", "out of a folder", "out of chunks")
        print_row(f"jpg, {SIDE} pixels", *(f"{rate:.0f}" for rate in read_rates(options.images)))
    return 0


def deal(sizes: Sequence[int], ranks: int, nodes: int, batch_size: int, epoch: int) -> Dealt:
    """Deal out an epoch to so many ranks, one after the other."""
    total = sum(sizes)
    shown, ends = np.zeros(total, np.int64), np.cumsum(sizes)
    needed: list[set[int]] = []
    most = 0
    for rank in range(ranks):
        order = StreamOrder(sizes, 0)
        sampler = StreamSampler(order, total, batch_size, rank, ranks)
        sampler.set_epoch(epoch)
        items = np.array([index for batch in sampler for _, index in batch])
        np.add.at(shown, items, 1)
        chunks = np.searchsorted(ends, items, side="right")
        needed.append(set(chunks.tolist()))
        most = max(most, _open_at_once(chunks))
    share = ranks // nodes
    of_node = [len(set().union(*needed[first : first + share])) for first in range(0, ranks, share)]
    return Dealt(shown, [len(each) for each in needed], of_node, most)


def _open_at_once(chunks: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
    """Return the most chunks that are begun and not done with at one place of a sequence."""
    _, first = np.unique(chunks, return_index=True)
    _, last = np.unique(chunks[::-1], return_index=True)
    changes = np.zeros(len(chunks) + 1, np.int64)
    np.add.at(changes, first, 1)
    np.add.at(changes, len(chunks) - last, -1)
    return int(np.cumsum(changes).max())


def read_rates(count: int) -> list[float]:
    """Return images per CPU second out of a folder, and out of chunks of the same files."""
    rates = []
    with tempfile.TemporaryDirectory() as place:
        folder, output = Path(place, "images"), Path(place, "packed")
        _write(folder, count)
        pack(Images(root=str(folder)).to_pack(), output, None, 4)
        for root in (folder, output):
            data = Images(root=str(root), size=SIDE, batch_size=16, store_gigabytes=0, cache_gigabytes=0)
            loader = data.train_dataloader()
            next(iter(loader))
            begun = time.process_time()
            images = sum(len(batch.batch.images) for batch in loader)
            rates.append(images / (time.process_time() - begun))
    return rates


def _write(folder: Path, count: int) -> None:
    folder.mkdir()
    draws = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(draws.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / f"{number:05d}.jpg", quality=90)


if __name__ == "__main__":
    sys.exit(main())
