"""A server of one file on this machine that can be told to misbehave."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What is served, and how.

    Attributes:
        content: of the file, at every path.
        break_after: the connection ends after so many bytes of every answer; None sends all.
        claimed_length: sent as Content-Length instead of the true one.
        ranges: whether parts are served.
        status: of every answer, in place of what is right.
        requests: the Range header of every request, in order; empty for a whole file.
        address: of the server.
    """

    content: bytes
    break_after: int | None = None
    claimed_length: int | None = None
    ranges: bool = True
    status: int | None = None
    requests: list[str] = field(default_factory=list)
    address: str = ""


def _handler(served: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            served.requests.append(wanted)
            if served.status is not None:
                self.send_error(served.status)
                return
            match = re.fullmatch(r"bytes=(\d+)-", wanted)
            start = int(match[1]) if match and served.ranges else 0
            if start and start >= len(served.content):
                self.send_error(416)
                return
            rest = served.content[start:]
            self.send_response(206 if start else 200)
            if start:
                last = len(served.content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(served.content)}")
            self.send_header("Content-Length", str(served.claimed_length or len(rest)))
            self.end_headers()
            self.wfile.write(rest[: served.break_after])

        def log_message(self, *_: object) -> None:
            """Keep the output of tests clean."""

    return Handler


@contextmanager
def serving(content: bytes) -> Iterator[FileServer]:
    """Serve a file on a free port of this machine; what is set on the yielded object holds at once."""
    served = FileServer(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    served.address = f"http://127.0.0.1:{server.server_address[1]}/file.zip"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
