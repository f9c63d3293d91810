"""The evaluation of a run: numbers, figures and report in one folder."""

import json
from pathlib import Path
from typing import Any

from pipelines.evaluation.calibration import save_calibrations
from pipelines.evaluation.measure import Measured
from pipelines.evaluation.recognition import recognition_lines
from pipelines.evaluation.record import record
from pipelines.evaluation.report import draw_figures, write_report


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
