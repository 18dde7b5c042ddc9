"""What a model offers on the page: pictures of pictures, of captions or of nothing, by its protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import torch

from gans.protocol import (
    DrawsCaptions,
    HasAttributes,
    HasDomains,
    HasLatent,
    MakesSamples,
    ManyOutcomes,
    Reconstructs,
    Translates,
    Upscales,
    taken_by,
)
from gans.tools.playground.calls import Call, Given
from gans.tools.playground.directions import found_directions
from gans.tools.playground.pictures import Picture
from gans.tools.playground.settings import Amount, Another, Choice, Setting, Whole
from gans.tools.playground.tiles import in_tiles
from gans.tools.playground.walks import film, moved, strongest_axes

Asked = Literal["picture", "caption", "nothing"]
Shown = Literal["gallery", "edge", "film"]
Chosen = Mapping[str, Any]
"""Name of a setting -> what was chosen."""

DIRECTIONS = {"A2B": "A to B", "B2A": "B to A"}
LENDERS = ("reference", "style")  # arguments that take a picture which lends its look
MOST_LOOKS = 8
MOST_SAMPLES = 16
DIRECTION = "direction "  # begins the settings of those that were found
AXES = 6  # sliders, beside those of directions that were found
TILE = 512  # pixels of a side
MOST_MADE = 2**26  # pixels of an enlarged picture


class Size(NamedTuple):
    """Into which size a picture is brought, and whether it is cut.

    Attributes:
        side: of the shorter side in pixels; None leaves the picture as it is.
        tile: side of the tiles that larger pictures are cut into; None leaves them whole.
    """

    side: int | None = None
    tile: int | None = None


_TRUNCATION = Amount("Truncation: 1 is none", 1.0, 0.0, 1.0, 0.05)
_AS_IT_IS = {f"as it is, in tiles of {TILE} pixels": Size(tile=TILE), "as it is, whole": Size()}


@dataclass(frozen=True)
class Way:
    """One way to use one model.

    Attributes:
        model: the trained variant.
        checkpoint: its file.
        settings: name -> what there is to set.
    """

    title: ClassVar[str]
    asked: ClassVar[Asked]
    shown: ClassVar[Shown] = "gallery"
    model: Any
    checkpoint: Path
    settings: Mapping[str, Setting]

    def calls(self, given: Any, chosen: Chosen) -> Iterator[tuple[str, Call]]:
        """Yield what each picture is called, or each row of them, and the call that makes it.

        Args:
            given: a `Picture`, a caption, or None, as `asked` says.
            chosen: by the names of all settings.

        Raises:
            ValueError: what was chosen is impossible.
        """
        raise NotImplementedError

    def remarks(self, given: Any) -> list[str]:
        """Return sentences about what was given."""
        return []


class Translation(Way):
    """Pictures translated: each direction, each look."""

    title, asked = "Translate", "picture"

    @classmethod
    def of(cls, model: Any, checkpoint: Path) -> Way | None:
        """Return what a model offers, by what its `translate` takes; None where it is something else."""
        if not isinstance(model, Translates) or isinstance(model, HasAttributes):
            return None
        taken = taken_by(model.translate)
        settings: dict[str, Setting] = {}
        if "domain" in taken and isinstance(model, HasDomains):
            settings["domain"] = Choice("Domain", {name: name for name in model.domains})
        if "seed" in taken:
            several = isinstance(model, ManyOutcomes) or "domain" in taken
            settings["seed"] = Whole("Seed", 0)
            settings["looks"] = Whole("Looks", 4 if several else 1, MOST_LOOKS)
        if "truncation" in taken:
            settings["truncation"] = _TRUNCATION
        lender = next((name for name in LENDERS if name in taken), None)
        if lender:
            settings[lender] = Another("In the look of this picture")
        return cls(model, checkpoint, settings | _sizes(model))

    def calls(self, given: Picture, chosen: Chosen) -> Iterator[tuple[str, Call]]:
        """Yield a call for each direction and look."""
        picture = given.given(chosen["size"].side)
        fixed = {"domain": chosen["domain"]} if "domain" in chosen else {}
        for where, direction in self._directions():
            for look, named in self._looks(chosen):
                call = _maybe_tiled("translate", picture, chosen["size"], direction | fixed | named)
                yield ", ".join(filter(None, [where, *fixed.values(), look])) or "translated", call

    def _directions(self) -> list[tuple[str, dict[str, str]]]:
        if "direction" not in taken_by(self.model.translate):
            return [("", {})]
        return [(name, {"direction": direction}) for direction, name in DIRECTIONS.items()]

    def _looks(self, chosen: Chosen) -> list[tuple[str, dict[str, Any]]]:
        for name in LENDERS:
            if chosen.get(name) is not None:
                return [(f"in the look of {chosen[name].name}", {name: chosen[name].given(name=name)})]
        if "seed" not in chosen:
            return [("", {})]
        return [(f"seed {seed}", {"seed": seed} | _truncation(chosen)) for seed in _seeds(chosen)]


class Attributes(Way):
    """Pictures that are given attributes by switches; with none switched each by itself."""

    title, asked = "Translate", "picture"

    @classmethod
    def of(cls, model: Any, checkpoint: Path) -> Way | None:
        """Return the switches of a model with attributes."""
        if not (isinstance(model, Translates) and isinstance(model, HasAttributes)):
            return None
        as_it_is: dict[str, tuple[str, int] | None] = {"as it is": None}
        settings: dict[str, Setting] = {}
        for number, group in enumerate(model.attributes.exclusive, 1):
            switches = {name: (name, 1) for name in group}
            settings[f"group {number}"] = Choice("One of these", as_it_is | switches)
        for name in model.attributes.flat:
            if not model.attributes.group_of(name):
                settings[f"attribute {name}"] = Choice(name, as_it_is | {"yes": (name, 1), "no": (name, 0)})
        return cls(model, checkpoint, settings | _sizes(model, tiles=False))

    def calls(self, given: Picture, chosen: Chosen) -> Iterator[tuple[str, Call]]:
        """Yield one call that switches all that is chosen; where nothing is, one for each attribute."""
        picture = given.given(chosen["size"].side)
        switched = dict(each for name, each in chosen.items() if name != "size" and each is not None)
        if not switched:
            for name in self.model.attributes.flat:
                yield name, Call("translate", (picture, [name]))
        elif all(switched.values()):
            yield ", ".join(switched), Call("translate", (picture, list(switched)))
        else:
            label = ", ".join(name if there else f"no {name}" for name, there in switched.items())
            yield label, Call("translate", (picture, self._labels(picture.value, switched)))

    def _labels(self, picture: Any, switched: dict[str, int]) -> Given:
        """Return the labels that are recognised with some switched, of the data set of these."""
        attributes = self.model.attributes
        labels = self.model.recognise(picture).cpu()
        there = [name for name, value in switched.items() if value]
        if there:
            labels = attributes.with_names(there, labels).labels
        for name, value in switched.items():
            labels[:, attributes.flat.index(name)] = value
        numbers = labels[0].tolist()
        return Given(torch.tensor(numbers), f"torch.tensor({numbers})", imports=("import torch",))

    def remarks(self, given: Picture) -> list[str]:
        """Tell which attributes the model sees."""
        seen = self.model.recognise(given.image)[0].tolist()
        names = [name for name, there in zip(self.model.attributes.flat, seen, strict=True) if there]
        return [f"The model sees: {', '.join(names) or 'none of its attributes'}."]


class Enlargement(Way):
    """Pictures enlarged, beside what interpolation makes of them."""

    title, asked, shown = "Enlarge", "picture", "edge"

    @classmethod
    def of(cls, model: Any, checkpoint: Path) -> Way | None:
        """Return the way of a model that enlarges."""
        if not isinstance(model, Upscales):
            return None
        return cls(model, checkpoint, {"size": Choice("Large pictures", _AS_IT_IS)})

    def calls(self, given: Picture, chosen: Chosen) -> Iterator[tuple[str, Call]]:
        """Yield the one call.

        Raises:
            ValueError: if the picture would become too large to be shown.
        """
        width, height = (self.model.scale * side for side in given.image.size)
        if width * height > MOST_MADE:
            raise ValueError(
                f"{given.name} would become {width} x {height} pixels, more than the {MOST_MADE / 1e6:.0f} "
                "million that this page shows. The command predict makes larger ones."
            )
        yield f"{self.model.scale} times as large", _maybe_tiled("upscale", given.given(), chosen["size"], {})


class Reconstruction(Way):
    """Pictures that go through a code and come back."""

    title, asked = "Reconstruct", "picture"

    @classmethod
    def of(cls, model: Any, checkpoint: Path) -> Way | None:
        """Return the way of an auto-encoder."""
        return cls(model, checkpoint, {}) if isinstance(model, Reconstructs) else None

    def calls(self, given: Picture, chosen: Chosen) -> Iterator[tuple[str, Call]]:
        """Yield the one call, on the middle of the picture in the size that the model takes."""
        yield (
            "as it comes back",
            Call("reconstruct", (given.given(self.model.hparams["image_size"], square=True),)),
        )


class Captions(Way):
    """Pictures of what a sentence says."""

    title, asked = "Draw a sentence", "caption"

    @classmethod
    def of(cls, model: Any, checkpoint: Path) -> Way | None:
        """Return the way of a model that draws captions."""
        if not isinstance(model, DrawsCaptions):
            return None
        return cls(model, checkpoint, {"seed": Whole("Seed", 0), "looks": Whole("Looks", 4, MOST_LOOKS)})

    def calls(self, given: str, chosen: Chosen) -> Iterator[tuple[str, Call]]:
        """Yield a call for each seed."""
        for seed in _seeds(chosen):
            yield f"seed {seed}", Call("draw", (given,), {"seed": seed})

    def remarks(self, given: str) -> list[str]:
        """Tell which words the model does not know."""
        unknown = self.model.unknown(given)
        return [f"Not known to the model: {', '.join(map(repr, unknown))}."] if unknown else []


class Samples(Way):
    """Pictures of seeds, moved along what was found in the latent space."""

    title, asked = "Make from seeds", "nothing"

    @classmethod
    def of(cls, model: Any, checkpoint: Path) -> Way | None:
        """Return seeds, truncation and sliders, as far as a model has them."""
        if not isinstance(model, MakesSamples) or isinstance(model, DrawsCaptions):
            return None
        settings: dict[str, Setting] = {"seed": Whole("Seed", 0), "looks": Whole("Pictures", 8, MOST_SAMPLES)}
        settings |= _classes(model)
        if "truncation" in taken_by(model.sample):
            settings["truncation"] = _TRUNCATION
        return cls(model, checkpoint, settings | _sliders(model, checkpoint))

    def calls(self, given: None, chosen: Chosen) -> Iterator[tuple[str, Call]]:
        """Yield one call for all seeds."""
        seeds = _seeds(chosen)
        truncation, moves = _truncation(chosen), _moves(chosen)
        names = [f"seed {seed}" for seed in seeds]
        if moves:
            call = Call(moved, (seeds,), moves | _label(chosen) | truncation, names)
        else:
            labels = _labels(chosen, len(seeds))
            call = Call("sample", (len(seeds),), {"seed": seeds[0]} | labels | truncation, names)
        yield names[0] if len(names) == 1 else f"seeds {seeds[0]} to {seeds[-1]}", call


class Film(Way):
    """A film from one seed to another and back."""

    title, asked, shown = "Film", "nothing", "film"

    @classmethod
    def of(cls, model: Any, checkpoint: Path) -> Way | None:
        """Return the way of a model with a latent."""
        if not isinstance(model, HasLatent) or isinstance(model, DrawsCaptions):
            return None
        settings: dict[str, Setting] = {"first": Whole("From seed", 0), "last": Whole("To seed", 1)}
        return cls(
            model, checkpoint, settings | {"frames": Whole("Frames each way", 24, 120)} | _classes(model)
        )

    def calls(self, given: None, chosen: Chosen) -> Iterator[tuple[str, Call]]:
        """Yield the one call."""
        seeds = [chosen["first"], chosen["last"]]
        yield f"seeds {seeds[0]} and {seeds[1]}", Call(film, (seeds, chosen["frames"]), _label(chosen))


WAYS: tuple[Any, ...] = (Translation, Attributes, Enlargement, Captions, Reconstruction, Samples, Film)


def ways_of(model: Any, checkpoint: Path) -> list[Way]:
    """Return what a model offers, in the order of `WAYS`.

    Raises:
        ValueError: if it makes no pictures.
    """
    ways = [way for kind in WAYS if (way := kind.of(model, checkpoint)) is not None]
    if not ways or model.hparams.get("image_size") == 1:
        raise ValueError(
            f"{checkpoint} holds a {type(model).__name__}, which makes no pictures: there is nothing to see."
        )
    return ways


def _sizes(model: Any, tiles: bool = True) -> dict[str, Setting]:
    """Return in which sizes a picture can be translated; a recogniser looks at all of it, without tiles."""
    side = model.hparams.get("image_size")
    as_trained = {f"{side} pixels, as trained": Size(side)} if side else {}
    return {"size": Choice("Size", as_trained | (_AS_IT_IS if tiles else {"as it is": Size()}))}


def _maybe_tiled(method: str, picture: Given, size: Size, settings: dict[str, Any]) -> Call:
    """Return the call of a method, tile by tile where the picture is larger than one."""
    if size.tile is None or max(picture.value.size) <= size.tile:
        return Call(method, (picture,), settings)
    return Call(in_tiles, (method, picture, size.tile), settings)


def _seeds(chosen: Chosen) -> list[int]:
    return list(range(chosen["seed"], chosen["seed"] + chosen["looks"]))


def _classes(model: Any) -> dict[str, Setting]:
    """Return the classes of a model that has some; by default samples have each in turn."""
    classes = model.hparams.get("classes", 0)
    options = {"each in turn": None} | {str(label): label for label in range(classes)}
    return {"label": Choice("Class", options)} if classes else {}


def _label(chosen: Chosen) -> dict[str, Any]:
    """Return the one class that is chosen, the first where it is none."""
    return {"label": chosen["label"] or 0} if "label" in chosen else {}


def _labels(chosen: Chosen, count: int) -> dict[str, Any]:
    """Return the class that is chosen for each of some samples."""
    label = chosen.get("label")
    if label is None:
        return {}
    code = f"torch.full(({count},), {label})"
    return {"labels": Given(torch.full((count,), label), code, imports=("import torch",))}


def _sliders(model: Any, checkpoint: Path) -> dict[str, Setting]:
    """Return sliders along directions that were found, and along the axes that change pictures most."""
    if not isinstance(model, HasLatent):
        return {}
    found = found_directions(checkpoint)
    sliders: dict[str, Setting] = {
        f"{DIRECTION}{place}": Amount(name, 0.0, -3.0, 3.0) for name, place in found.items()
    }
    axes = strongest_axes(model, AXES, 0 if _classes(model) else None)
    return sliders | {f"axis {axis}": Amount(f"Axis {axis}", 0.0, -3.0, 3.0) for axis in axes}


def _truncation(chosen: Chosen) -> dict[str, float]:
    value = chosen.get("truncation", 1.0)
    return {} if value == 1 else {"truncation": value}


def _moves(chosen: Chosen) -> dict[str, Any]:
    """Return by how much the sliders move latents: those that are not in their middle."""
    axes = {int(name[5:]): value for name, value in chosen.items() if name.startswith("axis ") and value}
    directions = {
        name.removeprefix(DIRECTION): value
        for name, value in chosen.items()
        if name.startswith(DIRECTION) and value
    }
    moves = {"directions": directions, "axes": axes}
    return {kind: each for kind, each in moves.items() if each}
