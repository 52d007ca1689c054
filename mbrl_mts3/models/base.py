"""Base class of all world models."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.predictions import MeanPrediction, Prediction, SampledStep, Trajectories
from mbrl_mts3.tensor_record import TensorRecord, concatenate


class WorldModel(nn.Module, ABC):
    """Base class of probabilistic models of o_{t+1}, r_t and, optionally, termination, given the past.

    All tensors are in normalised units, batch first. A *belief* stands for everything known at
    step t: the observations o_0..o_t that were not masked and the actions a_0..a_{t-1}. Beliefs are
    immutable: each call takes one and returns a new one.

    Args of the base:
        observation_dim: size of one observation, at least 1.
        action_dim: size of one action; 0 for a model without actions.
        predict_reward: give predictions a reward head.
        predict_termination: give predictions a termination head.

    Raises:
        ConfigurationError: a size is not possible, or an option is unknown or out of range.
    """

    def __init__(
        self, observation_dim: int, action_dim: int, *, predict_reward: bool = True, predict_termination: bool = False
    ) -> None:
        super().__init__()
        if observation_dim < 1 or action_dim < 0:
            raise ConfigurationError(
                f"observation_dim={observation_dim} and action_dim={action_dim}: expected at least 1 and at least 0"
            )
        self.observation_dim = observation_dim
        self.action_dim = action_dim
        self.predict_reward = predict_reward
        self.predict_termination = predict_termination

    @property
    @abstractmethod
    def causal(self) -> bool:
        """Whether the model can be advanced one action at a time, with later actions unknown."""

    @property
    def period(self) -> int:
        """Steps of the longest window; sequences may have any length, but are best cut at its multiples."""
        return 1

    @property
    def trains_in_segments(self) -> bool:
        """Whether `filter` may replace `forward` in training, so that sequences can be cut."""
        return True

    def arguments(self) -> dict[str, object]:
        """The constructor's arguments as plain values, so that a checkpoint can build the model again."""
        return {
            "observation_dim": self.observation_dim,
            "action_dim": self.action_dim,
            "predict_reward": self.predict_reward,
            "predict_termination": self.predict_termination,
        }

    def prepared(self) -> WorldModel:
        """The model with everything precomputed that depends on its parameters alone, for many short calls.

        It shares the parameters but no longer follows their changes, and no gradient reaches all of them. Do not
        train it; a move to another device or precision drops what was computed.
        """
        return self

    @abstractmethod
    def initial_belief(self, batch_size: int) -> TensorRecord:
        """The belief at step 0, before any observation, for `batch_size` sequences."""

    @abstractmethod
    def observe(
        self, belief: TensorRecord, observation: Tensor, action: Tensor | None = None, mask: Tensor | None = None
    ) -> TensorRecord:
        """Advance by the action that was just executed, then update the belief with the observation it led to.

        Args:
            belief: what was known at the last step.
            observation: (B, obs), o_t.
            action: (B, act), a_{t-1}; None where nothing is to be advanced, as at the first step of an episode.
            mask: (B,) bool, True where the observation is available; None means everywhere.

        Raises:
            CausalityError: the model is not `causal` and an action was given.
            ShapeError: a tensor does not fit.
        """

    @abstractmethod
    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[TensorRecord, Prediction]:
        """Run along a sequence: at each t update with o_t where the mask allows, advance by a_t, predict o_{t+1}.

        Args:
            observations: (B, T, obs), o_0..o_{T-1}. Masked entries may hold anything, NaN too.
            actions: (B, T, act), a_0..a_{T-1}.
            mask: (B, T) bool, True where the observation is available; None means everywhere.
            belief: where to start; None means `initial_belief`.

        Returns:
            The belief at step T (not yet updated with o_T) and one-step predictions (B, T, ...).
        """

    @abstractmethod
    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        """Predict open loop, without further observations.

        Args:
            belief: of batch size B.
            actions: (B, L, act), or (B, N, L, act) for N candidate sequences of each belief.

        Returns:
            Predictions (B, L, ...) or (B, N, L, ...).
        """

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        """The means of `imagine` alone; models override this where it is cheaper."""
        full = self.imagine(belief, actions)
        return MeanPrediction(full.mean, full.reward_mean, full.termination_logit)

    @abstractmethod
    def step(self, belief: TensorRecord, action: Tensor) -> tuple[TensorRecord, Prediction]:
        """Advance by one action (B, act), nothing observed; the prediction has L = 1.

        Raises:
            CausalityError: the model is not `causal`.
        """

    def start_sampling(self, belief: TensorRecord, generator: torch.Generator | None = None) -> TensorRecord:
        """The state of step-wise sampling: the belief, and what is sampled only once for a whole future.

        Args:
            belief: of batch size B, one future for each element. Like beliefs, states can be indexed, and elements of
                one batch may be at different steps.
            generator: of the samples.
        """
        return belief

    def sample_step(
        self, state: TensorRecord, action: Tensor, generator: torch.Generator | None = None
    ) -> tuple[TensorRecord, SampledStep]:
        """Sample what one action (B, act) leads to, given all that was sampled before.

        The joint distribution of a future is the product of its steps' distributions: o_{t+1} is sampled from the
        predictive Gaussian and the belief updated with it as if it had been observed, so latents are not sampled
        themselves. An ensemble lets one of its members, chosen at the start, sample the whole future.

        Raises:
            CausalityError: the model is not `causal`.
        """
        belief, prediction = self.step(state, action)
        step = SampledStep.sample(prediction, generator)
        return self.observe_sample(belief, step.observation), step

    def observe_sample(self, belief: TensorRecord, observation: Tensor) -> TensorRecord:
        """Update the belief with an observation (B, obs) that was sampled from the model's own prediction."""
        return self.observe(belief, observation)

    def sample(
        self, belief: TensorRecord, actions: Tensor, num_samples: int, generator: torch.Generator | None = None
    ) -> Trajectories:
        """Sample whole futures under actions (B, L, act): (B, num_samples, L, ...)."""
        state = self.start_sampling(belief.repeat_interleave(num_samples), generator)
        steps = []
        for action in actions.repeat_interleave(num_samples, dim=0).unbind(dim=1):
            state, step = self.sample_step(state, action, generator)
            steps.append(Trajectories(step.observation, step.reward, step.termination)[:, None])
        return concatenate(steps, dim=1).reshape_batch((len(actions), num_samples))

    def forward(self, observations: Tensor, actions: Tensor, mask: Tensor | None = None) -> Prediction:
        """One-step predictions (B, T, ...) along sequences, as `filter` gives them."""
        return self.filter(observations, actions, mask)[1]

    def check_sequence(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None, rows: int | None = None
    ) -> None:
        """Raise ShapeError unless the three describe the same (B, T) sequences of this model, with B = `rows`."""
        batch = tuple(observations.shape[:2])
        _expect("observations", observations, (*batch, self.observation_dim))
        _expect("actions", actions, (*batch, self.action_dim))
        _expect_mask(mask, batch)
        if observations.ndim != 3 or batch[1] < 1:
            raise ShapeError(f"observations need the shape (batch, time >= 1, {self.observation_dim}), got {batch}")
        if rows is not None:
            self.check_rows(rows, observations)

    def check_rows(self, rows: int, observations: Tensor) -> None:
        """Raise ShapeError unless `rows`, the batch size of a belief, is that of `observations` (B, ...)."""
        if rows != len(observations):
            raise ShapeError(
                f"the belief is of {rows} sequences and the observations are of {len(observations)}: "
                "expected the same number"
            )

    def check_actions(self, actions: Tensor, batch_size: int) -> None:
        """Raise ShapeError unless `actions` are (B, L, act) or (B, N, L, act) with L >= 1."""
        if actions.ndim not in (3, 4) or actions.shape[0] != batch_size or actions.shape[-1] != self.action_dim:
            raise ShapeError(
                f"actions need the shape ({batch_size}, steps, {self.action_dim}) or "
                f"({batch_size}, candidates, steps, {self.action_dim}), got {tuple(actions.shape)}"
            )
        if actions.shape[-2] < 1:
            raise ShapeError("actions hold no step: expected at least one")

    def check_observation(self, observation: Tensor, batch_size: int, mask: Tensor | None = None) -> None:
        """Raise ShapeError unless `observation` is (B, obs) and `mask`, where there is one, (B,) bool."""
        _expect("observation", observation, (batch_size, self.observation_dim))
        _expect_mask(mask, (batch_size,))


def _expect(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(tensor.shape) != shape:
        raise ShapeError(f"{name}: expected the shape {shape}, got {tuple(tensor.shape)}")


def _expect_mask(mask: Tensor | None, shape: tuple[int, ...]) -> None:
    if mask is None:
        return
    _expect("mask", mask, shape)
    if mask.dtype != torch.bool:
        raise ShapeError(f"mask: expected bool, True where the observation is shown, got {mask.dtype}")
