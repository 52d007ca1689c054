"""GRU and LSTM as world models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mbrl_mts3.models.sequence_model import SequenceModel, token_size
from mbrl_mts3.networks import GRUCore, LSTMCore


class _RecurrentModel(SequenceModel):
    """One layer of recurrent units as the network of a sequence model.

    Args of the base:
        width: hidden units; None means 128 of a GRU and 120 of an LSTM, which makes them equally large.
    """

    core_class: ClassVar[type[GRUCore] | type[LSTMCore]]
    default_width: ClassVar[int]

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        *,
        width: int | None = None,
        decoder_hidden: Sequence[int] = (240,),
        variance_hidden: Sequence[int] | None = None,
        target: str = "absolute",
        predict_reward: bool = True,
        predict_termination: bool = False,
    ) -> None:
        super().__init__(
            observation_dim,
            action_dim,
            self.core_class(
                token_size(observation_dim, action_dim, target), self.default_width if width is None else width
            ),
            decoder_hidden=decoder_hidden,
            variance_hidden=variance_hidden,
            target=target,
            predict_reward=predict_reward,
            predict_termination=predict_termination,
        )


class GRU(_RecurrentModel):
    """One layer of gated recurrent units (Cho et al., 2014, arXiv 1406.1078)."""

    core_class = GRUCore
    default_width = 128


class LSTM(_RecurrentModel):
    """One layer of long short-term memory (Hochreiter and Schmidhuber, Neural Computation 9(8), 1997)."""

    core_class = LSTMCore
    default_width = 120
