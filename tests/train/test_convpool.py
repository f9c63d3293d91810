import pytest
import torch

from train.blocks.conv_pool import conv_pool, conv_pool_gpu, conv_pool_plain, image_patches, stem

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def backward(form, tensors):
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    out = form(*leaves)
    out.backward(torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(1)))
    return out, *(leaf.grad for leaf in leaves)


def assert_close(fast, plain, dtype):
    for a, b in zip(fast, plain, strict=True):
        assert a.shape == b.shape
        assert (a - b).abs().max() <= TOLERANCE[dtype] * b.abs().max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("batch", "inputs", "outputs", "h", "w"), [(1, 1, 1, 6, 6), (3, 4, 8, 12, 10), (2, 8, 6, 34, 34)]
)
@pytest.mark.parametrize("form", [conv_pool, conv_pool_gpu])
def test_fast_stages_equal_the_plain_one(form, dtype, batch, inputs, outputs, h, w):
    draw = torch.Generator().manual_seed(h)
    shapes = [(batch, inputs, h, w), (outputs, inputs, 5, 5), (outputs,)]
    tensors = [torch.randn(shape, dtype=dtype, generator=draw) for shape in shapes]
    assert_close(backward(form, tensors), backward(conv_pool_plain, tensors), dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("channels", "maps", "side"), [(1, 4, 20), (3, 8, 16), (1, 32, 28)])
def test_the_first_layer_as_a_matrix_product(dtype, channels, maps, side):
    draw = torch.Generator().manual_seed(side)
    images = torch.rand(3, channels, side, side, dtype=dtype, generator=draw)
    shapes = [(maps, channels, 5, 5), (maps,)]
    parameters = [torch.randn(shape, dtype=dtype, generator=draw) for shape in shapes]
    patches = image_patches(images.permute(0, 2, 3, 1))
    fast = backward(lambda w, b: stem(patches, w, b, (side - 4) // 2), parameters)
    assert_close(fast, backward(lambda w, b: conv_pool_plain(images, w, b), parameters), dtype)


def test_ties_go_to_one_candidate_as_in_max_pool2d():
    """A flat image makes all four candidates equal: the gradient must reach the kernel once, not four times."""
    images = torch.full((2, 1, 12, 12), 0.5, dtype=torch.float64)
    parameters = [torch.ones(4, 1, 5, 5, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)]
    plain = backward(lambda w, b: conv_pool_plain(images, w, b), parameters)
    patches = image_patches(images.permute(0, 2, 3, 1))
    assert_close(backward(lambda w, b: stem(patches, w, b, 4), parameters), plain, torch.float64)
    assert_close(backward(lambda w, b: conv_pool(images, w, b), parameters), plain, torch.float64)


def test_threshold_has_the_authors_floor():
    images = torch.zeros(1, 1, 6, 6)
    weight, bias = torch.zeros(2, 1, 5, 5), torch.tensor([-1.0, 2.0])
    for out in (conv_pool(images, weight, bias), stem(image_patches(images.permute(0, 2, 3, 1)), weight, bias, 1)):
        assert out.flatten().tolist() == pytest.approx([1e-6, 2.0])
