import numpy as np
import pytest
import torch


@pytest.mark.parametrize("fused", [False, True])
def test_adam_is_the_authors_rmsprop(fused):
    """The released rmsprop: momentum decay 0.1, update decay 0.01, epsilon inside the square root, bias corrected.

    m <- 0.9 m + 0.1 g;  v <- 0.99 v + 0.01 g^2;
    x <- x - lr m / sqrt(v + 1e-8) * sqrt(1 - 0.99^t) / (1 - 0.9^t)

    Adam(lr, (0.9, 0.99), eps 1e-8) has its epsilon outside the root; with gradients of the size that summed losses
    give, the two stay together to 1e-8 over 100 steps.
    """
    rng = np.random.Generator(np.random.Philox(8))
    start = rng.normal(size=50)
    x, m, v = start.copy(), np.zeros(50), np.zeros(50)
    parameter = torch.nn.Parameter(torch.tensor(start))
    optimizer = torch.optim.Adam([parameter], lr=5e-4, betas=(0.9, 0.99), eps=1e-8, fused=fused)
    for t in range(1, 101):
        gradient = 30 * (rng.normal(size=50) + 2 * np.sign(start))
        m = 0.9 * m + 0.1 * gradient
        v = 0.99 * v + 0.01 * gradient**2
        x -= 5e-4 * m / np.sqrt(v + 1e-8) * np.sqrt(1 - 0.99**t) / (1 - 0.9**t)
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
    moved = np.abs(x - start)
    assert moved.min() > 1e-3
    np.testing.assert_allclose(parameter.detach().numpy(), x, rtol=0, atol=1e-8)
