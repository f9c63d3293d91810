"""Comparison of runs on the same sweeps: seeds taken together, differences paired by identity, a table and figures."""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.console.progress import progress_bar
from pipelines.evaluation.facts import HARDWARE_AND_LENGTH, facts
from pipelines.evaluation.figures.comparison import draw_comparison
from pipelines.evaluation.figures.curves import Curve, draw_invariance
from pipelines.evaluation.metrics.bootstrap import RESAMPLES, Statistic
from pipelines.evaluation.metrics.portraits import DRAWN as DRAWN_METHOD
from pipelines.evaluation.portraits import portrait_statistics
from pipelines.evaluation.record import definitions
from pipelines.evaluation.report import FORMATS
from pipelines.evaluation.run_evaluation import RunEvaluation
from pipelines.evaluation.score_table import compare_scores, markdown_scores
from pipelines.evaluation.scores import scores
from pipelines.evaluation.tables import number
from train.errors import RunMismatch

COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("equivariance", "spearman_per_face", "ρ face"),
    ("equivariance", "spearman_pooled", "ρ pooled"),
    ("equivariance", "isotonic_rmse", "RMSE (°)"),
    ("rerender", "absolute", "absolute skill"),
    ("portraits", "detail_reconstructed", "detail skill, reconstructed"),
    ("portraits", "detail_turned", "detail skill, changed"),
    ("portraits", "rank_1", "rank-1"),
    ("portraits", "eyes", "two eyes"),
    ("invariance", "leak_r2", "leak R²"),
    ("retrieval", "retrieval", "retrieval"),
    ("invariance", "cosine", "cosine"),
    ("reconstruction", "mse", "MSE"),
)
"""Kind, measure, and label of its column, for faces."""
TURN_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("turning", "angle_rmse", "RMSE (°)"),
    ("turning", "angle_median", "median (°)"),
    ("turning", "turned_round", "over 90°"),
    ("rerender", "absolute", "absolute skill"),
    ("rerender", "detail_mask_skill", "detail skill"),
    ("turning", "leak_r2", "leak R²"),
    ("retrieval", "retrieval", "retrieval"),
    ("symmetry", "d_lsbd", "D_LSBD"),
    ("reconstruction", "mse", "MSE"),
)
"""Kind, measure, and label of its column, for turned chairs."""
DRAWN = ("spearman_pooled", "isotonic_rmse", "angle_rmse", "absolute", "detail_turned", "leak_r2", "retrieval")
"""Measures with a panel in the figure."""
MAY_DIFFER = HARDWARE_AND_LENGTH | {"seed", "preset"}
"""Values of the configuration in which the seeds of one run may differ."""
Table = dict[str, dict[str, dict[str, Any]]]
"""Run to factor to measure to {"value", "interval"}."""


def compare(evaluations: Sequence[RunEvaluation], out: Path, resamples: int = RESAMPLES) -> tuple[dict[str, Any], str]:
    """Write comparison.json, comparison.md and the figures into `out`, which is created.

    Parameters
    ----------
    evaluations : runs on the same sweeps; the others are compared with the first
    out : a folder
    resamples : bootstrap resamples of every interval

    Returns
    -------
    The content of comparison.json, and that of comparison.md

    Raises
    ------
    RunMismatch
        See `groups`.
    """
    grouped = groups(evaluations)
    columns = TURN_COLUMNS if evaluations[0].periodic else COLUMNS
    out.mkdir(parents=True, exist_ok=True)
    found = comparison(grouped, columns, resamples)
    (out / "comparison.json").write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    title = f"Difference from {found['reference']}, paired by identity"
    parts = [markdown(found["runs"], columns, "Values"), markdown(found["differences"], columns, title)]
    text = "\n\n".join([*parts, markdown_scores(found["disentanglement"])])
    (out / "comparison.md").write_text(text + "\n")
    panels = [(name, label) for _, name, label in columns if name in DRAWN]
    draw_comparison(found["runs"], panels, [out / f"comparison.{kind}" for kind in FORMATS])
    curves = {name: _cosines(members[0]) for name, members in grouped.items()}
    if all(curves.values()):
        draw_invariance(curves, [out / f"invariance.{kind}" for kind in FORMATS])
    return found, text


def groups(evaluations: Sequence[RunEvaluation]) -> dict[str, list[RunEvaluation]]:
    """Groups of runs that differ in their seed only, by the name of the first one without its seed.

    Raises
    ------
    RunMismatch
        Two runs of a group have one seed, or two groups have one name.
    """
    kinds: dict[str, list[RunEvaluation]] = {}
    for one in evaluations:
        kinds.setdefault(json.dumps(training_of(one), sort_keys=True), []).append(one)
    found: dict[str, list[RunEvaluation]] = {}
    for members in kinds.values():
        seeds = [_seed(one) for one in members]
        if len(set(seeds)) < len(seeds):
            raise RunMismatch(f"{members[0].name} and a run like it have one seed; give each run once")
        label = members[0].name.removesuffix(f"-s{seeds[0]}")
        if label in found:
            raise RunMismatch(f"two different runs are called {label}; rename the directory of one")
        found[label] = members
    return found


def training_of(one: RunEvaluation) -> dict[str, Any]:
    """Everything but the seed that decides a run's weights, and its length."""
    config = {name: value for name, value in one.run.config.to_plain().items() if name not in MAY_DIFFER}
    return config | {"step": one.run.step, "store": one.run.store.digest}


def comparison(
    grouped: Mapping[str, Sequence[RunEvaluation]],
    columns: Sequence[tuple[str, str, str]],
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """The measures in the columns for every group, and the differences of all but the first group from it."""
    first = next(iter(grouped))
    one = grouped[first][0]
    statistics: dict[str, dict[str, dict[str, Statistic]]] = {}
    values: Table = {}
    differences: Table = {}
    with progress_bar("runs") as progress:
        bar = progress.add_task("comparing", total=len(grouped), note="")
        for name, members in grouped.items():
            statistics[name] = {factor: _statistics(members, factor, columns) for factor in members[0].factors}
            values[name] = {
                f: {k: s.estimate(resamples) for k, s in found.items()} for f, found in statistics[name].items()
            }
            if name != first:
                differences[name] = {
                    f: {k: s.minus(statistics[first][f][k]).estimate(resamples) for k, s in found.items()}
                    for f, found in statistics[name].items()
                }
            progress.advance(bar)
    return {
        "definitions": definitions(periodic=one.periodic, resamples=resamples),
        "reference": first,
        "members": {name: [facts(member) for member in members] for name, members in grouped.items()},
        "sweeps": one.digest,
        "runs": values,
        "differences": differences,
        "disentanglement": compare_scores(
            {name: [scores(member, resamples) for member in members] for name, members in grouped.items()}
        ),
    }


def markdown(table: Table, columns: Sequence[tuple[str, str, str]], title: str) -> str:
    """One table with a row for each run and factor; empty where there is nothing to compare."""
    if not table:
        return ""
    head = ["run", "factor", *(label for _, _, label in columns)]
    rows = [
        [run, factor, *(_cell(found.get(name)) for _, name, _ in columns)]
        for run, factors in table.items()
        for factor, found in factors.items()
    ]
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    lines = [
        "| " + " | ".join(word.ljust(w) for word, w in zip(row, widths, strict=True)) + " |" for row in [head, *rows]
    ]
    return "\n".join([f"**{title}**", "", lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def _seed(one: RunEvaluation) -> Any:
    return one.run.config.to_plain().get("seed")


def _statistics(
    members: Sequence[RunEvaluation], factor: str, columns: Sequence[tuple[str, str, str]]
) -> dict[str, Statistic]:
    """The measures in the columns, each the mean over seeds."""
    every = [one.statistics(factor) | {"portraits": _portraits(one, factor)} for one in members]
    return {
        name: _mean([found[kind][name] for found in every])
        for kind, name, _ in columns
        if all(name in found.get(kind, {}) for found in every)
    }


def _portraits(one: RunEvaluation, factor: str) -> dict[str, Statistic]:
    """The measures of portraits that are compared; nothing where there are none."""
    found = portrait_statistics(one, factor)
    if not found:
        return {}
    skills = {f"detail_{method}": found[method]["detail_skill"] for method in ("turned", "reconstructed")}
    return skills | {name: found[DRAWN_METHOD][name] for name in ("rank_1", "eyes") if name in found[DRAWN_METHOD]}


def _mean(statistics: Sequence[Statistic]) -> Statistic:
    return Statistic(lambda chosen: float(np.mean([s.of(chosen) for s in statistics])), statistics[0].identities)


def _cosines(one: RunEvaluation) -> dict[str, Curve]:
    """The curves of `draw_invariance` for one run; none for chairs, nor for a code without intrinsic latents."""
    if one.periodic:
        return {}
    codes = one.codes
    return {f: {"angle": codes.angles[f], "value": codes.cosine_curve(f)} for f in codes.factors if len(codes.rest)}


def _cell(estimate: Mapping[str, Any] | None) -> str:
    """`value [low, high]`; a dash where there is none."""
    if estimate is None or estimate["value"] is None:
        return "–"
    low, high = estimate["interval"]
    return html.unescape(f"{number(estimate['value'])} [{number(low)}, {number(high)}]")  # for terminals too
