"""Which batches come with their true values: a share of those of each extrinsic factor (not in the paper).

The choice is a function of the run's seed and the batch's own address, factor and index: neither the order of the
batches nor any other option changes it, and a larger share holds the batches of a smaller one.
"""

from dataclasses import replace

import numpy as np

from train.config import TrainConfig
from train.data.source import Batch, BatchSource, Draw
from train.errors import ConfigError, TooFewBatches
from train.layout import INTRINSIC

_LABEL_KEY = 0x6C61626C


def is_labelled(config: TrainConfig, draw: Draw) -> bool:
    """Whether a run is told the true values of a batch; never those of an intrinsic one."""
    if draw.factor == INTRINSIC:
        return False
    # The factor by name: its place in the layout depends on which others are trained on.
    key = np.random.SeedSequence(config.seed, spawn_key=(_LABEL_KEY, *draw.factor.encode(), draw.index))
    return int(key.generate_state(1, np.uint64)[0]) < config.label_fraction * 2**64


def marked(config: TrainConfig, draw: Draw, batch: Batch) -> Batch:
    """The batch, with `labelled` as the choice has it.

    Raises
    ------
    ConfigError
        It was chosen, and has no true values.
    """
    labelled = is_labelled(config, draw)
    if labelled and batch.factors is None:
        raise ConfigError(
            f"a label_fraction of {config.label_fraction:g} needs the true values of the factors, and batch "
            f"{draw.index} of {draw.factor} has none; leave it out, or train on data that have them"
        )
    return replace(batch, labelled=labelled)


def check_labels(config: TrainConfig, source: BatchSource) -> None:
    """Refuse a source that cannot serve a configuration's labels, before anything is computed.

    Raises
    ------
    TooFewBatches
        Of a factor that is trained on, no batch is chosen.
    ConfigError
        A chosen batch has no true values.
    """
    trained = [name for name, share in config.ratio if share > 0 and name != INTRINSIC]
    for name in trained if config.label_fraction else ():
        draws = (Draw(name, index) for index in range(source.count(name)))
        first = next((draw for draw in draws if is_labelled(config, draw)), None)
        if first is None:
            raise TooFewBatches(
                f"a label_fraction of {config.label_fraction:g} chooses none of the {source.count(name)} batches of "
                f"{name}; give a larger one, or more batches"
            )
        marked(config, first, source.read(name, first.index))
