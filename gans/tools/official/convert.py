"""The authors' files to a checkpoint, and a checkpoint to the authors' files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import torch
from torch import Tensor, nn

import gans
from gans import load
from gans.base import AdversarialModule
from gans.checkpoints.contents import describe
from gans.cli.changes import decides_the_networks
from gans.files import written_whole
from gans.networks.landmarks import LandmarkNetwork, load_landmarks
from gans.networks.patch import PatchDiscriminator
from gans.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from gans.networks.resnet import ResNetGenerator
from gans.networks.stargan import StarGANGenerator
from gans.tools.official import enlarging
from gans.tools.official.card import CARD, card_of
from gans.tools.official.files import State, read_official
from gans.tools.official.names import official_filters, official_names
from gans.tools.official.places import AVERAGE, COUNTERPARTS, PLACES, Labels, arguments_of, placed, variant_of
from gans.tools.official.recognise import Recognised, recognise

AVERAGES = "100000_nets_ema.ckpt"
LICENCES = {
    "StarGANv2": "The authors' weights of StarGAN v2 are under CC BY-NC 4.0: for non-commercial use only.",
}
"""Variant -> what its authors' licence asks of whoever uses their weights."""


@dataclass(frozen=True)
class Imported:
    """What the authors' files became.

    Attributes:
        model: the variant, with their weights.
        arguments: those of its constructor that their architecture decides.
        taken: name of a network -> what it was filled from.
        fresh: names of the networks that no file held, which are newly initialised.
    """

    model: AdversarialModule
    arguments: dict[str, Any]
    taken: dict[str, Recognised]
    fresh: list[str]


class Exported(NamedTuple):
    """What became of a checkpoint: the files, and a line on each network that the authors have not."""

    files: list[Path]
    left_out: Sequence[str] = ()


def import_official(
    path: Path,
    variant: str | None = None,
    labels: Labels | None = None,
    nce_layers: list[int] | None = None,
) -> Imported:
    """Return the variant in the authors' files, of which nothing is executed.

    Args:
        path: one file, or a folder of which the newest files are taken.
        variant: class name; None tells it from the networks.
        labels: names of a StarGAN's attributes; None stands for the paper's of CelebA.
        nce_layers: layers that a CUT's projection sees; None stands for the paper's.

    Raises:
        FileNotFoundError: if there is nothing at the path.
        ValueError: if a file is none of the known ones, its tensors are others than its architecture has, a
            filter is another one, or the files do not belong together.
    """
    networks = [recognise(file) for file in read_official(path)]
    variant = variant or variant_of(networks)
    taken = placed(variant, networks)
    arguments = arguments_of(variant, taken, labels, nce_layers)
    torch.manual_seed(0)  # of the networks that are missing
    model: AdversarialModule = getattr(gans, variant)(**arguments)
    without = _without_biases(model, arguments)
    if AVERAGE in taken:
        model.configure_model()  # which makes the averages
    for name, network in taken.items():
        _fill(model.get_submodule(name), network, without.get(name, set()))
    fresh = [name for name in PLACES[variant] if name not in (*taken, AVERAGE)]
    return Imported(model.eval(), arguments, taken, fresh)


def _without_biases(model: AdversarialModule, arguments: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return, by network, the official names of the biases that only the networks here have.

    Without normalisation the authors leave out the biases wherever a norm could be; the networks here do so
    before batch norm alone.
    """
    if arguments.get("norm") != "none":
        return {}
    variant = type(model)
    with torch.device("meta"):
        normed = variant(**{**arguments, "norm": "batch"})
    return {
        name: _biases(getattr(model, name)) - set(official_names(getattr(normed, name)).values())
        for name in PLACES[variant.__name__]
    }


def _biases(network: nn.Module) -> set[str]:
    return {name for name in official_names(network).values() if name.endswith(".bias")}


def _fill(network: nn.Module, source: Recognised, without: Set[str]) -> None:
    """Give the network the tensors of a file, by their official names; zeros where the authors have none."""
    own = {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}
    names, state = official_names(network), dict(source.file.state)
    filters = official_filters(network)
    _refuse_other_filters(source, filters)
    for name, theirs in names.items():
        if name.endswith("num_batches_tracked"):
            state.setdefault(theirs, own[name])  # which programs before PyTorch 0.4.1 did not keep
        if theirs in without:
            state.setdefault(theirs, torch.zeros_like(own[name]))
    wrong = [f"unknown: {name}" for name in state if name not in {*names.values(), *filters}]
    wrong += [f"missing: {name}" for name in filters if name not in state]
    for name, theirs in names.items():
        if theirs not in state:
            wrong.append(f"missing: {theirs}")
        elif state[theirs].shape != own[name].shape:
            shapes = f"{tuple(state[theirs].shape)} instead of {tuple(own[name].shape)}"
            wrong.append(f"shape of {theirs}: {shapes}")
    if wrong:
        raise ValueError(
            f"{source.file.path} looks like a {source.kind}, but its tensors are not all those of one:\n"
            + "\n".join(f"  {line}" for line in wrong)
        )
    network.load_state_dict({name: state[theirs] for name, theirs in names.items()})


def _refuse_other_filters(source: Recognised, filters: State) -> None:
    for name, own in filters.items():
        theirs = source.file.state.get(name, own)
        if not torch.equal(theirs.to(own.dtype), own):
            raise ValueError(
                f"{source.file.path}: {name} is another filter than the authors' and the one here, so this "
                "network was trained with other filters and would make other images here."
            )


def load_any(path: Path) -> AdversarialModule:
    """Return the trained variant in a checkpoint of this project, or in a file of the authors.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is neither.
    """
    try:
        model: AdversarialModule = load(path)
    except ValueError:
        return import_official(path).model
    return model


def write_checkpoint(model: AdversarialModule, arguments: Mapping[str, Any], path: Path) -> None:
    """Write a variant as a checkpoint of weights, as `gans.load` and `--init_from` take it.

    Args:
        model: the variant.
        arguments: those of its constructor that say what its networks are, where they are not among the
            usual ones.
        path: of the checkpoint.
    """
    decisive = {k: v for k, v in model.hparams.items() if decides_the_networks(k, v)}
    checkpoint: dict[str, Any] = {
        "pytorch-lightning_version": lightning.__version__,
        "state_dict": model.state_dict(),
        # How to train is left to the config that takes the weights.
        "hyper_parameters": decisive | dict(arguments),
    }
    describe(model, checkpoint)
    with written_whole(path) as file:
        torch.save(checkpoint, file)


def export_official(checkpoint: Path, folder: Path, raw: bool = False, names: str = "basicsr") -> Exported:
    """Write the networks of a checkpoint as the files that the authors' program loads.

    Args:
        checkpoint: of a variant in `PLACES`.
        folder: where the files go; those of the same names are replaced.
        raw: whether to write the networks as trained where their averages were kept.
        names: of super-resolution `basicsr`, or those of `gans.tools.official.enlarging.OLDER_NAMES`.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if the file is no checkpoint, or the authors have no such variant, network, names or bias.
    """
    model = load(checkpoint)
    variant = type(model).__name__
    if variant in enlarging.VARIANTS:
        return _export_enlarging(model, folder, raw, names, checkpoint)
    if names != "basicsr":
        raise ValueError(f"{checkpoint} holds a {variant}: --names is for super-resolution.")
    _refuse_without_counterpart(variant, model.hparams, checkpoint)
    contents: dict[str, Any] = {}
    without = _without_biases(model, model.hparams)
    for name, place in PLACES[variant].items():
        network = _written(model, name, raw)
        if network is None:
            continue
        state = _official_state(network)
        for bias in without.get(name, ()):
            if state.pop(bias).any():
                raise ValueError(
                    f"{checkpoint} has learnt biases, such as {bias} of {name}, which the authors' networks "
                    "lack with --norm none."
                )
        if variant == "MUNIT":  # both domains in one file
            contents.setdefault(place.file, {})[place.side.lower()] = state
        elif variant == "StarGANv2":  # all as trained in one file, the averages in another
            contents.setdefault(place.file, {})[name] = _official_state(getattr(model, name))
            if name != "discriminator":
                contents.setdefault(AVERAGES, {})[name] = state
        else:
            contents[place.file] = state
    if variant == "StarGANv2" and model.hparams["high_pass"]:
        landmarks = _landmarks(model.hparams["landmarks"], checkpoint).state_dict()
        contents = {file: {**states, "fan": landmarks} for file, states in contents.items()}
    exported = _files(contents, folder)
    if AVERAGE in PLACES[variant]:  # of programs that pickle whole networks themselves
        with written_whole(folder / CARD) as opened:
            opened.write(card_of(contents).encode())
        return exported._replace(files=[*exported.files, folder / CARD])
    return exported


def _export_enlarging(
    model: AdversarialModule, folder: Path, raw: bool, names: str, source: Path
) -> Exported:
    """Write a model of super-resolution as BasicSR, Real-ESRGAN or ESRGAN load it."""
    arguments = model.hparams
    kept = {"params": _official_state(model.get_submodule("generator"))}
    if "generator" in model.ema and not raw:
        kept["params_ema"] = _official_state(model.averaged("generator"))
    if names != "basicsr":
        if (arguments["generator"], arguments["scale"]) != ("rrdbnet", 4):
            raise ValueError(
                f"{source} has the generator {arguments['generator']} at scale {arguments['scale']}: the "
                "names of ESRGAN's first programs are those of rrdbnet at scale 4. Leave out --names."
            )
        newest = kept.get("params_ema", kept["params"])
        return _files({"RRDB_ESRGAN_x4.pth": enlarging.in_older_names(newest, names)}, folder)
    contents: dict[str, Any] = {"net_g_latest.pth": kept}
    if not hasattr(model, "discriminator"):
        return _files(contents, folder)
    missing = enlarging.discriminator_missing_there(arguments)
    if missing is None:
        contents["net_d_latest.pth"] = {"params": _official_state(model.get_submodule("discriminator"))}
    left_out = [] if missing is None else [f"discriminator: left out, the authors' has no {missing}"]
    return _files(contents, folder)._replace(left_out=left_out)


def _files(contents: Mapping[str, Any], folder: Path) -> Exported:
    for file, state in contents.items():
        with written_whole(folder / file) as opened:
            torch.save(state, opened)
    return Exported([folder / file for file in contents])


def _written(model: AdversarialModule, name: str, raw: bool) -> nn.Module | None:
    """Return what is written of a network: of R3GAN both it and its average, else one of them."""
    if name == AVERAGE:
        return None if raw or "generator" not in model.ema else model.ema["generator"]
    network: nn.Module | None = getattr(model, name, None)  # a Pix2Pix may have no discriminator
    if raw or network is None or AVERAGE in PLACES[type(model).__name__]:
        return network
    return model.averaged(name)


def _landmarks(file: str | None, checkpoint: Path) -> LandmarkNetwork:
    """Return the network of landmarks, which the authors' files of a model with high-pass hold."""
    if file is None:
        raise ValueError(
            f"{checkpoint} has a high-pass, and the authors' files of such a model hold the network of "
            "landmarks: name it by model.landmarks, the authors' wing.ckpt, when it is trained."
        )
    return load_landmarks(file)


def _official_state(network: nn.Module) -> State:
    """Return the state of a network under its official names, in their order."""
    state: State = {}
    values = network.state_dict()
    for name, theirs in official_names(network).items():
        state[theirs] = values[name].clone()  # of a mapped file, and without the storage of others
        if isinstance(network, StarGANGenerator) and theirs.endswith(".bias"):
            state |= _unread_statistics(theirs.removesuffix(".bias"), values[name])
    filters = {name: kernel.clone() for name, kernel in official_filters(network).items()}
    if isinstance(network, R3GANGenerator | R3GANDiscriminator):
        return {f"Model.{name}": value for name, value in (state | filters).items()}
    if isinstance(network, ResNetGenerator | PatchDiscriminator):  # CUT's filters are layers among others
        return dict(sorted((state | filters).items(), key=_layer))
    return state | filters


def _layer(entry: tuple[str, Tensor]) -> int:
    return int(entry[0].split(".")[1])


def _unread_statistics(norm: str, bias: Tensor) -> State:
    """Return what the authors' instance norm keeps beside scale and shift, and never reads."""
    return {
        f"{norm}.running_mean": torch.zeros_like(bias),
        f"{norm}.running_var": torch.ones_like(bias),
        f"{norm}.num_batches_tracked": torch.tensor(0),
    }


def _refuse_without_counterpart(variant: str, arguments: Mapping[str, Any], source: Path) -> None:
    if variant not in PLACES:
        raise ValueError(f"{source} holds a {variant}: the authors' files are those of {', '.join(PLACES)}.")
    for name, known in COUNTERPARTS[variant].items():
        if arguments[name] not in known:
            raise ValueError(
                f"{source} has {name} {arguments[name]}: the authors' program knows {name} "
                f"{' or '.join(str(value) for value in known)}."
            )
