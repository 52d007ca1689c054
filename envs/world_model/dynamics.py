"""The dynamics of imagined episodes: pure functions from state and action to the next state."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from mbrl_mts3.data.nested import list_leaves
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.envs.world_model.raw_observations import Raw, RawObservationBuilder
from mbrl_mts3.envs.world_model.start_states import StartStates
from mbrl_mts3.envs.world_model.state import ImaginedState
from mbrl_mts3.envs.world_model.uncertainty import Uncertainty
from mbrl_mts3.errors import CausalityError, ConfigurationError, NonFiniteError, SpaceMismatchError
from mbrl_mts3.models.wrappers.physical import PhysicalModel
from mbrl_mts3.planners.objective import RewardFunction
from mbrl_mts3.predictions import Prediction, SampledStep
from mbrl_mts3.tensor_record import TensorRecord


class WorldModelDynamics:
    """Imagined episodes as pure functions of batches of states, named as in Gymnasium's functional environments.

    `initial` returns B states, `transition` the next ones after B actions; `observation`, `reward`, `terminal`,
    `time_limit_reached` and `budget_exceeded` read them. Every tensor is on `device`; no state is kept between calls
    but that of the generators given to them. Three classes make an environment of it: `WorldModelEnv`,
    `WorldModelVectorEnv` and, for Stable-Baselines3, `mbrl_mts3.agents.vec_env.WorldModelVecEnv`. `load_dynamics`
    builds one from a checkpoint and a data set.

    Args:
        model: a causal world model in physical units.
        task: rewards, terminations and goals; prepared with the environment (`Task.prepare`).
        selector: the entries of a raw observation that the model observes.
        observation_space: raw space of the environment.
        action_space: of the environment; actions outside it are clipped.
        starts: start states of episodes.
        uncertainty: its penalty on the reward and its budget for an episode.
        max_episode_steps: steps after which episodes are truncated; None for no limit.
        deterministic: follow the model's means open loop instead of sampling: best for returns of long episodes.
        selected_observations: observe the model's entries, as one Box, instead of the environment's raw observation.
        flat_observations: observe the raw observation as one Box, as Gymnasium's `FlattenObservation` does.

    Raises:
        CausalityError: the model cannot be advanced one action at a time.
        SpaceMismatchError: the model does not observe all of the raw observation, or has actions of another size.
        UnknownObservationError: the model does not observe what the task's reward needs.
        ConfigurationError: neither the task nor the model has a reward; the task is not prepared; the model does not
            have this kind of uncertainty.
    """

    def __init__(
        self,
        model: PhysicalModel,
        task: Task,
        selector: ObservationSelector,
        observation_space: spaces.Space[Any],
        action_space: spaces.Box,
        starts: StartStates,
        *,
        uncertainty: Uncertainty | None = None,
        max_episode_steps: int | None = None,
        deterministic: bool = False,
        selected_observations: bool = False,
        flat_observations: bool = False,
    ) -> None:
        self.model = model
        self.task = task
        self.selector = selector
        self.starts = starts
        self.uncertainty = uncertainty or Uncertainty()
        self.max_episode_steps = max_episode_steps
        self.deterministic = deterministic
        self.action_space = action_space
        self.device = starts.observation.device
        self._check_options()
        self._low, self._high = (
            torch.as_tensor(bound, dtype=torch.float32, device=self.device)
            for bound in (action_space.low, action_space.high)
        )
        self._bounds = _finite_bounds(selector, self.device)
        self._selected = selected_observations
        self.observation_space = selector.space if selected_observations else observation_space
        generator = torch.Generator(self.device).manual_seed(0)
        trial = self.begin_at(starts[:1], generator)
        self._layout = self._layout_for(trial)
        self._flat = flat_observations
        if flat_observations:
            self.observation_space = spaces.flatten_space(self._layout.space)
        self._check_one_step(trial, generator)

    # --- states ---------------------------------------------------------------------------------------------------

    def initial(self, size: int, generator: torch.Generator | None = None) -> ImaginedState:
        """Sample states of `size` new episodes, from the start states and the goals of the task."""
        return self.begin_at(self.starts.sample(size, generator), generator)

    def begin_at(self, starts: StartStates, generator: torch.Generator | None = None) -> ImaginedState:
        """States of new episodes, one at each of B start states; only the goals of the task are sampled."""
        size, model = starts.size, self.model.model
        zeros = starts.observation.new_zeros(size)
        return ImaginedState(
            model=starts.belief if self.deterministic else self.model.start_sampling(starts.belief, generator),
            observation=starts.observation,
            steps=torch.zeros(size, dtype=torch.int64, device=self.device),
            uncertainty=zeros,
            total_uncertainty=zeros,
            goal=self.task.sample_goals(starts.observation, self.selector, generator),
            predicted_reward=zeros if model.predict_reward else None,
            predicted_end=zeros > 0 if model.predict_termination else None,
        )

    def transition(
        self, state: ImaginedState, action: Tensor, generator: torch.Generator | None = None
    ) -> ImaginedState:
        """Imagine the states after actions (B, act), in physical units.

        Raises:
            NonFiniteError: an imagined observation is NaN or infinite.
        """
        return self.predict_transition(state, action, generator)[0]

    def predict_transition(
        self, state: ImaginedState, action: Tensor, generator: torch.Generator | None = None
    ) -> tuple[ImaginedState, Prediction]:
        """What `transition` returns, and the prediction (B, ...), in physical units, that it comes from."""
        after, step = self._advance(state, self._clip_action(action), generator)
        observation = self._clip_observation(step.observation)
        if not bool(torch.isfinite(observation).all()):
            raise NonFiniteError(_non_finite(observation, action))
        uncertainty = self.measure(self.uncertainty, state, step.prediction)
        goal = state.goal
        if goal is not None:
            goal = self.task.next_goals(goal, state.observation, self.selector, generator)
        imagined = ImaginedState(
            model=after,
            observation=observation,
            steps=state.steps + 1,
            uncertainty=uncertainty,
            total_uncertainty=state.total_uncertainty + uncertainty,
            goal=goal,
            # Not a sampled reward: its noise would not help training.
            predicted_reward=step.prediction.reward_mean,
            predicted_end=step.termination,
        )
        return imagined, step.prediction

    def measure(self, uncertainty: Uncertainty, state: ImaginedState, prediction: Prediction) -> Tensor:
        """An uncertainty (B,) of a prediction (B, ...) that was made in a state."""
        # The belief is updated with a sample as if it were observed, so each step is one step ahead of an observation.
        horizon = state.steps + 1 if self.deterministic else torch.ones_like(state.steps)
        return uncertainty.measure(prediction, self.model.normalizer.observation_scale, horizon)

    # --- what is read from states ---------------------------------------------------------------------------------

    def observation(self, state: ImaginedState) -> Raw:
        """Observations as the environment returns them: tensors (B, d), in a (nested) dict if the space is one."""
        raw = self._raw(state)
        return torch.cat(list_leaves(raw), dim=-1) if self._flat else raw

    def observation_arrays(self, state: ImaginedState) -> Raw:
        """`observation` as new NumPy arrays of the space's types and within its bounds."""
        arrays = self._layout.to_numpy(self._raw(state))
        if not self._flat:
            return arrays
        return np.concatenate(list_leaves(arrays), axis=-1, dtype=self.observation_space.dtype)

    def reward(self, state: ImaginedState, action: Tensor, next_state: ImaginedState) -> Tensor:
        """Rewards (B,) of transitions, by the task or by the model's reward head; without the `penalty`."""
        function = self.reward_function(next_state)
        if function is not None:
            return function(state.observation, self._clip_action(action), next_state.observation)
        if next_state.predicted_reward is None:
            raise ConfigurationError(
                f"{self.task.name} takes the reward from the model, which has no reward head: choose a task with a "
                "reward function, or train with model.predict_reward=true"
            )
        return next_state.predicted_reward

    def reward_function(self, next_state: ImaginedState) -> RewardFunction | None:
        """The task's reward function of transitions to a state, with its goals; None takes the model's reward head."""
        return self.task.reward_function(self._task_view(next_state), self.selector)

    def penalty(self, next_state: ImaginedState) -> Tensor:
        """Penalty (B,) of the uncertainty of a step; subtracted from the reward that policies are trained on."""
        return self.uncertainty.penalty * next_state.uncertainty

    def terminal(self, state: ImaginedState) -> Tensor:
        """Whether an episode ends here, (B,) bool, by the task or by the model's termination head."""
        function = self.task.termination_function(self._task_view(state), self.selector)
        if function is not None:
            return function(state.observation)
        if state.predicted_end is not None:
            return state.predicted_end
        return torch.zeros(len(state.steps), dtype=torch.bool, device=self.device)

    def success(self, state: ImaginedState) -> Tensor | None:
        """Whether the goal is reached, (B,) bool; None for a task without a goal."""
        function = self.task.success_function(self._task_view(state), self.selector)
        return None if function is None else function(state.observation)

    def time_limit_reached(self, state: ImaginedState) -> Tensor:
        """Whether an episode has reached `max_episode_steps`, (B,) bool."""
        if self.max_episode_steps is None:
            return torch.zeros_like(state.steps, dtype=torch.bool)
        return state.steps >= self.max_episode_steps

    def budget_exceeded(self, state: ImaginedState) -> Tensor:
        """Whether the total uncertainty of an episode exceeds its budget, (B,) bool."""
        return self.uncertainty.exceeded(state.total_uncertainty)

    # --- internals ------------------------------------------------------------------------------------------------

    def _advance(
        self, state: ImaginedState, action: Tensor, generator: torch.Generator | None
    ) -> tuple[TensorRecord, SampledStep]:
        if not self.deterministic:
            return self.model.sample_step(state.model, action, generator)
        belief, prediction = self.model.step(state.model, action)
        return belief, SampledStep.expected(prediction)

    def _raw(self, state: ImaginedState) -> Raw:
        return self._layout(state.observation, self.task.raw_entries(state.observation, state.goal, self.selector))

    def _layout_for(self, state: ImaginedState) -> RawObservationBuilder:
        if self._selected:
            return RawObservationBuilder(self.selector.space, ObservationSelector.from_space(self.selector.space), {})
        entries = self.task.raw_entries(state.observation, state.goal, self.selector)
        given = {key: entry.shape[-1] for key, entry in entries.items()}
        return RawObservationBuilder(self.observation_space, self.selector, given)

    def _task_view(self, state: ImaginedState) -> Raw:
        """The raw observation for the functions of the task, with the entries that the task itself gives."""
        entries = self.task.raw_entries(state.observation, state.goal, self.selector)
        if self._selected:
            return {"observation": state.observation, **entries} if entries else state.observation
        raw = self._layout(state.observation, entries)
        hidden = {key: entry for key, entry in entries.items() if key not in self._layout.names}
        return {**(raw if isinstance(raw, dict) else {"observation": raw}), **hidden} if hidden else raw

    def _clip_action(self, action: Tensor) -> Tensor:
        return torch.clamp(action, self._low, self._high)

    def _clip_observation(self, observation: Tensor) -> Tensor:
        return observation if self._bounds is None else torch.clamp(observation, *self._bounds)

    def _check_options(self) -> None:
        if not self.model.causal:
            raise CausalityError(
                "an environment needs a causal model, this one needs the actions of a whole window at once: "
                "train one with causal abstract actions"
            )
        if self.model.model.action_dim != self.action_space.shape[0]:
            raise SpaceMismatchError(
                f"the model was trained with actions of size {self.model.model.action_dim}, "
                f"the environment has {self.action_space}"
            )
        if self.max_episode_steps is not None and self.max_episode_steps < 1:
            raise ConfigurationError(f"max_episode_steps={self.max_episode_steps}: expected at least 1, or none")
        self.task.columns(self.selector)

    @torch.no_grad()
    def _check_one_step(self, state: ImaginedState, generator: torch.Generator) -> None:
        """Imagine one step, so that errors are raised here and not during a training."""
        action = self._low.clamp(-1, 1).expand(1, -1)
        after = self.transition(state, action, generator)
        for read in (self.observation_arrays, self.terminal, self.success):
            read(after)
        self.reward(state, action, after)


def _finite_bounds(selector: ObservationSelector, device: torch.device) -> tuple[Tensor, Tensor] | None:
    low, high = (torch.tensor(bounds, dtype=torch.float32, device=device) for bounds in (selector.low, selector.high))
    return (low, high) if bool(torch.isfinite(torch.cat([low, high])).any()) else None


def _non_finite(observation: Tensor, action: Tensor) -> str:
    lost = (~torch.isfinite(observation).all(dim=-1)).nonzero().flatten().tolist()
    if not bool(torch.isfinite(action).all()):
        reason = "the actions hold NaN or infinity"
    else:
        reason = "the model diverges from these states; shorten the episodes or train it again"
    return f"imagined observations of the environments {lost[:10]} (of {len(observation)}) are not finite: {reason}"
