"""The chunks of one part of a packed set, in a folder or an object store, read by litdata.

Everything that is used of litdata for reading stands here. Its `StreamingDataset` is not used: it divides the
items among processes and workers by rules of its own, so that another number of them is another order, and it
believes what an index says of how its items are to be unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.disk import cache_folder, written_whole
from datamodules.files.readers import ImageError
from datamodules.streaming.order import LANES
from datamodules.streaming.packed import INDEX, STORES

_CHUNK = re.compile(r"chunk-\d+-\d+\.bin")
_FIELDS = ["bytes", "bytes", "bytes"]  # the file of an image, that of its partner, and the facts
_LEAF: dict[str, Any] = {"type": None, "context": None, "children_spec": []}
_LAYOUT = [1, {"type": "builtins.list", "context": "null", "children_spec": [_LEAF, _LEAF, _LEAF]}]


class Item(NamedTuple):
    """One item of a packed set.

    Attributes:
        image: content of an image file.
        partner: that of the image that makes a pair with it; empty without one.
        name: of the file, relative to the folder that was packed.
        partner_name: of the partner's file.
        label: number of its class; -1 without classes.
    """

    image: bytes
    partner: bytes
    name: str
    partner_name: str = ""
    label: int = -1

    def fields(self) -> list[bytes]:
        """Return what is stored of it: bytes, and no objects that would have to be unpickled."""
        facts = {"name": self.name, "partner_name": self.partner_name, "label": self.label}
        return [self.image, self.partner, json.dumps(facts).encode()]

    @classmethod
    def of_fields(cls, fields: Sequence[bytes]) -> Item:
        """Return the item of what is stored."""
        image, partner, text = map(bytes, fields)
        facts = json.loads(text)
        return cls(image, partner, str(facts["name"]), str(facts["partner_name"]), int(facts["label"]))


def engine(module: str) -> Any:
    """Import a module of litdata.

    Raises:
        ImportError: it is not installed; says how to install it.
    """
    try:
        return import_module(f"litdata.{module}")
    except ImportError as error:
        raise ImportError(
            "litdata, which packs and streams images, is missing: pip install 'gans[streaming]'."
        ) from error


def fetch(place: str, name: str, target: Path) -> None:
    """Copy a file of a folder or object store; a file that is there already stays.

    Raises:
        FileNotFoundError: a local one is not there.
        OSError: the store does not hand it out.
        ImportError: a package for this store is missing.
    """
    downloader = engine("streaming.downloader")
    try:
        downloader.get_downloader(place, str(target.parent), []).download_file(f"{place}/{name}", str(target))
    except FileNotFoundError:
        raise
    except ModuleNotFoundError as error:
        raise ImportError(f"{place}: gs:// needs a package: pip install google-cloud-storage.") from error
    except Exception as error:  # every store has errors of its own
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise OSError(
            f"{place}/{name} cannot be fetched ({reason}). Check the address, the network and your "
            "credentials for this store."
        ) from error


def read_index(place: str) -> bytes:
    """Return the content of the index of a folder or object store.

    Raises:
        OSError: as `fetch`.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / INDEX
        fetch(place, INDEX, target)
        return target.read_bytes()


class Chunks:
    """Items by their index; a chunk of a store is fetched when one of its items is, and kept while it fits.

    Args:
        place: folder or address of the chunks.
        gigabytes: that the chunks of all stores together may take in the cache folder.

    Raises:
        ValueError: the index does not say what `gans.tools.pack` writes, or the chunks in use need more room.
        OSError: the index cannot be read.
    """

    def __init__(self, place: str, gigabytes: float) -> None:
        self.place, self.limit = place, int(gigabytes * 1e9)
        index = read_index(place)
        self.sizes, self._names, largest = _checked(index, place)
        self.folder = Path(place)
        self._remote = place.startswith((*STORES, "local:"))
        if self._remote:
            self.folder = cache_folder() / "streams" / hashlib.sha256(index).hexdigest()[:32]
            if self.limit < LANES * largest:
                raise ValueError(
                    f"store_gigabytes: {gigabytes:g} is less than the {LANES * largest / 1e9:.2g} that "
                    f"the chunks in use of {place} take: give more."
                )
            with written_whole(self.folder / INDEX) as file:
                file.write(index)
        self._opened: Any = None

    def __len__(self) -> int:
        return sum(self.sizes)

    def __getitem__(self, index: int) -> Item:
        """Return an item.

        Raises:
            ImageError: the chunk is damaged.
            OSError: it cannot be fetched.
        """
        config = self._config()
        at = engine("streaming.sampler").ChunkedIndex(*config._get_chunk_index_from_index(index))
        path, begin, size = config[at]
        self._provide(at.chunk_index)
        try:
            item = config._item_loader.load_item_from_chunk(index, at.chunk_index, path, begin, size)
            return Item.of_fields(item)
        except Exception as error:  # whatever is in its bytes
            raise ImageError(
                f"{self.place}/{self._names[at.chunk_index]}: item {index - begin} cannot be read "
                f"({type(error).__name__}: {error}). Copy this chunk anew, or pack the set again."
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is open: another process opens it for itself."""
        return self.__dict__ | {"_opened": None}

    def _config(self) -> Any:
        if self._opened is None:
            loader = engine("streaming.item_loader").PyTreeLoader(batch_decode=0)
            serializers = {"bytes": engine("streaming.serializers").BytesSerializer()}
            config = engine("streaming.config").ChunksConfig
            self._opened = config(str(self.folder), serializers, None, loader)
            loader.set_posix_fast(True, keep=LANES, willneed=False)  # several chunks stay mapped
            loader.set_mmap_allowed_chunks(set(range(len(self.sizes))))
        return self._opened

    def _provide(self, chunk: int) -> None:
        """Fetch a chunk that is not there, and make room for it."""
        file = self.folder / self._names[chunk]
        if not self._remote:
            if not file.is_file():
                raise FileNotFoundError(f"{file} is missing: copy the whole packed set anew.")
            return
        with suppress(FileNotFoundError):
            os.utime(file)  # it was used now
            return
        _make_room(self.folder.parent, self.limit)
        fetch(self.place, file.name, file)


def _make_room(streams: Path, limit: int) -> None:
    """Remove the chunks that nobody has used for the longest time, where all take too much."""
    found = [(path.stat(), path) for path in streams.glob("*/chunk-*.bin")]
    total = sum(stat.st_size for stat, _ in found)
    largest = max((stat.st_size for stat, _ in found), default=0)
    for stat, path in sorted(found, key=lambda each: each[0].st_mtime):
        if total + largest <= limit:
            return
        total -= stat.st_size
        path.unlink(missing_ok=True)


def _checked(content: bytes, place: str) -> tuple[list[int], list[str], int]:
    """Return the sizes and names of chunks, and the bytes of the largest, of an index that is as we write it.

    Raises:
        ValueError: it says anything else, such as how objects are to be unpickled.
    """
    try:
        said = json.loads(content)
        config, chunks = said["config"], said["chunks"]
        names = [str(chunk["filename"]) for chunk in chunks]
        sizes = [int(chunk["chunk_size"]) for chunk in chunks]
        strange = [name for name in names if not _CHUNK.fullmatch(name)]
        if config["data_format"] != _FIELDS or json.loads(config["data_spec"]) != _LAYOUT:
            raise ValueError(f"its items are {config['data_format']}")
        if config["compression"] or config["encryption"] or "format" in config:
            raise ValueError("its chunks are compressed or encrypted")
        if strange or not sizes or min(sizes) < 1:
            raise ValueError(f"no chunk is called {strange[0]}" if strange else "a chunk is empty")
        return sizes, names, max(int(chunk["chunk_bytes"]) for chunk in chunks)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{place}/{INDEX}: these are no chunks of gans.tools.pack ({type(error).__name__}: {error}). "
            "Others are not opened: they may hold pickled objects, which can execute anything."
        ) from error
