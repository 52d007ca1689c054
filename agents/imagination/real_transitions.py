"""The data as a policy that learns in imagination sees it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.agents.imagination.scaled_action import to_unit
from mbrl_mts3.agents.imagination.transitions import Transitions
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.envs.world_model import ImaginedState, WorldModelDynamics
from mbrl_mts3.tensor_record import TensorRecord


@torch.no_grad()
def real_transitions(dynamics: WorldModelDynamics, episodes: Sequence[Episode], seed: int = 0) -> Transitions:
    """All transitions of episodes, in the observations that the dynamics show.

    Rewards and ends are those of the data. Where the task has goals, the data's own are not what imagined episodes
    are about: each transition gets a goal as an imagined episode that begins there would, and the task's reward and
    end under it.

    Args:
        dynamics: of the imagined episodes that these will be mixed with.
        episodes: with the observations that the model sees, in physical units.
        seed: of the goals.
    """

    def joined(parts: list[np.ndarray]) -> Tensor:
        return torch.as_tensor(np.concatenate(parts), device=dynamics.device)

    now = joined([episode.observations[:-1] for episode in episodes])
    later = joined([episode.observations[1:] for episode in episodes])
    actions = joined([episode.actions for episode in episodes])
    generator = torch.Generator(dynamics.device).manual_seed(seed)
    goal = dynamics.task.draw_goals(now, dynamics.selector, generator)
    before, after = _state(now, goal), _state(later, goal)
    if goal is None:
        rewards = np.concatenate([episode.rewards for episode in episodes])
        terminated = np.concatenate([episode.terminations for episode in episodes])
    else:
        rewards = dynamics.reward(before, actions, after).cpu().numpy()
        terminated = dynamics.terminal(after).cpu().numpy()
    return Transitions(
        observations=dynamics.observation_arrays(before),
        actions=to_unit(actions.cpu().numpy(), dynamics.action_space),
        rewards=rewards,
        next_observations=dynamics.observation_arrays(after),
        terminated=terminated,
        truncated=np.concatenate([_last(episode) for episode in episodes]) & ~terminated,
    )


def _state(observation: Tensor, goal: Tensor | None) -> ImaginedState:
    """A moment of the data in the words of the dynamics; nothing was imagined on the way there."""
    zeros = observation.new_zeros(len(observation))
    return ImaginedState(TensorRecord(), observation, zeros.long(), zeros, zeros, goal)


def _last(episode: Episode) -> np.ndarray:
    return np.asarray(np.arange(len(episode)) == len(episode) - 1)
