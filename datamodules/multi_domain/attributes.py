"""The attributes of one or several data sets: their names, which exclude each other, and possible targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor


class Target(NamedTuple):
    """Labels to translate to: (N, K) of 0 and 1, and (N, D), one-hot, whose data set's labels they are."""

    labels: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Attributes:
    """K attributes of D data sets. A label has them all, with 0 for those that its data set does not know.

    Attributes:
        names: names by data set, all different.
        exclusive: groups of names of one data set, of which an image has at most one.

    Raises:
        ValueError: a data set without attributes, a repeated or unknown name, or a group over data sets.
    """

    names: Sequence[Sequence[str]]
    exclusive: Sequence[Sequence[str]] = ()

    def __post_init__(self) -> None:
        if not self.names or not all(self.names):
            raise ValueError("attributes: there are none; each data set has at least one.")
        for name in self.flat:
            if self.flat.count(name) > 1:
                raise ValueError(
                    f"attributes: {name} is there twice. Where two data sets have attributes of one name, "
                    "rename one of them in its table or folders."
                )
        grouped = [name for group in self.exclusive for name in group]
        for name in grouped:
            if name not in self.flat:
                raise ValueError(f"exclusive: {name} is no attribute; there are {', '.join(self.flat)}.")
            if grouped.count(name) > 1:
                raise ValueError(f"exclusive: {name} is in two groups; each attribute is in one at most.")
        for group in self.exclusive:
            if len({self.set_of(name) for name in group}) > 1:
                raise ValueError(f"exclusive: {', '.join(group)} are attributes of different data sets.")

    @cached_property
    def flat(self) -> list[str]:
        """All names, in the order of the labels' columns."""
        return [name for names in self.names for name in names]

    @cached_property
    def columns(self) -> list[slice]:
        """Columns of each data set's attributes."""
        ends = list(accumulate(len(names) for names in self.names))
        return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]

    @cached_property
    def groups(self) -> list[tuple[slice, bool]]:
        """Columns of each data set's attributes, and whether these are domains, see `all_exclusive`."""
        return [(columns, self.all_exclusive(number)) for number, columns in enumerate(self.columns)]

    def set_of(self, name: str) -> int:
        """Return the number of the data set that has an attribute."""
        return next(number for number, names in enumerate(self.names) if name in names)

    def group_of(self, name: str) -> list[int]:
        """Return the columns that exclude each other with this one, its own included; none if it is free."""
        group = next((group for group in self.exclusive if name in group), ())
        return [self.flat.index(member) for member in group]

    def all_exclusive(self, number: int) -> bool:
        """Say whether a data set's attributes are domains: one group that is all of them."""
        return any(set(group) == set(self.names[number]) for group in self.exclusive)

    def known(self, mask: Tensor) -> Tensor:
        """Return which attributes (N, K) of 0 and 1 the data sets know that a mask (N, D) chooses."""
        return torch.cat(
            [mask[:, number, None].expand(-1, len(names)) for number, names in enumerate(self.names)], dim=1
        )

    def towards(self, name: str, labels: Tensor, mask: Tensor) -> Target:
        """Return the target that differs from images' labels in one attribute.

        One of an exclusive group takes the place of the others. A free one is turned round where the label
        knows it, and set where it does not.

        Args:
            name: of the attribute.
            labels: (N, K) of the images.
            mask: (N, D): whose data sets' labels these are.

        Returns:
            Labels of the data set that has the attribute; the others' are 0.
        """
        number, column, group = self.set_of(name), self.flat.index(name), self.group_of(name)
        chosen = torch.zeros_like(mask)
        chosen[:, number] = 1
        targets = labels * self.known(mask) * self.known(chosen)
        free = 1 - targets[:, column]
        targets[:, group] = 0
        targets[:, column] = 1 if group else free
        return Target(targets, chosen)

    def with_names(self, names: Sequence[str], labels: Tensor) -> Target:
        """Return the target in which images have these attributes; others of their groups make way.

        Args:
            names: one or more of one data set.
            labels: (N, K): what the images have otherwise.

        Raises:
            ValueError: an unknown name, names of two data sets, or two that exclude each other.
        """
        for name in names:
            if name not in self.flat:
                raise ValueError(f"target: {name} is no attribute; there are {', '.join(self.flat)}.")
        numbers = {self.set_of(name) for name in names}
        if len(numbers) != 1:
            raise ValueError(
                f"target: {', '.join(names) or 'nothing'} must name attributes of one data set; they are "
                f"{'; '.join(', '.join(names) for names in self.names)}."
            )
        columns = [self.flat.index(name) for name in names]
        mask = labels.new_zeros(len(labels), len(self.names))
        mask[:, numbers.pop()] = 1
        targets = labels * self.known(mask)
        for name, column in zip(names, columns, strict=True):
            group = self.group_of(name)
            both = [other for other in group if other in columns and other != column]
            if both:
                raise ValueError(f"target: {name} and {self.flat[both[0]]} exclude each other.")
            targets[:, group] = 0
            targets[:, column] = 1
        return Target(targets, mask)

    def of_labels(self, labels: Tensor) -> Target:
        """Return the target of labels (N, K) of 0 and 1, each of one data set; the first one's if all are 0.

        Raises:
            ValueError: labels of another length, or one with attributes of two data sets.
        """
        if labels.ndim != 2 or labels.shape[1] != len(self.flat):
            raise ValueError(
                f"target: a label has {len(self.flat)} numbers, for {', '.join(self.flat)}; these have shape "
                f"{tuple(labels.shape)}."
            )
        there = torch.stack([labels[:, columns].any(1) for columns in self.columns], dim=1)
        if (there.sum(1) > 1).any():
            raise ValueError("target: a label has attributes of one data set; one of these has of two.")
        return Target(labels, torch.eye(len(self.names)).to(labels)[there.int().argmax(1)])

    def most_likely(self, logits: Tensor) -> Tensor:
        """Return possible labels (N, K) of 0 and 1 by a classifier's logits (N, K).

        An attribute is there if its logit is above 0; of an exclusive group only the likeliest one, which
        is there in any case where the group is a whole data set.
        """
        labels = (logits > 0).to(logits.dtype)
        for group in self.exclusive:
            columns = [self.flat.index(name) for name in group]
            likeliest = torch.zeros_like(logits[:, columns])
            likeliest.scatter_(1, logits[:, columns].argmax(1, keepdim=True), 1)
            always = self.all_exclusive(self.set_of(group[0]))
            labels[:, columns] = likeliest if always else likeliest * labels[:, columns]
        return labels

    def contradiction(self, label: Sequence[float]) -> list[str]:
        """Return the names in a label (K,) that exclude each other; none if it is possible."""
        for group in self.exclusive:
            there = [name for name in group if label[self.flat.index(name)] > 0]
            if len(there) > 1:
                return there
        return []
