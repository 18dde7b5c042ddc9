"""Pickled networks read as data: tensors and plain containers are made of them, and nothing is run.

The programs of StyleGAN2-ADA and R3GAN pickle whole modules, the former together with the source text of
their classes, which its loader executes. A pickle is a program for a small machine that may call anything;
this is such a machine that calls nothing. What a class or a function would have made becomes an `Inert` note.

Names that networks have no use for are refused. What is made is in proportion to the file, and so is the time
it takes: each step of the machine makes one small thing, and the bytes of all tensors together are counted.
"""

from __future__ import annotations

import io
import math
import mmap
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

STAND_INS = ("torch_utils.", "dnnlib.", "training.", "R3GAN.", "BaselineGAN.", "torch.nn.")
"""Where the classes and functions come from that are noted, whatever they are called."""
TORCHS = ("device", "Size", "float16", "float32", "float64", "bfloat16", "int64", "uint8", "bool")
ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
NOTED = {
    "builtins.set",
    "__builtin__.set",
    "_codecs.encode",
    "numpy.dtype",
    "numpy.ndarray",
    *(f"{module}.{name}" for module in ARRAYS for name in ("_reconstruct", "scalar")),
    *(f"torch.{name}" for name in TORCHS),
}
"""Further names that are noted."""
NUMBERS = {
    "Float": torch.float32,
    "Double": torch.float64,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
}
"""What torch's storages are called without their ending -> the numbers in them."""
LOAD = "torch.storage._load_from_bytes"
LONGEST_NAME = 300  # characters of a name or a key
LARGEST_KEY = 2**63
MOST_AXES = 16
DAMAGE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
MOST_OPERATIONS = 2_000_000  # the largest published networks take some hundred thousand
TORCH_MAGIC = 0x1950A86A20F9469CFC6C  # by which torch.save began its files before they were archives
TORCH_VERSION = 1001  # of that format


class UnsafePickleError(ValueError):
    """A pickle asks for what no file of networks needs; the message says for what."""


@dataclass(frozen=True)
class Name:
    """The name of a class or function with its module; nobody looks it up."""

    whole: str


@dataclass(eq=False)
class Inert:
    """A note of what a call would have made.

    Attributes:
        name: of the class or function, with its module.
        arguments: of the call.
        state: what the object would have been given, in most cases its attributes.
        items: what would have been appended to it.
        entries: what would have been put into it by keys.
    """

    name: str
    arguments: tuple[Any, ...]
    state: Any = None
    items: list[Any] = field(default_factory=list)
    entries: dict[Any, Any] = field(default_factory=dict)


@dataclass
class Bounds:
    """What the pickles of a file may still take.

    Attributes:
        tensors: bytes of their tensors together.
        operations: their steps together.
    """

    tensors: int
    operations: int = MOST_OPERATIONS


def read_pickle(path: Path) -> Any:
    """Return what a pickle holds: plain containers, numbers, texts, tensors on the CPU, and `Inert` notes.

    Raises:
        UnsafePickleError: if it asks for anything else, or for more memory than the file has bytes.
        ValueError: if it is no pickle, or not a whole one.
    """
    size = path.stat().st_size
    if not size:
        raise ValueError(f"{path} is empty.")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        try:
            return Machine(Bounds(size)).run(mapped)
        except UnsafePickleError as error:
            raise UnsafePickleError(
                f"{path} is refused: {error}. Pickles are read as tensors and plain containers alone, and "
                "nothing in them is run."
            ) from error
        except DAMAGE as error:
            reason = str(error)[:LONGEST_NAME]
            raise ValueError(f"{path} is no pickle of networks, or not a whole one: {reason}.") from error


class Machine:
    """Runs one pickle without calling anything, and makes what `read_pickle` says.

    Args:
        bounds: of the file.
        inner: whether the pickle is one of those in which torch.save writes a storage. They alone refer to
            what is outside of them, and they have none of their kind inside.
    """

    def __init__(self, bounds: Bounds, inner: bool = False) -> None:
        self._bounds, self._inner = bounds, inner
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self, stream: Any) -> Any:
        """Run the pickle that begins at the stream's place; the stream is then behind it.

        Raises:
            UnsafePickleError: as `read_pickle` does.
            LookupError, TypeError, ValueError or RuntimeError: if it is damaged.
        """
        for operation, argument, _ in pickletools.genops(stream):
            self._bounds.operations -= 1
            if self._bounds.operations < 0:
                raise UnsafePickleError(f"it takes more than {MOST_OPERATIONS} operations")
            if operation.name == "STOP":
                break
            self._step(operation.name, argument)
        return self._stack.pop()

    def _step(self, operation: str, argument: Any) -> None:
        stack = self._stack
        match operation:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                self._marks.append(len(stack))
            case "POP":
                stack.pop()
            case "POP_MARK":
                self._marked()
            case "DUP":
                stack.append(stack[-1])
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "APPEND" | "APPENDS" | "ADDITEMS" | "SETITEM" | "SETITEMS":
                self._fill(operation)
            case "GLOBAL" | "STACK_GLOBAL" | "REDUCE" | "NEWOBJ" | "NEWOBJ_EX" | "BUILD" | "BINPERSID":
                self._note(operation, argument)
            case _:
                stack.append(self._made(operation, argument))

    def _made(self, operation: str, argument: Any) -> Any:
        """Return a new value: a constant or an empty or filled container."""
        if operation in LITERALS:
            return argument
        if operation in EMPTY:
            return EMPTY[operation]()
        if operation in ("TUPLE1", "TUPLE2", "TUPLE3"):
            return tuple(reversed([self._stack.pop() for _ in range(int(operation[-1]))]))
        match operation:
            case "TUPLE":
                return tuple(self._marked())
            case "LIST":
                return self._marked()
            case "DICT":
                items = self._marked()
                return dict(zip(map(_key, items[::2]), items[1::2], strict=True))
            case "FROZENSET":
                return frozenset(map(_key, self._marked()))
        raise _useless(operation)

    def _marked(self) -> list[Any]:
        """Take everything above the last mark."""
        begin = self._marks.pop()
        taken = self._stack[begin:]
        del self._stack[begin:]
        return taken

    def _fill(self, operation: str) -> None:
        """Put values into the container under them."""
        single = {"APPEND": 1, "SETITEM": 2}.get(operation)
        values = self._marked() if single is None else [self._stack.pop() for _ in range(single)][::-1]
        target = self._stack[-1]
        if operation.startswith("SETITEM"):
            entries = target.entries if isinstance(target, Inert) else target
            entries.update(zip(map(_key, values[::2]), values[1::2], strict=True))
        elif operation == "ADDITEMS":
            target.update(map(_key, values))
        else:
            (target.items if isinstance(target, Inert) else target).extend(values)

    def _note(self, operation: str, argument: Any) -> None:
        """Note a name, a call or the state of an object."""
        stack = self._stack
        if operation == "GLOBAL":
            stack.append(self._name(*argument.split(" ", 1)))
        elif operation == "STACK_GLOBAL":
            name, module = stack.pop(), stack.pop()
            stack.append(self._name(module, name))
        elif operation == "BINPERSID" and self._inner:
            stack.append(Inert("persistent", (stack.pop(),)))
        elif operation == "BUILD":
            state = stack.pop()
            if isinstance(stack[-1], Inert):
                stack[-1].state = state
        elif operation in ("REDUCE", "NEWOBJ"):
            arguments, called = stack.pop(), stack.pop()
            stack.append(self._called(called, arguments))
        else:
            raise _useless(operation)

    def _name(self, module: Any, name: Any) -> Name:
        """Note a name, if networks can have a use for it."""
        if not (isinstance(module, str) and isinstance(name, str)) or len(module + name) > LONGEST_NAME:
            raise UnsafePickleError("it wants what has no proper name")
        whole = f"{module}.{name}"
        useful = whole in {*MAKERS, *NOTED, LOAD} or whole.startswith(STAND_INS)
        if not (_is_storage(whole) if self._inner else useful):
            raise UnsafePickleError(f"it wants {whole}, which no networks need")
        return Name(whole)

    def _called(self, called: Any, arguments: Any) -> Any:
        """Return what a call makes, if it makes a tensor or a plain container; else a note of it."""
        if not isinstance(called, Name) or not isinstance(arguments, tuple):
            raise UnsafePickleError(f"it calls a {type(called).__name__}")
        if called.whole == LOAD:
            return self._storage(*arguments)
        maker = MAKERS.get(called.whole)
        return maker(*arguments) if maker else Inert(called.whole, arguments)

    def _storage(self, data: bytes) -> Tensor:
        """Return the numbers (N,) of a storage as torch.save writes it, in a format of its own."""
        stream = io.BytesIO(data)
        magic, version, system, storage, _ = (Machine(self._bounds, inner=True).run(stream) for _ in range(5))
        if (magic, version) != (TORCH_MAGIC, TORCH_VERSION) or not system["little_endian"]:
            raise ValueError("a tensor in it is of another format")
        _, kind, _, _, _, view = storage.arguments[0]
        numbers = NUMBERS[kind.whole.rpartition(".")[2].removesuffix("Storage")]
        size = int.from_bytes(stream.read(8), "little") * numbers.itemsize
        self._bounds.tensors -= size
        if self._bounds.tensors < 0:
            raise UnsafePickleError("its tensors have more bytes than the file")
        raw = bytearray(stream.read(size))
        if len(raw) != size or view is not None:
            raise ValueError("a tensor in it is not whole")
        return torch.frombuffer(raw, dtype=numbers) if raw else torch.empty(0, dtype=numbers)


def _useless(operation: str) -> UnsafePickleError:
    return UnsafePickleError(f"it has the operation {operation}, for which networks have no use")


def _is_storage(whole: str) -> bool:
    module, _, name = whole.rpartition(".")
    return module in ("torch", "torch.cuda") and name.removesuffix("Storage") in NUMBERS


def _key(value: Any) -> Any:
    """Return what is to be a key: others may take forever to hash or to compare."""
    short = isinstance(value, str) and len(value) <= LONGEST_NAME
    small = isinstance(value, int) and abs(value) < LARGEST_KEY
    if short or small or value is None or isinstance(value, float):
        return value
    raise UnsafePickleError(f"it has a {type(value).__name__} for a key, or a very long one")


def _empty() -> dict[Any, Any]:
    """Return what its items are put into one by one; given all at once they could be the same ones, often."""
    return {}


def _tensor(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    """Return a view of a storage, which may not be larger than it."""
    if len(size) > MOST_AXES or math.prod(size) > len(storage):
        raise UnsafePickleError("it has a tensor that is larger than its storage")
    return storage.as_strided(size, stride, offset)


MAKERS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
    "torch._utils._rebuild_parameter_with_state": lambda tensor, *_: tensor,
    "collections.OrderedDict": _empty,
}
"""What is made, and not only noted."""
EMPTY: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
LITERALS = (
    *("BININT1", "BININT2", "BININT", "INT", "LONG1", "LONG4", "LONG", "BINFLOAT", "FLOAT"),
    *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"),
    *("SHORT_BINSTRING", "BINSTRING", "STRING"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
)
