"""Damages a file: bits flipped, bytes cut, inserted, repeated or zeroed, and huge numbers in its header."""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from collections.abc import Callable

Damage = Callable[[bytearray, random.Random], None]

_HEADER = 400  # bytes in which most formats say how large an image is
_NUMBERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63,
    2**64 - 1,
)
_TEXTS = (b"0", b"-1", b"4294967296", b"99999", b"nan", b"1e999")  # where headers are text


def mutate(name: str, content: bytes, chance: random.Random) -> bytes:
    """Damage the content of a file in one to four places.

    Half of the time what a checksum or a compression hides is damaged too: the content of gzip, and PNG with
    the checksums that belong to it, so that the decoder itself is met and not only its first look.
    """
    beneath = chance.random() < 0.5
    if name.endswith(".gz") and beneath:
        return gzip.compress(mutate("", gzip.decompress(content), chance), mtime=0)
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        if damaged:
            chance.choice(_DAMAGES)(damaged, chance)
    return _with_checksums(damaged) if name.endswith(".png") and beneath else bytes(damaged)


def _where(content: bytearray, chance: random.Random) -> int:
    """Choose a place: in the header, at the end (where TIFF may have its header), or anywhere."""
    length = len(content)
    reach = chance.choice((32, _HEADER, length))
    place = chance.randrange(min(reach, length))
    return length - 1 - place if chance.random() < 0.2 else place


def _flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 8))):
        content[_where(content, chance)] ^= 1 << chance.randrange(8)


def _cut_off(content: bytearray, chance: random.Random) -> None:
    del content[_where(content, chance) :]


def _take_out(content: bytearray, chance: random.Random) -> None:
    start = _where(content, chance)
    del content[start : start + chance.choice((1, 2, 4, 50))]


def _insert(content: bytearray, chance: random.Random) -> None:
    start = _where(content, chance)
    content[start:start] = chance.randbytes(chance.choice((1, 2, 4, 50)))


def _repeat(content: bytearray, chance: random.Random) -> None:
    start = _where(content, chance)
    content[start:start] = content[start : start + chance.choice((4, 50, 500))]


def _zero(content: bytearray, chance: random.Random) -> None:
    start = _where(content, chance)
    end = min(start + chance.choice((1, 4, 50)), len(content))
    content[start:end] = bytes(end - start)


def _number(content: bytearray, chance: random.Random) -> None:
    size, code = chance.choice(((1, "B"), (2, "H"), (4, "I"), (8, "Q")))
    start = _where(content, chance)
    start -= chance.choice((0, start % 2, start % 4))  # numbers often lie at even places
    number = chance.choice(_NUMBERS) & (2 ** (8 * size) - 1)
    content[start : start + size] = struct.pack(chance.choice("<>") + code, number)


def _text(content: bytearray, chance: random.Random) -> None:
    start, text = _where(content, chance), chance.choice(_TEXTS)
    content[start : start + len(text)] = text


_DAMAGES: tuple[Damage, ...] = (
    _flip,
    _flip,
    _cut_off,
    _take_out,
    _insert,
    _repeat,
    _zero,
    _number,
    _number,
    _text,
)


def _with_checksums(content: bytearray) -> bytes:
    """Give every chunk of a PNG the checksum of what it holds now, as far as chunks can be told."""
    place = 8
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        end = place + 8 + length
        if end + 4 > len(content):
            break
        struct.pack_into(">I", content, end, zlib.crc32(content[place + 4 : end]))
        place = end + 4
    return bytes(content)
