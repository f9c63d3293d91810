"""Unpool, then a 7 x 7 convolution, computed as one 4 x 4 convolution and a pixel shuffle.

The decoder of the paper doubles a signal by repeating every sample (nearest-neighbour unpooling) and convolves
with 7 taps. A 7-tap kernel over a doubled signal touches 4 distinct samples, and which taps fall on the same
sample depends only on whether the output is even or odd:

    even:  [w0 + w1, w2 + w3, w4 + w5, w6]        odd:  [w0, w1 + w2, w3 + w4, w5 + w6]

So the four (row, column) parities are four 4 x 4 kernels over the small signal: the same function with 16/49 of
the multiplications. The parameters stay 7 x 7; folding them is a constant linear map, so autograd is exact.

Channels are ordered (row parity, column parity, channel): with channels last in memory the shuffle then moves
whole runs of channels, which is what makes it cheap.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

TAPS = 7
FOLDED_TAPS = 4
THRESHOLD_FLOOR = 1e-6
"""The authors' nn.Threshold(0, 1e-6): x where x > 0, else 1e-6."""


def parity_map() -> Tensor:
    """(2, 4, 7) float64 of zeros and ones: tap t of an output of parity p falls on small sample (t + p) // 2."""
    fold = torch.zeros(2, FOLDED_TAPS, TAPS, dtype=torch.float64)
    for parity in range(2):
        for tap in range(TAPS):
            fold[parity, (tap + parity) // 2, tap] = 1
    return fold


_FOLD = torch.einsum("pat,qbu->pqabtu", parity_map(), parity_map()).reshape(64, TAPS * TAPS)


@cache
def _fold(dtype: torch.dtype, device: torch.device) -> Tensor:
    """`_FOLD` there: copied once, which a recorded graph could not do, and never as a tensor of inference mode."""
    with torch.inference_mode(mode=False):
        return _FOLD.to(dtype=dtype, device=device)


def fold_kernel(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """The four parity kernels of a 7 x 7 kernel, folded in the weight's own precision, then rounded once.

    Parameters
    ----------
    weight : (O, I, 7, 7) float32 or float64
    dtype : the type to compute the convolution in

    Returns
    -------
    (4 O, I, 4, 4) of `dtype`, channels last in memory; outputs ordered (row parity, column parity, O).
    """
    O, I = weight.shape[:2]  # noqa: E741  (output and input channels)
    folded = _fold(weight.dtype, weight.device) @ weight.reshape(O * I, TAPS * TAPS).T
    folded = folded.view(2, 2, FOLDED_TAPS, FOLDED_TAPS, O, I).permute(0, 1, 4, 2, 3, 5)
    return folded.to(dtype).reshape(4 * O, FOLDED_TAPS, FOLDED_TAPS, I).permute(0, 3, 1, 2)


def _shuffle(y: Tensor) -> Tensor:
    """(B, 4 C, h, w) by parity -> (B, C, 2 h, 2 w), both channels last in memory. Always a copy."""
    B, C4, h, w = y.shape
    out = y.new_empty(B, 2 * h, 2 * w, C4 // 4)
    blocks = out.view(B, h, 2, w, 2, C4 // 4).permute(0, 1, 3, 2, 4, 5)
    blocks.copy_(y.permute(0, 2, 3, 1).reshape(B, h, w, 2, 2, C4 // 4))
    return out.permute(0, 3, 1, 2)


def _unshuffle(z: Tensor) -> Tensor:
    """The inverse, and the transpose, of `_shuffle`."""
    B, C, H, W = z.shape
    out = z.new_empty(B, H // 2, W // 2, 4 * C)
    blocks = z.permute(0, 2, 3, 1).reshape(B, H // 2, 2, W // 2, 2, C).permute(0, 1, 3, 2, 4, 5)
    out.view(B, H // 2, W // 2, 2, 2, C).copy_(blocks)
    return out.permute(0, 3, 1, 2)


class _Shuffle(torch.autograd.Function):
    """Pixel shuffle; its gradient is the inverse shuffle."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, y: Tensor) -> Tensor:  # noqa: ARG004
        return _shuffle(y)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> Tensor:  # noqa: ARG004
        return _unshuffle(grad)


class _ShuffleThreshold(torch.autograd.Function):
    """Pixel shuffle and threshold with one saved tensor: the output, which the next layer keeps anyway.

    Where 0 < x <= 1e-6 the gradient is 0 (as at x <= 0): the output alone cannot tell those apart.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, y: Tensor) -> Tensor:
        z = _shuffle(y)
        functional.threshold(z, 0, THRESHOLD_FLOOR, inplace=True)
        ctx.save_for_backward(z)
        return z

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return _unshuffle(torch.ops.aten.threshold_backward(grad, z, THRESHOLD_FLOOR))


class _ShiftedSums(torch.autograd.Function):
    """A 4 x 4 convolution with few outputs as one matrix product and sixteen shifted sums.

    Convolution kernels fill vectors (on a GPU: matrix units) with output channels; with the four parities of one grey
    channel they run at a quarter of the machine's rate. Here every tap is an output of the product: (16 n, I) times
    (I, pixels).
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, taps: Tensor) -> Tensor:
        """From x (B, I, h, w) and taps (16 n, I) ordered (row, column, output): (n, B, h - 3, w - 3)."""
        B, I, h, w = x.shape  # noqa: E741
        n = len(taps) // 16
        pixels = x.permute(0, 2, 3, 1).reshape(-1, I)
        products = (taps @ pixels.T).view(4, 4, n, B, h, w)
        out = torch.zeros(n, B, h - 3, w - 3, dtype=torch.promote_types(x.dtype, torch.float32), device=x.device)
        for a in range(4):
            for b in range(4):
                out += products[a, b, :, :, a : h - 3 + a, b : w - 3 + b]
        ctx.save_for_backward(pixels, taps)
        ctx.shape = x.shape  # type: ignore[attr-defined]
        return out

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor]:
        pixels, taps = ctx.saved_tensors  # type: ignore[attr-defined]
        B, I, h, w = ctx.shape  # type: ignore[attr-defined]  # noqa: E741
        n = len(taps) // 16
        spread = pixels.new_zeros(4, 4, n, B, h, w)
        grad = grad.to(pixels.dtype)
        for a in range(4):
            for b in range(4):
                spread[a, b, :, :, a : h - 3 + a, b : w - 3 + b] = grad
        spread = spread.view(16 * n, -1)
        return (spread.T @ taps).view(B, h, w, I).permute(0, 3, 1, 2), spread @ pixels


def _unpool_conv_to_one(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`unpool_conv` for a single output channel and no threshold; (B, 1, 2 h - 6, 2 w - 6), float32 or wider."""
    B, I, h, w = x.shape  # noqa: E741
    taps = fold_kernel(weight, x.dtype).permute(2, 3, 0, 1).reshape(64, I)
    parities: Tensor = _ShiftedSums.apply(x, taps)  # type: ignore[no-untyped-call]
    blocks = parities.view(2, 2, B, h - 3, w - 3).permute(2, 3, 0, 4, 1)
    return blocks.reshape(B, 1, 2 * h - 6, 2 * w - 6) + bias.to(parities.dtype)


def unpool_conv(x: Tensor, weight: Tensor, bias: Tensor, *, threshold: bool) -> Tensor:
    """Unpool by 2, convolve with 7 x 7 ("valid"), and threshold: the decoder's stage in its folded form.

    Parameters
    ----------
    x : (B, I, h, w); its dtype is the dtype computed in. h and w are 4 or more.
    weight : (O, I, 7, 7), bias : (O,), float32 or float64
    threshold : whether the authors' Threshold(0, 1e-6) follows (it does not after the last stage)

    Returns
    -------
    (B, O, 2 h - 6, 2 w - 6) in the dtype of x (float32 at least for one output), channels last in memory.
    """
    if len(weight) == 1 and not threshold:
        return _unpool_conv_to_one(x, weight, bias)
    y = functional.conv2d(x, fold_kernel(weight, x.dtype), bias.to(x.dtype).repeat(4))
    form = _ShuffleThreshold if threshold else _Shuffle
    shuffled: Tensor = form.apply(y)  # type: ignore[no-untyped-call]
    return shuffled


def unpool_conv_plain(x: Tensor, weight: Tensor, bias: Tensor, *, threshold: bool) -> Tensor:
    """The plain twin of `unpool_conv`, as the paper words it: nearest-neighbour unpooling, then convolution."""
    doubled = functional.interpolate(x, scale_factor=2, mode="nearest")
    y = functional.conv2d(doubled, weight.to(x.dtype), bias.to(x.dtype))
    return functional.threshold(y, 0, THRESHOLD_FLOOR) if threshold else y
