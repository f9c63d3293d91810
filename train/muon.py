"""Muon: every step of a matrix goes equally far in all directions that its gradients have (not in the paper).

Adam scales each weight by itself. A convolution whose inputs are all positive, as behind a threshold, has one direction
with far larger gradients than the others (all inputs up, all outputs up), and Adam's step is mostly that direction.
Muon (K. Jordan, 2024) replaces the gradients' running mean U S V' by about U V': the direction that is steepest by far
counts no more than one in which details are learned.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

POLYNOMIAL = (3.4445, -4.7750, 2.0315)
"""Of a singular value s: a s + b s^3 + c s^5, which brings 0 to 1 toward 1, steepest at 0 (Jordan's coefficients)."""
ITERATIONS = 5
MOMENTUM = 0.95
SCALE = 0.2
"""Root mean square of a step over its learning rate, about what Adam's is: one learning rate serves both."""


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

    Values below a five-hundredth of the Frobenius norm stay smaller. All iterations work on the smaller Gram matrix:
    the polynomials are multiplied there, and with the matrix once.
    """
    a, b, c = POLYNOMIAL
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + 1e-7)
    gram = wide @ wide.T
    eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    product = eye
    for _ in range(ITERATIONS):
        factor = a * eye + b * gram + c * gram @ gram
        product = factor @ product
        gram = factor @ gram @ factor
    wide = product @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T
