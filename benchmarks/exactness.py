"""Compare results of the trainer with the same computations in plain float64 numpy, one line for each figure.

    python benchmarks/exactness.py

The table shows max|a - b| / max|b|, where b is the computation written out below; for Adam the largest difference of
a weight, for spreads the ratio of the last to the first. Exits 1 if a figure is not as expected. A quarter of a minute
on one core.
"""

import sys
import tempfile
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from train_step import MemorySource

from train.blocks.clamp import CLAMP_MODES, clamp_inactive
from train.blocks.unpool_conv import THRESHOLD_FLOOR, unpool_conv, unpool_conv_plain
from train.config import TrainConfig
from train.engine.loop import train
from train.engine.noise import StepNoise, step_generator
from train.families.dcign import Dcign
from train.networks.interface import Network
from train.objectives import OBJECTIVES
from train.presets import configure
from train.runs.run_directory import RunDirectory

Floats = NDArray[np.float64]
Figure = tuple[str, float, float, str]
"""Description, figure, bound, and the side of the bound ("<" or ">") on which the figure should be."""
ACTIVE, STRENGTH, ROWS, LATENTS, PIXELS = slice(1, 2), 0.01, 20, 6, 50
STEPS_BEFORE = 3
"""Steps before the compared one: the first step of Adam depends only on the gradients' signs."""


def difference(a: Any, b: Floats) -> float:
    """Largest absolute difference of a and b, divided by the largest absolute value of b."""
    return float(np.abs(np.asarray(a, np.float64) - b).max() / np.abs(b).max())


def random(key: int, *shapes: tuple[int, ...]) -> Iterator[Floats]:
    """Standard normal arrays of the given shapes, a function of the key."""
    rng = np.random.Generator(np.random.Philox(key))
    return (rng.standard_normal(shape) for shape in shapes)


def tiny_config(**options: object) -> TrainConfig:
    """Configuration of the smallest network, on the CPU in float32; all other options have their defaults."""
    names = ("azimuth", "elevation", "light", "intrinsic")
    sizes = {"image_shape": (48, 48), "latents": LATENTS, "maps": 8}
    return configure(factors=names, device="cpu", precision="float32", **{**sizes, **options})  # type: ignore[arg-type]


def clamp_figures() -> Iterator[Figure]:
    """Gradient of the whole objective for mu and logvar, under a linear decoder whose gradient is one product."""
    for mode in CLAMP_MODES:
        mu, logvar, weight = random(1, (ROWS, LATENTS), (ROWS, LATENTS), (LATENTS, PIXELS))
        target = (weight[:1] > 0) * np.ones((ROWS, 1))
        leaves = [torch.tensor(z, requires_grad=True) for z in (mu, logvar)]
        decoder, wanted = torch.tensor(weight), torch.tensor(target)
        # The stub has what the objective uses of a network, and nothing else.
        stub = SimpleNamespace(
            encode=lambda _, z=leaves: z, decode_logits=lambda z, w=decoder: z @ w, targets=lambda _, t=wanted: t,
        )  # fmt: skip
        config = tiny_config(clamp=mode, invariance=STRENGTH)
        images = torch.zeros(ROWS, 48, 48, dtype=torch.uint8)
        batch = {"image": images, "active": torch.full((ROWS,), ACTIVE.start)}
        rule = OBJECTIVES["paper"](Dcign(config).options)
        terms = rule.terms(cast("Network", stub), batch, StepNoise(0, 0))
        terms.total.backward()  # type: ignore[no-untyped-call]
        noise = torch.randn(ROWS, LATENTS, generator=step_generator(0, 0)).double().numpy()
        by_hand = clamp_by_hand(mode, mu, logvar, noise, weight, target)
        for name, leaf, expected in zip(("mu", "logvar"), leaves, by_hand, strict=True):
            assert leaf.grad is not None
            yield f"gradient of {name}, clamp {mode}, float64", difference(leaf.grad, expected), 1e-13, "<"


def clamp_by_hand(
    mode: str, mu: Floats, logvar: Floats, noise: Floats, weight: Floats, target: Floats
) -> tuple[Floats, Floats]:
    """Gradients by the paper's rule: the true one for active latents, strength * (z - mean) for the others."""
    m, v = ((np.zeros_like(z) + (z.mean(axis=0) if mode == "mean" else z[0])) for z in (mu, logvar))
    m[:, ACTIVE], v[:, ACTIVE] = mu[:, ACTIVE], logvar[:, ACTIVE]
    code = (1 / (1 + np.exp(-(m + np.exp(v / 2) * noise) @ weight)) - target) @ weight.T
    true = m + code, (np.exp(v) - 1) / 2 + code * noise * np.exp(v / 2) / 2
    pulls = STRENGTH * (mu - mu.mean(axis=0)), STRENGTH * (logvar - logvar.mean(axis=0))
    for pull, gradient in zip(pulls, true, strict=True):
        pull[:, ACTIVE] = gradient[:, ACTIVE]
    return pulls


def adam_figures() -> Iterator[Figure]:
    """One step of the real loop from its own checkpoint, against Adam's formula on the gradient of that batch."""
    config = tiny_config(batches=STEPS_BEFORE)
    source = MemorySource(config)
    with tempfile.TemporaryDirectory() as folder:
        before = RunDirectory(train(config, source, folder, tensorboard=False).path).newest_to_resume()
        longer = config.changed(batches=STEPS_BEFORE + 1)
        after = RunDirectory(train(longer, source, folder, tensorboard=False).path).newest()
    assert before is not None
    assert after is not None
    checkpoint, state = before
    network = Dcign(config).network()
    network.load_state_dict(checkpoint.weights)
    gradients_of(network, config, source)
    worst, (b1, b2), t = 0.0, config.betas, STEPS_BEFORE + 1
    for k, (name, parameter) in enumerate(network.named_parameters()):
        moments = state["optimizer"]["state"][k]
        m, v = (moments[key].double().numpy() for key in ("exp_avg", "exp_avg_sq"))
        assert parameter.grad is not None
        g, x = parameter.grad.double().numpy(), parameter.detach().double().numpy()
        m, v = (b1 * m + (1 - b1) * g) / (1 - b1**t), (b2 * v + (1 - b2) * g**2) / (1 - b2**t)
        x = x - config.learning_rate * m / (np.sqrt(v) + 1e-8)
        worst = max(worst, float(np.abs(after.weights[name].double().numpy() - x).max()))
    yield f"step {t} of Adam, steps of {config.learning_rate:g}, float32", worst, 1e-7, "<"


def gradients_of(network: Network, config: TrainConfig, source: MemorySource) -> None:
    """Leave the gradients of the batch that the loop reads after `STEPS_BEFORE` others in the network."""
    family = Dcign(config)
    batch = family.collate(STEPS_BEFORE, family.loader(source).read(STEPS_BEFORE))
    terms = family.terms(network, batch, StepNoise(config.seed, STEPS_BEFORE))
    terms.total.backward()  # type: ignore[no-untyped-call]


def spread_figures() -> Iterator[Figure]:
    """Ratio of the inactive latents' standard deviations after and before 200 steps of the invariance term alone."""
    config = tiny_config()
    images = torch.from_numpy(MemorySource(config).images("azimuth", 0))
    for sign, word, bound, side in ((1, "the paper's sign", 0.2, "<"), (-1, "the released sign", 5.0, ">")):
        network = Dcign(config).network()
        parameters = [p for name, p in network.named_parameters() if not name.startswith(("decoder", "expand"))]
        adam = torch.optim.Adam(parameters, lr=config.learning_rate, betas=config.betas)
        spreads = []
        for _ in range(201):
            codes = network.encode(images)
            spreads.append([z.detach().double().numpy().std(axis=0)[1:].mean() for z in codes])
            adam.zero_grad()
            pulled = [clamp_inactive(z, torch.arange(LATENTS) < 1, "mean", STRENGTH) for z in codes]
            # With an upstream gradient of zero, only the pull reaches the encoder.
            torch.autograd.backward(pulled, [torch.zeros_like(z) for z in pulled])
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad *= sign
            adam.step()
        for k, name in enumerate(("mu", "logvar")):
            yield f"spread of {name} after 200 pulls, {word}", float(spreads[-1][k] / spreads[0][k]), bound, side


def subpixel_figures() -> Iterator[Figure]:
    """Errors of unpooling and 7 x 7 convolution in the folded form, and in PyTorch's plain form for comparison."""
    for dtype, bound in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        for outputs, threshold in ((8, True), (1, False)):  # the second is the last stage, which has its own form
            values = random(2, (4, 16, 13, 13), (outputs, 16, 7, 7), (outputs,), (4, outputs, 20, 20))
            # Both computations start from the same values, rounded to float32.
            x, w, b, upstream = (torch.tensor(value, dtype=torch.float32).to(dtype) for value in values)
            expected = unpool_by_hand(*(t.double().numpy() for t in (x, w, b, upstream)), threshold=threshold)
            for word, form in (("sub-pixel", unpool_conv), ("plain", unpool_conv_plain)):
                leaves = [tensor.clone().requires_grad_() for tensor in (x, w, b)]
                out = form(*leaves, threshold=threshold)
                out.backward(upstream)  # type: ignore[no-untyped-call]
                found = [out.detach(), *(leaf.grad for leaf in leaves)]
                worst = max(difference(f, e) for f, e in zip(found, expected, strict=True))
                kind = f"{outputs} map{'s' if outputs > 1 else ''}, {str(dtype).removeprefix('torch.')}"
                yield f"{word} form, output and gradients, {kind}", worst, bound, "<"


def unpool_by_hand(x: Floats, w: Floats, b: Floats, upstream: Floats, *, threshold: bool) -> list[Floats]:
    """Output and gradients of input, kernel and bias, computed with every repeated sample and every tap."""
    windows = sliding_window_view(x.repeat(2, axis=2).repeat(2, axis=3), (7, 7), axis=(2, 3))
    out = np.einsum("bihwtu,oitu->bohw", windows, w, optimize=True) + b[:, None, None]
    if threshold:
        upstream, out = upstream * (out > 0), np.where(out > 0, out, THRESHOLD_FLOOR)
    padded = sliding_window_view(np.pad(upstream, ((0, 0), (0, 0), (6, 6), (6, 6))), (7, 7), axis=(2, 3))
    doubled = np.einsum("bohwtu,oitu->bihw", padded, w[:, :, ::-1, ::-1], optimize=True)
    B, I, H, W = doubled.shape  # noqa: E741
    kernel = np.einsum("bohw,bihwtu->oitu", upstream, windows, optimize=True)
    return [out, doubled.reshape(B, I, H // 2, 2, W // 2, 2).sum(axis=(3, 5)), kernel, upstream.sum(axis=(0, 2, 3))]


def main() -> int:
    """Print the table; returns 1 if a figure is not as expected."""
    off = 0
    print(f"{'what':56} | {'figure':>8} | expected")
    for figures in (clamp_figures, adam_figures, spread_figures, subpixel_figures):
        for what, figure, bound, side in figures():
            off += not (figure < bound if side == "<" else figure > bound)
            print(f"{what:56} | {figure:8.2g} | {side} {bound:g}", flush=True)
    return int(off > 0)


if __name__ == "__main__":
    sys.exit(main())
