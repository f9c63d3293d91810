"""The training objectives of DC-IGN. A new objective is one class here and one line in `OBJECTIVES`."""

from train.errors import ConfigError
from train.objectives.exchange import Exchange, ExchangePairs
from train.objectives.groups import AdaGvae, GvaeLabels, MlvaeLabels
from train.objectives.interface import Objective as Objective
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


def objective_class(name: object) -> type[Objective]:
    """The class of an objective; raises ConfigError, with all names, for one that does not exist."""
    if name not in OBJECTIVES:
        raise ConfigError(f"objective must be one of {', '.join(OBJECTIVES)}; got {name!r}")
    return OBJECTIVES[str(name)]
