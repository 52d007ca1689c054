"""Behaviour cloning with the networks of Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from mbrl_mts3.agents.imagination import Transitions, make_algorithm
from mbrl_mts3.agents.imagination.imitation import frozen_actor, imitate
from mbrl_mts3.agents.vec_env import WorldModelVecEnv
from mbrl_mts3.envs.world_model import WorldModelDynamics

World = Callable[..., WorldModelDynamics]


def learner(world: World, name: str) -> Any:
    options = {"policy_kwargs": {"net_arch": [32]}, "device": "cpu", "seed": 0}
    return make_algorithm(WorldModelVecEnv(world(), 2), name, **options)


def rule(observation: np.ndarray) -> np.ndarray:
    """What is to be imitated."""
    return np.tanh(observation[:, :6]) * 0.8


def shown(algorithm: Any) -> Any:
    rng = np.random.default_rng(0)
    observation = rng.normal(size=(500, 17))
    actions = (rule(observation) + 0.05 * rng.normal(size=(500, 6))).astype(np.float32)
    no = np.zeros(500, bool)
    transitions = Transitions(observation, actions, np.ones(500), observation, no, no)
    return transitions.as_buffer(algorithm.observation_space, algorithm.action_space)


@pytest.mark.parametrize("name", ["SAC", "TD3", "PPO"])
def test_it_does_as_it_was_shown(world: World, name: str) -> None:
    algorithm = learner(world, name)
    observation = np.random.default_rng(1).normal(size=(200, 17))

    def error() -> float:
        action, _ = algorithm.predict(observation, deterministic=True)
        return float(np.abs(action - rule(observation)).mean())

    before = error()
    imitate(algorithm, shown(algorithm), 400, batch_size=64, learning_rate=5e-3)
    assert error() < min(0.2, before / 2)


def test_the_target_follows(world: World) -> None:
    algorithm = learner(world, "TD3")
    imitate(algorithm, shown(algorithm), 5, batch_size=64, learning_rate=5e-3)
    for mine, target in zip(algorithm.actor.parameters(), algorithm.actor_target.parameters(), strict=True):
        assert torch.equal(mine, target)


def test_no_steps_change_nothing(world: World) -> None:
    algorithm = learner(world, "SAC")
    before = [parameter.clone() for parameter in algorithm.actor.parameters()]
    assert np.isnan(imitate(algorithm, shown(algorithm), 0, batch_size=64, learning_rate=1e-3))
    assert all(torch.equal(a, b) for a, b in zip(before, algorithm.actor.parameters(), strict=True))


@pytest.mark.parametrize("name", ["SAC", "TD3"])
def test_a_held_actor_stays_while_critics_learn(world: World, name: str) -> None:
    algorithm = learner(world, name)
    algorithm.replay_buffer = shown(algorithm)
    algorithm.learn(0)
    before = {part: [p.clone() for p in getattr(algorithm, part).parameters()] for part in ("actor", "critic")}
    with frozen_actor(algorithm):
        algorithm.train(3, 16)
    same = {
        part: all(torch.equal(a, b) for a, b in zip(old, getattr(algorithm, part).parameters(), strict=True))
        for part, old in before.items()
    }
    assert same == {"actor": True, "critic": False}
    algorithm.train(3, 16)
    assert not all(torch.equal(a, b) for a, b in zip(before["actor"], algorithm.actor.parameters(), strict=True))


def test_the_weight_of_the_entropy_waits_for_the_actor(world: World) -> None:
    algorithm = learner(world, "SAC")
    algorithm.replay_buffer = shown(algorithm)
    algorithm.learn(0)
    before = algorithm.log_ent_coef.detach().clone()
    with frozen_actor(algorithm):
        algorithm.train(3, 16)
        assert algorithm.logger.name_to_value["train/ent_coef"] == pytest.approx(float(before.exp()))
    assert torch.equal(algorithm.log_ent_coef, before)
    algorithm.train(3, 16)
    assert not torch.equal(algorithm.log_ent_coef, before)


def test_a_given_weight_of_the_entropy_stays(world: World) -> None:
    options = {"policy_kwargs": {"net_arch": [8]}, "device": "cpu", "seed": 0, "ent_coef": 0.3}
    algorithm: Any = make_algorithm(WorldModelVecEnv(world(), 2), "SAC", **options)
    algorithm.replay_buffer = shown(algorithm)
    algorithm.learn(0)
    for hold in (frozen_actor(algorithm), nullcontext()):
        with hold:
            algorithm.train(1, 16)
        assert float(algorithm.ent_coef_tensor) == pytest.approx(0.3)
