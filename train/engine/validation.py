"""The interface of validation during training."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn


@dataclass(frozen=True)
class ValidationResult:
    """The result of one validation."""

    numbers: dict[str, float | None]
    """By name; None where a number is undefined."""
    picture: NDArray[np.uint8]
    """(H, W) or (H, W, 3)."""


class Validator(Protocol):
    """Evaluates a network during its training, on identities of neither the training nor the test split."""

    @property
    def every(self) -> int:
        """Batches between validations, which come with lines of metrics."""
        ...

    def validate(self, network: nn.Module, step: int) -> ValidationResult:
        """Evaluate the network after `step` batches; it is not changed."""
        ...
