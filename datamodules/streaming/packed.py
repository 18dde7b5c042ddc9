"""What a packed set is: which parts it has, and what is known of them; and where it is no packed set, why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datamodules.reading import Reading

INDEX = "index.json"
FORMAT = "gans packed set, 1"
STORES = ("s3://", "gs://")
FOREIGN = {
    ".tar": "WebDataset tars",
    ".parquet": "Parquet files",
    ".mds": "MDS shards",
    ".tfrecord": "TFRecord files",
}
PACK = "python -m gans.tools.pack FOLDER OUT"


@dataclass(frozen=True)
class Packed:
    """What the index of a packed set says.

    Attributes:
        data: name of the data module that it was packed for.
        channels: of its images, by domain: `images`, or `A` and `B`.
        parts: items of each part by its name, such as `train` and `test`, or `trainA` and so on.
        classes: names of the classes, in the order of the labels; empty without classes.
    """

    data: str
    channels: Mapping[str, int]
    parts: Mapping[str, int]
    classes: Sequence[str] = ()

    def to_json(self) -> bytes:
        """Return the content of the index."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes, place: str) -> Packed:
        """Read the content of an index; nothing in it is executed.

        Raises:
            ValueError: it is none.
        """
        try:
            said = json.loads(content)
            if said["format"] != FORMAT:
                raise ValueError(f"its format is {said['format']!r}")
            packed = cls(
                str(said["data"]),
                {str(domain): int(count) for domain, count in said["channels"].items()},
                {str(part): int(count) for part, count in said["parts"].items()},
                [str(name) for name in said["classes"]],
            )
            if any(not part.isidentifier() for part in packed.parts):
                raise ValueError("a part has no plain name")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{place}: {INDEX} is not that of a packed set ({type(error).__name__}: {error}). Chunks of "
                f"other programs are not read, since they may hold pickled objects; make them with {PACK}."
            ) from error
        return packed

    def check_for(self, data: str, place: str) -> None:
        """Refuse a set that was packed for another data module.

        Raises:
            ValueError: names both.
        """
        if self.data != data:
            raise ValueError(
                f"root: {place} was packed for {self.data} and is no set of {data}: choose --data "
                f"{self.data}, or pack anew with {PACK} --data {data}."
            )


@dataclass(frozen=True)
class Source:
    """Where one item is packed from.

    Attributes:
        name: of the item.
        path: of its image.
        partner: of the image that makes a pair with it; None without one.
        label: number of its class; -1 without classes.
    """

    name: str
    path: Path
    partner: Path | None = None
    label: int = -1


@dataclass
class ToPack:
    """A set that is to be packed, as its data module found it.

    Attributes:
        data: name of the data module.
        parts: what is in each part.
        channels: of the images, by domain.
        classes: names of the classes.
        folder: that is packed.
    """

    data: str
    parts: Mapping[str, Sequence[Source]]
    channels: Mapping[str, int]
    folder: Path
    classes: Sequence[str] = field(default_factory=list)


def is_stream(root: str | None) -> bool:
    """Whether a root is a packed set: an address in an object store, or a folder with its index.

    Raises:
        ValueError: it is a set of another kind, which is not read.
    """
    if root is None:
        return False
    if root.startswith(STORES) or "://" in root:
        _refuse_other_addresses(root)
        return True
    folder = Path(root)
    if (folder / INDEX).is_file():
        content = _content(folder / INDEX)
        if "chunks" in content or "shards" in content or "format" in content:
            return True
    _refuse_foreign(folder)
    return False


def refuse_stream(root: str | None, data: str) -> None:
    """Refuse a packed set as the root of a data module whose images are not streamed.

    Raises:
        ValueError: it is one.
    """
    if is_stream(root):
        raise ValueError(
            f"root: {root} is a packed set, and {data} is not streamed: packed sets hold images with a class "
            "or without, two domains, or pairs. Give a folder of images, or choose --data Images, "
            "UnpairedImages or PairedImages."
        )


def _content(index: Path) -> dict[str, Any]:
    """Return what an index says; nothing where it is something else of that name."""
    try:
        said = json.loads(index.read_bytes())
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _refuse_other_addresses(root: str) -> None:
    if not root.startswith(STORES):
        raise ValueError(
            f"root: {root} is no address that is streamed; {' and '.join(STORES)} are. Of other stores, "
            f"such as hf://, fetch the images to a folder and pack that: {PACK}."
        )


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder of another program's shards and nothing else."""
    if not folder.is_dir():
        return
    suffixes = {path.suffix for path in folder.iterdir() if not path.name.startswith(".")}
    kinds = [kind for suffix, kind in FOREIGN.items() if suffix in suffixes]
    if kinds and suffixes <= {*FOREIGN, ".json", ".md", ".txt"}:
        raise ValueError(
            f"root: {folder} holds {kinds[0]}, which are not read: what their columns or members mean "
            f"differs from set to set. Unpack the images to a folder, and train on that or pack it: {PACK}."
        )


def refuse_with_stream(reading: Reading, root: str) -> None:
    """Refuse what is decided when a set is packed, and cannot be changed in its stream.

    Raises:
        ValueError: names the argument.
    """
    usually = {each.name: each.default for each in fields(reading)}
    for argument in ("slices", "max_images", "on_bad_image", "held_out_share"):
        given, usual = getattr(reading, argument), usually[argument]
        if given != usual:
            raise ValueError(
                f"{argument}: {given} is decided when a set is packed, and {root} is one: leave it out, or "
                f"pack anew with {PACK} --data.{argument} {given}."
            )
