"""The commands that use what a run has left."""

from __future__ import annotations

import shlex
from pathlib import Path

from gans.cli.run_folder import CHECKPOINTS, newest_checkpoint
from gans.protocol import JointEmbedding, JudgesCaptions, MakesSamples


def next_commands(program: str, run: Path, variant: type) -> dict[str, str]:
    """Return, by what for, the commands that use a run's checkpoints; none where it has none.

    Args:
        program: how the command line is called, such as `python train.py`.
        run: its folder.
        variant: class of its model.
    """
    last = newest_checkpoint(run)
    if last is None:
        return {}
    best = run / CHECKPOINTS / "best.ckpt"
    chosen, newest = (shlex.quote(str(path)) for path in (best if best.exists() else last, last))
    commands = {"Test": f"{program} test --ckpt_path {chosen}"}
    if isinstance(variant, JointEmbedding):  # it makes no pictures, but another one does by its texts
        commands["Draw by it"] = f"{program} fit --config gan_cls --model.text_encoder {chosen}"
    else:
        commands["Predict"] = f"{program} predict --ckpt_path {chosen} --data.{_what_to_predict(variant)}"
    commands["Go on"] = f"{program} fit --ckpt_path {newest} --trainer.max_epochs EPOCHS"
    return commands


def _what_to_predict(variant: type) -> str:
    """Return the argument of the data that says what a variant is to make pictures of.

    A protocol is asked of the class as of an object: it has the methods.
    """
    if isinstance(variant, JudgesCaptions):
        return "prompts '[A CAPTION, ANOTHER]'"
    return "predict_count 64" if isinstance(variant, MakesSamples) else "predict_dir FOLDER"
