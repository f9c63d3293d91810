"""The networks of DC-IGN. A new one is a file here and a line in `NETWORKS`."""

from train.networks.authors import AuthorsNetwork
from train.networks.interface import CodeShape as CodeShape
from train.networks.interface import Network as Network
from train.networks.interface import NetworkOptions as NetworkOptions

NETWORKS: dict[str, type[Network]] = {"authors": AuthorsNetwork}
"""Name -> class."""
