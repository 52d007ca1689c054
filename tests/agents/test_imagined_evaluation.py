"""Evaluation in imagination against the dynamics' own functions, applied by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from imagined_worlds import checkpoint_of, dataset_of

from mbrl_mts3.agents import RandomAgent, evaluate_imagined
from mbrl_mts3.envs.world_model import ImaginedEpisodes, WorldModelDynamics, load_dynamics
from mbrl_mts3.errors import ConfigurationError


class Leaning:
    """Pushes against what it sees; keeps count of its calls and of the starts that it was told of."""

    def __init__(self, columns: slice) -> None:
        self.columns = columns
        self.starts: list[list[bool]] = []

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        assert deterministic
        self.starts.append(episode_start.tolist())
        seen = observation["observation"] if isinstance(observation, dict) else observation
        return np.tanh(-seen[:, self.columns]).astype(np.float32), (state or 0) + 1


@pytest.fixture(scope="module")
def cheetah() -> WorldModelDynamics:
    data = dataset_of("HalfCheetah-v5", episodes=3, steps=30)
    return load_dynamics(
        checkpoint_of(data), data, context=5, num_start_states=50, deterministic=True, max_episode_steps=6
    )


def end_early(self: WorldModelDynamics, state: Any) -> torch.Tensor:
    """Some episodes end before the limit, some do not."""
    return (state.steps >= 3) & (state.observation[:, 0] > state.observation[:, 0].median())


def by_hand(dynamics: WorldModelDynamics, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns and lengths of the episodes that begin where a seed says."""
    batch = ImaginedEpisodes(dynamics, size)
    batch.seed(seed)
    batch.restart()
    state, agent = batch.state, Leaning(slice(0, 6))
    returns, lengths, running = np.zeros(size), np.zeros(size, int), np.ones(size, bool)
    with torch.inference_mode():
        while running.any():
            action, _ = agent.predict(dynamics.observation_arrays(state), None, np.zeros(size), True)
            after = dynamics.transition(state, torch.as_tensor(action))
            returns += np.where(running, dynamics.reward(state, torch.as_tensor(action), after).numpy(), 0)
            lengths += running
            running &= ~(dynamics.terminal(after) | dynamics.time_limit_reached(after)).numpy()
            state = after
    return returns, lengths


def test_each_first_episode_counts_to_its_own_end(cheetah: WorldModelDynamics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorldModelDynamics, "terminal", end_early)
    expected, lengths = by_hand(cheetah, 8, seed=3)
    agent = Leaning(slice(0, 6))
    result = evaluate_imagined(agent, cheetah, 8, seed=3)
    # The median of a batch whose other episodes have begun anew is another one: up to there all must agree.
    assert set(lengths.tolist()) > {3}
    early = lengths == 3
    assert early.any()
    np.testing.assert_array_equal(result.lengths[early], 3)
    np.testing.assert_allclose(result.returns[early], expected[early], rtol=1e-5)
    assert result.seeds == (3,) * 8
    assert result.successes is None
    assert agent.starts[0] == [True] * 8
    assert agent.starts[1] == agent.starts[2] == [False] * 8
    assert agent.starts[3] == early.tolist()


def test_all_agree_where_none_ends_early(cheetah: WorldModelDynamics) -> None:
    expected, lengths = by_hand(cheetah, 5, seed=1)
    result = evaluate_imagined(Leaning(slice(0, 6)), cheetah, 5, seed=1)
    np.testing.assert_allclose(result.returns, expected, rtol=1e-5)
    assert result.lengths.tolist() == lengths.tolist() == [6] * 5
    assert not np.allclose(evaluate_imagined(Leaning(slice(0, 6)), cheetah, 5, seed=2).returns, expected)
    assert result.num_envs == 5
    assert result.seconds_per_action > 0


def test_goals_and_shorter_episodes() -> None:
    data = dataset_of("PointMaze_UMaze-v3", episodes=2, steps=20)
    dynamics = load_dynamics(checkpoint_of(data), data, context=5, environment_options={"continuing_task": False})
    result = evaluate_imagined(RandomAgent(dynamics.action_space), dynamics, 40, max_episode_steps=4)
    assert result.lengths.max() == 4
    assert result.success_rate is not None
    # Success ends an episode there, and is all that it is paid for.
    assert result.successes is not None
    np.testing.assert_array_equal(result.returns, result.successes.astype(float))


@pytest.mark.parametrize("option", [{"episodes": 0}, {"max_episode_steps": 0}])
def test_nothing_to_run_is_refused(cheetah: WorldModelDynamics, option: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        evaluate_imagined(Leaning(slice(0, 6)), cheetah, **{"episodes": 1, **option})
