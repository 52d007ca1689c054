"""A learned world model as many Gymnasium environments at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.imagined_batch import ImaginedBatch, pick
from mbrl_mts3.envs.world_model.imagined_outcome import BoolVector, FloatVector, ImaginedOutcome
from mbrl_mts3.errors import ConfigurationError

Result = tuple[Any, FloatVector, BoolVector, BoolVector, dict[str, Any]]


class WorldModelVectorEnv(gymnasium.vector.VectorEnv[Any, np.ndarray, np.ndarray]):
    """Imagined episodes side by side, one call of the model for all: `gymnasium.make_vec("mbrl_mts3/WorldModel-v0")`.

    Infos are those of `WorldModelEnv` as arrays, each with a mask of the same name after an underscore.

    Args:
        dynamics: see there.
        num_envs: how many.
        autoreset_mode: NEXT_STEP begins a new episode with the step after the last one of an episode, whose action is
            ignored and whose reward is 0; SAME_STEP with that last step itself, whose observation and info are then in
            infos["final_obs"] and infos["final_info"]; DISABLED leaves it to reset(options={"reset_mask": ...}).
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
        self._batch = ImaginedBatch(dynamics, num_envs)
        self._done = np.zeros(num_envs, dtype=bool)

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin new episodes in all environments, or where options["reset_mask"] (num_envs,) holds.

        Args:
            seed: one for all, or a sequence that stands for one.
            options: see above.

        Raises:
            ConfigurationError: the mask is none.
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
        """Imagine one step of each environment.

        Raises:
            ConfigurationError: there was no `reset` yet, or with DISABLED none after an episode's end.
            ShapeError, NonFiniteError: as `ImaginedBatch.step` does.
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
        """The step that all autoresets fall on."""
        self._batch.restart()
        self._done = np.zeros(self.num_envs, dtype=bool)
        none = np.zeros(self.num_envs, dtype=bool)
        return self._batch.observations(), np.zeros(self.num_envs), none, none.copy(), {}


def _one_seed(seeds: Sequence[int]) -> int:
    return int(np.random.SeedSequence(list(seeds)).generate_state(1)[0])


def _reset_mask(options: dict[str, Any] | None, size: int) -> BoolVector | None:
    mask = (options or {}).get("reset_mask")
    if mask is None:
        return None
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (size,) or not mask.any():
        raise ConfigurationError(
            f"reset_mask needs to be a bool array of shape ({size},) that holds somewhere, got {mask}"
        )
    return mask


def _without(outcome: ImaginedOutcome, which: BoolVector) -> ImaginedOutcome:
    """The outcome with nothing in the environments that have just begun anew."""
    keep = ~which
    return ImaginedOutcome(outcome.rewards * keep, outcome.terminated & keep, outcome.truncated & keep, outcome.infos)


def _masked(infos: dict[str, np.ndarray], valid: BoolVector) -> dict[str, Any]:
    """Gymnasium's form: each array with a mask that says where it holds; empty where it holds nowhere."""
    masked: dict[str, Any] = {}
    for key, values in infos.items():
        mask = valid & (values != None) if values.dtype == object else valid.copy()  # noqa: E711 - by element
        if mask.any():
            shown = np.zeros_like(values) if values.dtype != object else np.full(len(values), None, dtype=object)
            shown[mask] = values[mask]
            masked[key], masked[f"_{key}"] = shown, mask
    return masked


def _final(observations: Any, outcome: ImaginedOutcome) -> dict[str, Any]:
    done = outcome.done
    last = np.full(len(done), None, dtype=object)
    for index in np.flatnonzero(done):
        last[index] = pick(observations, int(index))
    info = _masked(outcome.infos, done)
    return {"final_obs": last, "_final_obs": done.copy(), "final_info": info, "_final_info": done.copy()}
