"""Shows the page: on this machine alone unless asked otherwise, with no call to any other host."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gans.tools.playground.pictures import MOST_BYTES
from gans.tools.playground.ways import Way

if TYPE_CHECKING:
    import gradio as gr

LOCAL = "127.0.0.1"
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'"
)
"""What browsers may load for the page: what this server has, and nothing else."""


class OnlyFromHere:
    """Adds `POLICY` to all answers: whatever a library's page asks for, the browser calls no other host."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self._app(scope, receive, sending)


@contextmanager
def served(
    ways: Sequence[Way], host: str = LOCAL, port: int | None = None, browser: bool = False
) -> Iterator[str]:
    """Serve the page while the block runs; yield its address.

    What is uploaded and made lies in a folder that is deleted at the end, and there for an hour at most.

    Args:
        ways: what the models offer.
        host: address to listen at; another than 127.0.0.1 lets other machines in.
        port: by default the first free one from 7860 on.
        browser: whether a browser is opened.

    Raises:
        ImportError: if Gradio is missing.
        OSError: if the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="playground-") as folder:
        _be_quiet(folder)
        page, options = _page(ways, Path(folder)), _options(host)
        _, address, _ = page.launch(
            server_name=host, server_port=port, inbrowser=browser, prevent_thread_lock=True, **options
        )
        try:
            yield address
        finally:
            page.close(verbose=False)


def _be_quiet(folder: str) -> None:
    """Tell Gradio, before it is imported, to call nobody and to keep its files in a folder of ours."""
    os.environ |= {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": folder,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
    }


def _page(ways: Sequence[Way], folder: Path) -> gr.Blocks:
    try:
        from gans.tools.playground.page import build
    except ModuleNotFoundError as error:
        if error.name != "gradio":
            raise
        raise ImportError(
            'The page needs Gradio, which is missing: pip install -e ".[playground]".'
        ) from error
    from gans.tools.playground.results import Results

    return build(ways, Results(folder))


def _options(host: str) -> dict[str, Any]:
    import gradio as gr
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from gans.tools.playground.page import CSS

    middleware = [Middleware(OnlyFromHere)]
    if host == LOCAL:  # no other site may pass itself off as this one, by a name that leads here
        middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=[LOCAL, "localhost"]))
    fonts = ("system-ui", "sans-serif"), ("ui-monospace", "monospace")  # of the system: none is fetched
    return {
        "theme": gr.themes.Default(font=fonts[0], font_mono=fonts[1]),
        "css": CSS,
        "share": False,
        "run_history": False,  # it would keep what was made in the browser
        "enable_monitoring": False,
        "mcp_server": False,
        "ssr_mode": False,
        "pwa": False,
        "footer_links": [],
        "quiet": True,
        "max_file_size": MOST_BYTES,
        "app_kwargs": {"middleware": middleware},
    }
