"""Base class of state space models whose fast level a cause drives: its networks and its readout."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor

from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.models.changes import LastObservation, features_along
from mbrl_mts3.models.readout import Readout
from mbrl_mts3.models.state_space.belief import FastLevelBelief
from mbrl_mts3.networks import MLP, GaussianEncoder, Link, ProcessNoise
from mbrl_mts3.networks.transitions import make_transition
from mbrl_mts3.predictions import Prediction
from mbrl_mts3.tensor_record import TensorRecord


class FastLevelModel(WorldModel):
    """z' = A z + b(a) + C x + eps; a subclass says where the cause x comes from.

    Args of the base:
        target: "absolute" predicts the observation outright; "delta" its change, and changes add up, and so do their
            errors in long open loops; "complementary" predicts both, trusts changes near an observation and the
            absolute prediction far from it, and lets the encoders see changes.
        encoder_hidden: hidden sizes of the encoder of observations.
        control_hidden: hidden sizes of the network of the action in the transition.
        decoder_hidden: hidden sizes of the head of means.
        variance_hidden: hidden sizes of the head of variances; None means decoder_hidden.
        heteroscedastic: let predicted variances depend on the belief's mean; as published they are read from its
            covariance alone, which hardly depends on where the state is.
        initial_variance: of every latent before the first observation.
    """

    readout: Readout

    @property
    def reconstructs(self) -> bool:
        """Whether predictions hold reconstructions of what was observed, for the loss."""
        return self.training and self.readout.scale is not None

    def observe(
        self, belief: TensorRecord, observation: Tensor, action: Tensor | None = None, mask: Tensor | None = None
    ) -> FastLevelBelief:
        known = self._checked(belief) if action is None else self._advanced(belief, action)
        self.check_observation(observation, len(known.step), mask)
        return self._updated(known, observation, mask)

    def step(self, belief: TensorRecord, action: Tensor) -> tuple[FastLevelBelief, Prediction]:
        after = self._advanced(belief, action)
        return after, self.readout(after.fast[:, None], self._checked(belief).reference)[0]

    @abstractmethod
    def _advanced(self, belief: TensorRecord, action: Tensor) -> FastLevelBelief:
        """The belief advanced by a_t (B, act); both are checked first."""

    @abstractmethod
    def _updated(self, belief: TensorRecord, observation: Tensor, mask: Tensor | None) -> FastLevelBelief:
        """The belief updated with o_t (B, obs) where the mask (B,) shows it."""

    @abstractmethod
    def _checked(self, belief: TensorRecord) -> FastLevelBelief:
        """The belief, found to be one of this model."""

    def encoder_inputs(
        self, last: LastObservation | None, observations: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, LastObservation | None]:
        """What encoders see of observations (B, T, obs), and the last observation before o_T where it is kept."""
        if last is None or self.readout.scale is None:
            return observations, last
        return features_along(last, observations, mask, self.readout.scale)

    def encoder_input(
        self, last: LastObservation | None, observation: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, LastObservation | None]:
        """What encoders see of o_t (B, obs), and the last observation given it."""
        if last is None or self.readout.scale is None:
            return observation, last
        return last.features(observation, self.readout.scale), last.update(observation, mask)

    def nothing_observed(self, batch_size: int) -> tuple[Tensor | None, LastObservation | None]:
        """The reference (B, obs) and the last observation before the first one, where they are kept."""
        like = self.noise.raw
        reference = like.new_zeros(batch_size, self.observation_dim) if self.readout.keeps_reference else None
        kept = self.readout.scale is not None
        return reference, LastObservation.none(batch_size, self.observation_dim, like) if kept else None

    def build_fast_level(
        self,
        latent_dim: int,
        transition: str,
        control_hidden: Sequence[int],
        *,
        driven: bool,
        caused: bool,
        cause_dim: int | None = None,
    ) -> None:
        """Make A, eps, C where there is a cause, and b where actions drive the level."""
        self.transition = make_transition(transition, latent_dim)
        self.noise = ProcessNoise(latent_dim)
        self.cause_map = Link(latent_dim, cause_dim) if caused else None
        self.control = MLP(self.action_dim, control_hidden, 2 * latent_dim, layer_norm=True) if driven else None

    def build_readout(
        self,
        latent_dim: int,
        target: str,
        decoder_hidden: Sequence[int],
        variance_hidden: Sequence[int] | None,
        heteroscedastic: bool,
    ) -> None:
        """Make the heads of everything that is predicted."""
        self.readout = Readout(
            latent_dim,
            self.observation_dim,
            decoder_hidden,
            target=target,
            reward=self.predict_reward,
            termination=self.predict_termination,
            variance_hidden=variance_hidden,
            heteroscedastic=heteroscedastic,
        )

    def build_encoder(self, target: str, latent_dim: int, hidden: Sequence[int]) -> GaussianEncoder:
        """Make the encoder of observations; one that sees changes hands them on through a linear path, too."""
        return GaussianEncoder(self.encoder_size(target), latent_dim, hidden, linear_path=target == "complementary")

    def encoder_size(self, target: str) -> int:
        """Size of what encoders see of an observation."""
        return 2 * self.observation_dim + 1 if target == "complementary" else self.observation_dim

    def control_effect(self, actions: Tensor) -> Tensor | None:
        """b(a) (..., 2n) of actions (..., act); None where actions do not move the fast level."""
        if self.control is None:
            return None
        effect: Tensor = self.control(actions)
        return effect
