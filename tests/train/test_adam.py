"""Adam with epsilon inside the root, against the authors' formula in float64, and beside PyTorch's Adam."""

import numpy as np
import pytest
import torch
from torch import nn

from train.optim.adam import AuthorsAdam

BETAS = (0.9, 0.99)


def authors(start, gradients, rate=5e-4):
    """The released rmsprop: momentum decay 0.1, update decay 0.01, epsilon inside the root, bias corrected."""
    x, m, v = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for t, gradient in enumerate(gradients, 1):
        m = 0.9 * m + 0.1 * gradient
        v = 0.99 * v + 0.01 * gradient**2
        x -= rate * m / np.sqrt(v + 1e-8) * np.sqrt(1 - 0.99**t) / (1 - 0.9**t)
    return x


def stepped(make, start, gradients, dtype=torch.float64):
    """Where an optimizer takes a parameter."""
    parameter = nn.Parameter(torch.tensor(start, dtype=dtype))
    optimizer = make([parameter])
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient, dtype=dtype)
        optimizer.step()
    return parameter.detach().numpy().astype(float)


@pytest.fixture(params=[30.0, 1.0, 1e-3, 1e-4, 1e-5, 0.0])
def path(request):
    """A start, and 100 gradients of one scale."""
    rng = np.random.Generator(np.random.Philox(8))
    return rng.normal(size=50), request.param * rng.normal(size=(100, 50))


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
def test_it_is_the_authors_update_at_every_scale_of_gradients(path, dtype, error):
    start, gradients = path
    got = stepped(lambda params: AuthorsAdam(params, 5e-4, BETAS), start, gradients, dtype)
    np.testing.assert_allclose(got, authors(start, gradients), rtol=0, atol=error)


def test_epsilon_outside_the_root_is_another_update_where_gradients_are_small():
    rng = np.random.Generator(np.random.Philox(8))
    start, gradients = rng.normal(size=50), 1e-4 * rng.normal(size=(100, 50))
    outside = stepped(lambda params: torch.optim.Adam(params, 5e-4, BETAS), start, gradients)
    inside = authors(start, gradients)
    assert np.median(np.abs(outside - inside)) > 0.2 * np.median(np.abs(inside - start))


def test_a_state_of_the_earlier_optimizer_is_converted():
    rng = np.random.Generator(np.random.Philox(9))
    start, gradients = rng.normal(size=50), 1e-4 * rng.normal(size=(20, 50))
    parameter = nn.Parameter(torch.tensor(start))
    earlier = torch.optim.Adam([parameter], 5e-4, BETAS, fused=True)
    for gradient in gradients[:19]:
        parameter.grad = torch.tensor(gradient)
        earlier.step()
    before = parameter.detach().clone()
    state = earlier.state_dict()
    later = AuthorsAdam([parameter], 5e-4, BETAS)
    later.load_state_dict(state)
    again = AuthorsAdam([parameter], 5e-4, BETAS)
    again.load_state_dict(later.state_dict())
    parameter.grad = torch.tensor(gradients[19])
    again.step()
    m, v = np.zeros(50), np.zeros(50)
    for gradient in gradients:
        m, v = 0.9 * m + 0.1 * gradient, 0.99 * v + 0.01 * gradient**2
    step = 5e-4 * m / np.sqrt(v + 1e-8) * np.sqrt(1 - 0.99**20) / (1 - 0.9**20)
    np.testing.assert_allclose((before - parameter.detach()).numpy(), step, rtol=1e-9, atol=0)
