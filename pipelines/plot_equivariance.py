"""`plot-equivariance`: the paper's scatter plots of inferred neuron against true angle, and their numbers."""

import json
from pathlib import Path
from typing import Any

import click

from dataset.digest import store_digest
from dataset.store import Store
from pipelines.options import json_option
from pipelines.sweeps import encode_sweeps, neuron_sweeps, open_sweeps
from train.figures.scatter import draw_scatter
from train.measures.equivariance import NeuronSweep, equivariance_report
from train.trained import TrainedRun, load_run


@click.command("plot-equivariance")
@click.option("--run", "run_dir", required=True, type=click.Path(path_type=Path), help="Run directory of train-dcign.")
@click.option("--sweeps", "url", default="sweeps.zarr", show_default=True, help="Store of render-sweeps.")
@click.option(
    "--out",
    default="equivariance.png",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="PNG, SVG or PDF; the numbers go beside it as JSON.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@json_option
def command(run_dir: Path, url: str, out: Path, device: str, as_json: bool) -> None:
    """Plot what each neuron infers against the true angle, for 20 people whom training has not seen (Figure 6).

    The JSON has, over all test people: |Spearman| for each face and pooled, linear R2, R2 and RMSE in degrees of an
    isotonic and a nearest-neighbour calibration that were fitted on the training sweeps, and whether the neuron is
    monotone, switches at zero, and has one sign for everybody.

    Example: plot-equivariance --run runs/faces-quick-paper-s0 --sweeps sweeps.zarr --out equivariance.png
    """
    if out.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"expected a name that ends in .png, .svg or .pdf, not {out.name}", param_hint="--out")
    run = load_run(run_dir, device)
    store = open_sweeps(url, run)
    store_digest(store)  # an incomplete store is refused before the work, not after
    out.parent.mkdir(parents=True, exist_ok=True)
    sweeps = neuron_sweeps(store, run, encode_sweeps(store, run))
    record = plot(run, store, sweeps, out)
    click.echo(json.dumps(record) if as_json else _table(record, out))


def plot(run: TrainedRun, store: Store, sweeps: list[NeuronSweep], out: Path) -> dict[str, Any]:
    """Write the figure and its JSON; returns the JSON."""
    report = equivariance_report(sweeps)
    digest = store_digest(store)
    facts = {"batches": run.step, "objective": run.config.objective, "maps": run.config.maps, "seed": run.config.seed}
    record = {"run": facts | {"store": run.store.digest}, "sweeps": digest, **report}
    out.parent.mkdir(parents=True, exist_ok=True)
    title = f"{run.config.objective}, {run.config.maps} maps, {run.step:,} batches, {store.spec.model['name']}"
    draw_scatter(sweeps, report, out, title)
    out.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
    return record


def _table(record: dict[str, Any], out: Path) -> str:
    """The main numbers, a line for each factor."""
    lines = [
        f"{'factor':<10} {'|rho| per face':>14} {'|rho| pooled':>13} {'R2':>6} {'RMSE isotonic':>14} {'RMSE kNN':>9}"
    ]
    for name, m in record["factors"].items():
        lines.append(
            f"{name:<10} {m['spearman_per_face']:>14.3f} {m['spearman_pooled']:>13.3f} {m['linear_r2']:>6.3f} "
            f"{m['isotonic']['rmse']:>10.1f} deg {m['knn']['rmse']:>5.1f} deg"
        )
    return "\n".join([*lines, f"wrote {out} and {out.with_suffix('.json')}"])
