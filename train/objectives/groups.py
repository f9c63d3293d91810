"""Objectives that give the images of a batch one common posterior in the latents that they share, as later work does.

Unlike the paper's rule, gradients flow through the common posterior to every image in it.
"""

from typing import ClassVar

import torch
from torch import Tensor

from train.blocks.gaussian import gaussian_kl, gaussian_kl_between, sample_code
from train.engine.noise import Noise
from train.engine.step_stats import Terms
from train.networks.interface import Network
from train.objectives.bound import cross_entropy, negative_bound
from train.objectives.interface import Objective, Tensors

Posterior = tuple[Tensor, Tensor]
"""mu and logvar, (B, latents) each."""


class GvaeLabels(Objective):
    """Inactive latents have the batch's mean mu and mean variance (Hosoya 2019), with the layout's labels."""

    def bound(self, network: Network, mu: Tensor, logvar: Tensor, batch: Tensors, noise: Noise) -> Terms:
        """See the class; the KL is that of the common posterior, counted for each row."""
        mu, logvar = self.common(mu, logvar, batch, noise)
        reconstruction = cross_entropy(network, sample_code(mu, logvar, noise), batch["image"])
        return negative_bound(reconstruction, gaussian_kl(mu, logvar))

    def common(self, mu: Tensor, logvar: Tensor, batch: Tensors, noise: Noise) -> Posterior:
        """The rows' common posterior in inactive latents, and each row's own in active latents."""
        del noise
        common, active = self.combine(mu, logvar), self.active_latents(batch, mu.device)
        return torch.where(active, mu, common[0]), torch.where(active, logvar, common[1])

    def combine(self, mu: Tensor, logvar: Tensor) -> Posterior:
        """(1, latents) each: the common posterior of all rows."""
        return mu.mean(dim=0, keepdim=True), logvar.exp().mean(dim=0, keepdim=True).log()


class MlvaeLabels(GvaeLabels):
    """Inactive latents have the normalised product of the rows' posteriors (Bouchacourt et al. 2018).

    The precision is the sum of the rows' precisions: with 20 rows, a standard deviation 4.5 times as small as a row's.
    """

    def combine(self, mu: Tensor, logvar: Tensor) -> Posterior:
        """See the class."""
        total = torch.logsumexp(-logvar, dim=0, keepdim=True)
        weight = torch.exp(-logvar - total)
        return (weight * mu).sum(dim=0, keepdim=True), -total


class AdaGvae(GvaeLabels):
    """Pairs of a batch share those latents whose posteriors are closer than halfway between the extremes.

    Locatello et al. 2020: no labels. Which latents a pair shares is guessed from KL(row || partner) of each latent,
    those below (smallest + largest) / 2; they get the mean mu and the mean variance of both.
    """

    axis_aligned: ClassVar[bool] = False

    def common(self, mu: Tensor, logvar: Tensor, batch: Tensors, noise: Noise) -> Posterior:
        """Rows are paired at random; of an odd number one stays as it is."""
        half = len(mu) // 2
        del batch
        order = noise.order(len(mu), mu.device)
        pairs = torch.stack([order[:half], order[half : 2 * half]])
        first, second = pairs
        with torch.no_grad():
            apart = gaussian_kl_between(mu[first], logvar[first], mu[second], logvar[second])
            halfway = (apart.amin(dim=1, keepdim=True) + apart.amax(dim=1, keepdim=True)) / 2
            shared = torch.cat([apart < halfway] * 2)
        means = torch.stack([mu[first], mu[second]]).mean(dim=0).repeat(2, 1)
        variances = torch.stack([logvar[first].exp(), logvar[second].exp()]).mean(dim=0).repeat(2, 1)
        rows = pairs.flatten()
        new_mu, new_logvar = mu.clone(), logvar.clone()
        new_mu[rows] = torch.where(shared, means, mu[rows])
        new_logvar[rows] = torch.where(shared, variances.log(), logvar[rows])
        return new_mu, new_logvar
