"""`plot-equivariance`: the paper's scatter plots of inferred neuron against true angle, and their numbers."""

import json
from pathlib import Path
from typing import Any

import click

from pipelines.console.options import device_option, json_option, run_option, sweeps_option
from pipelines.evaluation.facts import describe, facts
from pipelines.evaluation.figures.scatter import draw_scatter
from pipelines.evaluation.metrics.equivariance import equivariance_report
from pipelines.evaluation.run_evaluation import open_evaluation


@click.command("plot-equivariance")
@run_option
@sweeps_option
@click.option(
    "--out",
    default="equivariance.png",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="PNG, SVG or PDF; the numbers go beside it as JSON.",
)
@device_option
@json_option
def command(run_dir: Path, url: str, out: Path, device: str, as_json: bool) -> None:
    """Plot each neuron against the true angle, for 20 held-out identities (Figure 6).

    The JSON has, over all test identities: |Spearman| for each face and pooled, linear R2, R2 and RMSE in degrees of an
    isotonic and a nearest-neighbour calibration that were fitted on the training sweeps, and whether the neuron is
    monotone, switches at zero, and has one sign for all identities.

    Example: plot-equivariance --run runs/faces-quick-paper-s0 --sweeps sweeps.zarr --out equivariance.png
    """
    if out.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"expected a name that ends in .png, .svg or .pdf, not {out.name}", param_hint="--out")
    evaluation = open_evaluation(run_dir, url, device)
    out.parent.mkdir(parents=True, exist_ok=True)
    sweeps = [evaluation.codes.sweep(factor) for factor in evaluation.factors]
    record = {"run": facts(evaluation), "sweeps": evaluation.digest, **equivariance_report(sweeps)}
    draw_scatter(sweeps, record, out, describe(evaluation))
    out.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
    click.echo(json.dumps(record) if as_json else _table(record, out))


def _table(record: dict[str, Any], out: Path) -> str:
    """The main numbers, a line for each factor."""
    lines = [
        f"{'factor':<10} {'|rho| per face':>14} {'|rho| pooled':>13} {'R2':>6} {'RMSE isotonic':>14} {'RMSE kNN':>9}"
    ]
    for name, factor in record["factors"].items():
        m = {key: found["value"] for key, found in factor["equivariance"].items()}
        lines.append(
            f"{name:<10} {m['spearman_per_face']:>14.3f} {m['spearman_pooled']:>13.3f} {m['linear_r2']:>6.3f} "
            f"{m['isotonic_rmse']:>10.1f} deg {m['knn_rmse']:>5.1f} deg"
        )
    return "\n".join([*lines, f"wrote {out} and {out.with_suffix('.json')}"])
