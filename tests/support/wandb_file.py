"""Reads what a W&B run wrote offline, so that tests see what the dashboard would be given.

A .wandb file has a 7-byte header and then LevelDB log blocks of 32768 bytes. A record in a block is a 7-byte
head (checksum, length, kind) and its bytes; a long record goes on in further parts. The bytes are a protobuf
`Record`.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

HEADER = 7
BLOCK = 32768
SECONDS_TO_END = 10
PART_HEAD = struct.Struct("<IHB")
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


class WandbFile:
    """One offline run that has ended.

    Args:
        folder: the folder that contains `wandb/`; its newest offline run is read.
    """

    def __init__(self, folder: Path) -> None:
        [*_, self.path] = sorted(folder.glob("wandb/offline-run-*/*.wandb"))
        deadline = time.monotonic() + SECONDS_TO_END
        self._records: list[Any] = []
        while not any(self._of_kind("exit")):  # W&B's own process still writes when `finish` has returned
            assert time.monotonic() < deadline, f"{self.path} has no end"
            self._records = list(_records(self.path.read_bytes()))

    @property
    def run_id(self) -> str:
        """Return the id of the run on the server."""
        return str(next(self._of_kind("run")).run_id)

    @property
    def project(self) -> str:
        """Return the project of the run."""
        return str(next(self._of_kind("run")).project)

    @property
    def config(self) -> dict[str, Any]:
        """Return the run's config as it stands at the end."""
        config: dict[str, Any] = {}
        for run in self._of_kind("run"):
            config |= _values(run.config.update)
        for change in self._of_kind("config"):
            config |= _values(change.update)
        return config

    @property
    def history(self) -> list[dict[str, Any]]:
        """Return the logged rows; a picture is a dict that describes its file."""
        return [_values(row.item) for row in self._of_kind("history")]

    def _of_kind(self, kind: str) -> Iterator[Any]:
        for record in self._records:
            if record.WhichOneof("record_type") == kind:
                yield getattr(record, kind)


def _records(data: bytes) -> Iterator[Any]:
    record_class: Any = vars(import_module("wandb.proto.wandb_internal_pb2"))["Record"]
    for message in _messages(data):
        record = record_class()
        record.ParseFromString(message)
        yield record


def _messages(data: bytes) -> Iterator[bytes]:
    position, parts = HEADER, b""
    while position + PART_HEAD.size <= len(data):
        left_in_block = BLOCK - position % BLOCK
        if left_in_block < PART_HEAD.size:  # too little for another head: the block ends in zeros
            position += left_in_block
            continue
        _, length, kind = PART_HEAD.unpack_from(data, position)
        position += PART_HEAD.size
        parts += data[position : position + length]
        position += length
        if kind in (WHOLE, LAST):
            yield parts
            parts = b""


def _values(items: Iterable[Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for item in items:
        *outer, last = item.nested_key or [item.key]
        inner = values
        for key in outer:
            inner = inner.setdefault(key, {})
        inner[last] = json.loads(item.value_json)
    return values
