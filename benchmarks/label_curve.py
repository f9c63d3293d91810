"""Plot angle errors of runs against the share of training batches that were labelled with angles.

    python benchmarks/label_curve.py runs/none runs/1% runs/10% --sweeps sweeps.zarr --out label-curve.png

The runs are of `train-dcign --label-fraction` and differ in it and their seeds alone, or in the objective too: each
objective is a curve. The error is that of the isotonic calibration on held-out identities, with its 95% interval; a
curve goes through the mean over seeds. Results of evaluate-dcign for a run are used again.
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from dataset.errors import StoreError
from pipelines.evaluation.comparison import training_of
from pipelines.evaluation.figures.comparison import MARKERS
from pipelines.evaluation.figures.style import COLOURS, figure_file, quiet
from pipelines.evaluation.record import numbers
from pipelines.evaluation.run_evaluation import RunEvaluation, check_same_factors, open_evaluation
from train.errors import TrainError


@dataclass(frozen=True)
class Point:
    """The errors of one run."""

    run: str
    objective: str
    share: float
    """Its label_fraction, 0..1."""
    seed: int
    factors: Mapping[str, Any]
    """Unit and measures of each factor, as in metrics.json."""

    def error(self, factor: str) -> tuple[float, float, float]:
        """Calibrated error of a factor and the ends of its interval, in the factor's unit."""
        found = self.factors[factor]["equivariance"]["isotonic_rmse"]
        return found["value"], *found["interval"]


def points(measured: Sequence[RunEvaluation]) -> list[Point]:
    """The runs in the order of the table: by objective, share and seed."""
    found = []
    for one in measured:
        config = one.run.config.to_plain()
        facts = (one.name, config["objective"], config["label_fraction"], config["seed"])
        found.append(Point(*facts, numbers(one)["factors"]))
    return sorted(found, key=lambda point: (point.objective, point.share, point.seed))


def refuse_other_differences(measured: Sequence[RunEvaluation]) -> None:
    """Leave, with what is wrong, where a curve would show more than labels do."""
    curves: dict[str, list[RunEvaluation]] = defaultdict(list)
    for one in measured:
        curves[one.run.config.to_plain()["objective"]].append(one)
    for first, other in (pair for members in curves.values() for pair in pairwise(members)):
        ours, theirs = training_of(first), training_of(other)
        differs = [name for name in ours if ours[name] != theirs[name] and name != "label_fraction"]
        if differs:
            raise SystemExit(
                f"{first.name} and {other.name} differ in {', '.join(differs)}; runs of one objective should differ in "
                "label_fraction and seed alone"
            )


def table(found: Sequence[Point]) -> str:
    """Text with a row for each run: share of labels, and error of every factor with its interval."""
    factors = [*found[0].factors]
    head = ["labels", "objective", "seed", *(f"{f} ({found[0].factors[f]['unit']})" for f in factors), "run"]
    rows = [
        [
            percent(point.share),
            point.objective,
            str(point.seed),
            *("{:.1f} [{:.1f}, {:.1f}]".format(*point.error(factor)) for factor in factors),
            point.run,
        ]
        for point in found
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(w) for word, w in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    )


def percent(share: float) -> str:
    """A share as text, such as `0.1%`."""
    return f"{100 * share:g}%"


def draw(found: Sequence[Point], path: Path) -> None:
    """Write the figure: a panel for each factor, a line for each objective, a point for each run; 0 is on the axis."""
    factors, shares = [*found[0].factors], sorted({point.share for point in found})
    least = min((share for share in shares if share), default=1.0)
    with figure_file(path, 4.2 * len(factors), 4.0) as figure:
        panels = figure.subplots(1, len(factors), squeeze=False)[0]
        for panel, factor in zip(panels, factors, strict=True):
            draw_factor(panel, found, factor)
            panel.set_xscale("symlog", linthresh=least, linscale=0.6)
            panel.set_xticks(shares, [percent(share) for share in shares])
            panel.minorticks_off()
            panel.set_ylim(bottom=0)
            panel.set(
                xlabel=f"{factor} batches with labels", ylabel=f"calibrated RMSE ({found[0].factors[factor]['unit']})"
            )
            quiet(panel)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, title="objective")


def draw_factor(panel: Axes, found: Sequence[Point], factor: str) -> None:
    """Plot the curves of one factor."""
    for k, objective in enumerate(sorted({point.objective for point in found})):
        own = [point for point in found if point.objective == objective]
        colour, shares = COLOURS[k % len(COLOURS)], sorted({point.share for point in own})
        means = [np.mean([p.error(factor)[0] for p in own if p.share == share]) for share in shares]
        panel.plot(shares, means, color=colour, linewidth=1.4)
        value, low, high = np.array([point.error(factor) for point in own]).T
        # A percentile interval need not contain the value.
        around = np.maximum(0, [value - low, high - value])
        style = {"fmt": MARKERS[k % len(MARKERS)], "color": colour, "markersize": 5, "linewidth": 1.2, "capsize": 2}
        panel.errorbar([point.share for point in own], value, yerr=around, label=objective, **style)


def main() -> None:
    """Print the table and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run directory of train-dcign")
    parser.add_argument("--sweeps", required=True, help="store of render-sweeps")
    parser.add_argument("--out", required=True, type=Path, help="the figure: PNG, SVG or PDF")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda, for runs that are not yet evaluated")
    options = parser.parse_args()
    try:
        measured = [open_evaluation(path, options.sweeps, options.device) for path in options.runs]
        check_same_factors(measured)
        refuse_other_differences(measured)
        found = points(measured)
    except (TrainError, StoreError) as error:
        raise SystemExit(str(error)) from error
    print(table(found))
    draw(found, options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
