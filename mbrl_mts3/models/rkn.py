"""Recurrent Kalman networks."""

from __future__ import annotations

from collections.abc import Sequence

from mbrl_mts3.models.mts3 import MTS3


class RKN(MTS3):
    """z' = A(z) z + eps: the fast level alone, blind to actions (Becker et al. 2019, arXiv 1905.07357).

    Args:
        observation_dim, action_dim: sizes; actions are given as to every model, and ignored.
        latent_dim: n; latents have 2n dimensions.
        transition: "locally_linear" (8 dense bases), "banded_locally_linear" (15 of bandwidth 3, as published), or any
            other that `MTS3` knows.
        target, predict_reward, predict_termination, variance_hidden, heteroscedastic, initial_variance: as of `MTS3`.
        encoder_hidden, decoder_hidden: hidden sizes of the networks.

    Raises:
        ConfigurationError: an option is unknown.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        *,
        latent_dim: int = 30,
        transition: str = "locally_linear",
        target: str = "absolute",
        predict_reward: bool = True,
        predict_termination: bool = False,
        encoder_hidden: Sequence[int] = (240,),
        decoder_hidden: Sequence[int] = (240,),
        variance_hidden: Sequence[int] | None = None,
        heteroscedastic: bool = False,
        initial_variance: float = 10.0,
    ) -> None:
        super().__init__(
            observation_dim,
            action_dim,
            (),
            latent_dim=latent_dim,
            transition=transition,
            target=target,
            actuated=False,
            predict_reward=predict_reward,
            predict_termination=predict_termination,
            encoder_hidden=encoder_hidden,
            decoder_hidden=decoder_hidden,
            variance_hidden=variance_hidden,
            heteroscedastic=heteroscedastic,
            initial_variance=initial_variance,
        )
