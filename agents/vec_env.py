"""A learned world model as a vector environment of Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Wrapper
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from mbrl_mts3.data.observations import copy_observation, index_observation
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.environments import ImaginedEpisodes
from mbrl_mts3.envs.world_model.state import ImaginedStepResult
from mbrl_mts3.errors import ConfigurationError


class WorldModelVecEnv(VecEnv):
    """Imagined episodes side by side, one call of the model for all, for any algorithm of Stable-Baselines3.

    Episodes begin anew with their last step, as always there: infos then hold "terminal_observation" and
    "TimeLimit.truncated", which is True for every truncation, that for uncertainty too; "truncation" tells which. Put
    `VecMonitor` around it for returns and lengths.

    Args:
        dynamics: see there; `load_dynamics` makes it from a checkpoint and a data set.
        num_envs: how many.
    """

    def __init__(self, dynamics: WorldModelDynamics, num_envs: int) -> None:
        self.dynamics = dynamics
        self._batch = ImaginedEpisodes(dynamics, num_envs)
        self._actions: np.ndarray | None = None
        super().__init__(num_envs, dynamics.observation_space, dynamics.action_space)

    def reset(self) -> VecEnvObs:
        """Begin new episodes everywhere; the first seed that `seed` set counts for all."""
        first = self._seeds[0]
        if first is not None or not self._batch.seeded:
            self._batch.seed(int(np.random.SeedSequence(first).generate_state(1, np.uint64)[0] >> np.uint64(1)))
        self._reset_seeds()
        self._reset_options()
        self._batch.restart()
        observations: VecEnvObs = self._batch.observations()
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions (num_envs, act) for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Imagine one step of each.

        Raises:
            ConfigurationError: there was no `step_async`.
            ShapeError, NonFiniteError: as `ImaginedEpisodes.step` does.
        """
        if self._actions is None:
            raise ConfigurationError("there are no actions: call step(actions), or step_async(actions) first")
        outcome, self._actions = self._batch.step(self._actions), None
        observations, done = self._batch.observations(), outcome.done
        infos = _infos(outcome)
        if done.any():
            for index in np.flatnonzero(done).tolist():
                infos[index]["terminal_observation"] = copy_observation(index_observation(observations, index))
                infos[index]["TimeLimit.truncated"] = bool(outcome.truncated[index] and not outcome.terminated[index])
                self.reset_infos[index] = {}
            self._batch.restart(done)
            observations = self._batch.observations()
        return observations, outcome.rewards.astype(np.float32), done, infos

    def close(self) -> None:
        """There is nothing to release."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of the dynamics, which all environments share."""
        value = None if attr_name == "render_mode" else getattr(self.dynamics, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refused."""
        raise ConfigurationError(
            f"{attr_name!r} cannot be set: all environments share one dynamics; give load_dynamics the option instead"
        )

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """The rewards of goals, `compute_reward`, which hindsight replay asks for; everything else is refused."""
        if method_name == "compute_reward":
            achieved, desired, *_ = method_args
            return [self.dynamics.task.goal_reward(achieved, desired) for _ in self._get_indices(indices)]
        raise ConfigurationError(f"{method_name!r} cannot be called: there is no environment for each episode")

    def env_is_wrapped(
        self, wrapper_class: type[Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """No environment is."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[np.ndarray | None]:
        """Not sampled here: see `WorldModelEnv`."""
        return [None] * self.num_envs


def _infos(outcome: ImaginedStepResult) -> list[dict[str, Any]]:
    infos: list[dict[str, Any]] = [{} for _ in outcome.rewards]
    for key, values in outcome.infos.items():
        for info, value in zip(infos, values.tolist(), strict=True):
            if value is not None:
                info[key] = value
    return infos
