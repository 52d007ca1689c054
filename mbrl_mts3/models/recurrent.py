"""GRU and LSTM as world models."""

from __future__ import annotations

from collections.abc import Sequence

from mbrl_mts3.models.sequence_model import SequenceModel
from mbrl_mts3.networks import GRUCore, LSTMCore


class GRU(SequenceModel):
    """One layer of gated recurrent units (Cho et al., 2014, arXiv 1406.1078).

    Args:
        width: hidden units.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        *,
        width: int = 128,
        decoder_hidden: Sequence[int] = (240,),
        variance_hidden: Sequence[int] | None = None,
        target: str = "absolute",
        predict_reward: bool = True,
        predict_termination: bool = False,
    ) -> None:
        super().__init__(
            observation_dim,
            action_dim,
            GRUCore(observation_dim + 1 + action_dim, width),
            decoder_hidden=decoder_hidden,
            variance_hidden=variance_hidden,
            target=target,
            predict_reward=predict_reward,
            predict_termination=predict_termination,
        )


class LSTM(SequenceModel):
    """One layer of long short-term memory (Hochreiter and Schmidhuber, Neural Computation 9(8), 1997).

    Args:
        width: hidden units.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        *,
        width: int = 120,
        decoder_hidden: Sequence[int] = (240,),
        variance_hidden: Sequence[int] | None = None,
        target: str = "absolute",
        predict_reward: bool = True,
        predict_termination: bool = False,
    ) -> None:
        super().__init__(
            observation_dim,
            action_dim,
            LSTMCore(observation_dim + 1 + action_dim, width),
            decoder_hidden=decoder_hidden,
            variance_hidden=variance_hidden,
            target=target,
            predict_reward=predict_reward,
            predict_termination=predict_termination,
        )
