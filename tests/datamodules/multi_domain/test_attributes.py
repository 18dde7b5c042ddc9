from __future__ import annotations

from typing import Any

import pytest
import torch

from datamodules.multi_domain.attributes import Attributes

HAIR = ["black", "brown", "blond"]
ONE = Attributes([[*HAIR, "glasses"]], [HAIR])
TWO = Attributes([[*HAIR, "glasses"], ["angry", "happy"]], [HAIR, ["angry", "happy"]])


def test_one_of_a_group_takes_the_place_of_the_others() -> None:
    labels = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]])
    target = ONE.towards("brown", labels, torch.ones(3, 1))
    assert target.labels.tolist() == [[0, 1, 0, 1], [0, 1, 0, 0], [0, 1, 0, 0]]
    assert labels[0].tolist() == [1, 0, 0, 1]  # not changed in place


def test_a_free_attribute_is_turned_round() -> None:
    labels = torch.tensor([[1.0, 0, 0, 1], [0, 0, 1, 0]])
    target = ONE.towards("glasses", labels, torch.ones(2, 1))
    assert target.labels.tolist() == [[1, 0, 0, 0], [0, 0, 1, 1]]


def test_a_target_of_another_data_set_says_nothing_of_ones_own() -> None:
    labels = torch.tensor([[1.0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0]])
    happy = TWO.towards("happy", labels, torch.eye(2))
    assert happy.labels.tolist() == [[0, 0, 0, 0, 0, 1]] * 2
    assert happy.mask.tolist() == [[0, 1]] * 2
    glasses = TWO.towards("glasses", labels, torch.eye(2))
    assert glasses.labels.tolist() == [[1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]]


def test_known_attributes_are_those_of_the_data_set() -> None:
    assert TWO.known(torch.eye(2)).tolist() == [[1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]]
    assert (TWO.all_exclusive(0), TWO.all_exclusive(1)) == (False, True)


def test_names_are_put_into_a_label() -> None:
    labels = torch.tensor([[1.0, 0, 0, 1, 0, 1]])
    target = TWO.with_names(["blond"], labels)
    assert target.labels.tolist() == [[0, 0, 1, 1, 0, 0]]
    assert target.mask.tolist() == [[1, 0]]


def test_labels_tell_whose_they_are() -> None:
    labels = torch.tensor([[0.0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0]])
    assert TWO.of_labels(labels).mask.tolist() == [[1, 0], [0, 1], [1, 0]]
    with pytest.raises(ValueError, match="one of these has of two"):
        TWO.of_labels(torch.tensor([[0.0, 0, 1, 0, 0, 1]]))


def test_the_likeliest_labels_are_possible() -> None:
    logits = torch.tensor([[3.0, 2, -1, 1, -2, -1], [-1, -2, -3, -1, 5, 6]])
    assert TWO.most_likely(logits).tolist() == [[1, 0, 0, 1, 0, 1], [0, 0, 0, 0, 0, 1]]


def test_a_contradiction_is_found() -> None:
    assert ONE.contradiction([1, 0, 1, 1]) == ["black", "blond"]
    assert ONE.contradiction([1, 0, 0, 1]) == []


@pytest.mark.parametrize(
    ("names", "exclusive", "message"),
    [
        ([], [], "there are none"),
        ([["a"], []], [], "there are none"),
        ([["a", "b"], ["a"]], [], "a is there twice"),
        ([["a", "b"]], [["a", "c"]], "c is no attribute; there are a, b"),
        ([["a", "b", "c"]], [["a", "b"], ["b", "c"]], "b is in two groups"),
        ([["a"], ["b"]], [["a", "b"]], "a, b are attributes of different data sets"),
    ],
)
def test_a_wrong_declaration_is_explained(names: Any, exclusive: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Attributes(names, exclusive)
