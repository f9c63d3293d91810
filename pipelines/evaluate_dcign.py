"""`evaluate-dcign`: the numbers, figures and page of a run, on people whom training has not seen."""

import json
from pathlib import Path
from typing import Any

import click

from dataset.errors import StoreError
from pipelines.calibration import save_calibrations
from pipelines.evaluation.measure import Measured, measure, refuse_strangers
from pipelines.evaluation.recognition import PAIRS, recognise, recognition_lines
from pipelines.evaluation.record import record
from pipelines.evaluation.report import draw_figures, write_report
from pipelines.evaluation.turntable import evaluate_turns, open_turns, turns_table
from pipelines.options import device_option, json_option, model_option
from train.measures.recognition import ORIGINAL_PAIRS

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


def evaluate(
    measured: Measured,
    baseline: Measured | None,
    out: Path,
    sheet: Path | None = None,
    commands: tuple[str, ...] = (),
    recognised: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Numbers, figures and page into OUT, which exists; the numbers come back."""
    found = record(measured, baseline, recognised)
    save_calibrations(measured)
    drawn = draw_figures(measured, baseline, found, out)
    (out / "metrics.json").write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    write_report(measured, found, [out / name for name in drawn], out, sheet, commands)
    return found


def table(found: dict[str, Any], out: Path) -> str:
    """The main numbers, a line for each factor."""
    lines = [f"{'factor':<10} {'|rho| per face':>14} {'pooled':>7} {'RMSE':>9} {'leak R2':>8}  skill and 95% interval"]
    for name, kinds in found["factors"].items():
        follows, drawn = kinds["equivariance"], kinds["rerender"]
        leak = kinds.get("invariance", {}).get("leak_r2", {"value": float("nan")})["value"]
        lines.append(
            f"{name:<10} {follows['spearman_per_face']['value']:>14.3f} {follows['spearman_pooled']['value']:>7.3f} "
            f"{follows['isotonic_rmse']['value']:>5.1f} deg {leak:>8.2f}  {_skill(drawn)}{_analogy(kinds['analogy'])}"
        )
    scores = found["disentanglement"] or {}
    named = ((name, scores.get(name)) for name in ("mig", "sap", "mcc", "factor_vae", "beta_vae"))
    lines.append("  ".join(f"{name} {value:.2f}" for name, value in named if value is not None))
    lines += recognition_lines(found["recognition"]) if found["recognition"] else []
    return "\n".join([*lines, f"wrote {out}/report.html, metrics.json and the figures"])


def _analogy(answered: dict[str, Any]) -> str:
    """The skill of the analogies, where there is one."""
    if not answered or answered["skill"]["value"] is None:
        return ""
    low, high = answered["skill"]["interval"]
    return f", analogies {answered['skill']['value']:.2f} [{low:.2f}, {high:.2f}]"


def _skill(drawn: dict[str, Any]) -> str:
    if drawn["skill"]["value"] is None:
        return "none: the target itself is drawn no better than the source unchanged"
    low, high = drawn["skill"]["interval"]
    return f"{drawn['skill']['value']:.2f} [{low:.2f}, {high:.2f}], mean face {drawn['skill_mean_face']['value']:.2f}"
