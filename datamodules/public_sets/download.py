"""Downloads that go on where they broke off, are checked, and never lie half-finished under their name."""

from __future__ import annotations

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from datamodules.progress import byte_bar

ATTEMPTS = 5
CHUNK = 1 << 20
TIMEOUT = 60.0  # seconds without a byte


class DownloadError(ValueError):
    """A file that could not be fetched, or that is not what it should be. The message names its address."""


def download(
    address: str,
    target: Path,
    *,
    checksum: str | None,
    largest: int,
    pause: Callable[[int], None] = lambda attempt: time.sleep(2.0**attempt),
) -> None:
    """Fetch a file. What has arrived stays in `target`.part, and the next call asks for the rest only.

    Args:
        address: http or https.
        target: where the file goes, once it is whole and right.
        checksum: such as `sha256:6726...` or `md5:97ec...`; None where none is known.
        largest: bytes beyond which the download is refused.
        pause: waits before another attempt, by its number from 1.

    Raises:
        DownloadError: after `ATTEMPTS` breaks, if there is no such file, it is too large, or the checksum is
            another.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _fetch_rest(address, partial, largest)
            break
        except (OSError, http.client.HTTPException) as error:
            if not _may_pass(error) or attempt == ATTEMPTS:
                raise DownloadError(f"{address}: {_reason(error)}{_kept(partial)}") from error
            pause(attempt)
    _check(address, partial, checksum)
    partial.replace(target)


def _fetch_rest(address: str, partial: Path, largest: int) -> None:
    """Append what `partial` lacks, or write it anew if the server only sends whole files.

    Raises:
        OSError, HTTPException: the connection broke, or the server refused.
        DownloadError: the file is too large.
    """
    start = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            partial.unlink()  # as long as the file, or longer: it cannot be known to be the same
        raise
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0
        length = _length(response, start)
        if length is not None and length > largest:
            raise _too_large(address, partial, largest)
        with partial.open("r+b" if start else "wb") as file:
            file.seek(start)
            _copy(response, file, address, partial, length, largest)


def _copy(
    response: http.client.HTTPResponse,
    file: BinaryIO,
    address: str,
    partial: Path,
    length: int | None,
    largest: int,
) -> None:
    with byte_bar(f"Fetching {address}", length) as arrived:
        arrived(file.tell())
        while chunk := response.read1(CHUNK):  # read would hold back what arrived before a break
            if file.tell() + len(chunk) > largest:
                raise _too_large(address, partial, largest)
            file.write(chunk)
            arrived(len(chunk))
    if length is not None and file.tell() < length:
        raise ConnectionError(f"the connection ended after {file.tell()} of {length} bytes")


def _length(response: http.client.HTTPResponse, start: int) -> int | None:
    """Return the length of the whole file as the server tells it."""
    total = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    if start and total and int(total[1]) != start:
        raise ConnectionError(f"the server sent from byte {total[1]} instead of {start}")
    if start and total:
        return int(total[2])
    rest = response.headers.get("Content-Length")
    return start + int(rest) if rest and rest.isdigit() else None


def _check(address: str, partial: Path, checksum: str | None) -> None:
    if checksum is None:
        return
    algorithm, expected = checksum.split(":")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with partial.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != expected:
        partial.unlink()
        raise DownloadError(
            f"{address}: the {algorithm} checksum is {digest.hexdigest()} and not {expected}: the file was "
            "damaged on its way, or is another one. It was deleted; try again."
        )


def _may_pass(error: Exception) -> bool:
    """Return whether another attempt may succeed."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code >= 500 or error.code in (408, 416, 429)
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}."
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return f"{cause or type(error).__name__}."


def _kept(partial: Path) -> str:
    if not partial.exists():
        return ""
    return f" What has arrived is in {partial}; the same command goes on from there."


def _too_large(address: str, partial: Path, largest: int) -> DownloadError:
    partial.unlink(missing_ok=True)
    return DownloadError(f"{address}: over {largest / 1e9:.1f} GB, which is more than this set can have.")
