"""Tables of the disentanglement scores: of the report, of a comparison, and the lines of a terminal."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.evaluation.scores import score_of
from pipelines.evaluation.tables import Cell, number, table

DCI_PARTS = ("disentanglement", "completeness", "informativeness")
ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("MIG", ("mig",)),
    ("SAP", ("sap",)),
    ("MCC", ("mcc",)),
    ("modularity", ("modularity",)),
    ("explicitness", ("explicitness",)),
    ("IRS", ("irs",)),
    ("FactorVAE", ("factor_vae",)),
    ("BetaVAE", ("beta_vae",)),
    *((f"DCI {part}, classifiers", ("dci_classifiers", part)) for part in DCI_PARTS),
    *((f"DCI {part}, regressors", ("dci_regressors", part)) for part in DCI_PARTS),
)
"""Label and path in the record of every score of single latents."""
BLOCK = "_block"
"""End of the names of the scores with the intrinsic latents as one."""
BLOCK_ROWS = tuple(
    (label, (f"{path[0]}{BLOCK}", *path[1:]))
    for label, path in ROWS
    if path[0] not in ("explicitness", "irs", "beta_vae") and path[-1] != "informativeness"
)
"""The same of block scores; the other metrics have none, and the informativeness is the same."""
COMPARED = (
    ("MIG", ("mig",)),
    ("MIG block", ("mig_block",)),
    ("SAP", ("sap",)),
    ("SAP block", ("sap_block",)),
    ("DCI D classifiers", ("dci_classifiers", "disentanglement")),
    ("DCI D regressors", ("dci_regressors", "disentanglement")),
    ("FactorVAE", ("factor_vae",)),
    ("BetaVAE", ("beta_vae",)),
    ("IRS", ("irs",)),
    ("modularity", ("modularity",)),
)
"""Label and path of the columns of a comparison."""


def disentanglement_table(record: Mapping[str, Any]) -> str:
    """The scores as HTML: a sentence on the images, and a table of this run beside the entangled net and the bounds."""
    ends, other = record.get("bounds", {}), record.get("baseline")
    every = {"this run": record} | ({"entangled net": other} if other else {})
    every |= {label: ends[name] for name, label in (("perfect", "perfect code"), ("noise", "noise")) if name in ends}
    runs = {name: found["disentanglement"] for name, found in every.items() if found["disentanglement"]}
    if "this run" not in runs:
        return "<p>There are too few images to score.</p>"
    own = runs["this run"]
    rows = [["<b>Single latents, as published</b>"], *_rows(ROWS, runs)]
    if "mig_block" in own:
        rows += [["<b>The intrinsic latents as one</b>"], *_rows(BLOCK_ROWS, runs)]
    if "intrinsic_r2" in own:
        leaks = [(f"R² of {name} from the intrinsic latents", ("intrinsic_r2", name)) for name in own["factors"]]
        rows += _rows(leaks, runs)
    return f"<p>{html.escape(images_line(own))}</p>{table(['', *runs], rows)}"


def images_line(scores: Mapping[str, Any]) -> str:
    """A sentence on the images that were scored."""
    line = f"Scored on {scores['data']} of {scores['identities']:,} test identities: {', '.join(scores['factors'])}."
    if "why" not in scores:
        return line
    return (
        f"{line} Their factors are not independent, so these are not the scores of other work. Independent images "
        f"cannot be rendered here: {scores['why']}."
    )


def summary_lines(scores: Mapping[str, Any] | None) -> list[str]:
    """The main scores for a terminal."""
    if not scores:
        return []
    names = ("mig", "mig_block", "sap", "sap_block", "mcc", "factor_vae", "beta_vae", "irs")
    named = ((name, scores.get(name)) for name in names)
    return [
        "  ".join(f"{name} {value:.2f}" for name, value in named if value is not None),
        f"({scores['data']} of {scores['identities']:,} identities; _block: the intrinsic latents as one)",
    ]


def compare_scores(members: Mapping[str, Sequence[Mapping[str, Any] | None]]) -> dict[str, Any]:
    """For each group of runs the images, and the mean over seeds of the scores in `COMPARED`; None where one lacks."""
    return {
        name: {"data": [found and found["data"] for found in every]}
        | {label: _mean([score_of(found or {}, path) for found in every]) for label, path in COMPARED}
        for name, every in members.items()
    }


def markdown_scores(compared: Mapping[str, Mapping[str, Any]]) -> str:
    """The content of `compare_scores` as a Markdown table with a title, for terminals too."""
    head = ["run", *(label for label, _ in COMPARED)]
    rows = [
        [name, *("–" if found[label] is None else f"{found[label]:.3f}" for label, _ in COMPARED)]
        for name, found in compared.items()
    ]
    data = dict.fromkeys(text or "too few images" for found in compared.values() for text in found["data"])
    lines = ["| " + " | ".join(row) + " |" for row in [head, *rows]]
    rule = "|" + "---|" * len(head)
    return "\n".join([f"**Disentanglement scores ({', '.join(data)}; no intervals)**", "", lines[0], rule, *lines[1:]])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _rows(rows: Sequence[tuple[str, tuple[str, ...]]], runs: Mapping[str, Mapping[str, Any]]) -> list[list[Cell]]:
    """A row for each score that a run has."""
    found = [[label, *(_scored(scores, path) for scores in runs.values())] for label, path in rows]
    return [[html.escape(row[0]), *row[1:]] for row in found if any(cell != number(None) for cell in row[1:])]


def _scored(scores: Mapping[str, Any], path: Sequence[str]) -> Cell:
    """A score with its interval, where it has one."""
    value, spread = number(score_of(scores, path)), scores.get("intervals", {}).get(path[0])
    return f'{value} <span class="soft">{number(spread[0])} to {number(spread[1])}</span>' if spread else value
