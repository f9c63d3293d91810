import pytest
import torch

from train.blocks.unpool_conv import fold_kernel, parity_map, unpool_conv, unpool_conv_plain

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def results(form, tensors, *, threshold):
    """Output and the gradients of input, kernel and bias under one fixed random cotangent."""
    x, weight, bias = (tensor.clone().requires_grad_() for tensor in tensors)
    out = form(x, weight, bias, threshold=threshold)
    cotangent = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(1))
    out.backward(cotangent)
    return out, x.grad, weight.grad, bias.grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threshold", [True, False])
@pytest.mark.parametrize(
    ("batch", "inputs", "outputs", "h", "w"),
    [(1, 1, 1, 4, 4), (2, 3, 5, 4, 7), (3, 8, 4, 9, 6), (2, 6, 12, 15, 15), (4, 16, 1, 13, 13), (2, 24, 3, 5, 31)],
)
def test_equals_unpool_then_convolution(dtype, threshold, batch, inputs, outputs, h, w):
    draw = torch.Generator().manual_seed(batch * 100 + h)
    shapes = [(batch, inputs, h, w), (outputs, inputs, 7, 7), (outputs,)]
    tensors = [torch.randn(shape, dtype=dtype, generator=draw) for shape in shapes]
    fast = results(unpool_conv, tensors, threshold=threshold)
    plain = results(unpool_conv_plain, tensors, threshold=threshold)
    assert fast[0].shape == (batch, outputs, 2 * h - 6, 2 * w - 6)
    for a, b in zip(fast, plain, strict=True):
        assert a.dtype == dtype
        assert (a - b).abs().max() <= TOLERANCE[dtype] * b.abs().max()


def test_every_tap_falls_on_one_sample():
    fold = parity_map()
    assert torch.equal(fold.sum(dim=1), torch.ones(2, 7, dtype=torch.float64))
    assert fold[0].argmax(dim=0).tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert fold[1].argmax(dim=0).tolist() == [0, 1, 1, 2, 2, 3, 3]


def test_folding_keeps_the_sum_of_every_kernel():
    weight = torch.randn(5, 3, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    folded = fold_kernel(weight, torch.float64).view(4, 5, 3, 4, 4)
    torch.testing.assert_close(folded.sum(dim=(-2, -1)), weight.sum(dim=(-2, -1)).expand(4, 5, 3))


def test_gradcheck():
    tensors = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((1, 2, 4, 5), (2, 2, 7, 7), (2,))]
    assert torch.autograd.gradcheck(lambda x, w, b: unpool_conv(x, w, b, threshold=False), tensors)
