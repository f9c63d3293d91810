"""Chairs: how a run turns what it has never seen, all round (NIPS 2015 section 4.2 and Figure 7)."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.digest import store_digest
from dataset.errors import StoreError
from dataset.store import Store, open_store
from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.evaluation.figures.imagerows import Row, draw_rows
from pipelines.evaluation.measure import CALIBRATES, MEASURED, facts_of, home_of
from pipelines.evaluation.metrics import reconstruction, rerender, retrieval, turning
from pipelines.evaluation.metrics.bootstrap import Statistic, estimates
from pipelines.evaluation.metrics.rerender import METHODS, QUANTITIES, Errors, person_errors
from pipelines.evaluation.sweeps import open_sweeps
from train.layout import INTRINSIC
from train.runs.trained_run import TrainedRun, load_run, to_uint8

FACTOR = "azimuth"
EVERY = 5
"""Of the views of a turn, every so many are drawn."""
SOURCE = 1
"""Of the views that are drawn: the one image that a chair of the picture is turned from, 30 degrees off its front."""
SHOWN = 3
"""Best chairs in the picture, and as many of the worst."""
ORIGINAL_MSE = 2.7722e-4
"""The paper's test error on its own chairs, normalisation not said."""
DEFINITIONS = {
    "turning": turning.DEFINITIONS,
    "rerender": {k: v.replace("people", "chairs") for k, v in rerender.DEFINITIONS.items() if "to_60" not in k},
    "reconstruction": reconstruction.DEFINITIONS,
    "retrieval": "share of test chairs whose intrinsic code at 90 degrees is nearest, by cosine, to their own at 0 "
    "degrees, among those of all test chairs",
    "interval": "95% percentile bootstrap over test chairs, 1,000 resamples",
}


@dataclass(frozen=True)
class Turntable:
    """One run on a store of whole turns, at one height after the other."""

    run: TrainedRun
    store: Store
    home: Path

    @cached_property
    def digest(self) -> str:
        """Of the sweeps."""
        return store_digest(self.store)

    @property
    def key(self) -> dict[str, Any]:
        """Everything that decides the arrays, but for the code that computes them."""
        return self.run.identity() | {"sweeps": self.digest}

    @cached_property
    def heights(self) -> int:
        """How many turns a sweep has."""
        return max(1, len(next(f for f in self.store.spec.factors if f.name == "elevation").values))

    @cached_property
    def angles(self) -> NDArray[np.float64]:
        """(S,) degrees of the views of one turn."""
        known = next(f for f in self.store.spec.factors if f.name == FACTOR)
        return known.grid(self.store.spec.views(FACTOR) // self.heights)

    @property
    def latents(self) -> NDArray[np.int64]:
        """Those of the azimuth."""
        return np.arange(self.run.config.latents)[self.run.layout.slice(FACTOR)]

    @cached_property
    def codes(self) -> dict[str, NDArray[np.float64]]:
        """Split to (chairs, heights, S, latents)."""
        arrays = cached(self.home / "measured", "turns", self.key, self._encode)
        return {split: arrays[split].astype(np.float64) for split in (CALIBRATES, MEASURED)}

    @cached_property
    def told(self) -> NDArray[np.float64]:
        """(heights, S, G) what the azimuth's latents say on average over training chairs."""
        mean: NDArray[np.float64] = self.codes[CALIBRATES][..., self.latents].mean(axis=0)
        return mean

    @cached_property
    def drawn(self) -> Arrays:
        """Errors of every method on every pair of views of every test chair, mean over heights."""
        return cached(self.home / "measured", "turned", self.key, self._draw)

    def views(self, split: str, chair: int, name: str = "image") -> NDArray[Any]:
        """(heights, S, H, W[, 3]) of one chair."""
        found = self.store.values(split, FACTOR, name, chair)
        return found.reshape(self.heights, len(self.angles), *found.shape[1:])

    def errors(self) -> Errors:
        """Re-render errors."""
        table = {(q, m): self.drawn[f"{q}/{m}"] for q in QUANTITIES for m in METHODS}
        return Errors(self.angles[::EVERY], table)

    def statistics(self) -> dict[str, dict[str, Statistic]]:
        """Every measure, by kind and name."""
        flat = {split: codes.reshape(-1, *codes.shape[2:]) for split, codes in self.codes.items()}
        test = self.codes[MEASURED]
        own = {name: self.drawn[f"reconstruction/{name}"] for name in reconstruction.DEFINITIONS}
        found = {
            "turning": _of_chairs(self._turning(), self.heights, len(test)),
            "rerender": {k: v for k, v in rerender.statistics(self.errors()).items() if "to_60" not in k},
            "reconstruction": reconstruction.statistics(own),
        }
        rest = self._rest(flat[MEASURED]).reshape(*test.shape[:3], -1)
        if rest.shape[-1]:
            quarter = len(self.angles) // 4
            found["retrieval"] = {"retrieval": retrieval.retrieval(rest[:, 0, quarter], rest[:, 0, 0])}
        return found

    def _turning(self) -> dict[str, Statistic]:
        train, test = (self.codes[split].reshape(-1, *self.codes[split].shape[2:]) for split in (CALIBRATES, MEASURED))
        own = (train[..., self.latents], test[..., self.latents])
        return turning.statistics(*own, self.angles, (self._rest(train), self._rest(test)))

    def _rest(self, codes: NDArray[np.float64]) -> NDArray[np.float64]:
        """The intrinsic latents."""
        layout = self.run.layout
        return codes[..., layout.slice(INTRINSIC)] if INTRINSIC in layout.names else codes[..., :0]

    def _encode(self) -> Arrays:
        arrays: Arrays = {}
        with progress_bar("chairs") as progress:
            counts = {split: self.store.batches(split, FACTOR) for split in (CALIBRATES, MEASURED)}
            bar = progress.add_task("encoding turns", total=sum(counts.values()), note="")
            for split, count in counts.items():
                found = []
                for chair in range(count):
                    found.append(self.run.encode(self.store.read(split, FACTOR, chair)["image"]))
                    progress.advance(bar)
                arrays[split] = np.stack(found).reshape(count, self.heights, len(self.angles), -1)
        return arrays

    def _draw(self) -> Arrays:
        mean = self._mean_chairs()
        found = []
        with progress_bar("chairs") as progress:
            count = self.store.batches(MEASURED, FACTOR)
            bar = progress.add_task("turning chairs", total=count, note="")
            for chair in range(count):
                found.append(self._draw_chair(chair, mean))
                progress.advance(bar)
        return {name: np.stack([one[name] for one in found]) for name in found[0]}

    def _mean_chairs(self) -> NDArray[np.float64]:
        """(heights, S / EVERY, H, W[, 3]) of 0..1: the average training chair."""
        count = self.store.batches(CALIBRATES, FACTOR)
        total = sum(self.views(CALIBRATES, k)[:, ::EVERY].astype(np.float64) for k in range(count))
        return np.asarray(total) / (255 * count)

    def _draw_chair(self, chair: int, mean: NDArray[np.float64]) -> dict[str, Any]:
        images, masks = (self.views(MEASURED, chair, name)[:, ::EVERY] for name in ("image", "mask"))
        found: list[dict[str, Any]] = []
        for k in range(self.heights):
            codes = self.codes[MEASURED][chair, k, ::EVERY].astype(np.float32)
            told = self.told[k, ::EVERY]
            clamped = np.tile(codes.mean(axis=0), (len(codes), 1))
            clamped[:, self.latents] = codes[:, self.latents]
            errors = person_errors(codes, self.run.decode, images[k], masks[k], mean[k], self.latents, told)
            own = reconstruction.person_reconstruction(
                images[k], masks[k], self.run.decode(codes), self.run.decode(clamped)
            )
            found.append(
                {f"{q}/{m}": table for (q, m), table in errors.items()}
                | {f"reconstruction/{name}": value for name, value in own.items()}
            )
        return {name: np.mean([one[name] for one in found], axis=0) for name in found[0]}


def open_turns(path: Path, url: str, device: str) -> Turntable | None:
    """A run on a store of whole turns; None where nothing in the store goes round.

    Raises
    ------
    TrainError, StoreError
        No run, no sweeps, or sweeps of other images, chairs or camera.
    """
    if not any(f.period is not None for f in open_store(url).spec.factors):
        return None
    run = load_run(path, device)
    return Turntable(run, open_sweeps(url, run), home_of(path))


def _of_chairs(turns: dict[str, Statistic], heights: int, chairs: int) -> dict[str, Statistic]:
    """Statistics of turns as statistics of chairs: both turns of a chair are drawn together."""

    def both(statistic: Statistic) -> Statistic:
        return Statistic(
            lambda chosen: statistic.of((chosen[:, None] * heights + np.arange(heights)).reshape(-1)), chairs
        )

    return {name: both(statistic) for name, statistic in turns.items()}


def evaluate_turns(table: Turntable, out: Path) -> dict[str, Any]:
    """metrics.json and turns.png into OUT, which exists; the numbers come back."""
    if not table.store.batches(MEASURED, FACTOR) or not table.store.batches(CALIBRATES, FACTOR):
        raise StoreError(f"{table.store.url} needs chairs in train and test; run render-sweeps again")
    found = {
        "definitions": DEFINITIONS,
        "run": facts_of(table.run, table.home.resolve().name),
        "sweeps": table.digest,
        "chairs": len(table.codes[MEASURED]),
        "original": {"mse": ORIGINAL_MSE},
        **{kind: estimates(statistics) for kind, statistics in table.statistics().items()},
    }
    (out / "metrics.json").write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    for kind in ("png", "svg"):
        draw_turns(table, out / f"turns.{kind}")
    return found


def draw_turns(table: Turntable, path: Path) -> None:
    """Held-out chairs from one image each, the best and the worst by skill, above their true renders."""
    errors = table.errors().table
    off = ~np.eye(len(table.angles[::EVERY]), dtype=bool)
    sums = {m: errors["masked", m][:, off].sum(axis=1) for m in ("copy", "ours")}
    order = np.argsort(-(sums["copy"] - sums["ours"]) / sums["copy"], kind="stable")
    half = min(SHOWN, len(order) // 2) or 1
    rows: list[Row] = []
    for word, chairs in (("good", order[:half]), ("bad", order[half:][-half:])):
        for chair in chairs:
            views = table.views(MEASURED, int(chair))[0, ::EVERY]
            code = table.codes[MEASURED][chair, 0, ::EVERY][SOURCE].astype(np.float32)
            turned = np.tile(code, (len(views), 1))
            turned[:, table.latents] = table.told[0, ::EVERY]
            rows += [(f"{word}: true", views), ("turned from\none image", to_uint8(table.run.decode(turned)))]
    columns = [f"{angle:.0f}°" for angle in table.angles[::EVERY]]
    draw_rows(rows, columns, path, f"held-out chairs, each from its view at {table.angles[::EVERY][SOURCE]:.0f}°")


def turns_table(found: dict[str, Any], out: Path) -> str:
    """The main numbers, in a few lines."""

    def said(kind: str, name: str, digits: str) -> str:
        low, high = found[kind][name]["interval"]
        return f"{found[kind][name]['value']:{digits}} [{low:{digits}}, {high:{digits}}]"

    mse, turned = found["reconstruction"], 100 * found["turning"]["turned_round"]["value"]
    angle = f"{said('turning', 'angle_rmse', '.1f')} degrees RMSE, {said('turning', 'angle_median', '.1f')} median"
    errors = f"{mse['mse']['value']:.3e}, over 3 {mse['mse_over_3']['value']:.3e}"
    lines = [
        f"{found['chairs']} held-out chairs",
        f"angle: {angle}, {turned:.1f}% of views turned round",
        f"skill {said('rerender', 'skill', '.3f')}, mean chair {found['rerender']['skill_mean_face']['value']:.3f}",
        f"reconstruction MSE {errors}; the paper's {ORIGINAL_MSE:.4e} is one or the other",
        f"wrote {out}/metrics.json and turns.png",
    ]
    return "\n".join(lines)
