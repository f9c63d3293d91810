"""`sample-dcign`: images of the prior, and a lower bound on log p(x) of held-out images."""

import json
import math
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from dataset.store import open_store
from pipelines.console.options import device_option, json_option, pretrained_run_option, resamples_option
from pipelines.console.pictures import check_picture_name, save_picture, sheet
from pipelines.evaluation.likelihood import (
    HELD_OUT,
    IMAGES,
    SAMPLES,
    BoundSettings,
    bound_lines,
    measure_bounds,
    prior_samples,
)
from pipelines.evaluation.metrics.bootstrap import RESAMPLES
from pipelines.evaluation.run_evaluation import home_of
from pipelines.pretrained import run_or_pretrained
from train.runs.trained_run import TrainedRun, load_run

BOUND_OPTIONS = ("split", "images", "samples", "resamples")
"""Options that apply to `--store` alone."""


@click.command("sample-dcign")
@pretrained_run_option
@click.option(
    "--n", "count", type=click.IntRange(1, 2500), default=64, show_default=True, help="Images of the contact sheet."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="samples.png",
    show_default=True,
    help="The contact sheet: PNG or JPEG.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Seed of all samples.")
@click.option(
    "--store",
    "url",
    help="Batches or sweeps: also estimate a lower bound on log p(x) of their held-out images.",
)
@click.option("--split", type=click.Choice(HELD_OUT), help="Split of --store. [default: test, else val]")
@click.option(
    "--images",
    type=click.IntRange(1),
    default=IMAGES,
    show_default=True,
    help="Images of --store that are measured, chosen at random.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 10_000),
    default=SAMPLES,
    show_default=True,
    help="Codes that are sampled from the posterior of each image of --store.",
)
@resamples_option(RESAMPLES)
@device_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    run_dir: Path | None,
    count: int,
    out: Path,
    seed: int,
    url: str | None,
    split: str | None,
    images: int,
    samples: int,
    resamples: int,
    device: str,
    as_json: bool,
) -> None:
    """Decode codes that are sampled from the prior, N(0, 1) in every latent, into a contact sheet.

    With --store, also estimate how probable held-out images are under the network: lower bounds on log p(x) in nats per
    image. The ELBO is minus the reconstruction (cross-entropy of the image under the decoder) minus the KL of the
    posterior from the prior. The IWAE bound averages the weights of all samples before the logarithm, and is closer to
    log p(x). Codes are not clamped. No network can have a reconstruction below the entropy of the images; the excess
    is what remains above it. Intervals are over identities. The numbers are cached in RUN/measured.

    \b
    Examples:
      sample-dcign --out faces.png --seed 1
      sample-dcign --run runs/faces-quick-paper-s0 --store sweeps.zarr
      sample-dcign --run runs/faces-quick-paper-s0 --store faces.zarr --split val --samples 200
    """  # noqa: D301 -- click wants the character itself
    check_picture_name(out)
    if url is None and (given := [name for name in BOUND_OPTIONS if _is_given(context, name)]):
        raise click.UsageError(f"{', '.join(f'--{name}' for name in given)}: give --store too, or leave it out")
    home = run_or_pretrained(run_dir)
    run = load_run(home, device)
    found: dict[str, Any] = {"out": str(out), "n": count, "seed": seed}
    _save_sheet(run, count, seed, out)
    lines = [f"wrote {out}: {count:,} {'image' if count == 1 else 'images'} of codes from N(0, 1), seed {seed}"]
    if url is not None:
        settings = BoundSettings(split, images, samples, seed)
        found["log_p"] = measure_bounds(run, open_store(url), home_of(home) / "measured", settings, resamples)
        lines += bound_lines(found["log_p"])
    click.echo(json.dumps(found) if as_json else "\n".join(lines))


def _save_sheet(run: TrainedRun, count: int, seed: int, out: Path) -> None:
    """Write the samples as a sheet that is about square."""
    columns = math.ceil(math.sqrt(count))
    shown = prior_samples(run, count, seed)
    save_picture(sheet([shown[start : start + columns] for start in range(0, count, columns)]), out)


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is not ParameterSource.DEFAULT
