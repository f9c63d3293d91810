"""The bars: what the original nets reached on their own data, and what to reach here.

The values of the original nets were read from the vector figures that the authors committed with arXiv v1 (three nets,
20 faces). Our renders are not theirs: "reproduce" compares the shape of results.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEVELS = ("reproduce", "good", "stretch")


@dataclass(frozen=True)
class Target:
    """One bar."""

    factor: str
    kind: str
    name: str
    says: str
    originals: str
    """What the original nets reached, as text; empty where they were not measured."""
    bars: tuple[float | None, float | None, float | None]
    """For each of `LEVELS`; None where none is set."""
    higher: bool = True
    """Whether more is better."""

    def level(self, value: float | None) -> str:
        """The best level reached, or "below"; a level without a bar of its own is not reached."""
        reached = [
            level
            for level, bar in zip(LEVELS, self.bars, strict=True)
            if bar is not None and value is not None and (value >= bar if self.higher else value <= bar)
        ]
        return reached[-1] if reached else "below"


_RHO, _FACE, _R2, _RMSE = "pooled |ρ|", "|ρ| per face", "linear R²", "calibrated RMSE"
_OWN, _SAME = "share of identity in the neuron", "cosine of the intrinsic code"
_E, _I, _R = "equivariance", "invariance", "rerender"
TARGETS = (
    Target("azimuth", _E, "spearman_pooled", _RHO, "0.54–0.61", (0.60, 0.90, 0.98)),
    Target("azimuth", _E, "linear_r2", _R2, "0.25–0.37", (0.35, 0.85, None)),
    Target("azimuth", _E, "isotonic_rmse", _RMSE, "linear 40–43°", (None, 12, 5), higher=False),
    Target("azimuth", _E, "knn_rmse", "RMSE by nearest neighbours", "19–26°", (20, None, None), higher=False),
    Target("azimuth", _E, "spearman_worse_half", "|ρ| per face, worse half", "0.52–0.69", (0.70, 0.95, 0.99)),
    Target("elevation", _E, "spearman_per_face", _FACE, "0.98–0.99", (0.97, 0.99, None)),
    Target("elevation", _E, "spearman_pooled", _RHO, "0.89–0.92", (0.90, 0.96, None)),
    Target("elevation", _E, "linear_r2", _R2, "0.78–0.82", (0.80, 0.93, None)),
    Target("elevation", _E, "isotonic_rmse", _RMSE, "6.0–6.9°", (6.5, 3.5, 2), higher=False),
    Target("light", _E, "spearman_per_face", _FACE, "0.98–0.996", (0.98, 0.99, None)),
    Target("light", _E, "spearman_pooled", _RHO, "0.92–0.95", (0.93, 0.97, None)),
    Target("light", _E, "linear_r2", _R2, "0.82–0.89", (0.85, 0.95, None)),
    Target("light", _E, "isotonic_rmse", _RMSE, "15–21°", (18, 9, 5), higher=False),
    Target("azimuth", _E, "identity_share", _OWN, "0.045–0.06", (0.06, 0.04, 0.01), False),
    Target("elevation", _E, "identity_share", _OWN, "0.17–0.21", (0.18, 0.06, 0.01), False),
    Target("light", _E, "identity_share", _OWN, "0.10–0.18", (0.15, 0.06, 0.01), False),
    Target("azimuth", _I, "cosine", _SAME, "0.29–0.73", (0.70, 0.85, 0.95)),
    Target("elevation", _I, "cosine", _SAME, "0.78–0.89", (0.88, 0.95, None)),
    Target("light", _I, "cosine", _SAME, "0.95–0.98", (0.97, 0.985, None)),
    Target("azimuth", _I, "invariance_ratio", "invariance ratio", "0.36–2.5", (0.4, 0.15, 0.05), higher=False),
    Target("azimuth", _R, "skill_to_60", "re-render skill, up to 60°", "", (None, 0.6, 0.8)),
)


def reached(factors: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Each target with the run's value and the level it reaches.

    Parameters
    ----------
    factors : of metrics.json, and of the entangled baseline where there is one
    """
    rows = []
    for target in TARGETS:
        found = factors.get(target.factor, {}).get(target.kind, {}).get(target.name)
        if found is None:
            continue
        row = {"factor": target.factor, "measure": target.says, "name": target.name, "originals": target.originals}
        bars = dict(zip(LEVELS, target.bars, strict=True))
        rows.append(row | {"value": found["value"], "level": target.level(found["value"]), "bars": bars})
    return rows + _against_baseline(factors, baseline)


def _against_baseline(factors: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The two bars on the azimuth that compare with others: skill above both baselines, and the ratio of errors."""
    if "azimuth" not in factors:
        return []
    ours = factors["azimuth"][_R]
    mean_face, interval = ours["skill_mean_face"]["value"], ours["skill"]["interval"]
    lowest = [mean_face] if mean_face is not None else []
    row: dict[str, Any] = {"factor": "azimuth", "originals": "", "bars": dict.fromkeys(LEVELS)}
    rows = []
    if baseline is not None:
        theirs = baseline["azimuth"][_R]
        lowest += [theirs["skill"]["value"]] if theirs["skill"]["value"] is not None else []
        ratio = ours["mse_ours"]["value"] / theirs["mse_ours"]["value"]
        target = Target(
            "azimuth", _R, "mse_ours", "MSE against the entangled net's", "", (0.8, 0.5, None), higher=False
        )
        bars = dict(zip(LEVELS, target.bars, strict=True))
        rows.append(
            row | {"measure": target.says, "name": "ratio", "value": ratio, "bars": bars, "level": target.level(ratio)}
        )
    ahead = interval is not None and all(interval[0] > other for other in lowest)
    rows.append(
        row
        | {
            "measure": "skill above mean face and entangled net" if baseline else "skill above the mean face",
            "name": "ahead",
            "value": ours["skill"]["value"],
            "level": "reproduce" if ahead else "below",
        }
    )
    return rows
