"""Muon: each step of a matrix has about the same length in all directions of its gradients (not in the paper).

Adam scales each weight by itself. A convolution whose inputs are all positive, as behind a threshold, has one direction
with far larger gradients than the others, and Adam's step is mostly that direction (docs/decisions/2026-11-27-muon.md
has shares). Muon (K. Jordan, 2024) replaces the gradients' running mean U S V' by about U V': the direction that is
steepest by far counts no more than one in which details are learned.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

POLYNOMIAL = (3.4445, -4.7750, 2.0315)
"""Jordan's coefficients of a s + b s^3 + c s^5 for a singular value s: it brings 0 to 1 toward 1, steepest at 0."""
ROUNDS = (3, 2)
"""Iterations on one Gram matrix, before the next is made of what they gave; five in all, as Jordan has it."""
MOMENTUM = 0.95
SCALE = 0.2
"""Root mean square of a step over its learning rate where gradients have full rank, about what Adam's is (Liu et al.,
arXiv:2502.16982, section 2.2): one learning rate serves both."""


class Muon(torch.optim.Optimizer):
    """Steps of `orthogonal` direction, of the gradients' running mean with Nesterov's correction.

    Parameters
    ----------
    params : float32 of two dimensions or more; all but the first are taken together
    lr : learning rate, a number, or later a tensor on the parameters' device
    """

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One step of all parameters that have a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    direction = orthogonal(self._averaged(parameter, parameter.grad).flatten(1))
                    rate = group["lr"] * SCALE * max(direction.shape) ** 0.5
                    parameter.sub_(direction.view_as(parameter) * rate)

    def _averaged(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        mean: Tensor = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(mean, MOMENTUM)


def orthogonal(matrix: Tensor) -> Tensor:
    """(R, C) -> (R, C) with the same singular vectors and singular values of about 1 (0.6 to 1.25).

    Values below a five-hundredth of the Frobenius norm stay smaller. Iterations work on the smaller Gram matrix: the
    polynomials are multiplied there, and with the matrix once a round. What rounding made negative in it grows eleven
    times an iteration; a new round begins before that matters, also where products round to TF32.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + 1e-7)
    for iterations in ROUNDS:
        wide = _polynomials(wide @ wide.T, iterations) @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


def _polynomials(gram: Tensor, iterations: int) -> Tensor:
    """(n, n) what takes a matrix with that Gram matrix through so many iterations."""
    a, b, c = POLYNOMIAL
    eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    product = eye
    for _ in range(iterations):
        factor = a * eye + b * gram + c * gram @ gram
        product = factor @ product
        gram = factor @ gram @ factor
    return product
