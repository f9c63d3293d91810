"""HTML tables of the report: each number beside the entangled net, the ends of its scale, and the original nets."""

import html
from collections.abc import Sequence
from typing import Any

from pipelines.evaluation.metrics.portraits import MEASURES, METHODS
from pipelines.evaluation.recognition import SIMILARITIES, representation_label

Cell = str
ORIGINALS = {
    ("azimuth", "spearman_per_face"): "0.53–0.60",
    ("azimuth", "spearman_pooled"): "0.54–0.61",
    ("azimuth", "spearman_worse_half"): "0.52–0.69",
    ("azimuth", "linear_r2"): "0.25–0.37",
    ("azimuth", "knn_rmse"): "19–26",
    ("azimuth", "identity_share"): "0.045–0.060",
    ("azimuth", "cosine"): "0.29–0.73",
    ("azimuth", "invariance_ratio"): "0.36–2.5",
    ("elevation", "spearman_per_face"): "0.975–0.988",
    ("elevation", "spearman_pooled"): "0.89–0.92",
    ("elevation", "linear_r2"): "0.78–0.82",
    ("elevation", "knn_rmse"): "6.0–6.9",
    ("elevation", "identity_share"): "0.17–0.21",
    ("elevation", "cosine"): "0.78–0.89",
    ("elevation", "invariance_ratio"): "0.12–0.28",
    ("light", "spearman_per_face"): "0.981–0.996",
    ("light", "spearman_pooled"): "0.92–0.95",
    ("light", "linear_r2"): "0.82–0.89",
    ("light", "knn_rmse"): "16–20",
    ("light", "identity_share"): "0.10–0.18",
    ("light", "cosine"): "0.95–0.98",
    ("light", "invariance_ratio"): "0.02–0.05",
}
"""Factor and measure to the range over the three original nets, on their own renders."""
ROWS: dict[str, tuple[tuple[str, str], ...]] = {
    "equivariance": (
        ("spearman_per_face", "|ρ| per face"),
        ("spearman_worse_half", "|ρ| per face, worse half"),
        ("spearman_pooled", "|ρ| pooled"),
        ("linear_r2", "linear R²"),
        ("isotonic_rmse", "RMSE, isotonic (degrees)"),
        ("knn_rmse", "RMSE, nearest neighbours (degrees)"),
        ("monotone_fraction", "monotone fraction"),
        ("switch_index", "switch index (a line: 0.13)"),
        ("slope_sign_consistency", "sign consistency"),
        ("identity_share", "share of identity in the neuron"),
    ),
    "invariance": (
        ("cosine", "cosine to the middle view"),
        ("invariance_ratio", "invariance ratio"),
        ("leak_r2", "R² of the angle from the intrinsic code"),
    ),
    "retrieval": (("retrieval", "same identity found across views"),),
    "rerender": (
        ("absolute", "absolute skill"),
        ("absolute_mean_face", "absolute skill of the mean training {subject}"),
        ("absolute_left_alone", "absolute skill of the source's own code"),
        ("absolute_oracle", "absolute skill of the target itself encoded"),
        ("detail_mask_skill", "detail skill over the mask, outline included"),
        ("skill", "skill on the scale of its own reconstruction"),
        ("mse_ours", "masked MSE"),
        ("mse_copy", "masked MSE, source unchanged"),
        ("mse_oracle", "masked MSE, target encoded"),
        ("psnr_ours", "masked PSNR (dB)"),
        ("ssim_ours", "masked SSIM"),
    ),
    "analogy": (
        ("skill", "skill"),
        ("skill_calibrated", "skill of the calibrated neuron"),
        ("skill_left_alone", "skill of C's own code"),
        ("mse_ours", "masked MSE"),
        ("mse_copy", "masked MSE, C unchanged"),
        ("mse_oracle", "masked MSE, D encoded"),
    ),
    "reconstruction": (
        ("mse", "MSE"),
        ("mse_over_3", "MSE / 3, as the authors' script"),
        ("mse_masked", "masked MSE"),
        ("psnr_masked", "masked PSNR (dB)"),
        ("ssim_masked", "masked SSIM"),
        ("excess_nats", "excess cross-entropy (nats)"),
        ("leak_gap", "leak gap (nats)"),
    ),
}
"""Kind to pairs of a measure and its label."""
TURN_ROWS = {
    "turning": (
        ("angle_rmse", "RMSE of the predicted angle (degrees; guessing: 104)"),
        ("angle_median", "median error (degrees)"),
        ("turned_round", "share of views more than 90° off"),
        ("leak_r2", "R² of the angle from the intrinsic code"),
    ),
    "retrieval": (("retrieval", "same chair found a quarter turn away"),),
    "symmetry": (("d_lsbd", "D_LSBD of the azimuth (a circle: 0, noise: 1)"),),
    "rerender": tuple((name, label) for name, label in ROWS["rerender"] if "to_60" not in name),
    "reconstruction": ROWS["reconstruction"],
}
"""Kind to pairs of a measure and its label, for turned chairs."""


def kind_table(record: dict[str, Any], kind: str) -> str:
    """The measures of one kind, of all factors, as an HTML table; empty where there is none."""
    ends, other = record["bounds"], record["baseline"]
    bounded = kind in ("equivariance", "invariance", "retrieval")
    head = ["", *(["this run", "95% interval"]), *(["entangled net"] if other else [])]
    head += ["perfect code", "noise"] if bounded else []
    head += ["original nets"] if kind in ("equivariance", "invariance") else []
    rows: list[list[str]] = []
    for factor, found in record["factors"].items():
        known = [(n, label.format(subject="face")) for n, label in ROWS[kind] if n in found.get(kind, {})]
        rows += [[f"<b>{html.escape(factor)}</b>"]] if known else []
        for name, label in known:
            cells = [html.escape(label), number(found[kind][name]["value"]), _interval(found[kind][name]["interval"])]
            cells += [number(_at(other["factors"], factor, kind, name, "value"))] if other else []
            if bounded:
                cells += [number(_at(ends[end]["factors"], factor, kind, name)) for end in ("perfect", "noise")]
            cells += [ORIGINALS.get((factor, name), "")] if kind in ("equivariance", "invariance") else []
            rows.append(cells)
    return table(head, rows) if rows else ""


def portrait_tables(record: dict[str, Any]) -> str:
    """What the network draws and known pictures by the measures of portraits, an HTML table for each factor."""
    every = {factor: found["portraits"] for factor, found in record["factors"].items() if found["portraits"]}
    tables = []
    for factor, methods in every.items():
        shown = [name for name in MEASURES if any(name in found for found in methods.values())]
        rows = [[f"<b>{html.escape(factor)}</b>"]]
        for method, found in methods.items():
            cells = [_estimated(found.get(name)) for name in shown]
            rows.append([html.escape(METHODS[method]), *cells])
        tables.append(table(["", *(MEASURES[name] for name in shown)], rows))
    return "".join(tables) or f"<p>There are no portraits: {html.escape(str(record['no_portraits']))}.</p>"


def _estimated(estimate: dict[str, Any] | None) -> Cell:
    """A number with two decimals, its interval below it; a dash where there is none."""
    if estimate is None or estimate["value"] is None:
        return "–"
    value, low, high = (f"{x + 0.0:.2f}".replace("-", "−") for x in (estimate["value"], *estimate["interval"]))
    below = "" if low == high else f'<br><span class="soft">{low} to {high}</span>'
    return value + below


def turn_table(record: dict[str, Any], kind: str) -> str:
    """The measures of one kind, of turned chairs, as an HTML table; empty where there is none."""
    known = [(name, label) for name, label in TURN_ROWS[kind] if name in record.get(kind, {})]
    rows = [
        [
            html.escape(label.format(subject="chair")),
            number(record[kind][name]["value"]),
            _interval(record[kind][name]["interval"]),
        ]
        for name, label in known
    ]
    return table(["", "this run", "95% interval"], rows) if rows else ""


def target_table(record: dict[str, Any]) -> str:
    """The level that each measure reaches, as an HTML table."""
    rows = []
    for row in record["targets"]:
        bars = ["–" if bar is None else f"{bar:g}" for bar in row["bars"].values()]
        rows.append(
            [
                html.escape(f"{row['factor']}: {row['measure']}"),
                number(row["value"]),
                f'<span class="{row["level"]}">{row["level"]}</span>',
                *bars,
                row["originals"],
            ]
        )
    return table(["", "this run", "reaches", "reproduce", "good", "stretch", "original nets"], rows)


def recognition_table(found: dict[str, Any]) -> str:
    """The verification accuracy of each representation, by each similarity, as an HTML table."""
    few = f"best_{found['original']['pairs']}"
    head = ["", "AUC", "accuracy", "best, shuffled labels", f"of {found['original']['pairs']} pairs"]
    rows: list[list[str]] = []
    for similarity, label in SIMILARITIES.items():
        rows.append([f"<b>{html.escape(label)}</b>"])
        for name, measured in found["representations"].items():
            scores = measured[similarity]
            spread = [_with(scores[one]["value"], _interval(scores[one]["interval"])) for one in ("auc", "accuracy")]
            rows.append(
                [html.escape(representation_label(name, measured)), *spread, _best(scores["best"]), _best(scores[few])]
            )
    return table(head, rows)


def _best(scores: dict[str, float]) -> Cell:
    """The paper's accuracy, with that of shuffled labels and p beside it."""
    return _with(scores["value"], f"{number(scores['null_95'])}, p {scores['p']:.3f}")


def _with(value: float | None, beside: str) -> Cell:
    """A number with a text in a softer colour beside it."""
    return f'{number(value)} <span class="soft">{beside}</span>'


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """An HTML table; cells are HTML already, a row of one cell spans all columns."""
    body = "".join(
        f'<tr class="group"><td colspan="{len(head)}">{row[0]}</td></tr>'
        if len(row) == 1
        else f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
        for row in rows
    )
    heads = "".join(f"<th>{html.escape(word)}</th>" for word in head)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def number(value: float | None) -> Cell:
    """A number with three significant figures, as HTML; a dash where there is none."""
    if value is None or value != value:
        return "–"
    if value in (float("inf"), float("-inf")):
        return "∞"
    if value == 0 or abs(value) < 1e-12:
        return "0"
    if abs(value) < 1e-4:
        return "&lt;0.0001" if value > 0 else "&gt;−0.0001"
    if abs(value) >= 1e6:
        return f"{value:.1e}".replace("e+", "e").replace("-", "−")
    if abs(value) >= 100:
        return f"{value:,.0f}"
    text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}" if abs(value) < 0.01 else f"{value:.3f}"
    return text.replace("-", "−") if text.startswith("-") else text


def _interval(pair: Sequence[float] | None) -> Cell:
    """`low to high`; empty without an interval."""
    return "" if pair is None else f"{number(pair[0])} to {number(pair[1])}"


def _at(found: Any, *keys: str) -> float | None:
    """A number deep in a record, or None where it is not."""
    for key in keys:
        if found is None or key not in found:
            return None
        found = found[key]
    return None if found is None else float(found)
