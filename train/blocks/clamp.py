"""The paper's training rule as one autograd function (NIPS 2015 sections 3.1 and 3.2; arXiv v1 3.2 and 3.2.1).

In a batch where one factor varies, every latent of the other factors is clamped to one value on its way to the
decoder, and its gradient from the decoder is discarded and replaced by a small pull towards the batch mean. Applied to
mu and to logvar, separately, as in the authors' code.

The sign is the paper's: gradient *descent* on the returned gradient pulls the latents together. The released
code trains by ascent and adds the same term without changing its sign, which pushes them apart (docs/deviations.md).
"""

from typing import Literal, cast

import torch
from torch import Tensor

ClampMode = Literal["mean", "first"]
CLAMP_MODES: tuple[ClampMode, ...] = ("mean", "first")


def clamp_inactive(z: Tensor, active: Tensor, mode: ClampMode, strength: float) -> Tensor:
    """Clamp the inactive latents of a batch; see the module.

    Parameters
    ----------
    z : (B, latents), the encoder's mu or its logvar
    active : bool, (B, latents) or (latents,): the latents of the factor that varies; they and their gradient pass
    mode : "mean" sets the inactive latents of every row to their batch mean (NIPS), "first" to the first row (v1)
    strength : of the pull; 0 gives inactive latents a gradient of exactly 0 (v1 3.2), the paper's value is 1/100

    Returns
    -------
    (B, latents). Backward gives, for an inactive latent, strength * (z - mean of z over the batch): in both modes
    the mean, which is what section 3.2 of the paper, Figure 4 of arXiv v1 and the authors' code pull to.

    Raises
    ------
    ValueError
        An unknown mode, a negative strength, or a z that is not a matrix with rows.
    """
    if mode not in CLAMP_MODES:
        raise ValueError(f"clamp must be one of {', '.join(CLAMP_MODES)}; got {mode!r}")
    if not strength >= 0:
        raise ValueError(f"invariance strength must be 0 or more; got {strength}")
    if z.ndim != 2 or len(z) == 0:
        raise ValueError(f"a code has shape (B, latents) with B of 1 or more; got {tuple(z.shape)}")
    return cast("Tensor", _ClampInactive.apply(z, active, mode, strength))  # type: ignore[no-untyped-call]


class _ClampInactive(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, z: Tensor, active: Tensor, mode: ClampMode, strength: float
    ) -> Tensor:
        ctx.save_for_backward(z, active)
        ctx.strength = strength  # type: ignore[attr-defined]
        anchor = z.mean(dim=0) if mode == "mean" else z[0]
        return torch.where(active, z, anchor)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor, None, None, None]:
        z, active = ctx.saved_tensors  # type: ignore[attr-defined]
        pulled = (z - z.mean(dim=0)) * ctx.strength  # type: ignore[attr-defined]
        return torch.where(active, grad, pulled), None, None, None
