"""Compare summary statistics and chains for scene inference: errors of angles, pixels and vertices by row.

python benchmarks/inference_study.py RUN... --sweeps SWEEPS --model MODEL [--faces 20] [--chains 8] [--iterations 300]

There is a row for the codes of each RUN; then rows with the first run for an encoder of random weights, for pixels,
and for its codes with the plain chain of arXiv v1, which has more iterations in place of the renders of a refined
start. Every row fits the same test images: view (7 p) mod 61 of the azimuth sweep of test identity p, whose other
factors are random. Pixel MSE is the median over chains of the last hypothesis. Angles and vertices of the posterior
mean are compared with the truth, and so is the azimuth of every sample, whose error includes the posterior's spread.
The column "mean face" is the vertex error of the mean face. Intervals are 95%, percentile bootstrap over faces. OUT
stores a line of JSON for each finished face, so that the same command resumes.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.console.progress import progress_bar
from pipelines.evaluation.metrics.bootstrap import mean_of
from pipelines.inference.observation import observe
from pipelines.inference.outcome import Outcome
from pipelines.inference.problem import ChainOptions, Codes, Method, Pixels, Problem
from render import open_model
from train.runs.trained_run import load_run

VIEWS, STRIDE = 61, 7
COLUMNS = {
    "strangers": ("prior", 4),
    "at_start": ("at start", 4),
    "at_end": ("pixel MSE", 4),
    "azimuth": ("azimuth, °", 1),
    "elevation": ("elevation, °", 1),
    "light": ("light, °", 1),
    "azimuth_samples": ("azimuth of samples, °", 1),
    "vertices": ("vertices", 2),
    "mean_face": ("mean face", 2),
    "failed": ("failed", 2),
    "rate": ("hypotheses/s", 0),
}
"""Heading and number of digits by the name in OUT."""


@dataclass(frozen=True)
class Row:
    """One way to fit the faces: a problem (network, model, statistic) and a method."""

    name: str
    problem: Problem
    method: Method = "refined"


def main() -> None:
    """Fit the faces that OUT lacks, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--sweeps", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--faces", type=int, default=20)
    parser.add_argument("--chains", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--only-codes", action="store_true", help="leave the random encoder and pixels out")
    parser.add_argument("--out", type=Path, default=Path("inference-study.jsonl"))
    options = parser.parse_args()
    stored = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    for row in rows(options):
        how = with_equal_renders(row.method, options.chains, options.iterations)
        done = {line["face"] for line in stored if line["row"] == row.name and line["how"] == how}
        with progress_bar("faces") as progress, options.out.open("a") as out:
            bar = progress.add_task(row.name, total=options.faces, completed=len(done), note="")
            for face in sorted(set(range(options.faces)) - done):
                line = {"row": row.name, "face": face, "how": how} | explain(row, options.sweeps, face, how)
                out.write(json.dumps(line) + "\n")
                out.flush()
                stored.append(line)
                progress.advance(bar)
        show(row.name, [line for line in stored if line["row"] == row.name and line["how"] == how])


def with_equal_renders(method: Method, chains: int, iterations: int) -> dict[str, int]:
    """Chains that take as many renders by this method as refined ones of `iterations` do."""
    renders = ChainOptions(chains, iterations).renders
    return {"chains": chains, "iterations": iterations if method == "refined" else renders // chains - 1}


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """The rows, one after another, so that the memory of a row's prior samples is freed before the next row."""
    model = open_model(options.model)
    runs = [(path, load_run(path)) for path in options.runs]
    for path, run in runs:
        yield Row(f"codes of {path.name}", Problem(run, model, home=path / "measured"))
    path, first = runs[0]
    yield Row(f"codes of {path.name}, plain chain", Problem(first, model, home=path / "measured"), "plain")
    if not options.only_codes:
        yield Row("random encoder", Problem(first, model, Codes(first.untrained())))
        yield Row("pixels", Problem(first, model, Pixels()))


def explain(row: Row, sweeps: str, face: int, how: dict[str, int]) -> dict[str, Any]:
    """The measures of one face, by the names of COLUMNS."""
    problem = row.problem
    problem.fit  # noqa: B018 -- computed here, so that it is not part of the time
    seen = observe(f"{sweeps}#test/azimuth/{face}/{STRIDE * face % VIEWS}", problem.run)
    started = time.perf_counter()
    options = ChainOptions(how["chains"], how["iterations"], row.method, seed=face)
    fitted = problem.infer(seen.image, options)
    seconds = time.perf_counter() - started
    found = Outcome(problem, fitted, seen.truth(problem.space)).summary()
    mse, scene, vertices = found.pixel_mse, found.scene, found.vertex_rmse
    assert vertices is not None  # a view of a store has a truth
    return {
        "strangers": mse.of_strangers,
        "at_start": mse.at_start,
        "at_end": mse.at_end,
        **{name: scene[name].error for name in ("azimuth", "elevation", "light")},
        "azimuth_samples": scene["azimuth"].rmse,
        "vertices": vertices.posterior_mean,
        "mean_face": vertices.mean_face,
        "failed": found.chains.failed / how["chains"],
        "rate": options.renders / seconds,
    }


def show(name: str, lines: list[dict[str, Any]]) -> None:
    """Print each measure's mean over faces with its interval; of angles the root mean square."""
    cells = []
    for column, (heading, digits) in COLUMNS.items():
        values = np.array([line[column] for line in lines])
        square = heading.endswith("°")
        found = mean_of(values**2 if square else values).estimate()
        numbers = [found["value"], *found["interval"]]
        value, low, high = (float(np.sqrt(v)) if square else float(v) for v in numbers)
        cells.append(f"{heading} {value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]")
    print(f"{name} ({len(lines)} faces): {'; '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
