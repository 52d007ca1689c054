"""What networks see of observations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import TD3

from mbrl_mts3.agents.imagination import make_algorithm
from mbrl_mts3.agents.imagination.networks import standardize
from mbrl_mts3.agents.vec_env import WorldModelVecEnv
from mbrl_mts3.envs.world_model import WorldModelDynamics

SMALL = {"policy_kwargs": {"net_arch": [8]}, "device": "cpu", "seed": 0}


@pytest.mark.parametrize("name", ["SAC", "TD3", "PPO"])
def test_they_have_mean_zero_and_variance_one(name: str, maze: WorldModelDynamics) -> None:
    made: Any = make_algorithm(WorldModelVecEnv(maze, 2), name, **SMALL)
    rng = np.random.default_rng(0)
    spread = {"achieved_goal": 0.1, "desired_goal": 10.0, "observation": 3.0}
    shown = {
        key: 5 + scale * rng.normal(size=(400, *made.observation_space[key].shape)) for key, scale in spread.items()
    }
    standardize(made.policy, shown)
    actor = made.policy if name == "PPO" else made.policy.actor
    seen = actor.features_extractor({key: torch.as_tensor(value).float() for key, value in shown.items()})
    assert seen.shape == (400, 8)
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(8), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen.std(dim=0), torch.ones(8), atol=1e-2, rtol=0)


def test_the_order_of_a_dict_does_not_matter(maze: WorldModelDynamics) -> None:
    """Real mazes give their observations in another order than that of their space."""
    made: Any = make_algorithm(WorldModelVecEnv(maze, 2), "TD3", **SMALL)
    space, rng = made.observation_space, np.random.default_rng(0)
    shown = {key: rng.normal(size=(50, *part.shape)).astype(np.float32) for key, part in space.spaces.items()}
    turned = dict(reversed(shown.items()))
    standardize(made.policy, turned)
    np.testing.assert_array_equal(
        made.predict(shown, deterministic=True)[0], made.predict(turned, deterministic=True)[0]
    )
    seen = made.actor.features_extractor({key: torch.as_tensor(value) for key, value in shown.items()})
    torch.testing.assert_close(seen.std(dim=0, correction=0), torch.ones(8))


def test_a_saved_policy_keeps_them(world: Callable[..., WorldModelDynamics], tmp_path: Any) -> None:
    made = make_algorithm(WorldModelVecEnv(world(), 2), "TD3", **SMALL)
    rows = np.random.default_rng(0).normal(3.0, 7.0, size=(50, 17))
    plain, _ = made.predict(rows, deterministic=True)
    standardize(made.policy, rows)
    expected, _ = made.predict(rows, deterministic=True)
    assert np.abs(plain - expected).max() > 0.01
    made.save(tmp_path / "policy.zip")
    found, _ = TD3.load(tmp_path / "policy.zip", device="cpu").predict(rows, deterministic=True)
    np.testing.assert_array_equal(found, expected)


def test_what_never_changes_stays_finite(world: Callable[..., WorldModelDynamics]) -> None:
    made: Any = make_algorithm(WorldModelVecEnv(world(), 2), "TD3", **SMALL)
    standardize(made.policy, np.full((5, 17), 2.0))
    assert torch.isfinite(made.actor.features_extractor(torch.full((1, 17), 2.5))).all()
