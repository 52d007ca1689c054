"""Readout: decodes latent beliefs to predicted observations, rewards and terminations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.gaussian import FactorisedGaussian
from mbrl_mts3.models.changes import ChangeScale, complementary_means
from mbrl_mts3.networks import GaussianDecoder
from mbrl_mts3.predictions import MeanPrediction, Prediction, Trajectories

TARGETS = ("absolute", "delta", "complementary")


class Readout(nn.Module):
    """One decoder for everything that is predicted, with one of three targets for the observation.

    "absolute" decodes o_{t+1} itself, "delta" the change from a reference, "complementary" both (see
    `complementary_means`). The reference is o_t where it was observed and the predicted mean of o_t where it was not.

    Args:
        latent_dim: n of the beliefs.
        observation_dim: size of an observation.
        hidden: hidden sizes of the decoder.
        target: one of `TARGETS`.
        reward, termination: give the decoder these heads.
        variance_hidden, heteroscedastic: see `GaussianDecoder`.
    """

    def __init__(
        self,
        latent_dim: int,
        observation_dim: int,
        hidden: Sequence[int],
        *,
        target: str,
        reward: bool,
        termination: bool,
        variance_hidden: Sequence[int] | None = None,
        heteroscedastic: bool = False,
    ) -> None:
        super().__init__()
        if target not in TARGETS:
            raise ConfigurationError(f"target={target!r} is unknown: choose one of {', '.join(TARGETS)}")
        self.keeps_reference = target != "absolute"
        self.scale = ChangeScale(observation_dim) if target == "complementary" else None
        self.columns = OutputColumns(observation_dim, reward, termination)
        self.decoder = GaussianDecoder(
            latent_dim,
            self.columns.means + (observation_dim if self.scale is not None else 0),
            self.columns.variances,
            hidden,
            variance_hidden=variance_hidden,
            heteroscedastic=heteroscedastic,
            linear_path=self.scale is not None,
        )

    def forward(
        self,
        beliefs: FactorisedGaussian,
        reference: Float[Tensor, "batch obs"] | None = None,
        observations: Float[Tensor, "batch time obs"] | None = None,
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> tuple[Prediction, Float[Tensor, "batch obs"] | None]:
        """Decode beliefs of z_1..z_T (batch, T).

        Args:
            reference: at the first step; needed unless the target is absolute.
            observations, mask: o_0..o_{T-1} where the belief was updated with them.

        Returns:
            The prediction, and the reference for what follows where one is kept.
        """
        decoded, variances = self.decoder(beliefs)
        outputs, changes = self._split(decoded)
        mean = self._means(outputs, changes, reference, observations, mask)
        prediction = self.columns.prediction(mean, outputs, variances)
        if changes is not None and self.training and observations is not None:
            prediction = replace(prediction, change=changes)
        return prediction, None if reference is None else mean[:, -1]

    def add_reconstruction(self, prediction: Prediction, updated: FactorisedGaussian) -> Prediction:
        """The prediction with o_t as decoded from beliefs (batch, T) of z_t that were updated with it."""
        decoded, variances = self.decoder(updated)
        size = self.columns.observation_dim
        return replace(prediction, reconstruction=decoded[..., :size], reconstruction_variance=variances[..., :size])

    def means(
        self, states: Float[Tensor, "batch time two_n"], reference: Float[Tensor, "batch obs"] | None
    ) -> MeanPrediction:
        """Predict from the means of open-loop beliefs of z_1..z_T, without variances."""
        outputs, changes = self._split(self.decoder.mean(states))
        return self.columns.mean_prediction(self._means(outputs, changes, reference), outputs)

    def next_reference(
        self, reference: Float[Tensor, "batch obs"], state: Float[Tensor, "batch two_n"]
    ) -> Float[Tensor, "batch obs"]:
        """The predicted mean of o_{t+1}, from the reference of o_t and the mean of the belief of z_{t+1}."""
        outputs, changes = self._split(self.decoder.mean(state[:, None]))
        return self._means(outputs, changes, reference)[:, 0]

    def _split(self, decoded: Tensor) -> tuple[Tensor, Tensor | None]:
        """The heads' outputs, and the changes where they are decoded."""
        if self.scale is None:
            return decoded, None
        size = self.columns.observation_dim
        return decoded[..., :-size], decoded[..., -size:]

    def _means(
        self,
        outputs: Tensor,
        changes: Tensor | None,
        reference: Tensor | None,
        observations: Tensor | None = None,
        mask: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Means (B, T, obs) of o_1..o_T; with `noise`, samples whose references carry it on."""
        own = outputs[..., : self.columns.observation_dim].contiguous()
        if reference is None:
            return own if noise is None else own + noise
        if changes is not None and self.scale is not None:
            return complementary_means(own, changes, reference, observations, mask, self.scale, noise)
        own = own if noise is None else own + noise
        return own + delta_references(own, reference, observations, mask)

    def sample(
        self,
        states: Float[Tensor, "batch time two_n"],
        emission: FactorisedGaussian,
        reference: Float[Tensor, "batch obs"] | None,
        generator: torch.Generator | None,
    ) -> Trajectories:
        """Sample observations, rewards and terminations along paths of z, with their emission noise.

        Args:
            emission: the covariance (3n,) that remains at a step when its past is known.
        """
        covariance = emission.covariance.expand(*states.shape[:-1], emission.covariance.shape[-1])
        decoded, variances = self.decoder(FactorisedGaussian(states, covariance))
        outputs, changes = self._split(decoded)
        noise = torch.randn(variances.shape, dtype=outputs.dtype, device=outputs.device, generator=generator)
        deviations = variances.sqrt() * noise
        size = self.columns.observation_dim
        observations = self._means(outputs, changes, reference, noise=deviations[..., :size])
        return self.columns.trajectories(observations, outputs, deviations, generator)


def delta_references(
    changes: Float[Tensor, "batch time obs"],
    start: Float[Tensor, "batch obs"],
    observations: Float[Tensor, "batch time obs"] | None,
    mask: Bool[Tensor, "batch time"] | None,
) -> Float[Tensor, "batch time obs"]:
    """The reference that each change is added to: o_t where it was observed, else the predicted mean of o_t.

    Between observations the predicted means are the last observation plus the running sum of the changes since,
    so all of them follow from one cumulative sum, without a recursion.
    """
    if observations is not None and mask is None:
        return observations
    before = changes.cumsum(dim=1) - changes
    if observations is None or mask is None:
        return start[:, None] + before
    anchors = torch.where(mask.unsqueeze(-1), observations - before, torch.zeros_like(before))
    anchors = torch.cat([start[:, None], anchors], dim=1)
    steps = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    latest = torch.where(mask, steps, torch.zeros_like(steps)).cummax(dim=1).values
    return before + anchors.gather(1, latest.unsqueeze(-1).expand_as(before))


@dataclass(frozen=True)
class OutputColumns:
    """The layout of a decoder's outputs: the observation, then the reward, then the logit of termination.

    The observation itself is an argument of its own, since models may predict its change.

    Args:
        observation_dim: size of an observation.
        reward, termination: whether the decoder has these.
    """

    observation_dim: int
    reward: bool
    termination: bool

    @property
    def means(self) -> int:
        """How many outputs there are."""
        return self.variances + self.termination

    @property
    def variances(self) -> int:
        """How many of them, the first ones, have a variance."""
        return self.observation_dim + self.reward

    def prediction(
        self,
        observation: Float[Tensor, "*batch obs"],
        outputs: Float[Tensor, "*batch outputs"],
        variances: Float[Tensor, "*batch variances"],
    ) -> Prediction:
        """The prediction of given outputs; `observation` is its mean."""
        return Prediction(
            mean=observation,
            variance=variances[..., : self.observation_dim].contiguous(),
            reward_mean=self._reward(outputs),
            reward_variance=self._reward(variances),
            termination_logit=self._termination(outputs),
        )

    def mean_prediction(
        self, observation: Float[Tensor, "*batch obs"], outputs: Float[Tensor, "*batch outputs"]
    ) -> MeanPrediction:
        """The prediction of given outputs without variances."""
        return MeanPrediction(observation, self._reward(outputs), self._termination(outputs))

    def trajectories(
        self,
        observation: Float[Tensor, "*batch obs"],
        outputs: Float[Tensor, "*batch outputs"],
        deviations: Float[Tensor, "*batch variances"],
        generator: torch.Generator | None,
    ) -> Trajectories:
        """Futures with the sampled `observation`; `deviations` are the sampled noise of the outputs."""
        terminations, logit = None, self._termination(outputs)
        if logit is not None:
            probability = torch.sigmoid(logit)
            uniform = torch.rand(
                probability.shape, dtype=probability.dtype, device=probability.device, generator=generator
            )
            terminations = uniform < probability
        rewards = self._reward(outputs[..., : self.variances] + deviations)
        return Trajectories(observation, rewards, terminations)

    def _reward(self, outputs: Tensor) -> Tensor | None:
        return outputs[..., self.observation_dim] if self.reward else None

    def _termination(self, outputs: Tensor) -> Tensor | None:
        return outputs[..., -1] if self.termination else None
