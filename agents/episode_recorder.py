"""Keeps what happens in an environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.data.raw_episode import Array, RawEpisode


class EpisodeRecorder(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Passes every finished episode on, whoever acts; an episode that a reset cuts short counts as truncated.

    Args:
        env: any environment.
        sink: takes each episode.
        on_step: called with the number of steps so far after each of them, for a progress bar.

    Attributes:
        steps, episodes, total_return: of everything so far; episodes and rewards count once they are passed on.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        sink: Callable[[RawEpisode], None],
        on_step: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(env)
        self._sink = sink
        self._on_step = on_step
        self._seed: int | None = None
        self.steps = self.episodes = 0
        self.total_return = 0.0
        self._clear()

    def _clear(self) -> None:
        self._observations: list[Any] = []
        self._infos: list[dict[str, Any]] = []
        self._actions: list[Array] = []
        self._outcomes: list[tuple[float, bool, bool]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.flush()
        observation, info = super().reset(seed=seed, options=options)
        self._seed = seed
        self._observations.append(_copy(observation))
        self._infos.append(info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().step(action)
        self._observations.append(_copy(observation))
        self._infos.append(info)
        self._actions.append(np.array(action))
        self._outcomes.append((float(reward), bool(terminated), bool(truncated)))
        self.steps += 1
        if self._on_step is not None:
            self._on_step(self.steps)
        if terminated or truncated:
            self.flush()
        return observation, reward, terminated, truncated, info

    def flush(self) -> None:
        """Pass on the episode so far, if it has a step."""
        if self._outcomes:
            rewards, terminations, truncations = (np.array(column) for column in zip(*self._outcomes, strict=True))
            truncations[-1] |= not terminations[-1]
            episode = RawEpisode(
                observations=_stack(self._observations),
                actions=np.stack(self._actions),
                rewards=rewards,
                terminations=terminations,
                truncations=truncations,
                infos=_collect(self._infos),
                seed=self._seed,
            )
            self.episodes += 1
            self.total_return += float(rewards.sum())
            self._sink(episode)
        self._clear()


def _copy(observation: Any) -> Any:
    """Some environments hand out the same array again and again."""
    if isinstance(observation, Mapping):
        return {key: _copy(value) for key, value in observation.items()}
    return np.array(observation)


def _stack(observations: list[Any]) -> Any:
    if isinstance(observations[0], Mapping):
        return {key: _stack([observation[key] for observation in observations]) for key in observations[0]}
    return np.stack(observations)


def _collect(infos: list[dict[str, Any]]) -> dict[str, Array]:
    """Numbers and arrays that every step carries: T + 1 rows where the reset carries them too, else T."""
    found = {}
    for key, last in infos[-1].items():
        # Lists are left out: their length, and with it their type, changes from step to step.
        if isinstance(last, bool | int | float | np.generic | np.ndarray):
            rows = infos if key in infos[0] else infos[1:]
            values = [np.asarray(info[key]) for info in rows if key in info]
            if len(values) == len(rows) and values[0].dtype.kind in "biuf" and len({v.shape for v in values}) == 1:
                found[key] = np.stack(values)
    return found
