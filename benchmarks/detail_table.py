"""The table of known pictures: what the headline measures give for true renders, blurs, average faces and a network.

    python benchmarks/detail_table.py --run RUN --sweeps sweeps.zarr [--resamples 1000]

A measure is worth what it says of pictures that anybody can judge. Each row has 95% intervals over identities.
"""

import argparse
from pathlib import Path

from pipelines.evaluation.metrics.portraits import MEASURES, METHODS
from pipelines.evaluation.portraits import portrait_statistics
from pipelines.evaluation.run_evaluation import open_evaluation


def main() -> None:
    """Print one table for each factor."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="run directory or checkpoint")
    parser.add_argument("--sweeps", required=True, help="store of render-sweeps")
    parser.add_argument("--resamples", type=int, default=1000)
    options = parser.parse_args()
    evaluation = open_evaluation(options.run, options.sweeps)
    for factor in evaluation.factors:
        print(f"\n{factor}\n{'':42}" + "".join(f"{label:>24}" for label in MEASURES.values()))
        for method, found in portrait_statistics(evaluation, factor).items():
            cells = [_cell(found[name].estimate(options.resamples)) if name in found else "" for name in MEASURES]
            print(f"{METHODS[method]:42}" + "".join(f"{cell:>24}" for cell in cells))


def _cell(estimate: dict) -> str:
    if estimate["value"] is None:
        return "-"
    low, high = estimate["interval"]
    return f"{estimate['value']:.3f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    main()
