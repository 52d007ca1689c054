"""The real simulator in the place of the model: what imagination would be worth with a perfect model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.data.observations import index_observation
from mbrl_mts3.envs.simulator_rollouts import find_state_setter
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.start_states import StartStates
from mbrl_mts3.envs.world_model.state import ImaginedState


class SimulatorDynamics(WorldModelDynamics):
    """Imagined episodes whose steps the real environment makes, set to each state before each step.

    With it a policy that falls short is told apart from a model that does: the same learning in the simulator's own
    steps is the best that any model could be worth to it. Start states, goals and time limit are those of the model's
    imagined episodes; rewards and terminations are the environment's. Nothing is uncertain; `predict_transition` still
    gives what the model predicts.

    Args:
        environment: is set and stepped, and stays open; see `find_state_setter` for which ones can be.
        parts: as of `WorldModelDynamics`.

    Raises:
        ConfigurationError: the observation of this environment does not hold its state.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], *parts: Any, **options: Any) -> None:
        self.environment = environment
        self._set_state = find_state_setter(environment)
        environment.reset(seed=0)
        super().__init__(*parts, **options)

    def begin_at(self, starts: StartStates, generator: torch.Generator | None = None) -> ImaginedState:
        state = super().begin_at(starts, generator)
        zeros = torch.zeros_like(state.uncertainty)
        return replace(state, predicted_reward=zeros, predicted_end=zeros > 0)

    def transition(
        self, state: ImaginedState, action: Tensor, generator: torch.Generator | None = None
    ) -> ImaginedState:
        """The states after actions (B, act), in physical units."""
        raw, actions = self._layout.to_numpy(self._raw(state)), self._clip_action(action).cpu().numpy()
        rows = [self._step(index_observation(raw, place), actions[place]) for place in range(len(actions))]
        observation, reward, end = (np.stack(part) for part in zip(*rows, strict=True))
        goal = state.goal
        if goal is not None:
            goal = self.task.next_goals(goal, state.observation, self.selector, generator)
        return replace(
            state,
            observation=torch.as_tensor(observation, dtype=torch.float32, device=self.device),
            steps=state.steps + 1,
            goal=goal,
            predicted_reward=torch.as_tensor(reward, dtype=torch.float32, device=self.device),
            predicted_end=torch.as_tensor(end, device=self.device),
        )

    def reward(self, state: ImaginedState, action: Tensor, next_state: ImaginedState) -> Tensor:
        """Rewards (B,) of transitions, as the environment paid them."""
        assert next_state.predicted_reward is not None
        return next_state.predicted_reward

    def terminal(self, state: ImaginedState) -> Tensor:
        """Whether the environment ended the episode here, (B,) bool."""
        assert state.predicted_end is not None
        return state.predicted_end

    def _step(self, raw: Any, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        self._set_state(raw)
        seen, reward, terminated, _, _ = self.environment.step(action)
        return self.selector(seen), float(reward), terminated
