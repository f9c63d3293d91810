"""The encoder's stage: 5 x 5 convolution ("valid"), 2 x 2 max-pooling, threshold; fast forms and a plain twin.

On a GPU the bias is added after pooling, where there is a quarter as much to add it to, and channels are last.

Two things make the plain form slow on a CPU: max_pool2d writes an 8-byte index for every output, and the first
layer, with one or three input channels, moves far more memory than it computes. Here the pooling keeps no
indices (the winner is found again by comparing with the pooled output), and the first layer is a matrix product:
a pooled pixel sees a 6 x 6 patch, in which the four 5 x 5 windows it chooses from sit at fixed places, so
patches (., 36 C + 1) times one matrix (36 C + 1, 4 m) gives the four candidates side by side. A few
images at a time, the candidates never leave the cache.

Ties go to the first candidate in row order, as in max_pool2d.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from train.blocks.unpool_conv import THRESHOLD_FLOOR

PATCH = 6
"""Side of what one pooled pixel sees: two windows of five taps, one pixel apart."""
CACHE_BYTES = 8 * 2**20
"""Candidates computed at once: fewer, larger pieces, as long as they fit into a common last-level cache."""
PARITIES = ((0, 0), (0, 1), (1, 0), (1, 1))


def conv_pool_plain(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The stage as the authors' code orders it: convolution, 2 x 2 max-pooling, Threshold(0, 1e-6).

    Parameters
    ----------
    x : (B, I, H, W); its dtype is the dtype computed in
    weight : (O, I, 5, 5), bias : (O,)

    Returns
    -------
    (B, O, (H - 4) // 2, (W - 4) // 2)
    """
    y = functional.conv2d(x, weight.to(x.dtype), bias.to(x.dtype))
    return functional.threshold(functional.max_pool2d(y, 2), 0, THRESHOLD_FLOOR)


def conv_pool_gpu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`conv_pool_plain` in the order that moves least memory: max(y + b) is max(y) + b."""
    kernel = weight.to(x.dtype, memory_format=torch.channels_last)
    pooled = functional.max_pool2d(functional.conv2d(x, kernel), 2) + bias.to(x.dtype)[:, None, None]
    return functional.threshold(pooled, 0, THRESHOLD_FLOOR)


def conv_pool(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`conv_pool_plain` with a pooling that stores no indices; same shapes, even H and W only."""
    kernel = weight.to(x.dtype, memory_format=torch.channels_last)
    pooled: Tensor = _PoolThreshold.apply(functional.conv2d(x, kernel, bias.to(x.dtype)))  # type: ignore[no-untyped-call]
    return pooled


def stem(patches: Tensor, weight: Tensor, bias: Tensor, side: int) -> Tensor:
    """`conv_pool_plain` of an image that wants no gradient, from its patches.

    Parameters
    ----------
    patches : (B, side * side, 36 C + 1) from `image_patches`
    weight : (m, C, 5, 5), bias : (m,), float32 or float64
    side : side of the pooled output in pixels

    Returns
    -------
    (B, m, side, side), channels last in memory.
    """
    pooled: Tensor = _Stem.apply(patches, _stem_matrix(weight, bias).to(patches.dtype))  # type: ignore[no-untyped-call]
    B, m = len(patches), len(weight)
    return pooled.view(B, side, side, m).permute(0, 3, 1, 2)


def image_patches(x: Tensor) -> Tensor:
    """Every 6 x 6 patch at even offsets, and a 1 that the bias is multiplied by.

    Parameters
    ----------
    x : (B, H, W, C), even H and W

    Returns
    -------
    (B, (H - 4) / 2 * (W - 4) / 2, 36 C + 1), columns ordered (channel, row, column), the 1 last.
    """
    windows = x.unfold(1, PATCH, 2).unfold(2, PATCH, 2)
    B, h, w, C = windows.shape[:4]
    patches = x.new_empty(B, h, w, C * PATCH * PATCH + 1)
    patches[..., :-1].view(B, h, w, C, PATCH, PATCH).copy_(windows)
    patches[..., -1] = 1
    return patches.view(B, h * w, -1)


def _stem_matrix(weight: Tensor, bias: Tensor) -> Tensor:
    """(36 C + 1, 4 m): the kernel at its four places in a patch, then the bias; linear, so autograd is exact."""
    placed = torch.stack([functional.pad(weight, (q, 1 - q, p, 1 - p)) for p, q in PARITIES])
    return torch.cat([placed.reshape(4 * len(bias), -1), bias.repeat(4)[:, None]], dim=1).T


class _Stem(torch.autograd.Function):
    """max over four products and a threshold, a few images at a time; the candidates are computed again in backward."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, patches: Tensor, matrix: Tensor) -> Tensor:
        m = matrix.shape[1] // 4
        pooled = patches.new_empty(*patches.shape[:2], m)
        for some, out in _in_cache(m, patches, pooled):
            candidates = (some @ matrix).view(-1, 4, m)
            torch.maximum(candidates[:, 0], candidates[:, 1], out=out)
            for k in (2, 3):
                torch.maximum(out, candidates[:, k], out=out)
        functional.threshold(pooled, 0, THRESHOLD_FLOOR, inplace=True)
        ctx.save_for_backward(patches, matrix, pooled)
        return pooled

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[None, Tensor]:
        patches, matrix, pooled = ctx.saved_tensors  # type: ignore[attr-defined]
        m = pooled.shape[2]
        grad_matrix = torch.zeros(matrix.shape, dtype=torch.promote_types(torch.float32, patches.dtype))
        for some, out, g in _in_cache(m, patches, pooled, grad):
            candidates = (some @ matrix).view(-1, 4, m)
            _route(candidates.unbind(1), out, torch.ops.aten.threshold_backward(g, out, THRESHOLD_FLOOR))
            grad_matrix += some.T @ candidates.view(-1, 4 * m)
        return None, grad_matrix.to(matrix.dtype)


def _in_cache(maps: int, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Rows (image, pixel) of (B, pixels, .) tensors, as many images at a time as keep the candidates in the cache."""
    B, pixels = tensors[0].shape[:2]
    together = max(1, CACHE_BYTES // (pixels * 4 * maps * tensors[0].element_size()))
    for start in range(0, B, together):
        yield tuple(tensor[start : start + together].flatten(0, 1) for tensor in tensors)


class _PoolThreshold(torch.autograd.Function):
    """2 x 2 max-pooling and threshold; saves its input and output instead of indices."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        corners = [x[:, :, p::2, q::2] for p, q in PARITIES]
        pooled = torch.maximum(corners[0], corners[1])
        for corner in corners[2:]:
            torch.maximum(pooled, corner, out=pooled)
        functional.threshold(pooled, 0, THRESHOLD_FLOOR, inplace=True)
        ctx.save_for_backward(x, pooled)
        return pooled

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> Tensor:
        x, pooled = ctx.saved_tensors  # type: ignore[attr-defined]
        routed = x.clone()
        corners = tuple(routed[:, :, p::2, q::2] for p, q in PARITIES)
        _route(corners, pooled, torch.ops.aten.threshold_backward(grad, pooled, THRESHOLD_FLOOR))
        return routed


def _route(candidates: tuple[Tensor, ...], winner: Tensor, grad: Tensor) -> None:
    """Overwrite each candidate by `grad` where it is the first to equal `winner`, by 0 elsewhere.

    All of one shape and dtype; `grad` is used up. Comparisons stay in the tensors' own dtype, which keeps every
    pass vectorised; grad - grad * 1 is exactly 0, so that later candidates get nothing where one has won.
    """
    for candidate in candidates[:-1]:
        candidate.eq_(winner).mul_(grad)
        grad.sub_(candidate)
    candidates[-1].eq_(winner).mul_(grad)
