"""Recurrent Kalman networks: RKN, and Ac-RKN, which knows actions."""

from __future__ import annotations

from collections.abc import Sequence

from mbrl_mts3.models.state_space.mts3 import MTS3


class RKN(MTS3):
    """z' = A(z) z + eps: the fast level alone, without actions (Becker et al. 2019, arXiv 1905.07357).

    The other arguments are those of `MTS3`.

    Args:
        observation_dim, action_dim: sizes; actions are accepted as by every model, and ignored.
        transition: "locally_linear" (8 dense bases), "banded_locally_linear" (15 of bandwidth 3, as published), or any
            other that `MTS3` knows.
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


class AcRKN(MTS3):
    """z' = A(z) z + b(a) + eps: RKN with an action that is known exactly (Shaj et al. 2020, arXiv 2010.10201).

    With the same transition it is MTS3 of a single level. The other arguments are those of `MTS3`.

    Args:
        transition: "locally_linear" (8 dense bases), "banded_locally_linear" (15 of bandwidth 3, as published), "dense"
            (the same for all states), or any other of `MTS3`.
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
        encoder_hidden: Sequence[int] = (120,),
        control_hidden: Sequence[int] = (120,),
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
            predict_reward=predict_reward,
            predict_termination=predict_termination,
            encoder_hidden=encoder_hidden,
            control_hidden=control_hidden,
            decoder_hidden=decoder_hidden,
            variance_hidden=variance_hidden,
            heteroscedastic=heteroscedastic,
            initial_variance=initial_variance,
        )
