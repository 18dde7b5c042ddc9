from __future__ import annotations

import torch

from gans.losses.matching import joint_embedding_loss

IMAGES = torch.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=torch.float64)
TEXTS = torch.tensor([[2.0, 1.0], [0.5, 1.0]], dtype=torch.float64)
OTHERS = ~torch.eye(2, dtype=torch.bool)


def test_the_loss_by_hand() -> None:
    # Scores of images with texts: [[2, 0.5], [2, 2]].
    # Image 0 with text 1: 1 + 0.5 - 2 < 0. Image 1 with text 0: 1 + 2 - 2 = 1.
    # Text 0 with image 1: 1 + 2 - 2 = 1. Text 1 with image 0: 1 + 0.5 - 2 < 0.
    loss = joint_embedding_loss(IMAGES, TEXTS, OTHERS)
    torch.testing.assert_close(loss, torch.tensor((0 + 1 + 1 + 0) / 4, dtype=torch.float64))


def test_the_gradient_by_hand() -> None:
    images, texts = IMAGES.clone().requires_grad_(), TEXTS.clone().requires_grad_()
    joint_embedding_loss(images, texts, OTHERS).backward()
    # (f1.t0 - f1.t1) + (f1.t0 - f0.t0), over 4
    expected_images = torch.stack([-TEXTS[0], 2 * TEXTS[0] - TEXTS[1]]) / 4
    expected_texts = torch.stack([2 * IMAGES[1] - IMAGES[0], -IMAGES[1]]) / 4
    torch.testing.assert_close(images.grad, expected_images)
    torch.testing.assert_close(texts.grad, expected_texts)


def test_each_direction_is_written_out_as_loops() -> None:
    torch.manual_seed(0)
    images, texts = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    mismatched = torch.rand(5, 5) < 0.6
    mismatched.fill_diagonal_(False)
    total = 0.0
    for i in range(5):
        for j in range(5):
            if mismatched[i, j]:
                wrong = float(images[i] @ texts[j])
                total += max(0.0, 1 + wrong - float(images[i] @ texts[i]))
                total += max(0.0, 1 + wrong - float(images[j] @ texts[j]))
    loss = joint_embedding_loss(images, texts, mismatched)
    torch.testing.assert_close(loss, torch.tensor(total / 25, dtype=torch.float64))


def test_pairs_that_match_cost_nothing() -> None:
    assert joint_embedding_loss(IMAGES, TEXTS, torch.zeros(2, 2, dtype=torch.bool)) == 0
