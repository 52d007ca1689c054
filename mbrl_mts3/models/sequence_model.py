"""Base class of world models with a deterministic state (GRU, LSTM, Transformers), and their belief."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.models.batching import over_candidates
from mbrl_mts3.models.changes import ChangeScale, LastObservation, complementary_means, features_along
from mbrl_mts3.models.readout import TARGETS, OutputColumns, delta_references
from mbrl_mts3.networks import GaussianHeads, SequenceCore
from mbrl_mts3.networks.recurrent import require_positive
from mbrl_mts3.predictions import MeanPrediction, Prediction
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True)
class _Run:
    """Results of reading a sequence of T steps."""

    features: Tensor
    """(B, T, width)."""
    outputs: Tensor
    """(B, T, columns.means)."""
    changes: Tensor | None
    """(B, T, obs): decoded changes, in units of their scale."""
    mean: Tensor
    """(B, T, obs): of o_1..o_T."""
    after: SequenceBelief


class SequenceModel(WorldModel):
    """Base class of models that read one token per step, [o_t; whether it was observed; a_t], and predict o_{t+1}.

    Where o_t was not observed, it is zero and the flag is 0, so open-loop steps are tokens like any other, and a whole
    future is predicted in one call of the causal network. A subclass chooses the network.

    Args:
        core: reads tokens of size observation_dim + 1 + action_dim.
        decoder_hidden: hidden sizes of the head of means.
        variance_hidden: of the head of variances; None means decoder_hidden.
        target: "absolute" predicts the observation outright; "delta" its change, and changes add up, and so do their
            errors in long open loops; "complementary" predicts both, trusts changes near an observation and the
            absolute prediction far from it, and lets tokens hold changes, too.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        core: SequenceCore,
        *,
        decoder_hidden: Sequence[int],
        variance_hidden: Sequence[int] | None,
        target: str,
        predict_reward: bool,
        predict_termination: bool,
    ) -> None:
        super().__init__(
            observation_dim, action_dim, predict_reward=predict_reward, predict_termination=predict_termination
        )
        if target not in TARGETS:
            raise ConfigurationError(f"target={target!r} is unknown: choose one of {', '.join(TARGETS)}")
        for name, sizes in (("decoder_hidden", decoder_hidden), ("variance_hidden", variance_hidden or ())):
            for size in sizes:
                require_positive(**{name: size})
        self.core = core
        self.scale = ChangeScale(observation_dim) if target == "complementary" else None
        self.target = target
        self.decoder_hidden = tuple(decoder_hidden)
        self.variance_hidden = None if variance_hidden is None else tuple(variance_hidden)
        self.columns = OutputColumns(observation_dim, predict_reward, predict_termination)
        self.heads = GaussianHeads(
            core.width,
            self.columns.means + (observation_dim if target == "complementary" else 0),
            self.columns.variances,
            self.decoder_hidden,
            variance_hidden=self.variance_hidden,
            linear_path=target == "complementary",
        )

    # --- the contract ---------------------------------------------------------------------------------------------

    @property
    def causal(self) -> bool:
        return True

    def arguments(self) -> dict[str, object]:
        hidden = {"decoder_hidden": self.decoder_hidden, "variance_hidden": self.variance_hidden}
        return {**super().arguments(), **self.core.sizes(), **hidden, "target": self.target}

    def initial_belief(self, batch_size: int) -> SequenceBelief:
        return self._padded(self._nothing_known(batch_size))

    def observe(
        self, belief: TensorRecord, observation: Tensor, action: Tensor | None = None, mask: Tensor | None = None
    ) -> SequenceBelief:
        known = self._checked(belief) if action is None else self._advanced(belief, action).after
        self.check_observation(observation, len(known.shown), mask)
        if mask is None:
            return replace(known, observation=observation, shown=torch.ones_like(known.shown))
        seen = torch.where(mask[:, None], observation, known.observation)
        return replace(known, observation=seen, shown=mask | known.shown)

    def step(self, belief: TensorRecord, action: Tensor) -> tuple[SequenceBelief, Prediction]:
        run = self._advanced(belief, action)
        return run.after, self._prediction(run)

    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[SequenceBelief, Prediction]:
        start = self._nothing_known(len(observations)) if belief is None else self._checked(belief)
        self.check_sequence(observations, actions, mask, len(start.shown))
        run = self._run(start, actions, observations, mask)
        return self._padded(run.after), self._prediction(run)

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        start = self._checked(belief)
        self.check_actions(actions, len(start.shown))
        return over_candidates(lambda rows, plans: self._prediction(self._run(rows, plans)), start, actions)

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        start = self._checked(belief)
        self.check_actions(actions, len(start.shown))

        def rollout(rows: SequenceBelief, plans: Tensor) -> MeanPrediction:
            run = self._run(rows, plans)
            return self.columns.mean_prediction(run.mean, run.outputs)

        return over_candidates(rollout, start, actions)

    # --- along a sequence -----------------------------------------------------------------------------------------

    def _advanced(self, belief: TensorRecord, action: Tensor) -> _Run:
        known, actions = self._checked(belief), action.unsqueeze(1)
        self.check_actions(actions, len(known.shown))
        return self._run(known, actions)

    def _run(
        self, start: SequenceBelief, actions: Tensor, observations: Tensor | None = None, mask: Tensor | None = None
    ) -> _Run:
        """Read `actions` (B, T, act) and the observations that `mask` shows; None for an open loop."""
        values, shown = _shown_values(start, observations, mask, actions.shape[1])
        motion, last = None, start.last
        if self.scale is not None and last is not None:
            seen, last = features_along(last, values, shown, self.scale)
            motion = seen[..., self.observation_dim :]
        features, state = self._read(start, Tokens(values, shown, motion, actions), open_loop=observations is None)
        outputs, changes = self._split(self.heads.mean(features))
        mean = self._means(outputs, changes, values, shown)
        after = SequenceBelief(state, mean[:, -1], torch.zeros_like(start.shown), last)
        return _Run(features, outputs, changes if self.training and observations is not None else None, mean, after)

    def _split(self, outputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """The heads' outputs, and the changes where they are decoded."""
        if self.scale is None:
            return outputs, None
        return outputs[..., : -self.observation_dim], outputs[..., -self.observation_dim :]

    def _means(self, outputs: Tensor, changes: Tensor | None, values: Tensor, shown: Tensor | None) -> Tensor:
        """Means (B, T, obs) of o_1..o_T after the values o_0..o_{T-1}, of which those count that were shown."""
        own = outputs[..., : self.observation_dim].contiguous()
        if self.scale is not None and changes is not None:
            return complementary_means(own, changes, values[:, 0], values, shown, self.scale)
        return own + delta_references(own, values[:, 0], values, shown) if self.target == "delta" else own

    def _read(self, start: SequenceBelief, tokens: Tokens, *, open_loop: bool) -> tuple[Tensor, TensorRecord]:
        """Features (B, T, width) and the state at the end; zeros replace what was not observed.

        Args:
            open_loop: no step but the first is observed.
        """
        return self.core.advance(start.state, tokens.hide().join())

    def _prediction(self, run: _Run) -> Prediction:
        prediction = self.columns.prediction(run.mean, run.outputs, self.heads.variance(run.features))
        return prediction if run.changes is None else replace(prediction, change=run.changes)

    def _nothing_known(self, batch_size: int) -> SequenceBelief:
        nothing = next(self.heads.parameters()).new_zeros(batch_size, self.observation_dim)
        shown = torch.zeros(batch_size, dtype=torch.bool, device=nothing.device)
        last = None if self.scale is None else LastObservation.none(batch_size, self.observation_dim, nothing)
        return SequenceBelief(self.core.initial_state(batch_size), nothing, shown, last)

    def _padded(self, belief: SequenceBelief) -> SequenceBelief:
        return replace(belief, state=self.core.padded(belief.state))

    def _checked(self, belief: TensorRecord) -> SequenceBelief:
        if not isinstance(belief, SequenceBelief) or belief.observation.shape[-1] != self.observation_dim:
            raise ShapeError(f"expected a belief of this model (see initial_belief), got {belief!r}")
        return belief


def token_size(observation_dim: int, action_dim: int, target: str) -> int:
    """Size of a token: observation, whether it was observed, motion where tokens hold it, action."""
    return observation_dim + 1 + action_dim + (observation_dim + 1 if target == "complementary" else 0)


@dataclass(frozen=True, repr=False)
class Tokens(TensorRecord):
    """The parts of the tokens of steps 0..T-1."""

    values: Tensor
    """(B, T, obs): o_t, or what stands for it."""
    shown: Tensor | None
    """(B, T) bool: where it was observed; None for everywhere."""
    motion: Tensor | None
    """(B, T, obs + 1): what `features_along` adds to o_t; zero where it was not observed."""
    actions: Tensor
    """(B, T, act)."""

    def hide(self) -> Tokens:
        """With zeros for the values that were not observed."""
        if self.shown is None:
            return self
        return replace(self, values=torch.where(self.shown.unsqueeze(-1), self.values, torch.zeros_like(self.values)))

    def join(self) -> Tensor:
        """As one tensor (B, T, tokens)."""
        flag = torch.ones_like(self.values[..., :1])
        flag = flag if self.shown is None else self.shown.unsqueeze(-1).to(self.values.dtype)
        motion = [] if self.motion is None else [self.motion]
        return torch.cat([self.values, flag, *motion, self.actions], dim=-1)


def _shown_values(
    start: SequenceBelief, observations: Tensor | None, mask: Tensor | None, steps: int
) -> tuple[Tensor, Tensor | None]:
    """Values of o_0..o_{T-1}, the belief's own observation included, and where they were observed (B, T).

    Where it was not, the first value is the belief's expectation and all others are zeros; masked entries may hold NaN,
    which must not even reach a product with zero. None for "where" means everywhere.
    """
    if observations is not None and mask is None:
        return observations, None
    values = torch.nn.functional.pad(start.observation[:, None], (0, 0, 0, steps - 1))
    shown = torch.nn.functional.pad(start.shown[:, None], (0, steps - 1))
    if observations is None or mask is None:
        return values, shown
    return torch.where(mask.unsqueeze(-1), observations, values), mask | shown


@dataclass(frozen=True, repr=False)
class SequenceBelief(TensorRecord):
    """The belief at step t, of batch size B; elements may be at different steps of different episodes."""

    state: TensorRecord
    """Of the core, after the tokens of steps 0..t-1."""
    observation: Tensor
    """(B, obs): o_t where it was observed, else its predicted mean; it makes a token as soon as a_t is known."""
    shown: Tensor
    """(B,) bool: whether it was observed."""
    last: LastObservation | None = None
    """Before o_t; kept where tokens hold changes."""
