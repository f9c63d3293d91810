"""The numbers of training steps: the terms of a loss, one row of numbers a step, and sums for metrics.jsonl."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

ACTIVE_NATS = 0.1
"""A latent counts as active when its KL, averaged over a window of batches, exceeds this many nats per image."""


class Terms(NamedTuple):
    """A loss and its parts. Everything but `total` is detached."""

    total: Tensor
    """Scalar float32 to be minimised: summed over pixels, channels, latents and the batch."""
    parts: Mapping[str, Tensor]
    """(B,) each, in nats; the names are columns of metrics.jsonl. NaN in rows that do not have the term."""
    latents: Tensor | None = None
    """(B, latents) nats of KL, where the code has a Gaussian posterior."""


class PartSum(NamedTuple):
    """One term of a step's loss, of the rows in which one factor varies."""

    share: float
    """Number of these rows that have the term, over the number of all rows of the step."""
    nats: float
    """Sum of the term over these rows, over the number of all rows of the step: `share` times a mean."""


class StepNumbers(NamedTuple):
    """The losses of a step."""

    total: float
    """The minimised value, summed over the rows."""
    shares: dict[str, float]
    """Factor -> share of the step's rows in which it varies, for factors that have rows in the step."""
    parts: dict[str, dict[str, PartSum]]
    """Term -> factor -> sums; a term that no row of a factor has is left out."""
    latents: list[float]
    """KL of every latent, nats per image."""


class StepStats:
    """Converts the terms of a step to one row of numbers on their device, and a row back to named numbers.

    Parameters
    ----------
    factors : names for the values of a batch's `active`
    parts : names of the loss's terms
    """

    def __init__(self, factors: Sequence[str], parts: Sequence[str]) -> None:
        self._factors, self._parts = tuple(factors), tuple(parts)

    def row(self, terms: Terms, active: Tensor) -> Tensor:
        """float64 (1 + factors (1 + 2 parts) + latents,) on the device of the loss.

        Parameters
        ----------
        active : int64 (B,) place, among the factors, of the one that varies in the row
        """
        rows = len(active)
        places = torch.arange(len(self._factors), device=active.device)[:, None]
        of = (places == active).double()
        columns = [torch.ones(rows, device=active.device)]
        for name in self._parts:
            values = terms.parts.get(name)
            values = torch.full_like(columns[0], math.nan) if values is None else values
            columns += [~values.isnan(), values.nan_to_num()]
        by_factor = torch.stack([of @ column.double() for column in columns]) / rows
        latents = [] if terms.latents is None else [terms.latents.double().mean(dim=0)]
        return torch.cat([terms.total.detach().double()[None], by_factor.flatten(), *latents])

    def read(self, row: Sequence[float]) -> StepNumbers:
        """The numbers of a row."""
        count = len(self._factors)
        columns = [row[1 + k * count : 1 + (k + 1) * count] for k in range(1 + 2 * len(self._parts))]
        shares, pairs = columns[0], zip(columns[1::2], columns[2::2], strict=True)
        parts = {
            name: {f: PartSum(s, n) for f, s, n in zip(self._factors, there, nats, strict=True) if s}
            for name, (there, nats) in zip(self._parts, pairs, strict=True)
        }
        held = {name: share for name, share in zip(self._factors, shares, strict=True) if share}
        return StepNumbers(row[0], held, parts, list(row[1 + len(columns) * count :]))


@dataclass
class MetricsWindow:
    """Sums over the batches since the last line of metrics; part of the resume state."""

    batches: dict[str, float] = field(default_factory=dict)
    """Factor -> batches."""
    shares: dict[str, dict[str, float]] = field(default_factory=dict)
    """Term -> factor -> batches that have the term."""
    nats: dict[str, dict[str, float]] = field(default_factory=dict)
    """Term -> factor -> sum of the term."""
    latents: list[float] = field(default_factory=list)
    waited: float = 0.0
    seconds: float = 0.0

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "MetricsWindow":
        """The window of a resume state, also of one that an earlier version wrote; TypeError for anything else."""
        if "count" not in state:
            return cls(**state)
        names = {"reconstruction": "count", "kl": "count", "label": "labelled"}
        found = {name: state[name] for name in names if state.get(name)}
        shares = {name: dict(state[names[name]]) for name in found}
        return cls(dict(state["count"]), shares, found, state["kl_by_latent"], state["waited"], state["seconds"])

    def add(self, numbers: StepNumbers) -> None:
        """Add the numbers of one step."""
        for factor, share in numbers.shares.items():
            self.batches[factor] = self.batches.get(factor, 0) + share
        for name, part in numbers.parts.items():
            for factor, (share, nats) in part.items():
                for sums, value in ((self.shares, share), (self.nats, nats)):
                    mine = sums.setdefault(name, {})
                    mine[factor] = mine.get(factor, 0.0) + value
        before = self.latents or [0.0] * len(numbers.latents)
        self.latents = [a + b for a, b in zip(before, numbers.latents, strict=True)]

    def line(self, step: int) -> dict[str, Any]:
        """The line of metrics.jsonl: means in nats per image by factor, active latents, seconds."""
        batches = sum(self.batches.values())
        return {
            "step": step,
            "batches": {name: round(count, 2) for name, count in sorted(self.batches.items())},
            **{
                name: {factor: total / self.shares[name][factor] for factor, total in sorted(nats.items())}
                for name, nats in self.nats.items()
            },
            "active_latents": sum(total / batches > ACTIVE_NATS for total in self.latents),
            "seconds": round(self.seconds, 3),
            "waited": round(self.waited, 3),
        }

    def means(self) -> dict[str, float]:
        """Term -> mean over all rows that have it, nats per image."""
        return {
            name: sum(nats.values()) / sum(self.shares[name].values())
            for name, nats in self.nats.items()
            if sum(self.shares[name].values())
        }
