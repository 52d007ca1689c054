"""Policies and critics inside imagined rollouts, against what Stable-Baselines3 says of the same observations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation
from imagined_worlds import checkpoint_of, dataset_of
from stable_baselines3 import PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm

from mbrl_mts3.agents.offline import TD3BC
from mbrl_mts3.agents.planning.mpc import MPCAgent, load_mpc
from mbrl_mts3.agents.planning.policy_functions import (
    StoredCritic,
    StoredPolicy,
    load_critic_value,
    load_policy_proposal,
)
from mbrl_mts3.agents.policy_files import save_policy
from mbrl_mts3.data import ObservationSelector
from mbrl_mts3.data.observations import stack_observations
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.tasks import FrankaKitchenTask, HalfCheetahTask, PointMazeTask, Task
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError
from mbrl_mts3.planners import ICEM

TASKS: dict[str, Task] = {
    "HalfCheetah-v5": HalfCheetahTask(),
    "PointMaze_UMaze-v3": PointMazeTask("straight"),
    "FrankaKitchen-v1": FrankaKitchenTask(),
}
MAKERS: dict[str, Callable[..., Any]] = {
    "TD3": partial(TD3, buffer_size=1, device="cpu", seed=0),
    "SAC": partial(SAC, buffer_size=1, device="cpu", seed=0),
    "PPO": partial(PPO, device="cpu", seed=0),
}
CANDIDATES = 4


class Scene:
    """A policy of an environment, two real observations, and the same ones as candidates that a model imagines."""

    def __init__(self, algorithm: str, env_id: str) -> None:
        plain = make_environment(env_id)
        self.task = TASKS[env_id].prepare(plain)
        self.selector = ObservationSelector.from_space(plain.observation_space, env_id)
        self.space = plain.observation_space
        environment = FlattenObservation(plain) if env_id.startswith("Franka") else plain
        kind = "MultiInputPolicy" if isinstance(environment.observation_space, spaces.Dict) else "MlpPolicy"
        self.algorithm: BaseAlgorithm = MAKERS[algorithm](kind, environment)
        # Untrained networks do nearly nothing.
        with torch.no_grad():
            for parameter in self.algorithm.policy.parameters():
                parameter.mul_(3.0)
        shown, raws = [], []
        for seed in range(2):
            shown.append(environment.reset(seed=seed)[0])
            raws.append(plain.reset(seed=seed)[0])
        environment.close()
        self.shown: Any = stack_observations(shown)
        self.raw: Any = stack_observations(raws)
        seen = torch.as_tensor(self.selector(self.raw))
        self.seen = seen[:, None].expand(-1, CANDIDATES, -1).clone()

    def rows(self, values: Any) -> torch.Tensor:
        """What belongs to the observations (2, ...), for each candidate."""
        return torch.as_tensor(np.repeat(np.asarray(values)[:, None], CANDIDATES, axis=1)).float()


@pytest.mark.parametrize("env_id", list(TASKS))
@pytest.mark.parametrize("algorithm", list(MAKERS))
def test_it_acts_as_the_policy_does_in_the_real_environment(algorithm: str, env_id: str) -> None:
    scene = Scene(algorithm, env_id)
    proposal = StoredPolicy(scene.algorithm, scene.space).at(scene.raw, scene.task, scene.selector)
    expected, _ = scene.algorithm.predict(scene.shown, deterministic=True)
    with torch.no_grad():
        found = proposal.actions(scene.seen, torch.zeros(()))
    torch.testing.assert_close(found, scene.rows(expected), rtol=1e-4, atol=1e-4)
    assert np.abs(expected[0] - expected[1]).max() > 1e-6, "both observations lead to one action: nothing is tested"


@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "PointMaze_UMaze-v3"])
@pytest.mark.parametrize("algorithm", list(MAKERS))
def test_the_value_is_that_of_the_critic_at_the_policys_action(algorithm: str, env_id: str) -> None:
    scene = Scene(algorithm, env_id)
    critic = StoredCritic(scene.algorithm, scene.space, 0.99)
    model: Any = scene.algorithm
    with torch.no_grad():
        found = critic.at(scene.raw, scene.task, scene.selector)(scene.seen)
        rows = model.policy.obs_to_tensor(scene.shown)[0]
        if algorithm == "PPO":
            expected = model.policy.predict_values(rows)[:, 0]
        else:
            action = model.policy.scale_action(model.predict(scene.shown, deterministic=True)[0])
            values = model.critic(rows, torch.as_tensor(action))
            expected = torch.tensor([min(float(one[b]) for one in values) for b in range(2)])
    torch.testing.assert_close(found, scene.rows(expected), rtol=1e-4, atol=1e-4)


def test_a_policy_sees_the_goals_of_its_own_environment() -> None:
    scene = Scene("TD3", "PointMaze_UMaze-v3")
    other = {**scene.raw, "desired_goal": scene.raw["desired_goal"][::-1].copy()}
    stored = StoredPolicy(scene.algorithm, scene.space)
    with torch.no_grad():
        own, swapped = (stored.at(raw, scene.task, scene.selector).policy(scene.seen) for raw in (scene.raw, other))
    assert not torch.allclose(own, swapped)


def saved(tmp_path: Path, env_id: str = "HalfCheetah-v5", **options: Any) -> Path:
    learner = TD3BC.from_dataset(dataset_of(env_id, "everything", steps=10), net_arch=[8], **options)
    return save_policy(learner, tmp_path / "policy.zip")


def agent(path: Path, scale: float = 1e-6, **options: Any) -> MPCAgent:
    environment = make_environment("HalfCheetah-v5")
    checkpoint = checkpoint_of(dataset_of("HalfCheetah-v5"))
    planner = partial(ICEM, horizon=3, candidates=20, elites=4, iterations=2)
    proposal = partial(load_policy_proposal, path=path, scale=scale)
    try:
        return load_mpc(environment, checkpoint, planner, HalfCheetahTask(), proposal=proposal, **options)
    finally:
        environment.close()


def test_without_deviations_the_agent_is_the_policy(tmp_path: Path) -> None:
    path = saved(tmp_path)
    acting, observation = agent(path), np.random.default_rng(0).normal(size=(3, 17))
    action, state = acting.predict(observation)
    np.testing.assert_allclose(action, TD3.load(path).predict(observation)[0], atol=1e-5)
    np.testing.assert_array_equal(state.action.numpy(), action)
    assert np.abs(state.planner.mean.numpy()).max() <= 1e-6
    further, _ = agent(path, scale=0.5).predict(observation)
    gap = np.abs(further - action)
    assert 0.01 < gap.max() <= 0.5 + 1e-5


def test_a_critic_behind_the_horizon_changes_plans(tmp_path: Path) -> None:
    path, observation = saved(tmp_path), np.random.default_rng(0).normal(size=(3, 17))
    without, _ = agent(path, 0.5, discount=0.99).predict(observation)
    valued, _ = agent(path, 0.5, discount=0.99, value=partial(load_critic_value, path=path)).predict(observation)
    assert not np.allclose(without, valued)


def test_what_does_not_fit_is_refused_before_any_step(tmp_path: Path) -> None:
    path = saved(tmp_path)
    other = saved(tmp_path, gamma=0.9)
    with pytest.raises(ConfigurationError, match=r"discounted by 0.9, the plan's by 0.99: set discount=0.9"):
        agent(other, discount=0.99, value=partial(load_critic_value, path=other))
    path = saved(tmp_path)
    with pytest.raises(ConfigurationError, match="its critic never learned"):
        agent(path, discount=0.99, value=partial(load_critic_value, path=saved(tmp_path, alpha=0.0)))
    with pytest.raises(ConfigurationError, match=r"proposal.scale=0"):
        agent(path, scale=0)
    with pytest.raises(ConfigurationError, match="no policy file"):
        agent(tmp_path / "nowhere.zip")
    (tmp_path / "maze").mkdir()
    with pytest.raises(SpaceMismatchError, match=r"policy .*policy.zip: the model was trained on observations"):
        agent(saved(tmp_path / "maze", "PointMaze_UMaze-v3"))


def test_a_policy_needs_what_the_model_observes() -> None:
    scene = Scene("TD3", "PointMaze_UMaze-v3")
    blind = ObservationSelector.from_space(scene.space, "PointMaze_UMaze-v3", ["x", "y"])
    for stored in (StoredPolicy(scene.algorithm, scene.space), StoredCritic(scene.algorithm, scene.space, 0.99)):
        stored.check(scene.task, scene.selector)
        with pytest.raises(SpaceMismatchError, match="does not observe"):
            stored.check(scene.task, blind)
