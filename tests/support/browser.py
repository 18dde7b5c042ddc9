"""Opens pages in a headless Chromium and asks them what they show."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed, so no page was opened in a browser."
)
SECONDS = 60
PATIENCE = 10_000  # milliseconds of the page's own time

ANSWER = """
<script>
window.addEventListener("load", async () => {{
  const answer = document.createElement("script");
  answer.type = "application/json";
  answer.id = "answer";
  answer.textContent = JSON.stringify(await (async () => {{ {question} }})()).replaceAll("<", "\\\\u003c");
  document.body.append(answer);
}});
</script>
"""


def ask(page: Path, question: str, width: int = 1200, dark: bool = False) -> Any:
    """Open a copy of a page from disk and return what a piece of script in it returns.

    Args:
        page: an HTML file.
        question: statements of JavaScript that end with `return ...`.
        width: pixels of the window.
        dark: whether the user prefers dark pages.
    """
    assert CHROMIUM is not None
    copy = page.with_name(f"asked_{page.name}")
    text = page.read_text(encoding="utf-8")
    script = ANSWER.format(question=question)
    copy.write_text(text.replace("</body>", script + "</body>"), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900"]
    command += [f"--virtual-time-budget={PATIENCE}", f"--user-data-dir={page.parent / 'profile'}"]
    command += ["--blink-settings=preferredColorScheme=0"] if dark else []
    done = subprocess.run(
        [*command, "--dump-dom", copy.absolute().as_uri()], capture_output=True, timeout=SECONDS, check=True
    )
    found = re.search(r'id="answer">(.*?)</script>', done.stdout.decode())
    assert found is not None, f"the page gave no answer: {done.stderr.decode()[-2000:]}"
    return json.loads(html.unescape(found[1]))
