"""From a checkpoint to files that were found to compute the same as the variant itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gans import load
from gans.files import written_whole
from gans.tools.export import TOLERANCE
from gans.tools.export.formats import FORMATS, Run, Subject
from gans.tools.export.program import Case, Program
from gans.tools.export.variants import REFUSED, Direction, program_of


@dataclass(frozen=True)
class Exported:
    """A file that is to be written, and was tried out.

    Attributes:
        format: its name.
        contents: of the file.
        differences: by case, the largest absolute difference from what the variant itself makes.
    """

    format: str
    contents: bytes
    differences: dict[Case, float]

    @property
    def largest(self) -> float:
        """The largest difference in all cases."""
        return max(self.differences.values())

    @property
    def digest(self) -> str:
        """The SHA-256 of the file, in hexadecimal."""
        return sha256(self.contents).hexdigest()


def open_subject(checkpoint: Path, direction: Direction | None = None, raw: bool = False) -> Subject:
    """Return what is to be exported of a checkpoint.

    Args:
        checkpoint: of any variant with a generator.
        direction: of a variant that translates both ways, by default `A2B`.
        raw: whether to take the networks as trained where averages were kept.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if the file is no checkpoint, or nothing of its variant can be exported.
        UsageError: if a direction is given to a variant that has none.
    """
    model = load(checkpoint)
    variant = type(model).__name__
    if variant in REFUSED:
        raise ValueError(
            f"{checkpoint} holds a model of {variant}, which is not exported: {REFUSED[variant]}"
        )
    if raw:
        model.ema.clear()
    return Subject(model, direction, program_of(model, direction))


def exported(subject: Subject, name: str, tolerance: float = TOLERANCE) -> Exported:
    """Make the file of a format in memory, open it, and compare it with the variant on several sizes.

    Raises:
        ValueError: if it computes something else.
    """
    chosen = FORMATS[name]
    contents = chosen.write(subject)
    differences = dict(compared(subject.program, chosen.opened(contents, subject)))
    for case, difference in differences.items():
        if not difference <= tolerance:  # nor is it so of what is no number
            raise ValueError(
                f"The {name} file computes something else than the model: at {case} they differ by up to "
                f"{difference:.3g}, which is above the tolerance of {tolerance:g}. Nothing was written."
            )
    return Exported(name, contents, differences)


def compared(program: Program, run: Run) -> Iterator[tuple[Case, float]]:
    """Yield, by case, the largest absolute difference of what `run` makes from what the variant makes."""
    for case in program.cases():
        inputs = program.example(case)
        wanted, made = program.eager(*inputs), run(*inputs)
        same = made.shape == wanted.shape
        yield case, float((made - wanted).abs().max()) if same else float("inf")


def write(contents: Mapping[Path, bytes]) -> None:
    """Write files, each as a whole; where one cannot be written, none is left.

    Raises:
        OSError: if a file cannot be written.
    """
    written: list[Path] = []
    try:
        for path, content in contents.items():
            with written_whole(path) as file:
                file.write(content)
            written.append(path)
    except BaseException:
        for path in written:
            path.unlink()
        raise
