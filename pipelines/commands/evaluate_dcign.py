"""`evaluate-dcign`: the numbers, figures and page of a run, on people whom training has not seen."""

import json
from pathlib import Path

import click

from dataset.errors import StoreError
from pipelines.console.options import device_option, json_option, model_option
from pipelines.evaluation.evaluate import evaluate, table
from pipelines.evaluation.measure import measure, refuse_strangers
from pipelines.evaluation.metrics.recognition import ORIGINAL_PAIRS
from pipelines.evaluation.recognition import PAIRS, recognise
from pipelines.evaluation.turntable import evaluate_turns, open_turns, turns_table

MOST_PAIRS = 4000
"""Whose pixels are 1.5 GB while they are scaled."""


@click.command("evaluate-dcign")
@click.option("--run", "run_dir", required=True, type=click.Path(path_type=Path), help="Run directory of train-dcign.")
@click.option("--sweeps", "url", default="sweeps.zarr", show_default=True, help="Store of render-sweeps.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="Another run on the same images, to stand beside this one: train-dcign --objective random.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.html, metrics.json and the figures. [default: RUN/evaluation]",
)
@click.option("--recognition", is_flag=True, help="Also ask whether two pictures show one person; draws them.")
@click.option(
    "--pairs",
    type=click.IntRange(ORIGINAL_PAIRS, MOST_PAIRS),
    callback=lambda _context, _option, value: _fours(value),
    help=f"Pairs of pictures for --recognition, a multiple of 4. [default: {PAIRS}]",
)
@model_option
@device_option
@json_option
def command(
    run_dir: Path,
    url: str,
    baseline: Path | None,
    out: Path | None,
    recognition: bool,
    pairs: int | None,
    model: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Measure what a run has learned, on people whom it has never seen, and write report.html.

    For each factor: how its neuron follows the angle; the re-render skill (an image is encoded, the neuron set to
    another angle, the code decoded and held against the true render of that person at that angle; 0 is the source
    unchanged, 1 the target itself encoded and decoded); the same where the neuron is changed by as much as it changes
    in another person (analogies); what the rest of the code knows of the angle, and whether it still finds the person.
    Further MIG, SAP, MCC, DCI, FactorVAE and BetaVAE scores. metrics.json has every number
    with its definition, sample size and an interval over people.

    With --recognition: pairs of pictures of test people, half of them of one person, each with a pose and a light of
    its own; how well the codes, the pixels, an untrained encoder and the baseline tell which are which (arXiv v1
    section 4.2). The pictures are drawn anew, with the face model of the sweeps or --model.

    Of chairs: how well the azimuth is read all round, the re-render skill, the reconstruction error, and turns.png.

    What was computed is kept in RUN/measured: the same command again takes seconds.

    Example: evaluate-dcign --run runs/faces-quick-paper-s0 --sweeps sweeps.zarr
    """
    if not recognition and (pairs is not None or model is not None):
        raise click.UsageError("--pairs and --model say what --recognition draws: give it too, or leave them out")
    if (turns := open_turns(run_dir, url, device)) is not None:
        _refuse_of_chairs(baseline is not None, recognition)
        out = _folder(out, turns.home, run_dir, turns.run.step)
        found = evaluate_turns(turns, out)
        click.echo(json.dumps(found) if as_json else turns_table(found, out))
        return
    measured = measure(run_dir, url, device)
    other = None if baseline is None else measure(baseline, url, device)
    refuse_strangers([measured] if other is None else [measured, other])
    out = _folder(out, measured.home, run_dir, measured.run.step)
    recognised = recognise(measured, other, pairs or PAIRS, model) if recognition else None
    found = evaluate(measured, other, out, recognised=recognised)
    click.echo(json.dumps(found) if as_json else table(found, out))


def _folder(out: Path | None, home: Path, run: Path, step: int) -> Path:
    """Where everything goes."""
    out = out or home / ("evaluation" if run.is_dir() else f"evaluation-{step}")
    out.mkdir(parents=True, exist_ok=True)
    return out


def _refuse_of_chairs(baseline: bool, recognition: bool) -> None:
    if baseline:
        raise StoreError("chairs are measured a run at a time: leave --baseline out")
    if recognition:
        raise StoreError("only faces are told apart by --recognition: leave it out of chairs")


def _fours(pairs: int | None) -> int | None:
    """Pairs come by four: two people, each beside themselves and twice beside one another."""
    if pairs is not None and pairs % 4:
        raise click.BadParameter(f"expected a multiple of 4, such as {pairs - pairs % 4}, not {pairs}")
    return pairs
