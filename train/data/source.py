"""The interface of a data set that can be trained on."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
"""A batch: named arrays whose first axis counts images. `image` is uint8 (B, H, W) or (B, H, W, 3); where known,
`factors` is float32 (B, F) in the source's units and order, and `identity` int64 (B,)."""


Batch = dict[str, NDArray[Any]]
"""Arrays to which a loader adds its own: `active`, and where there are any `label` and `partner`."""


class FactorInfo(NamedTuple):
    """A factor as the source describes it."""

    name: str
    unit: str
    low: float
    high: float


class BatchSource(Protocol):
    """A split of a data set, as the trainer reads it. `read` is called from several threads."""

    @property
    def factors(self) -> Sequence[tuple[str, str, float, float]]:
        """(name, unit, low, high) of every column of a batch's `factors`."""
        ...

    @property
    def arrays(self) -> Sequence[str]:
        """Names of the arrays that batches can have."""
        ...

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""
        ...

    @property
    def scene(self) -> Mapping[str, Any]:
        """Everything else that decides the images, as JSON-able values: model, camera, light; stored with the run."""
        ...

    @property
    def digest(self) -> str:
        """A text that differs when the data differ."""
        ...

    def count(self, factor: str) -> int:
        """Number of batches in which `factor` varies; 0 for a factor that the source lacks."""
        ...

    def read(self, factor: str, index: int, arrays: Sequence[str] = ()) -> Arrays:
        """Batch `index` of `factor`, 0 <= index < count(factor): image, known labels, and the named `arrays`."""
        ...
