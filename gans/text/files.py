"""Where trained text encoders lie."""

from __future__ import annotations

from pathlib import Path


def newest_text_encoder(path: str | Path) -> Path:
    """Return the checkpoint that a path stands for.

    Args:
        path: a checkpoint, or a folder of runs such as runs/text_encoder: the newest one's best checkpoint,
            or else its last.

    Returns:
        The checkpoint; the path itself where none is found.
    """
    path = Path(path).expanduser()
    for run in sorted(path.glob("*/checkpoints"), reverse=True):  # runs are named by their date
        for name in ("best.ckpt", "last.ckpt"):
            if (run / name).is_file():
                return run / name
    return path
