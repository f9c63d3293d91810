"""The objectives of the paper and of its first version: SGVB on clamped posteriors."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from train.blocks.clamp import clamp_inactive
from train.blocks.gaussian import gaussian_kl, sample_code
from train.engine.noise import Noise
from train.engine.step_stats import Terms
from train.networks.interface import Network
from train.objectives.bound import cross_entropy, negative_bound
from train.objectives.interface import Objective, Tensors


class Paper(Objective):
    """The rule of NIPS 2015, sections 3.1 and 3.2.

    Binary cross-entropy plus KL, both summed over the batch, on mu and logvar clamped to the batch mean. The KL term is
    evaluated on the clamped posterior and its gradient passes the same filter, so inactive latents learn nothing from
    it in this batch; the pull of the invariance term is applied once (docs/deviations.md).
    """

    options: ClassVar[Mapping[str, Any]] = {"clamp": "mean", "invariance": 0.01}

    def bound(self, network: Network, mu: Tensor, logvar: Tensor, batch: Tensors, noise: Noise) -> Terms:
        """See the class; the noise is (B, latents)."""
        active, settings = self.active_latents(batch, mu.device), self.settings
        mu, logvar = (clamp_inactive(z, active, settings.clamp, settings.invariance) for z in (mu, logvar))
        reconstruction = cross_entropy(network, sample_code(mu, logvar, noise), batch["image"])
        return negative_bound(reconstruction, gaussian_kl(mu, logvar))


class ArxivV1(Paper):
    """The rule of arXiv:1503.03167v1, section 3.2: the first row's latents, and a gradient of zero.

    With an invariance above 0 it is the form of section 3.2.1.
    """

    options: ClassVar[Mapping[str, Any]] = {"clamp": "first", "invariance": 0.0}
