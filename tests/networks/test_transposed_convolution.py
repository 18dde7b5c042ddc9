"""What a transposed convolution is, by example: the layer with which DCGAN's generator enlarges its maps.

A convolution is linear in its input. Lay the input out as one long vector a and the output as b; then there
is a matrix W, made of the kernel's numbers and of zeros, with

    b = W a.               the convolution, from large to small if it strides

Its transpose leads the other way, from vectors as long as b to vectors as long as a:

    a' = W^T b.            the transposed convolution, from small to large

a' is not a: W^T is no inverse ("deconvolution" is a misnomer). What the two share is the pattern of who is
connected to whom. The chain rule sends gradients back through b = W a by that same W^T, hence

    the backward pass of a convolution is the forward pass of the transposed convolution,
    and the other way round.

Everything here is in float64 with kernels of whole numbers, so that "equal" means equal to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def matrix_of(function: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> Tensor:
    """Return the matrix of a linear function of tensors of this shape.

    Its column i is what the function makes of the i-th unit vector; all of them go in as one batch.
    """
    numbers = int(torch.Size(shape).numel())
    units = torch.eye(numbers, dtype=torch.float64).view(numbers, *shape)
    return function(units).flatten(1).T


def whole_numbers(*shape: int) -> Tensor:
    """Return small whole numbers, the same at each call."""
    return torch.randint(-5, 6, shape, generator=torch.Generator().manual_seed(0)).double()


def test_the_matrix_of_a_convolution_written_out() -> None:
    """Five numbers, a kernel of three, stride 2: the kernel stands in each row, two places further on."""
    kernel = torch.tensor([[[1.0, 2.0, 3.0]]], dtype=torch.float64)
    W = matrix_of(lambda a: F.conv1d(a, kernel, stride=2), (1, 5))
    assert W.tolist() == [
        [1, 2, 3, 0, 0],
        [0, 0, 1, 2, 3],
    ]


def test_the_transposed_convolution_written_out() -> None:
    """The same kernel stands in each column: every input stamps it onto the output, and overlaps add up."""
    kernel = torch.tensor([[[1.0, 2.0, 3.0]]], dtype=torch.float64)
    transposed = matrix_of(lambda b: F.conv_transpose1d(b, kernel, stride=2), (1, 2))
    assert transposed.tolist() == [
        [1, 0],
        [2, 0],
        [3, 1],  # the stamps meet here: the origin of checkerboards
        [0, 2],
        [0, 3],
    ]
    b = torch.tensor([[[10.0, 100.0]]], dtype=torch.float64)
    assert F.conv_transpose1d(b, kernel, stride=2).tolist() == [[[10, 20, 30 + 100, 200, 300]]]


# The layer of DCGAN in small: 3 channels of 6x6 pixels, 2 of 3x3; kernel 4, stride 2, padding 1. PyTorch's
# layers take one and the same weight: (2, 3, 4, 4) is (out, in, 4, 4) here and (in, out, 4, 4) there.
LARGE, SMALL = (3, 6, 6), (2, 3, 3)
WEIGHT = whole_numbers(2, 3, 4, 4)


def convolution(a: Tensor) -> Tensor:
    """Take (N, 3, 6, 6) to (N, 2, 3, 3)."""
    return F.conv2d(a, WEIGHT, stride=2, padding=1)


def transposed_convolution(b: Tensor) -> Tensor:
    """Take (N, 2, 3, 3) to (N, 3, 6, 6)."""
    return F.conv_transpose2d(b, WEIGHT, stride=2, padding=1)


def test_the_convolution_multiplies_by_its_matrix() -> None:
    W = matrix_of(convolution, LARGE)
    assert W.shape == (2 * 3 * 3, 3 * 6 * 6)
    a = whole_numbers(*LARGE)
    assert convolution(a[None]).flatten().equal(W @ a.flatten())


def test_the_transposed_convolution_multiplies_by_the_transpose() -> None:
    W = matrix_of(convolution, LARGE)
    assert matrix_of(transposed_convolution, SMALL).equal(W.T)
    b = whole_numbers(*SMALL)
    assert transposed_convolution(b[None]).flatten().equal(W.T @ b.flatten())


def test_the_forward_pass_of_one_is_the_backward_pass_of_the_other() -> None:
    a = whole_numbers(1, *LARGE).requires_grad_()
    b = whole_numbers(1, *SMALL).requires_grad_()
    # Ask autograd what gradient arrives at the input when b, or a, arrives at the output.
    (backward_of_convolution,) = torch.autograd.grad(convolution(a), a, grad_outputs=b.detach())
    (backward_of_transposed,) = torch.autograd.grad(transposed_convolution(b), b, grad_outputs=a.detach())
    assert backward_of_convolution.equal(transposed_convolution(b))
    assert backward_of_transposed.equal(convolution(a))


def test_both_ways_around_is_not_back_where_it_began() -> None:
    """W W^T is no identity: a transposed convolution restores the shape, not the numbers."""
    b = whole_numbers(1, *SMALL)
    there_and_back = convolution(transposed_convolution(b))
    assert there_and_back.shape == b.shape
    assert not there_and_back.equal(b)
