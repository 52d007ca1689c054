"""Values from imagination, in a model that is the equations of motion themselves."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from imagined_worlds import checkpoint_of, dataset_of

from mbrl_mts3.agents import RandomAgent
from mbrl_mts3.agents.imagined_evaluation import collect_imagined_rewards, evaluate_policy
from mbrl_mts3.data import Episode, ObservationSelector
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.tasks import PointMazeTask
from mbrl_mts3.envs.world_model import StartStates, WorldModelDynamics, load_dynamics
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics import PolicyRanking

MAKE = partial(
    make_environment,
    "PointMaze_Open-v3",
    reward_type="dense",
    continuing_task=True,
    reset_target=False,
    max_episode_steps=60,
)


class Towards:
    """Pushes to the goal with a part of the force."""

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self.starts: list[np.ndarray] = []

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        self.starts.append(np.array(episode_start))
        way = observation["desired_goal"] - observation["achieved_goal"]
        return (self.strength * np.clip(way, -1, 1)).astype(np.float32), None


@pytest.fixture(scope="module")
def open_maze() -> Iterator[gymnasium.Env[Any, Any]]:
    environment = MAKE()
    yield environment
    environment.close()


@pytest.fixture(scope="module")
def imagined(point_mass: Callable[..., Any], open_maze: gymnasium.Env[Any, Any]) -> Callable[..., WorldModelDynamics]:
    """The open maze with an exact model; starts are real resets."""
    selector = ObservationSelector.from_space(open_maze.observation_space, "PointMaze_Open-v3")
    firsts = np.stack([selector(open_maze.reset(seed=seed)[0]) for seed in range(64)])
    zeros, ends = np.zeros((1, 2), np.float32), np.array([False])
    episodes = [Episode(np.stack([first, first]), zeros, np.zeros(1, np.float32), ends, ~ends) for first in firsts]
    model = point_mass()

    def build(**options: Any) -> WorldModelDynamics:
        task = PointMazeTask("dense").prepare(open_maze)
        bank = StartStates.from_episodes(model, episodes, context=0, starts="beginning")
        space: Any = open_maze.action_space
        options = {"deterministic": True, "max_episode_steps": 80, **options}
        return WorldModelDynamics(model, task, selector, open_maze.observation_space, space, bank, **options)

    return build


def test_an_exact_model_gives_the_real_values_and_their_order(imagined: Callable[..., WorldModelDynamics]) -> None:
    dynamics = imagined()
    values = [
        evaluate_policy(
            f"{strength}",
            Towards(strength),
            dynamics,
            MAKE,
            episodes=200,
            horizon=60,
            real_seeds=range(16),
            num_envs=1,
        )
        for strength in (-0.5, 0.0, 0.2, 1.0)
    ]
    for value in values:
        assert value.value is not None
        assert value.value_interval is not None
        width = value.value_interval[1] - value.value_interval[0]
        assert abs(value.estimate - value.value) < width
    ranking = PolicyRanking.from_values([value.estimate for value in values], [value.value or 0.0 for value in values])
    assert ranking.rank_correlation == pytest.approx(1.0)
    assert ranking.regret == 0.0


def test_real_returns_are_cut_and_discounted_like_imagined_ones(imagined: Callable[..., WorldModelDynamics]) -> None:
    value = evaluate_policy(
        "still", Towards(0.0), imagined(), MAKE, episodes=3, horizon=2, discount=0.5, real_seeds=[7]
    )
    environment = MAKE()
    environment.reset(seed=7)
    still = np.zeros(2, np.float32)
    rewards = [float(environment.step(still)[1]) for _ in range(60)]
    environment.close()
    assert value.real is not None
    assert value.whole is not None
    np.testing.assert_allclose(value.real, [rewards[0] + 0.5 * rewards[1]])
    np.testing.assert_allclose(value.whole, [sum(rewards)], rtol=1e-6)


def test_equal_seeds_give_every_policy_equal_starts(imagined: Callable[..., WorldModelDynamics]) -> None:
    dynamics = imagined()
    first, again, other = (
        collect_imagined_rewards(Towards(0.5), dynamics, 20, steps=3, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_what_has_ended_earns_nothing_more(imagined: Callable[..., WorldModelDynamics]) -> None:
    dynamics, agent = imagined(max_episode_steps=4), Towards(0.5)
    rewards = collect_imagined_rewards(agent, dynamics, 5, steps=10)
    assert (rewards[:, :4] > 0).all()
    assert (rewards[:, 4:] == 0).all()
    assert len(agent.starts) == 4
    assert agent.starts[0].all()
    assert not np.any(agent.starts[1:])


def test_agents_hear_of_new_episodes(imagined: Callable[..., WorldModelDynamics]) -> None:
    """Some episodes end before others at the goal: their places begin anew, and the agent must forget."""
    environment = make_environment("PointMaze_Open-v3", continuing_task=False)
    dynamics = imagined()
    task = PointMazeTask("sparse").prepare(environment)
    environment.close()
    bank = dynamics.starts
    space: Any = dynamics.action_space
    ending = WorldModelDynamics(
        dynamics.model, task, dynamics.selector, dynamics.observation_space, space, bank,
        deterministic=True, max_episode_steps=200,
    )  # fmt: skip
    agent = Towards(1.0)
    rewards = collect_imagined_rewards(agent, ending, 30, seed=3)
    assert rewards.sum(axis=1).max() == 1.0
    started = np.stack(agent.starts)
    for row, places in zip(rewards, started.T, strict=True):
        if row.any():
            end = int(row.argmax())
            assert not places[1 : end + 1].any()
            assert end + 1 == len(places) or places[end + 1]


def test_sampled_futures_leave_the_global_generator_alone() -> None:
    data = dataset_of("HalfCheetah-v5", episodes=2, steps=12)
    dynamics = load_dynamics(checkpoint_of(data), data, starts="beginning")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    rewards = collect_imagined_rewards(RandomAgent(dynamics.action_space), dynamics, 4, steps=5, deterministic=False)
    assert rewards.shape == (4, 5)
    assert torch.equal(torch.rand(3), expected)


def test_an_episode_without_end_is_refused(imagined: Callable[..., WorldModelDynamics]) -> None:
    with pytest.raises(ConfigurationError, match="no time limit"):
        collect_imagined_rewards(Towards(1.0), imagined(max_episode_steps=None), 2)
    with pytest.raises(ConfigurationError, match="at least one step"):
        collect_imagined_rewards(Towards(1.0), imagined(), 2, steps=0)
