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
    lines = [f"{'factor':<10} {'|rho| pooled':>12} {'RMSE':>9} {'leak R2':>8}  absolute skill"]
    for name, kinds in found["factors"].items():
        follows = kinds["equivariance"]
        leak = kinds.get("invariance", {}).get("leak_r2", {"value": float("nan")})["value"]
        lines.append(
            f"{name:<10} {follows['spearman_pooled']['value']:>12.3f} {follows['isotonic_rmse']['value']:>5.1f} deg "
            f"{leak:>8.2f}  {_skill(kinds['rerender'])}{_analogy(kinds['analogy'])}"
        )
    lines += _portrait_lines(found)
    lines += summary_lines(found["disentanglement"])
    return lines + (recognition_lines(found["recognition"]) if found["recognition"] else [])


def _portrait_lines(found: dict[str, Any]) -> list[str]:
    """What the network draws near the front: a line for each factor, the network's and its own reconstructions."""
    lines = [f"{'portraits':<24} {'detail skill':<24} {'rank-1':>6} {'two eyes':>8}"]
    for name, kinds in found["factors"].items():
        for method, word in (("turned", "changed"), ("reconstructed", "reconstructed")):
            if one := kinds["portraits"].get(method):
                eyes = one.get("eyes", {"value": None})["value"]
                seen = "" if eyes is None else f"{100 * eyes:>7.0f}%"
                skill = _spread(one["detail_skill"], ".2f")
                lines.append(f"{name:<10} {word:<13} {skill:<24} {one['rank_1']['value']:>6.2f} {seen}".rstrip())
    if reason := found["no_portraits"]:
        return [f"no portraits, so no detail skill: {reason}"]
    return [*lines, "detail skill: 0 is the average face, 1 the person; absolute skill: 0 the source unchanged, 1 true"]


def _turn_lines(found: dict[str, Any]) -> list[str]:
    """The main numbers of turned chairs."""
    turning, mse = found["turning"], found["reconstruction"]
    angle = f"{_spread(turning['angle_rmse'], '.1f')} degrees RMSE, {_spread(turning['angle_median'], '.1f')} median"
    errors = f"{mse['mse']['value']:.3e}, over 3 {mse['mse_over_3']['value']:.3e}"
    return [
        f"{found['chairs']} held-out chairs",
        f"angle: {angle}, {100 * turning['turned_round']['value']:.1f}% of views more than 90 degrees off",
        f"absolute skill {_skill(found['rerender'], 'chair', '.3f')}",
        f"detail skill {_spread(found['rerender']['detail_mask_skill'], '.3f')}: 0 is the average chair",
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
    """The absolute skill and that of the mean subject."""
    return f"{_spread(skills['absolute'], digits)}, mean {subject} {skills['absolute_mean_face']['value']:{digits}}"


def _spread(estimate: dict[str, Any], digits: str) -> str:
    """`value [low, high]`."""
    low, high = estimate["interval"]
    return f"{estimate['value']:{digits}} [{low:{digits}}, {high:{digits}}]"
