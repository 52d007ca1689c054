"""A learned world model as one Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.envs.scenes.scene import Scene
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.imagined_batch import ImaginedBatch, pick


class WorldModelEnv(gymnasium.Env[Any, np.ndarray]):
    """One imagined episode at a time; `gymnasium.make("mbrl_mts3/WorldModel-v0", checkpoint=..., dataset=...)`.

    Episodes start from real moments and end as the task says, or are truncated; info["truncation"] then tells why:
    "time_limit" or "uncertainty". Equal seeds and equal actions give equal episodes. A copy made by pickle goes on
    where this one is, without the scene.

    Args:
        dynamics: see there.
        scene: draws frames for `render`; closed with the environment.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 - Gymnasium's type

    def __init__(self, dynamics: WorldModelDynamics, scene: Scene | None = None) -> None:
        self.dynamics = dynamics
        self.observation_space = dynamics.observation_space
        self.action_space = dynamics.action_space
        self.render_mode = None if scene is None else "rgb_array"
        if scene is not None:
            self.metadata = {**self.metadata, "render_fps": scene.environment.metadata["render_fps"]}
        self._scene = scene
        self._batch = ImaginedBatch(dynamics, 1)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; there are no options."""
        super().reset(seed=seed)
        if seed is not None or not self._batch.seeded:
            self._batch.seed(int(self.np_random.integers(2**63)))
        self._batch.restart()
        if self._scene is not None:
            self._scene.begin()
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Imagine one step.

        Raises:
            ConfigurationError: there was no `reset` yet.
            ShapeError, NonFiniteError: as `ImaginedBatch.step` does.
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
        """The imagined state, drawn by the real simulator; None without a scene."""
        return None if self._scene is None else self._scene.draw()

    def close(self) -> None:
        """Release the simulator that draws."""
        if self._scene is not None:
            self._scene.close()
        self._scene = None

    def _observation(self) -> Any:
        if self._scene is not None:
            state = self._batch.state
            goal = None if state.goal is None else state.goal[0].cpu().numpy()
            self._scene.show(state.observation[0].cpu().numpy(), goal)
        return pick(self._batch.observations(), 0)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_scene": None, "render_mode": None}
