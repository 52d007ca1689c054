"""A learned world model as a Gymnasium environment and as a vector environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from torch import Tensor

from mbrl_mts3.array_types import BoolArray, DoubleArray
from mbrl_mts3.data.observations import copy_observation, index_observation
from mbrl_mts3.envs.rendering import SceneRenderer
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.state import ImaginedState, ImaginedStepResult
from mbrl_mts3.errors import ConfigurationError, ShapeError


class WorldModelEnv(gymnasium.Env[Any, np.ndarray]):
    """One imagined episode at a time: `gymnasium.make("mbrl_mts3/WorldModel-v0", checkpoint=..., dataset=...)`.

    Episodes start from time steps of real ones and are terminated by the task, or truncated; info["truncation"] then
    holds the reason: "time_limit" or "uncertainty". Equal seeds and equal actions give equal episodes. A copy made by
    pickle continues from the present state, without the renderer.

    Args:
        dynamics: of the imagined episodes.
        renderer: renders frames for `render`; closed with the environment.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 - Gymnasium's type

    def __init__(self, dynamics: WorldModelDynamics, renderer: SceneRenderer | None = None) -> None:
        self.dynamics = dynamics
        self.observation_space = dynamics.observation_space
        self.action_space = dynamics.action_space
        self.render_mode = None if renderer is None else "rgb_array"
        if renderer is not None:
            self.metadata = {**self.metadata, "render_fps": renderer.environment.metadata["render_fps"]}
        self._renderer = renderer
        self._batch = ImaginedEpisodes(dynamics, 1)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode; there are no options."""
        super().reset(seed=seed)
        if seed is not None or not self._batch.seeded:
            self._batch.seed(int(self.np_random.integers(2**63)))
        self._batch.restart()
        if self._renderer is not None:
            self._renderer.begin()
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Imagine one step.

        Raises:
            ConfigurationError: there was no `reset` yet.
            ShapeError, NonFiniteError: as `ImaginedEpisodes.step` does.
        """
        outcome = self._batch.step(np.asarray(action)[None])
        info = {key: values[0].item() if values.dtype != object else values[0] for key, values in outcome.infos.items()}
        return (
            self._observation(),
            float(outcome.rewards[0]),
            bool(outcome.terminated[0]),
            bool(outcome.truncated[0]),
            info,
        )

    def render(self) -> np.ndarray | None:
        """The imagined state, rendered by the real simulator; None without a renderer."""
        return None if self._renderer is None else self._renderer.render()

    def close(self) -> None:
        """Release the simulator that renders."""
        if self._renderer is not None:
            self._renderer.close()
        self._renderer = None

    def _observation(self) -> Any:
        if self._renderer is not None:
            state = self._batch.state
            goal = None if state.goal is None else state.goal[0].cpu().numpy()
            self._renderer.show(state.observation[0].cpu().numpy(), goal)
        return copy_observation(index_observation(self._batch.observations(), 0))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_renderer": None, "render_mode": None}


Result = tuple[Any, DoubleArray, BoolArray, BoolArray, dict[str, Any]]


class WorldModelVectorEnv(gymnasium.vector.VectorEnv[Any, np.ndarray, np.ndarray]):
    """Parallel imagined episodes with one call of the model for all: `gymnasium.make_vec("mbrl_mts3/WorldModel-v0")`.

    Infos are those of `WorldModelEnv` as arrays, each with a mask that has the same name after an underscore.

    Args:
        dynamics: of the imagined episodes.
        num_envs: number of parallel episodes.
        autoreset_mode: NEXT_STEP starts a new episode in the step after the last one of an episode; the action of that
            step is ignored and its reward is 0. SAME_STEP starts it in the last step itself, whose observation and
            info are then in infos["final_obs"] and infos["final_info"]. DISABLED needs
            reset(options={"reset_mask": ...}).
    """

    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        dynamics: WorldModelDynamics,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        self.dynamics = dynamics
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = dynamics.observation_space
        self.single_action_space = dynamics.action_space
        self.observation_space = batch_space(dynamics.observation_space, num_envs)
        self.action_space = batch_space(dynamics.action_space, num_envs)
        self._batch = ImaginedEpisodes(dynamics, num_envs)
        self._done = np.zeros(num_envs, dtype=bool)

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start new episodes in all environments, or in those where options["reset_mask"] (num_envs,) is True.

        Args:
            seed: one for all, or a sequence that is reduced to one.
            options: see above.

        Raises:
            ConfigurationError: the mask is not a bool array of that shape, or is False everywhere.
        """
        if seed is not None or not self._batch.seeded:
            seed = seed if seed is None or isinstance(seed, int) else _one_seed(seed)
            super().reset(seed=seed)
            self._batch.seed(int(self.np_random.integers(2**63)))
        which = _reset_mask(options, self.num_envs)
        self._batch.restart(which)
        self._done = np.zeros(self.num_envs, dtype=bool) if which is None else self._done & ~which
        return self._batch.observations(), {}

    def step(self, actions: np.ndarray) -> Result:
        """Imagine one step of all environments.

        Raises:
            ConfigurationError: there was no `reset` yet, or with DISABLED none after an episode's end.
            ShapeError, NonFiniteError: as `ImaginedEpisodes.step` does.
        """
        ended = self._done
        if self.autoreset_mode is AutoresetMode.DISABLED and ended.any():
            raise ConfigurationError(
                f"the episodes of the environments {np.flatnonzero(ended)[:10].tolist()} have ended: "
                'call reset(options={"reset_mask": ...}) first, or choose another autoreset_mode'
            )
        if ended.all():
            return self._all_restarted()
        outcome = self._batch.step(actions)
        if ended.any():
            self._batch.restart(ended)
            outcome = _without(outcome, ended)
        observations, infos = self._batch.observations(), _masked(outcome.infos, ~ended)
        if self.autoreset_mode is AutoresetMode.SAME_STEP and outcome.done.any():
            infos = {**_final(observations, outcome), **_masked(outcome.infos, ~outcome.done)}
            self._batch.restart(outcome.done)
            observations = self._batch.observations()
        else:
            self._done = outcome.done
        return observations, outcome.rewards, outcome.terminated, outcome.truncated, infos

    def _all_restarted(self) -> Result:
        """The step in which all environments are reset."""
        self._batch.restart()
        self._done = np.zeros(self.num_envs, dtype=bool)
        none = np.zeros(self.num_envs, dtype=bool)
        return self._batch.observations(), np.zeros(self.num_envs), none, none.copy(), {}


def _one_seed(seeds: Sequence[int]) -> int:
    return int(np.random.SeedSequence(list(seeds)).generate_state(1)[0])


def _reset_mask(options: dict[str, Any] | None, size: int) -> BoolArray | None:
    mask = (options or {}).get("reset_mask")
    if mask is None:
        return None
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (size,) or not mask.any():
        raise ConfigurationError(
            f"reset_mask needs to be a bool array of shape ({size},) with at least one True, got {mask}"
        )
    return mask


def _without(outcome: ImaginedStepResult, which: BoolArray) -> ImaginedStepResult:
    """The outcome with zeros for the environments that have just been reset."""
    keep = ~which
    return ImaginedStepResult(
        outcome.rewards * keep, outcome.terminated & keep, outcome.truncated & keep, outcome.infos
    )


def _masked(infos: dict[str, np.ndarray], valid: BoolArray) -> dict[str, Any]:
    """Infos as Gymnasium has them: each array with a mask of its valid entries; arrays without any are left out."""
    masked: dict[str, Any] = {}
    for key, values in infos.items():
        mask = valid & (values != None) if values.dtype == object else valid.copy()  # noqa: E711 - by element
        if mask.any():
            shown = np.zeros_like(values) if values.dtype != object else np.full(len(values), None, dtype=object)
            shown[mask] = values[mask]
            masked[key], masked[f"_{key}"] = shown, mask
    return masked


def _final(observations: Any, outcome: ImaginedStepResult) -> dict[str, Any]:
    done = outcome.done
    last = np.full(len(done), None, dtype=object)
    for index in np.flatnonzero(done):
        last[index] = copy_observation(index_observation(observations, int(index)))
    info = _masked(outcome.infos, done)
    return {"final_obs": last, "_final_obs": done.copy(), "final_info": info, "_final_info": done.copy()}


TIME_LIMIT = "time_limit"
UNCERTAINTY = "uncertainty"


class ImaginedEpisodes:
    """B imagined episodes that advance together.

    Args:
        dynamics: of the episodes; may be shared with other batches.
        size: B, at least 1.
    """

    def __init__(self, dynamics: WorldModelDynamics, size: int) -> None:
        if size < 1:
            raise ConfigurationError(f"expected at least one environment, got {size}")
        self.dynamics = dynamics
        self.size = size
        self.seeded = False
        self._generator = torch.Generator(dynamics.device)
        self._state: ImaginedState | None = None

    def seed(self, seed: int) -> None:
        """Seed the generator of all later samples."""
        self._generator.manual_seed(seed)
        self.seeded = True

    @property
    def state(self) -> ImaginedState:
        """The present state of the episodes.

        Raises:
            ConfigurationError: there was no `restart` yet.
        """
        if self._state is None:
            raise ConfigurationError("no episode has begun: call reset() before step()")
        return self._state

    @torch.inference_mode()
    def restart(self, which: BoolArray | None = None) -> None:
        """Start new episodes in place of all, or of those where `which` (B,) is True."""
        if which is None or which.all() or self._state is None:
            self._state = self.dynamics.initial(self.size, self._generator)
            return
        index = torch.as_tensor(np.flatnonzero(which), device=self.dynamics.device)
        self._state = self._state.put(index, self.dynamics.initial(len(index), self._generator))

    @torch.inference_mode()
    def step(self, actions: np.ndarray) -> ImaginedStepResult:
        """Advance all episodes by actions (B, act).

        Raises:
            ShapeError: the actions have another shape.
            NonFiniteError: an imagined observation is NaN or infinite.
        """
        action = self._tensor(actions)
        before, dynamics = self.state, self.dynamics
        after = dynamics.transition(before, action, self._generator)
        late, over_budget = _array(dynamics.time_limit_reached(after)), _array(dynamics.budget_exceeded(after))
        self._state = after
        return ImaginedStepResult(
            rewards=_array(dynamics.reward(before, action, after) - dynamics.penalty(after)).astype(np.float64),
            terminated=_array(dynamics.terminal(after)),
            truncated=late | over_budget,
            infos=self._infos(after, late, over_budget),
        )

    @torch.inference_mode()
    def observations(self) -> Any:
        """Raw observations of all episodes, as new arrays (B, d) in the layout of the space."""
        return self.dynamics.observation_arrays(self.state)

    def _infos(self, state: ImaginedState, late: BoolArray, over_budget: BoolArray) -> dict[str, np.ndarray]:
        infos: dict[str, np.ndarray] = {}
        if self.dynamics.uncertainty.kind != "none":
            infos["uncertainty"] = _array(state.uncertainty).astype(np.float64)
        success = self.dynamics.success(state)
        if success is not None:
            infos["success"] = _array(success)
        if late.any() or over_budget.any():
            reasons = np.full(self.size, None, dtype=object)
            reasons[late] = TIME_LIMIT
            reasons[over_budget] = UNCERTAINTY
            infos["truncation"] = reasons
        return infos

    def _tensor(self, actions: np.ndarray) -> Tensor:
        expected = (self.size, *self.dynamics.action_space.shape)
        if np.shape(actions) != expected:
            raise ShapeError(f"actions need the shape {expected}, got {np.shape(actions)}")
        return torch.as_tensor(np.asarray(actions, dtype=np.float32), device=self.dynamics.device)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
