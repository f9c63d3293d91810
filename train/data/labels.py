"""Labelled batches: a share of those of each extrinsic factor (not in the paper).

The choice is a function of the run's seed and the batch's own address, factor and index: neither the order of the
batches nor any other option changes it, and a larger share contains the batches of a smaller one.
"""

from collections.abc import Sequence

import numpy as np

from train.data.schedule import Draw
from train.data.source import Arrays, BatchSource
from train.errors import ConfigError, TooFewBatches
from train.layout import INTRINSIC

_LABEL_KEY = 0x6C61626C


class Labels:
    """The choice of labelled batches of a run.

    Parameters
    ----------
    seed : of the run
    fraction : share of the batches of each extrinsic factor, 0 to 1
    """

    def __init__(self, seed: int, fraction: float) -> None:
        self._seed, self.fraction = seed, fraction

    def chosen(self, draw: Draw) -> bool:
        """True for a labelled batch; an intrinsic batch never is."""
        if draw.factor == INTRINSIC:
            return False
        # The factor by name: its place in the layout depends on which others are trained on.
        key = np.random.SeedSequence(self._seed, spawn_key=(_LABEL_KEY, *draw.factor.encode(), draw.index))
        return int(key.generate_state(1, np.uint64)[0]) < self.fraction * 2**64

    def first(self, source: BatchSource, factor: str) -> Draw | None:
        """The first labelled batch of a factor, or None."""
        draws = (Draw(factor, index) for index in range(source.count(factor)))
        return next((draw for draw in draws if self.chosen(draw)), None) if self.fraction else None

    def require_values(self, draw: Draw, batch: Arrays) -> None:
        """Raise ConfigError where a labelled batch has no true values."""
        if "factors" not in batch:
            raise ConfigError(
                f"a label_fraction of {self.fraction:g} needs the true values of the factors, and batch "
                f"{draw.index} of {draw.factor} has none; leave label_fraction out, or train on data that have them"
            )

    def check_source(self, source: BatchSource, factors: Sequence[str]) -> None:
        """Refuse a source that lacks labels for the extrinsic `factors`, before anything is computed.

        Raises
        ------
        TooFewBatches
            No batch of a factor is labelled.
        ConfigError
            A labelled batch has no true values.
        """
        for name in factors if self.fraction else ():
            first = self.first(source, name)
            if first is None:
                raise TooFewBatches(
                    f"a label_fraction of {self.fraction:g} chooses none of the {source.count(name)} batches of "
                    f"{name}; give a larger one, or more batches"
                )
            self.require_values(first, source.read(name, first.index))
