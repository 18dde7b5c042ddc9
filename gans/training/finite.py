"""Stops a training whose losses are no longer numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ADVICE = (
    "Training stops here, and the checkpoints written before are kept. A lower learning rate, "
    "--model.gradient_clip 1 or, under 16-mixed, bf16-mixed may help."
)


class NonFiniteLossError(ArithmeticError):
    """A loss became NaN or infinite; the message names the term and the step."""


class NonFiniteWeightsError(ArithmeticError):
    """A weight became NaN or infinite, as the last step before a checkpoint may do without any such loss."""


class LossWatch:
    """Collects the losses of every step and looks at them now and then.

    Looking waits for the device, so the steps only hand their tensors over; `check` looks at all that came
    since the last look, in one transfer.

    Attributes:
        latest: name -> newest value of every loss handed over so far, also of one that not every step has.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._values: list[Tensor] = []
        self.latest: dict[str, Tensor] = {}

    def note(self, step: int, terms: dict[str, Tensor]) -> None:
        """Hand over the named scalar losses of one step."""
        values = {name: value.detach() for name, value in terms.items()}
        self._names += [f"{name} at step {step}" for name in values]
        self._values += values.values()
        self.latest |= values

    def check(self) -> None:
        """Look at all losses noted since the last look.

        Raises:
            NonFiniteLossError: naming the first loss that was NaN or infinite.
        """
        names, values = self._names, self._values
        self._names, self._values = [], []
        if not values:
            return
        finite = torch.stack([value.float() for value in values]).isfinite().tolist()
        if not all(finite):
            first = finite.index(False)
            raise NonFiniteLossError(f"The loss {names[first]} is {values[first].item()}. {ADVICE}")


def check_weights(module: nn.Module) -> None:
    """Look at all weights of a module.

    Raises:
        NonFiniteWeightsError: naming the first that holds NaN or infinity.
    """
    parameters = dict(module.named_parameters())
    finite = torch.stack([parameter.isfinite().all() for parameter in parameters.values()]).tolist()
    if not all(finite):
        name = list(parameters)[finite.index(False)]
        raise NonFiniteWeightsError(f"The weights {name} are no longer numbers. {ADVICE}")
