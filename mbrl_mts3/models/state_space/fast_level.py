"""Base class of state space models whose fast level a cause drives: its networks and its readout."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.models.readout import Readout
from mbrl_mts3.networks import MLP, Link, ProcessNoise
from mbrl_mts3.networks.transitions import make_transition


class FastLevelModel(WorldModel):
    """z' = A z + b(a) + C x + eps; a subclass says where the cause x comes from.

    Args of the base:
        target: "absolute" predicts the observation outright, "delta" its change; changes add up, and so do their
            errors in long open loops.
        encoder_hidden: hidden sizes of the encoder of observations.
        control_hidden: hidden sizes of the network of the action in the transition.
        decoder_hidden: hidden sizes of the head of means.
        variance_hidden: hidden sizes of the head of variances; None means decoder_hidden.
        heteroscedastic: let predicted variances depend on the belief's mean; as published they are read from its
            covariance alone, which hardly depends on where the state is.
        initial_variance: of every latent before the first observation.
    """

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
            delta=target == "delta",
            reward=self.predict_reward,
            termination=self.predict_termination,
            variance_hidden=variance_hidden,
            heteroscedastic=heteroscedastic,
        )

    def control_effect(self, actions: Tensor) -> Tensor | None:
        """b(a) (..., 2n) of actions (..., act); None where actions do not move the fast level."""
        if self.control is None:
            return None
        effect: Tensor = self.control(actions)
        return effect
