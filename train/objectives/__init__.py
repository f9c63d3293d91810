"""What is minimised. A new objective is one class here and one line in `OBJECTIVES`."""

from train.config import TrainConfig
from train.errors import ConfigError
from train.objectives.exchange import Exchange, ExchangePairs
from train.objectives.groups import AdaGvae, GvaeLabels, MlvaeLabels
from train.objectives.interface import DirectionTarget as DirectionTarget
from train.objectives.interface import Loss as Loss
from train.objectives.interface import Objective as Objective
from train.objectives.interface import Pairs as Pairs
from train.objectives.interface import TrainBatch as TrainBatch
from train.objectives.paper import ArxivV1, Paper
from train.objectives.shuffled import BetaVae, Random
from train.objectives.supervised import Supervised

OBJECTIVES: dict[str, type[Objective]] = {
    "paper": Paper,
    "arxiv-v1": ArxivV1,
    "random": Random,
    "beta-vae": BetaVae,
    "gvae-labels": GvaeLabels,
    "mlvae-labels": MlvaeLabels,
    "ada-gvae": AdaGvae,
    "exchange": Exchange,
    "exchange-pairs": ExchangePairs,
    "supervised": Supervised,
}


def assigned(config: TrainConfig) -> bool:
    """Whether a run makes the layout's latents speak for its factors: by its objective, or by labels.

    Raises
    ------
    ConfigError
        The run is of an objective that this version does not know.
    """
    if config.objective not in OBJECTIVES:
        raise ConfigError(f"objective must be one of {', '.join(OBJECTIVES)}; got {config.objective!r}")
    return OBJECTIVES[config.objective].assigned or config.label_fraction > 0
