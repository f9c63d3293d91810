"""What a line of metrics.jsonl is made of: sums over the batches since the line before."""

from dataclasses import dataclass, field
from typing import Any

from train.engine.step_stats import StepNumbers

ACTIVE_NATS = 0.1
"""A latent counts as active when its KL, averaged over a window of batches, exceeds this many nats per image."""


@dataclass
class Window:
    """Sums over the batches since the last line of metrics; part of the resume state."""

    count: dict[str, float] = field(default_factory=dict)
    reconstruction: dict[str, float] = field(default_factory=dict)
    kl: dict[str, float] = field(default_factory=dict)
    kl_by_latent: list[float] = field(default_factory=list)
    labelled: dict[str, float] = field(default_factory=dict)
    label: dict[str, float] = field(default_factory=dict)
    waited: float = 0.0
    seconds: float = 0.0

    def add(self, numbers: StepNumbers) -> None:
        """Count one batch."""
        for factor, part in numbers.parts.items():
            self.count[factor] = self.count.get(factor, 0) + part.share
            self.reconstruction[factor] = self.reconstruction.get(factor, 0.0) + part.reconstruction
            self.kl[factor] = self.kl.get(factor, 0.0) + part.kl
            if part.labelled:
                self.labelled[factor] = self.labelled.get(factor, 0) + part.labelled
                self.label[factor] = self.label.get(factor, 0.0) + part.label
        before = self.kl_by_latent or [0.0] * len(numbers.kl)
        self.kl_by_latent = [a + b for a, b in zip(before, numbers.kl, strict=True)]

    def line(self, step: int) -> dict[str, Any]:
        """The line of metrics.jsonl: means in nats per image by factor, active latents, seconds."""
        batches = sum(self.count.values())
        labels = {name: total / self.labelled[name] for name, total in sorted(self.label.items())}
        return {
            "step": step,
            "batches": {name: round(count, 2) for name, count in sorted(self.count.items())},
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
