"""The evaluation of a run into a folder: metrics.json, the figures and report.html, for faces and for chairs."""

import json
from pathlib import Path
from typing import Any

from pipelines.evaluation.calibration import save_calibrations
from pipelines.evaluation.metrics.bootstrap import RESAMPLES
from pipelines.evaluation.recognition import recognition_lines
from pipelines.evaluation.record import ORIGINAL_CHAIR_MSE, record
from pipelines.evaluation.report import Origin, draw_figures, write_report
from pipelines.evaluation.run_evaluation import RunEvaluation
from pipelines.evaluation.score_table import summary_lines


def evaluate(
    evaluation: RunEvaluation,
    baseline: RunEvaluation | None,
    out: Path,
    *,
    recognised: dict[str, Any] | None = None,
    origin: Origin = Origin(),  # noqa: B008  (frozen)
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Write numbers, figures and report into `out`, and return the numbers, which are the content of metrics.json.

    Parameters
    ----------
    evaluation : the run
    baseline : the entangled net, where there is one; not for chairs
    out : an existing folder
    recognised : the numbers of `pipelines.evaluation.recognition`, where they were requested
    origin : how data and run were made, for the end of the report
    resamples : bootstrap resamples of every interval
    """
    found = record(evaluation, baseline, recognised, resamples)
    if not evaluation.periodic:
        save_calibrations(evaluation)
    drawn = draw_figures(evaluation, baseline, found, out)
    (out / "metrics.json").write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    write_report(evaluation, found, [out / name for name in drawn], out, origin)
    return found


def summary(found: dict[str, Any]) -> str:
    """The main numbers of metrics.json in a few lines, without a line end."""
    return "\n".join(_turn_lines(found) if "turning" in found else _factor_lines(found))


def _factor_lines(found: dict[str, Any]) -> list[str]:
    """A line for each factor of faces, the disentanglement scores, and the verification where it was requested."""
    lines = [f"{'factor':<10} {'|rho| per face':>14} {'pooled':>7} {'RMSE':>9} {'leak R2':>8}  skill and 95% interval"]
    for name, kinds in found["factors"].items():
        follows = kinds["equivariance"]
        leak = kinds.get("invariance", {}).get("leak_r2", {"value": float("nan")})["value"]
        lines.append(
            f"{name:<10} {follows['spearman_per_face']['value']:>14.3f} {follows['spearman_pooled']['value']:>7.3f} "
            f"{follows['isotonic_rmse']['value']:>5.1f} deg {leak:>8.2f}  "
            f"{_skill(kinds['rerender'])}{_analogy(kinds['analogy'])}"
        )
    lines += summary_lines(found["disentanglement"])
    return lines + (recognition_lines(found["recognition"]) if found["recognition"] else [])


def _turn_lines(found: dict[str, Any]) -> list[str]:
    """The main numbers of turned chairs."""
    turning, mse = found["turning"], found["reconstruction"]
    angle = f"{_spread(turning['angle_rmse'], '.1f')} degrees RMSE, {_spread(turning['angle_median'], '.1f')} median"
    errors = f"{mse['mse']['value']:.3e}, over 3 {mse['mse_over_3']['value']:.3e}"
    return [
        f"{found['chairs']} held-out chairs",
        f"angle: {angle}, {100 * turning['turned_round']['value']:.1f}% of views more than 90 degrees off",
        f"skill {_skill(found['rerender'], 'chair', '.3f')}",
        f"reconstruction MSE {errors}; the paper's {ORIGINAL_CHAIR_MSE:.4e} is one or the other",
        f"D_LSBD {_spread(found['symmetry']['d_lsbd'], '.3f')}",
        *summary_lines(found["disentanglement"]),
    ]


def _analogy(answered: dict[str, Any]) -> str:
    """The skill of the analogies, where there is one."""
    if not answered or answered["skill"]["value"] is None:
        return ""
    return f", analogies {_spread(answered['skill'], '.2f')}"


def _skill(skills: dict[str, Any], subject: str = "face", digits: str = ".2f") -> str:
    """The re-render skill and that of the mean subject."""
    if skills["skill"]["value"] is None:
        return "none: the target's own code is decoded no better than the source unchanged"
    return f"{_spread(skills['skill'], digits)}, mean {subject} {skills['skill_mean_face']['value']:{digits}}"


def _spread(estimate: dict[str, Any], digits: str) -> str:
    """`value [low, high]`."""
    low, high = estimate["interval"]
    return f"{estimate['value']:{digits}} [{low:{digits}}, {high:{digits}}]"
