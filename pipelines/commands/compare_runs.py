"""`compare-runs`: one table and figures over runs and seeds, with differences paired by identity."""

import json
from dataclasses import replace
from pathlib import Path

import click

from pipelines.console.options import (
    device_option,
    json_option,
    resamples_option,
    score_images_option,
    sweeps_option,
)
from pipelines.evaluation.comparison import compare
from pipelines.evaluation.metrics.bootstrap import RESAMPLES
from pipelines.evaluation.run_evaluation import check_same_factors, open_evaluation


@click.command("compare-runs")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@sweeps_option
@click.option(
    "--out",
    default="comparison",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for comparison.json, comparison.md and the figures.",
)
@resamples_option(RESAMPLES)
@score_images_option
@device_option
@json_option
def command(
    runs: tuple[Path, ...], url: str, out: Path, resamples: int, score_images: int | None, device: str, as_json: bool
) -> None:
    """Compare RUNS on the same held-out identities. The others are compared with the first one.

    Runs that differ only in their seed are taken together: the mean over seeds, of the same identities in every
    resample. Differences are paired by identity, with 95% bootstrap intervals. What evaluate-dcign has computed is used
    again. Runs of faces and runs of chairs can be compared, each among themselves.

    Example: compare-runs runs/faces-quick-paper-s0 runs/faces-quick-random-s0 --sweeps sweeps.zarr
    """
    evaluations = [replace(open_evaluation(path, url, device), score_images=score_images) for path in runs]
    check_same_factors(evaluations)
    found, text = compare(evaluations, out, resamples)
    click.echo(json.dumps(found) if as_json else f"{text}\n\nwrote {out}/comparison.json, comparison.md and figures")
