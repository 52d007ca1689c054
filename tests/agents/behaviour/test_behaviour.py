from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import stable_baselines3
from gymnasium import spaces

from mbrl_mts3.agents.behaviour import (
    Behaviour,
    NoisyBehaviour,
    RandomBehaviour,
    SB3Behaviour,
    SmoothNoiseBehaviour,
    WaypointBehaviour,
)
from mbrl_mts3.agents.collection.recording import collection_options
from mbrl_mts3.agents.policy_files import save_policy
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError

Maker = Callable[..., Behaviour]


class Uneven(gymnasium.Env[Any, Any]):
    """Nothing happens; actions have bounds of their own in each dimension."""

    observation_space = spaces.Box(-1, 1, (3,), np.float32)
    action_space: spaces.Space[Any] = spaces.Box(np.array([-2, 0, 10], np.float32), np.array([2, 1, 30], np.float32))


@pytest.fixture(scope="module")
def maze() -> Iterator[gymnasium.Env[Any, Any]]:
    environment = make_environment("PointMaze_UMaze-v3", **collection_options("PointMaze_UMaze-v3"))
    yield environment
    environment.close()


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory, maze: gymnasium.Env[Any, Any]) -> Path:
    """An untrained policy of SAC for the maze."""
    path = tmp_path_factory.mktemp("policy") / "policy.zip"
    model = stable_baselines3.SAC("MultiInputPolicy", maze, buffer_size=10, policy_kwargs={"net_arch": [8]}, seed=0)
    save_policy(model, path)
    return path


@pytest.fixture(params=["random", "smooth_noise", "waypoint", "sb3", "noisy"])
def make(request: pytest.FixtureRequest, policy: Path) -> Maker:
    makers: dict[str, Maker] = {
        "random": RandomBehaviour,
        "smooth_noise": SmoothNoiseBehaviour,
        "waypoint": WaypointBehaviour,
        "sb3": lambda environment: SB3Behaviour(environment, policy),
        "noisy": lambda environment: NoisyBehaviour(environment, WaypointBehaviour, most=0.5),
    }
    return makers[request.param]


def roll(environment: gymnasium.Env[Any, Any], behaviour: Behaviour, steps: int, seed: int) -> list[Any]:
    observation, _ = environment.reset(seed=seed)
    behaviour.reset(seed)
    actions = []
    for _ in range(steps):
        actions.append(behaviour(observation))
        observation, *_ = environment.step(actions[-1])
    return actions


class TestContract:
    def test_actions_lie_in_the_space(self, maze: gymnasium.Env[Any, Any], make: Maker) -> None:
        actions = roll(maze, make(maze), 200, seed=1)
        assert all(maze.action_space.contains(action) for action in actions)
        assert np.std(actions, axis=0).min() > 0.05

    def test_equal_seeds_give_equal_actions(self, maze: gymnasium.Env[Any, Any], make: Maker) -> None:
        behaviour = make(maze)
        first = roll(maze, behaviour, 100, seed=3)
        other = roll(maze, behaviour, 100, seed=4)
        np.testing.assert_array_equal(roll(maze, behaviour, 100, seed=3), first)
        np.testing.assert_array_equal(roll(maze, make(maze), 100, seed=3), first)
        assert not np.array_equal(other, first)


@pytest.mark.parametrize("kind", [RandomBehaviour, SmoothNoiseBehaviour])
class TestNoise:
    def test_the_whole_box_is_used(self, kind: Callable[[gymnasium.Env[Any, Any]], Behaviour]) -> None:
        environment = Uneven()
        behaviour = kind(environment)
        behaviour.reset(0)
        actions = np.array([behaviour(np.zeros(3)) for _ in range(3000)])
        assert environment.action_space.contains(actions.min(axis=0))
        assert environment.action_space.contains(actions.max(axis=0))
        shares = (actions - np.array([-2, 0, 10])) / np.array([4, 1, 20])
        np.testing.assert_allclose(shares.min(axis=0), 0, atol=0.01)
        np.testing.assert_allclose(shares.max(axis=0), 1, atol=0.01)
        np.testing.assert_allclose(shares.mean(axis=0), 0.5, atol=0.1)

    @pytest.mark.parametrize(
        "space", [spaces.Discrete(3), spaces.Box(-np.inf, np.inf, (2,)), spaces.Box(-1, 1, (2, 2))]
    )
    def test_other_action_spaces_are_refused(
        self, kind: Callable[[gymnasium.Env[Any, Any]], Behaviour], space: spaces.Space[Any]
    ) -> None:
        environment = Uneven()
        environment.action_space = space
        with pytest.raises(ConfigurationError, match="bounded Box"):
            kind(environment)


def autocorrelation(behaviour: Behaviour, lag: int) -> float:
    behaviour.reset(0)
    actions = np.array([behaviour(np.zeros(3)) for _ in range(40_000)])[:, 0]
    return float(np.corrcoef(actions[:-lag], actions[lag:])[0, 1])


@pytest.mark.parametrize("time_constant", [3.0, 12.0])
def test_smooth_noise_forgets_at_its_time_constant(time_constant: float) -> None:
    behaviour = SmoothNoiseBehaviour(Uneven(), time_constant, deviation=0.2)
    assert autocorrelation(behaviour, round(time_constant)) == pytest.approx(np.exp(-1), abs=0.05)


def test_smooth_noise_has_its_deviation() -> None:
    behaviour = SmoothNoiseBehaviour(Uneven(), 2.0, deviation=0.2)
    behaviour.reset(0)
    actions = np.array([behaviour(np.zeros(3)) for _ in range(20_000)])
    # In half widths of the box, which are 2, 0.5 and 10.
    np.testing.assert_allclose(actions.std(axis=0), [0.4, 0.1, 2.0], rtol=0.06)


@pytest.mark.parametrize("options", [{"time_constant": 0.0}, {"deviation": -1.0}])
def test_noise_that_makes_no_sense(options: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="noise needs"):
        SmoothNoiseBehaviour(Uneven(), **options)


class Resting(Behaviour):
    """In the middle of the box of `Uneven`."""

    def __init__(self, environment: gymnasium.Env[Any, Any]) -> None:
        self.seeds: list[int] = []

    def reset(self, seed: int) -> None:
        self.seeds.append(seed)

    def __call__(self, observation: Any) -> Any:
        return np.array([0.0, 0.5, 20.0], np.float32)


def test_each_episode_has_its_own_noise_on_top() -> None:
    inner = Resting(Uneven())
    behaviour = NoisyBehaviour(Uneven(), lambda _: inner, most=0.2)
    spreads = []
    for seed in range(150):
        behaviour.reset(seed)
        actions = np.array([behaviour(np.zeros(3)) for _ in range(200)])
        # In half widths of the box, which are 2, 0.5 and 10.
        spreads.append((actions - [0, 0.5, 20]).std(axis=0) / [2, 0.5, 10])
    assert inner.seeds[-150:] == list(range(150))
    spread = np.array(spreads)
    np.testing.assert_allclose(spread[:, 0], spread[:, 2], rtol=0.5)
    # Uniform from 0 to 0.2.
    np.testing.assert_allclose(np.quantile(spread.mean(axis=1), [0.1, 0.5, 0.9]), [0.02, 0.1, 0.18], atol=0.03)
    with pytest.raises(ConfigurationError, match="most=0"):
        NoisyBehaviour(Uneven(), Resting, most=0.0)


def test_random_actions_are_held() -> None:
    behaviour = RandomBehaviour(Uneven(), hold=3)
    behaviour.reset(0)
    actions = np.array([behaviour(np.zeros(3)) for _ in range(12)])
    changed = (np.diff(actions[:, 0]) != 0).tolist()
    assert changed == [False, False, True] * 3 + [False, False]
    with pytest.raises(ConfigurationError, match="hold"):
        RandomBehaviour(Uneven(), hold=0)


class TestSB3Behaviour:
    def test_deterministic_actions_are_the_policys(self, maze: gymnasium.Env[Any, Any], policy: Path) -> None:
        observation, _ = maze.reset(seed=5)
        expected, _ = stable_baselines3.SAC.load(policy).predict(observation, deterministic=True)
        behaviour = SB3Behaviour(maze, policy, deterministic=True)
        np.testing.assert_array_equal(behaviour(observation), expected)

    def test_other_spaces_are_refused(self, policy: Path) -> None:
        with pytest.raises(SpaceMismatchError, match="observation_space"):
            SB3Behaviour(Uneven(), policy)

    def test_a_missing_file(self, maze: gymnasium.Env[Any, Any], tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="no policy file"):
            SB3Behaviour(maze, tmp_path / "nothing.zip")

    def test_a_file_of_another_kind(self, maze: gymnasium.Env[Any, Any], tmp_path: Path) -> None:
        (tmp_path / "policy.zip").write_text("words")
        with pytest.raises(ConfigurationError, match="is not a policy"):
            SB3Behaviour(maze, tmp_path / "policy.zip")
