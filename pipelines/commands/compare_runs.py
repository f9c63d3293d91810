"""`compare-runs`: one table and figure over runs and seeds, with paired differences per person."""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from pipelines.console.options import device_option, json_option
from pipelines.console.progress import progress_bar
from pipelines.evaluation.figures.comparison import draw_comparison
from pipelines.evaluation.figures.invariancecurve import Curve, draw_invariance
from pipelines.evaluation.measure import Measured, facts, measure, refuse_strangers
from pipelines.evaluation.metrics.bootstrap import Statistic
from pipelines.evaluation.record import DEFINITIONS
from pipelines.evaluation.tables import number

COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("equivariance", "spearman_per_face", "ρ face"),
    ("equivariance", "spearman_pooled", "ρ pooled"),
    ("equivariance", "isotonic_rmse", "RMSE (°)"),
    ("rerender", "skill", "skill"),
    ("invariance", "leak_r2", "leak R²"),
    ("retrieval", "retrieval", "retrieval"),
    ("invariance", "cosine", "cosine"),
    ("reconstruction", "mse", "MSE"),
)
"""Kind, measure, and the heading of its column."""
DRAWN = ("spearman_pooled", "isotonic_rmse", "skill", "leak_r2", "retrieval")
MAY_DIFFER = {"seed", "preset", "batches", "device", "precision", "checkpoint_every", "metrics_every"}
"""Fields of the configuration in which the seeds of one run may differ."""
Table = dict[str, dict[str, dict[str, Any]]]
"""Run to factor to measure to {"value", "interval"}."""


@click.command("compare-runs")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--sweeps", "url", default="sweeps.zarr", show_default=True, help="Store of render-sweeps.")
@click.option(
    "--out",
    default="comparison",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for comparison.json, comparison.md and the figures.",
)
@device_option
@json_option
def command(runs: tuple[Path, ...], url: str, out: Path, device: str, as_json: bool) -> None:
    """Compare RUNS on the same people. The first one is what the others are compared with.

    Runs that differ only in their seed are taken together: the mean over seeds, of the same people in every resample.
    Differences are paired by person, with 95% bootstrap intervals. What evaluate-dcign has computed is used again.

    Example: compare-runs runs/faces-quick-paper-s0 runs/faces-quick-random-s0 --sweeps sweeps.zarr
    """
    measured = [measure(path, url, device) for path in runs]
    refuse_strangers(measured)
    grouped = groups(measured)
    out.mkdir(parents=True, exist_ok=True)
    found = comparison(grouped)
    (out / "comparison.json").write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    text = "\n\n".join([markdown(found["runs"], "Values"), markdown(found["differences"], _paired(found))])
    (out / "comparison.md").write_text(text + "\n")
    panels = [(name, says) for _, name, says in COLUMNS if name in DRAWN]
    curves = {name: _cosines(members[0]) for name, members in grouped.items()}
    for kind in ("png", "svg"):
        draw_comparison(found["runs"], panels, out / f"comparison.{kind}")
        if all(curves.values()):
            draw_invariance(curves, out / f"invariance.{kind}")
    click.echo(json.dumps(found) if as_json else f"{text}\n\nwrote {out}/comparison.json, comparison.md and figures")


def groups(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Runs that differ in their seed only, under the name of the first without its seed.

    Raises
    ------
    click.ClickException
        Two of them have one seed, or runs that differ in more have one name.
    """
    kinds: dict[str, list[Measured]] = {}
    for one in measured:
        kinds.setdefault(json.dumps(training_of(one), sort_keys=True), []).append(one)
    found: dict[str, list[Measured]] = {}
    for members in kinds.values():
        seeds = [one.run.config.seed for one in members]
        if len(set(seeds)) < len(seeds):
            raise click.ClickException(f"{members[0].name} and a run like it have one seed; give each run once")
        label = _label(members)
        if label in found:
            raise click.ClickException(f"two different runs are called {label}; rename the directory of one")
        found[label] = members
    return found


def _label(members: Sequence[Measured]) -> str:
    """The first one's name, without its seed where it stands for several."""
    first = members[0]
    return first.name.removesuffix(f"-s{first.run.config.seed}")


def training_of(one: Measured) -> dict[str, Any]:
    """Everything but the seed that decides a run's weights, and how long it was trained."""
    plain = one.run.config.to_plain()
    kept = {name: plain[name] for name in plain if name not in MAY_DIFFER}
    return kept | {"step": one.run.step, "store": one.run.store.digest}


def comparison(grouped: Mapping[str, Sequence[Measured]]) -> dict[str, Any]:
    """Values of all groups, and the differences of all but the first from it."""
    first = next(iter(grouped))
    statistics: dict[str, dict[str, dict[str, Statistic]]] = {}
    values: Table = {}
    differences: Table = {}
    with progress_bar("runs") as progress:
        bar = progress.add_task("comparing", total=len(grouped), note="")
        for name, members in grouped.items():
            statistics[name] = {factor: _columns(members, factor) for factor in members[0].factors}
            values[name] = {f: {k: s.estimate() for k, s in found.items()} for f, found in statistics[name].items()}
            if name != first:
                differences[name] = {
                    f: {k: s.minus(statistics[first][f][k]).estimate() for k, s in found.items()}
                    for f, found in statistics[name].items()
                }
            progress.advance(bar)
    return {
        "definitions": DEFINITIONS,
        "reference": first,
        "members": {name: [dict(facts(one)) for one in members] for name, members in grouped.items()},
        "sweeps": next(iter(grouped.values()))[0].digest,
        "runs": values,
        "differences": differences,
    }


def _columns(members: Sequence[Measured], factor: str) -> dict[str, Statistic]:
    """Each column as the mean over seeds."""
    every = [one.statistics(factor) for one in members]
    return {
        name: _mean([found[kind][name] for found in every])
        for kind, name, _ in COLUMNS
        if all(kind in found for found in every)
    }


def _cosines(one: Measured) -> dict[str, Curve]:
    """What `draw_invariance` draws of a run; nothing where no latents are intrinsic."""
    codes = one.codes
    return {f: {"angle": codes.angles[f], "value": codes.cosine_curve(f)} for f in codes.factors if len(codes.rest)}


def _mean(statistics: Sequence[Statistic]) -> Statistic:
    return Statistic(lambda chosen: float(np.mean([s.of(chosen) for s in statistics])), statistics[0].people)


def _paired(found: Mapping[str, Any]) -> str:
    return f"Difference from {found['reference']}, paired by person"


def markdown(table: Table, title: str) -> str:
    """One table, a row for each run and factor; empty where there is nothing to compare."""
    if not table:
        return ""
    head = ["run", "factor", *(says for _, _, says in COLUMNS)]
    rows = [
        [run, factor, *(_cell(found.get(name)) for _, name, _ in COLUMNS)]
        for run, factors in table.items()
        for factor, found in factors.items()
    ]
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    lines = [
        "| " + " | ".join(word.ljust(w) for word, w in zip(row, widths, strict=True)) + " |" for row in [head, *rows]
    ]
    return "\n".join([f"**{title}**", "", lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def _cell(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "–"
    low, high = estimate["interval"]
    return html.unescape(f"{number(estimate['value'])} [{number(low)}, {number(high)}]")  # a terminal shows it too
