"""Which moments of an episode a film shows."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.agents import RandomAgent, evaluate_agent
from mbrl_mts3.agents.video import record_frames
from mbrl_mts3.errors import ConfigurationError


class Clock(gymnasium.Env[Any, Any]):
    """Shows the time, adds the action to it, and ends when it is up."""

    observation_space = spaces.Dict({"time": spaces.Box(-1000, 1000, (1,), np.float32)})
    action_space: spaces.Space[Any] = spaces.Box(0, 9, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.time = float(seed or 0)
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.time += float(action[0])
        return self._seen(), 0.0, self.time >= 100, False, {}

    def render(self) -> Any:
        return np.full((4, 6, 3), self.time, np.uint8)

    def _seen(self) -> Any:
        return {"time": np.array([self.time], np.float32)}


class Ticking:
    """One second for each call that its state has seen, told apart by episode."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        assert deterministic
        assert observation["time"].shape == (1, 1)
        calls = 1 if episode_start[0] else state + 1
        return np.full((1, 1), calls, np.float32), calls


@pytest.mark.parametrize(
    ("options", "times"),
    [
        ({"max_episode_steps": 4}, [90, 91, 93, 96, 100]),
        ({"max_episode_steps": 9}, [90, 91, 93, 96, 100]),
        ({"max_episode_steps": 3, "every": 2}, [90, 93, 96]),
        ({"every": 3}, [90, 96, 100]),
        ({"every": 50}, [90, 100]),
    ],
)
def test_first_last_and_every_so_many_steps_are_shown(options: dict[str, int], times: list[int]) -> None:
    assert [int(frame[0, 0, 0]) for frame in record_frames(Ticking(), Clock(), 90, **options)] == times


@pytest.mark.parametrize("options", [{"max_episode_steps": 0}, {"every": 0}])
def test_no_step_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="at least one step"):
        record_frames(Ticking(), Clock(), 0, **options)


def test_a_film_shows_the_episode_of_its_seed() -> None:
    agent = RandomAgent(spaces.Box(0, 9, (1,), np.float32), seed=3)
    frames = record_frames(agent, Clock(), 7, max_episode_steps=5)
    result = evaluate_agent(agent, Clock, [2, 7], num_envs=2, max_episode_steps=5, record=True)
    times = result.episodes[1].observations["time"][:, 0]
    assert [int(frame[0, 0, 0]) for frame in frames] == times.astype(int).tolist()
