"""Batches of imagined and real transitions."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.agents.imagination import MixedReplayBuffer, Transitions
from mbrl_mts3.errors import ConfigurationError

ACTIONS = spaces.Box(-1, 1, (1,), np.float32)


def transitions(reward: float, dictionary: bool) -> Transitions:
    observation = {"a": np.zeros((4, 2)), "b": np.ones((4, 1))} if dictionary else np.zeros((4, 2))
    no = np.zeros(4, bool)
    return Transitions(observation, np.zeros((4, 1), np.float32), np.full(4, reward), observation, no, no)


def mixed(real_fraction: float, dictionary: bool = False) -> MixedReplayBuffer:
    """What is real has the reward 1, nothing is imagined yet."""
    a, b = (spaces.Box(-np.inf, np.inf, (size,)) for size in (2, 1))
    space = spaces.Dict({"a": a, "b": b}) if dictionary else a
    imagined, real = (transitions(reward, dictionary).as_buffer(space, ACTIONS) for reward in (0.0, 1.0))
    imagined.reset()
    return MixedReplayBuffer(imagined, real, real_fraction)


@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize(("fraction", "real"), [(0.0, 0), (0.05, 1), (0.5, 10), (1.0, 20)])
def test_the_share_is_exact(fraction: float, real: int, dictionary: bool) -> None:
    replay = mixed(fraction, dictionary)
    transitions(0.0, dictionary).add_to(replay)
    batch = replay.sample(20)
    assert batch.rewards.sum() == real
    observation = batch.observations["b"] if isinstance(batch.observations, dict) else batch.observations
    assert len(observation) == len(batch.actions) == len(batch.dones) == 20
    assert batch.discounts is None


def test_all_is_real_before_anything_was_imagined() -> None:
    replay = mixed(0.05)
    assert replay.size() == 0
    assert replay.sample(20).rewards.sum() == 20


@pytest.mark.parametrize("fraction", [-0.1, 1.1])
def test_no_other_share(fraction: float) -> None:
    with pytest.raises(ConfigurationError, match="real_fraction"):
        mixed(fraction)
