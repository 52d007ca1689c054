"""Algorithms by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from imagined_worlds import checkpoint_of, dataset_of
from stable_baselines3 import SAC, TD3

from mbrl_mts3.agents.imagination import load_initial_parameters, make_algorithm
from mbrl_mts3.agents.offline import TD3BC
from mbrl_mts3.agents.policy_files import load_policy, save_policy
from mbrl_mts3.agents.vec_env import WorldModelVecEnv
from mbrl_mts3.envs.world_model import WorldModelDynamics, load_dynamics
from mbrl_mts3.errors import ConfigurationError


@pytest.mark.parametrize("name", ["SAC", "TD3", "PPO"])
def test_each_is_there(name: str, world: Callable[..., WorldModelDynamics], maze: WorldModelDynamics) -> None:
    for dynamics, policy in ((world(), "Mlp"), (maze, "MultiInput")):
        made = make_algorithm(WorldModelVecEnv(dynamics, 2), name, device="cpu", gamma=0.7)
        assert type(made).__name__ == name
        assert made.gamma == 0.7
        assert (policy == "MultiInput") == (type(made.policy.observation_space).__name__ == "Dict")


def test_dicts_within_dicts_need_to_be_flat() -> None:
    data = dataset_of("FrankaKitchen-v1", episodes=1, steps=4)
    given = {"context": 0, "max_episode_steps": 5}
    with pytest.raises(ConfigurationError, match="flat_observations=true"):
        make_algorithm(WorldModelVecEnv(load_dynamics(checkpoint_of(data), data, **given), 2), "SAC")
    dynamics = load_dynamics(checkpoint_of(data), data, observation="flat", **given)
    made = make_algorithm(WorldModelVecEnv(dynamics, 2), "SAC", device="cpu", learning_starts=0, buffer_size=100)
    made.learn(4)
    assert made.replay_buffer.size() > 0  # type: ignore[attr-defined]


def test_noise_is_the_algorithms_own(world: Callable[..., WorldModelDynamics]) -> None:
    made: Any = make_algorithm(WorldModelVecEnv(world(), 2), "TD3", exploration=0.3, device="cpu")
    assert made.action_noise().shape == (6,)
    assert made.action_noise._sigma.tolist() == [0.3] * 6


@pytest.mark.parametrize("name", ["SAC", "TD3", "PPO"])
def test_what_was_learned_here_is_read_like_any_policy(
    name: str, world: Callable[..., WorldModelDynamics], maze: WorldModelDynamics, tmp_path: Path
) -> None:
    for number, dynamics in enumerate((world(), maze)):
        environment = WorldModelVecEnv(dynamics, 2)
        made = make_algorithm(environment, name, device="cpu", seed=0)
        save_policy(made, tmp_path / f"{number}.zip")
        observation: Any = environment.reset()
        read = load_policy(tmp_path / f"{number}.zip")
        assert type(read).__name__ == name
        acts = [policy.predict(observation, deterministic=True)[0] for policy in (made, read)]
        np.testing.assert_array_equal(*acts)


@pytest.mark.parametrize("name", ["SAC", "TD3"])
def test_critics_cannot_run_away_and_begin_where_they_are_told(
    name: str, world: Callable[..., WorldModelDynamics]
) -> None:
    """However far outside what is known, a normalised hidden layer gives as much as inside; a plain one does not."""
    environment = WorldModelVecEnv(world(), 2)
    made: Any = make_algorithm(environment, name, device="cpu", seed=0)
    observation = torch.zeros(1, 17)
    sizes = torch.tensor([10.0, 1e3, 1e5])
    for critic in (made.critic, made.critic_target):
        critic.set_initial_value(250.0)
        with torch.no_grad():
            values = [torch.cat(critic(observation, size * torch.ones(1, 6))) for size in sizes]
        assert all((value - 250).abs().max() < 10 for value in values)
    plain = (SAC if name == "SAC" else TD3)("MlpPolicy", environment, device="cpu", seed=0)
    assert plain.critic(observation, 1e5 * torch.ones(1, 6))[0].abs() > 1e3


def test_what_it_does_not_know(world: Callable[..., WorldModelDynamics]) -> None:
    environment = WorldModelVecEnv(world(), 2)
    with pytest.raises(ConfigurationError, match=r"did you mean SAC\?.*SAC, TD3, PPO"):
        make_algorithm(environment, "SCA")
    with pytest.raises(ConfigurationError, match="n_steps_typo"):
        make_algorithm(environment, "PPO", n_steps_typo=3)
    for option, wrong in {
        "learning_rate": "fast",
        "batch_size": 2.5,
        "gamma": [1],
        "buffer_size": 10**30,
        "tau": float("nan"),
        "policy_kwargs": {},
        "gradient_steps": None,
    }.items():
        if option != "policy_kwargs":
            with pytest.raises(ConfigurationError, match=f"policy.{option}=.*expected a"):
                make_algorithm(environment, "SAC", **{option: wrong})


def test_learning_goes_on_from_td3_bc(tmp_path: Path) -> None:
    data = dataset_of("HalfCheetah-v5")
    before = TD3BC.from_dataset(data, net_arch=[16, 8], seed=1)
    before.train(5, 32)
    path = save_policy(before, tmp_path / "policy.zip")
    environment = WorldModelVecEnv(load_dynamics(checkpoint_of(data), data, context=0, num_start_states=20), 2)
    plain = {"layer_norm": False, "device": "cpu", "seed": 2}
    after: Any = make_algorithm(environment, "TD3", policy_kwargs={"net_arch": [16, 8]}, **plain)
    load_initial_parameters(after, path)
    observation, action = torch.randn(4, 17), torch.rand(4, 6) * 2 - 1
    for name in ("actor", "actor_target"):
        assert torch.equal(getattr(after, name)(observation), getattr(before, name)(observation))
    for name in ("critic", "critic_target"):
        for own, given in zip(
            getattr(after, name)(observation, action), getattr(before, name)(observation, action), strict=True
        ):
            assert torch.equal(own, given)
    assert after.actor.optimizer.state_dict()["state"][0]["step"] == 2
    with pytest.raises(ConfigurationError, match="no policy of this TD3 and its sizes"):
        load_initial_parameters(make_algorithm(environment, "TD3", policy_kwargs={"net_arch": [16, 8]}), path)


def test_proximal_steps_need_their_own_critics(world: Callable[..., WorldModelDynamics]) -> None:
    with pytest.raises(ConfigurationError, match=r"policy\.proximal=0"):
        make_algorithm(WorldModelVecEnv(world(), 2), "TD3", proximal=0.1, layer_norm=False)
