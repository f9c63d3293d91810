"""Adam as the authors' code has it: epsilon inside the square root.

With m <- b1 m + (1 - b1) g and v <- b2 v + (1 - b2) g^2, step t changes a parameter by
-rate * m / sqrt(v + 1e-8) * sqrt(1 - b2^t) / (1 - b1^t). PyTorch's Adam has sqrt(v) + epsilon, which differs where
gradients are small: here epsilon acts like a gradient of 1e-4.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

EPSILON = 1e-8


class AuthorsAdam(torch.optim.Adam):
    """PyTorch's fused Adam without an epsilon of its own, whose running mean of squares holds v + EPSILON / b2.

    A step multiplies that by b2, so that it divides by the root of v + EPSILON; then the constant is filled up again.

    Parameters
    ----------
    params : float32; all must have gradients at every step
    lr : learning rate, a number, or later a tensor on the parameters' device
    betas : b1 and b2
    capturable : for recording on a GPU (see `train.engine.step`)
    """

    def __init__(
        self, params: Iterable[Tensor], lr: float, betas: tuple[float, float], *, capturable: bool = False
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=0.0, fused=True, capturable=capturable)
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter] = {
                    "step": torch.zeros((), device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                    "exp_avg_sq": torch.full_like(parameter, EPSILON / betas[1], memory_format=torch.preserve_format),
                }

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One step of all parameters."""
        super().step()
        for group in self.param_groups:
            b2 = group["betas"][1]
            self._add(group, EPSILON / b2 * (1 - b2))

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state; that of PyTorch's Adam, which earlier versions used, is converted."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            if group["eps"]:
                self._add(group, EPSILON / group["betas"][1])
                group["eps"] = 0.0

    def _add(self, group: dict[str, Any], constant: float) -> None:
        squares = [self.state[parameter]["exp_avg_sq"] for parameter in group["params"]]
        if squares:
            torch._foreach_add_(squares, constant)
