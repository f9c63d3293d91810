"""What a line of metrics.jsonl is made of: sums over the batches since the line before."""

import math
from dataclasses import dataclass, field
from typing import Any

ACTIVE_NATS = 0.1
"""A latent counts as active when its KL, averaged over a window of batches, exceeds this many nats per image."""


@dataclass
class Window:
    """Sums over the batches since the last line of metrics; part of the resume state."""

    count: dict[str, int] = field(default_factory=dict)
    reconstruction: dict[str, float] = field(default_factory=dict)
    kl: dict[str, float] = field(default_factory=dict)
    kl_by_latent: list[float] = field(default_factory=list)
    labelled: dict[str, int] = field(default_factory=dict)
    label: dict[str, float] = field(default_factory=dict)
    waited: float = 0.0
    seconds: float = 0.0

    def add(self, factor: str, reconstruction: float, kl: list[float], label: float = math.nan) -> None:
        """Count one batch; nats per image, kl for every latent, label NaN where the batch had none."""
        self.count[factor] = self.count.get(factor, 0) + 1
        self.reconstruction[factor] = self.reconstruction.get(factor, 0.0) + reconstruction
        self.kl[factor] = self.kl.get(factor, 0.0) + math.fsum(kl)
        if not math.isnan(label):
            self.labelled[factor] = self.labelled.get(factor, 0) + 1
            self.label[factor] = self.label.get(factor, 0.0) + label
        before = self.kl_by_latent or [0.0] * len(kl)
        self.kl_by_latent = [a + b for a, b in zip(before, kl, strict=True)]

    def line(self, step: int) -> dict[str, Any]:
        """The line of metrics.jsonl: means in nats per image by factor, active latents, seconds."""
        batches = sum(self.count.values())
        labels = {name: total / self.labelled[name] for name, total in sorted(self.label.items())}
        return {
            "step": step,
            "batches": dict(sorted(self.count.items())),
            "reconstruction": {name: total / self.count[name] for name, total in sorted(self.reconstruction.items())},
            "kl": {name: total / self.count[name] for name, total in sorted(self.kl.items())},
            **({"label": labels} if labels else {}),
            "active_latents": sum(total / batches > ACTIVE_NATS for total in self.kl_by_latent),
            "seconds": round(self.seconds, 3),
            "waited": round(self.waited, 3),
        }

    def means(self) -> tuple[float, float]:
        """Reconstruction and KL over all factors, nats per image."""
        batches = max(1, sum(self.count.values()))
        return sum(self.reconstruction.values()) / batches, sum(self.kl.values()) / batches
