"""Pickled networks are read without being run; a hostile file is refused."""

from __future__ import annotations

import builtins
import functools
import operator
import os
import pickle
import pickletools
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.pickled import Part, WithSource, module_of, write_snapshot
from torch import nn

from gans.tools.official import pickles
from gans.tools.official.modules import networks_in
from gans.tools.official.pickles import Inert, UnsafePickleError, read_pickle

TYPES = (
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)


def write(folder: Path, data: bytes) -> Path:
    path = folder / "network-snapshot-000000.pkl"
    path.write_bytes(data)
    return path


def dumped(value: Any, protocol: int = 4) -> bytes:
    return pickle.dumps(value, protocol)


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("kind", [Part, WithSource])
def test_every_tensor_is_recovered_and_no_source_is_run(
    kind: type[nn.Module], protocol: int, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    state = {f"a.b{index}.weight": torch.randn(2, 3) for index in range(3)} | {"bias": torch.randn(())}
    network = module_of(state | {"a.Kernel": torch.randn(4, 4)}, kind)
    network.register_buffer("transposed", torch.arange(12.0).view(3, 4).T[1:])
    network.get_submodule("a").register_module("nothing", None)
    optimiser = torch.optim.Adam(network.parameters())
    path = write_snapshot(
        tmp_path / "x.pkl",
        protocol,
        G=network,
        D=None,
        cur_nimg=3000,
        training_set_kwargs={"path": "faces.zip", "size": (3, 64.0), "mirrored": True, "more": {1, 2}},
        D_opt_state=optimiser.state_dict(),
    )
    contents = read_pickle(path)
    assert contents["cur_nimg"] == 3000
    assert contents["training_set_kwargs"]["size"] == (3, 64.0)
    assert contents["D_opt_state"]["param_groups"][0]["lr"] == 0.001
    assert networks_in(contents).keys() == {"G"}
    recovered, expected = networks_in(contents)["G"], network.state_dict()
    assert recovered.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(recovered[name], tensor), name


def test_numbers_of_every_type_come_back(tmp_path: Path) -> None:
    tensors = [torch.randint(0, 2, (2, 3), generator=torch.Generator().manual_seed(0)).to(t) for t in TYPES]
    shared = torch.arange(6.0)
    contents = read_pickle(
        write(tmp_path, dumped([*tensors, shared[::2], shared.view(2, 3), torch.zeros(0, 2)]))
    )
    for made, tensor in zip(
        contents, [*tensors, shared[::2], shared.view(2, 3), torch.zeros(0, 2)], strict=True
    ):
        assert made.dtype == tensor.dtype
        assert torch.equal(made, tensor)


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


class WithState(Calls):
    """Pickles as a call, with a state for what comes of it."""

    def __reduce__(self) -> Any:
        return (*self.call, {"__class__": 1})


def touch(folder: Path) -> str:
    return f"touch {folder / 'executed'}"


def storage_of(present: int, claimed: int | None = None) -> bytes:
    """Return a storage as torch.save writes it, of `present` zeros; it may claim another number."""
    operations = pickletools.genops(dumped(torch.zeros(present)))
    data = next(value for operation, value, _ in operations if operation.name.endswith("BYTES"))
    assert isinstance(data, bytes)
    begin = len(data) - 4 * present
    return data[: begin - 8] + struct.pack("<q", present if claimed is None else claimed) + data[begin:]


def in_a_storage(value: Any) -> bytes:
    """Return a pickle of a tensor in whose storage's own pickles there is a value."""
    return dumped(Calls(torch.storage._load_from_bytes, dumped(value, 2) + storage_of(2)))


HOSTILE: dict[str, Callable[[Path], bytes]] = {
    "os.system": lambda folder: dumped(Calls(os.system, touch(folder))),
    "eval": lambda folder: dumped(Calls(eval, f"open({str(folder / 'executed')!r}, 'w')")),
    "exec in a network": lambda folder: dumped({"G": Calls(exec, "raise SystemExit")}),
    "getattr": lambda folder: dumped(Calls(getattr, "a", "upper")),
    "a partial": lambda folder: dumped(Calls(functools.partial, os.system, touch(folder))),
    "an attrgetter": lambda folder: dumped(Calls(operator.attrgetter("system"), 1)),
    "an open file": lambda folder: dumped(Calls(builtins.open, str(folder / "executed"), "w")),
    "torch.load": lambda folder: dumped(Calls(torch.load, str(folder / "other"))),
    "a call of what a call made": lambda folder: b"\x80\x04ctraining.x\nf\n)R(K\x01tR.",
    "a call without a tuple": lambda folder: b"\x80\x04ctraining.x\nf\nK\x01R.",
    "a call in a storage": lambda folder: in_a_storage(Calls(os.system, touch(folder))),
    "a storage in a storage": lambda folder: in_a_storage(torch.zeros(2)),
    "an instance of protocol 0": lambda folder: f"(S'{touch(folder)}'\nios\nsystem\n.".encode(),
    "an object of protocol 1": lambda folder: b"(cos\nsystem\nS'true'\no.",
    "a registered extension": lambda folder: b"\x80\x02\x82\x01.",
    "a persistent thing": lambda folder: b"\x80\x02K\x01Q.",
    "a persistent text": lambda folder: b"Pabc\n.",
    "a buffer from outside": lambda folder: b"\x80\x05\x97.",
    "a name that is no text": lambda folder: b"\x80\x04K\x01\x8c\x01a\x93.",
    "names past a dot": lambda folder: b"\x80\x04\x8c\x05torch\x8c\x04load\x93.",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_pickle_is_refused_and_nothing_of_it_run(case: str, tmp_path: Path) -> None:
    path = write(tmp_path, HOSTILE[case](tmp_path))
    with pytest.raises(UnsafePickleError, match=r"000000\.pkl is refused: it .*nothing in them is run"):
        read_pickle(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_cases_would_do_harm_elsewhere(tmp_path: Path) -> None:
    """Otherwise they would prove nothing."""
    path = write(tmp_path, HOSTILE["os.system"](tmp_path))
    pickle.loads(path.read_bytes())
    assert (tmp_path / "executed").exists()


def test_classes_of_the_authors_are_noted_whatever_is_asked_of_them(tmp_path: Path) -> None:
    made = read_pickle(
        write(
            tmp_path,
            b"\x80\x04ctorch_utils.misc\nsystem\nX\x04\x00\x00\x00true\x85R}X\x01\x00\x00\x00aK\x01sb.",
        )
    )
    assert isinstance(made, Inert)
    assert (made.name, made.arguments, made.state) == ("torch_utils.misc.system", ("true",), {"a": 1})


def many(values: bytes, times: int) -> bytes:
    """Return a pickle that loads one storage again and again."""
    load = b"ctorch.storage\n_load_from_bytes\n"
    kept = b"B" + struct.pack("<I", len(values)) + values + b"q\x000"
    return b"\x80\x04" + kept + (load + b"h\x00\x85R0") * times + b"N."


def nested_key(depth: int) -> bytes:
    """Return a dictionary whose key is a tuple of twice the tuple before, and so on: 2^depth to hash."""
    return b"\x80\x04}K\x01\x85" + b"2\x86" * depth + b"Ns."


def view(size: int, stride: int) -> bytes:
    tensor = dumped(torch.zeros(1))
    return tensor.replace(
        b"K\x00K\x01\x85\x94K\x01\x85\x94",
        b"K\x00J" + struct.pack("<i", size) + b"\x85\x94K" + bytes([stride]) + b"\x85\x94",
    )


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a view larger than its storage": (lambda: view(2**30, 0), "larger than its storage"),
    "one storage a thousand times": (lambda: many(storage_of(100_000), 1000), "more bytes than the file"),
    "a storage that claims a terabyte": (lambda: many(storage_of(4, 2**38), 1), "more bytes than the file"),
    "a key that takes forever": (lambda: nested_key(100), "a tuple for a key"),
    "steps without end": (
        lambda: b"\x80\x04" + b"]" * (pickles.MOST_OPERATIONS + 1) + b".",
        "more than 10000 operations",
    ),
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_bomb_is_refused_before_it_grows(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickles, "MOST_OPERATIONS", 10_000)
    monkeypatch.setattr(pickles.Bounds, "__init__", functools.partialmethod(_bounds))
    bomb, reason = BOMBS[case]
    path = write(tmp_path, bomb())
    tracemalloc.start()
    try:
        with pytest.raises(UnsafePickleError, match=reason):
            read_pickle(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * path.stat().st_size + 2**21
    finally:
        tracemalloc.stop()


def _bounds(self: pickles.Bounds, tensors: int) -> None:
    self.tensors, self.operations = tensors, 10_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle at all",
        b"\x80\x04}.more",
        dumped({"G": torch.zeros(3)})[:-30],
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # bytes of such a length
        b"\x80\x05\x96\x00\x00\x00\x00\x00\x01\x00\x00.",  # a bytearray likewise
        b"\x80\x04r\xff\xff\xff\xff.",  # puts nothing at a large place
        b"\x80\x04h\x05.",
        b"\x80\x04(((.",
        many(storage_of(4, 8), 1) + bytes(100),
        b"\x80\x04ctorch.storage\n_load_from_bytes\nX\x01\x00\x00\x00a\x85R.",
    ],
)
def test_what_is_damaged_is_said_to_be(data: bytes, tmp_path: Path) -> None:
    path = write(tmp_path, data)
    if data.endswith(b"more"):
        assert read_pickle(path) == {}
        return
    with pytest.raises(ValueError, match=r"000000\.pkl is (empty|no pickle)"):
        read_pickle(path)


def test_a_large_place_in_the_memo_takes_no_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        assert read_pickle(write(tmp_path, b"\x80\x04K\x01r\xff\xff\xff\x7f.")) == 1
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
