"""`train-dcign`: fit a DC-IGN to a store."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dataset.store import Store, open_store
from pipelines.console.option_fields import field_options
from pipelines.console.options import device_option, json_option
from pipelines.console.progress import progress_bar
from pipelines.training.store_source import StoreSource
from train.config import LEARNING_RATES, TrainConfig
from train.dcign_options import DcignOptions
from train.engine.distributed import is_main, own_device, ranks
from train.engine.loop import Progress, RunResult, store_facts, train
from train.engine.validation import Validator
from train.networks import NETWORKS
from train.objectives import OBJECTIVES
from train.presets import DEFAULT_PRESET, PRESETS, configure

_PRESET_HELP = "; ".join(f"{name}: {p.maps} maps, {p.batches:,} batches, {p.note}" for name, p in PRESETS.items())
_DEFAULTS = {
    "maps": "[default: the preset's]",
    "clamp": "For paper and arxiv-v1. [default: mean; first for arxiv-v1]",
    "invariance": "For paper and arxiv-v1. [default: 0.01, the paper's 1/100; 0 for arxiv-v1]",
    "beta": "For beta-vae, exchange and exchange-pairs. [default: 4 for beta-vae, else 1]",
    "agreement": "For exchange and exchange-pairs. [default: 1]",
    "orient": "For exchange and exchange-pairs. [default: 500]",
    "label_fraction": "Not for random, beta-vae and supervised. [default: 0]",
}


class Ratio(click.ParamType[list[float]]):
    """`1:1:1:10`."""

    name = "A:B:..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        """Convert shares with colons between them to numbers; `DcignOptions` checks their values."""
        try:
            return [float(share) for share in str(value).split(":")]
        except ValueError:
            self.fail(f"expected shares such as 1:1:1:10, not {value!r}", param, ctx)


@click.command("train-dcign")
@click.option("--store", "url", default="faces.zarr", show_default=True, help="Store of batches.")
@click.option(
    "--run", "run", type=click.Path(path_type=Path), help="Run directory. [default: runs/STORE-PRESET-OBJECTIVE-sSEED]"
)
@click.option(
    "--preset", type=click.Choice(list(PRESETS)), default=DEFAULT_PRESET, show_default=True, help=_PRESET_HELP
)
@click.option(
    "--objective",
    type=click.Choice(list(OBJECTIVES)),
    default="paper",
    show_default=True,
    help="Training rule: paper, of NIPS 2015; random, the entangled baseline; exchange-pairs turns heads best; "
    "docs/training.md has all.",
)
@click.option("--batches", type=click.IntRange(1), help="Length of the run. [default: the preset's]")
@click.option("--network", type=click.Choice(list(NETWORKS)), help="Encoder and decoder. [default: authors]")
@field_options(*(kind.Options for kind in NETWORKS.values()), DcignOptions, notes=_DEFAULTS)
@click.option("--latents", type=click.IntRange(1), help="Length of the graphics code. [default: the preset's]")
@click.option(
    "--factors",
    help="Train on these factors only, such as elevation,intrinsic; azimuth:2 gives a factor two latents. "
    "[default: all, each of which must have batches]",
)
@click.option(
    "--optimizer",
    type=click.Choice(list(LEARNING_RATES)),
    help="adam, as in the authors' code; muon for weight matrices and adam for the rest; rmsprop, the paper's words "
    "taken literally. [default: adam]",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, 1, min_open=True),
    help="Initial learning rate of all optimizers. [default: 0.0005, the paper's; 0.002 with muon]",
)
@click.option(
    "--decay",
    type=click.FloatRange(0, 1),
    help="Share of the run, at its end, over which the learning rate falls to 0. [default: 0]",
)
@click.option(
    "--ratio",
    type=Ratio(),
    help="Shares of the batches in the order of the factors, such as 1:1:1:10. [default: 1 each and 10 for intrinsic; "
    "1 for exchange, exchange-pairs and supervised]",
)
@click.option(
    "--shape-bias",
    type=click.FloatRange(0),
    help="Shape bias A of arXiv v1, instead of --ratio: that is 1:1:1:(1 + A). 15 in the authors' code; 0 for none.",
)
@click.option("--val", help="Store of render-sweeps: evaluate on its val split during training, for TensorBoard.")
@click.option(
    "--val-every", type=click.IntRange(1), default=1000, show_default=True, help="Batches between evaluations on --val."
)
@click.option(
    "--other-code", is_flag=True, help="Resume although the code that trains has changed since the checkpoint."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@device_option
@click.option("--precision", type=click.Choice(["auto", "float32", "bf16"]), default="auto", show_default=True)
@json_option
def command(
    url: str,
    run: Path | None,
    factors: str | None,
    ratio: list[float] | None,
    val: str | None,
    val_every: int,
    other_code: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Fit a DC-IGN to the training split of a store.

    The graphics code has one latent for each factor and the rest for everything intrinsic. Batches come as
    1:1:1:10 (azimuth, elevation, light, intrinsic); in each, the latents that should not vary are clamped to their
    batch mean, and their gradients pull them toward it. The run directory holds the configuration, checkpoints,
    metrics.jsonl and, where TensorBoard is installed, its events. Running the same command again resumes a run
    that was stopped; a larger --batches extends it.

    On several GPUs: torchrun --nproc-per-node 4 -m -- pipelines train-dcign ...; each step then trains on 4 batches.

    Example: train-dcign --store faces.zarr --preset quick
    """
    store = open_store(url)
    if store.spec.content != "batches":
        raise click.ClickException(f"{url} holds sweeps, not batches to train on; render-batches makes those")
    chosen, sizes = _factors(store, factors)
    source = StoreSource(store)
    shares = _shares(chosen, ratio)
    options["device"] = own_device(options["device"])
    shape = source.image_shape
    config = configure(factors=chosen, sizes=sizes, image_shape=shape, ratio=shares, ranks=ranks(), **options)
    run = run or Path("runs") / f"{_stem(url)}-{config.preset}-{_options(config).objective}-s{config.seed}"
    if is_main():
        click.echo(f"{run}: {_describe(config)}", err=True)
    validator = _validator(val, config, source, val_every) if val else None
    result = _train(config, source, run, validator, other_code=other_code)
    if is_main():
        _report(result, config, as_json, can_sweep=store.spec.source is None)


def _shares(factors: list[str], ratio: list[float] | None) -> dict[str, float] | None:
    """The ratio by factor."""
    if ratio is not None and len(ratio) != len(factors):
        raise click.BadParameter(f"expected a share for each of {', '.join(factors)}", param_hint="--ratio")
    return None if ratio is None else dict(zip(factors, ratio, strict=True))


def _stem(url: str) -> str:
    """The store's name in a run's default directory."""
    return Path(url.rstrip("/")).name.removesuffix(".zarr")


def _factors(store: Store, asked: str | None) -> tuple[list[str], dict[str, int]]:
    """The factors to train on, and their numbers of latents; the error for a missing one has the command to add it."""
    words = [*store.spec.batch_factors] if asked is None else asked.split(",")
    pairs = [word.strip().partition(":") for word in words]
    if wrong := [count for _, colon, count in pairs if colon and not (count.isdecimal() and int(count))]:
        raise click.BadParameter(
            f"expected a number of latents after the colon, not {wrong[0]!r}", param_hint="factors"
        )
    names, sizes = [name for name, _, _ in pairs], {name: int(count) for name, _, count in pairs if count}
    if unknown := [n for n in names if n not in store.spec.batch_factors]:
        raise click.ClickException(
            f"{store.url} has no factor {', '.join(unknown)}; it has {', '.join(store.spec.batch_factors)}"
        )
    missing = [n for n in names if not store.batches("train", n)]
    if missing:
        have = max((store.batches("train", n) for n in store.spec.batch_factors), default=0) or 1000
        lines = [f"  render-batches --store {store.url} --factor {n} --n {have}" for n in missing]
        held = ",".join(n for n in names if n not in missing)
        smaller = f"\nor train a smaller code on purpose: --factors {held}" if held else ""
        how = "\n".join(["; add them with", *lines]) if store.spec.source is None else ": none were imported"
        raise click.ClickException(f"{store.url} has no training batches for {', '.join(missing)}{how}{smaller}")
    return names, sizes


def _describe(config: TrainConfig) -> str:
    """One line about the run that is about to start."""
    options = _options(config)
    layout = ", ".join(f"{name} {count}" for name, count in options.layout.to_json().items())
    by = "" if config.optimizer == "adam" else f" by {config.optimizer}"
    return (
        f"{config.batches:,} batches, {options.network.summary}, {options.side} px, code of {options.layout.total} "
        f"({layout}), objective {options.rule}{by}, {config.precision} on {config.device}"
    )


def _options(config: TrainConfig) -> DcignOptions:
    assert isinstance(config.options, DcignOptions)  # `configure` makes no other
    return config.options


def _validator(url: str, config: TrainConfig, source: StoreSource, every: int) -> Validator:
    # Here, because it imports scikit-learn and Matplotlib, which training without it does not need.
    from pipelines.training.validation import SweepValidator

    return SweepValidator(url, config, store_facts(source), every)


def _train(
    config: TrainConfig, source: StoreSource, run: Path, validator: Validator | None, *, other_code: bool
) -> RunResult:
    """Train with a progress bar in batches that shows nats per image."""
    with progress_bar("batches", shown=is_main()) as bars:
        bar = bars.add_task("training", total=config.batches, note="")

        def show(progress: Progress) -> None:
            terms = " + ".join(f"{name} {nats:,.0f}" for name, nats in progress.terms.items())
            bars.update(bar, completed=progress.step, note=f"{terms} nats/image")

        with _stop_requested() as stop:
            return train(config, source, run, show, validator=validator, stopping=stop.is_set, other_code=other_code)


@contextmanager
def _stop_requested() -> Iterator[threading.Event]:
    """Ctrl-C, and a scheduler's SIGTERM, stop after the current batch; a second Ctrl-C stops at once."""
    requested = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(_number: int, _frame: object) -> None:
        requested.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        for number in before:
            signal.signal(number, handle)
        yield requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(result: RunResult, config: TrainConfig, as_json: bool, can_sweep: bool) -> None:
    rate = result.trained / result.seconds if result.seconds and result.trained else 0.0
    if as_json:
        record = {"run": str(result.path), "batches": result.step, "trained": result.trained}
        record |= {"seconds": round(result.seconds, 2), "waited": round(result.waited, 2), "metrics": result.metrics}
        click.echo(json.dumps(record))
        return
    if not result.trained:
        click.echo(f"{result.path} is finished: {result.step:,} batches; a larger --batches extends it")
        return
    click.echo(
        f"trained {result.trained:,} batches in {result.seconds:,.0f} s ({rate:.1f}/s, "
        f"{100 * result.waited / result.seconds:.1f}% of it waiting for data); {config.batches:,} in all"
    )
    if not can_sweep:
        return  # of images that were imported there are no held-out sweeps to evaluate it on
    click.echo(
        f"next: evaluate-dcign --run {result.path} --sweeps SWEEPS, where render-sweeps --like STORE made SWEEPS"
    )
