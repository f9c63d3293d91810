"""What is minimised. A new objective is one file here and one line in `OBJECTIVES`."""

from train.objectives.exchange import Exchange as Exchange
from train.objectives.interface import Loss as Loss
from train.objectives.interface import Objective as Objective
from train.objectives.interface import TrainBatch as TrainBatch
from train.objectives.paper import Paper as Paper
from train.objectives.random import Random as Random

OBJECTIVES: dict[str, type[Objective]] = {
    "paper": Paper,
    "random": Random,
    "exchange": Exchange,
}
