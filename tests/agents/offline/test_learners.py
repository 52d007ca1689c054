"""What all learners of policies from data have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from imagined_worlds import dataset_of
from stable_baselines3 import TD3

from mbrl_mts3.agents.offline import IQL, TD3BC
from mbrl_mts3.agents.policy_files import load_policy, save_policy
from mbrl_mts3.errors import NonFiniteError

Build = Callable[..., Any]
Learner = type[TD3BC] | type[IQL]
SMALL: dict[str, Any] = {"net_arch": [32], "learning_rate": 0.01, "tau": 0.1}


@pytest.fixture(params=[TD3BC, IQL])
def learner_class(request: pytest.FixtureRequest) -> Learner:
    found: Learner = request.param
    return found


@pytest.mark.parametrize(("ended", "value"), [(True, 1.0), (False, 2.0)])
def test_values_go_on_where_an_episode_was_cut_only(
    learner_class: Learner, data_of: Build, ended: bool, value: float
) -> None:
    """One state, a reward of 1 for ever, gamma 1/2: worth 2, or 1 where the episode ends."""
    data = data_of(np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1), ended)
    quiet: dict[str, Any] = {"target_policy_noise": 0.0} if learner_class is TD3BC else {}
    learner = learner_class.from_dataset(data, gamma=0.5, **quiet, **SMALL)
    learner.train(300, 8)
    first, second = learner.critic(torch.zeros(1, 1), torch.zeros(1, 1))
    assert first.item() == pytest.approx(value, abs=0.1)
    assert second.item() == pytest.approx(value, abs=0.1)


@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "PointMaze_UMaze-v3"])
def test_the_zip_is_one_of_td3_and_acts_on_raw_observations(
    tmp_path: Path, learner_class: Learner, env_id: str
) -> None:
    data = dataset_of(env_id, "everything", episodes=2, steps=20)
    learner = learner_class.from_dataset(data, net_arch=[8])
    learner.train(3, 16)
    learner.save(tmp_path / "policy.zip")
    loaded = TD3.load(tmp_path / "policy.zip", device="cpu")
    assert loaded.observation_space == data.observation_space
    raw = data.observation_space.sample()
    action, _ = loaded.predict(raw)
    np.testing.assert_array_equal(action, learner.predict(raw)[0])
    # By hand: the features are what the paper of TD3+BC says they are.
    everything = np.concatenate([episode.observations[:-1] for episode in data.episodes]).astype(np.float64)
    expected = (data.selector(raw) - everything.mean(axis=0)) / (everything.std(axis=0) + 1e-3)
    seen, _ = loaded.policy.obs_to_tensor(raw)
    with torch.no_grad():
        features = loaded.actor.extract_features(seen, loaded.actor.features_extractor)
        by_hand = loaded.actor.mu(torch.tensor(expected, dtype=torch.float32)[None])
    np.testing.assert_allclose(features[0].numpy(), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(action, by_hand[0].numpy(), atol=1e-4)


@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "PointMaze_UMaze-v3"])
def test_files_are_read_as_td3_without_pickle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learner_class: Learner, env_id: str
) -> None:
    data = dataset_of(env_id, "everything", episodes=2, steps=20)
    learner = learner_class.from_dataset(data, net_arch=[8])
    learner.train(3, 16)
    path = save_policy(learner, tmp_path / "policy.zip")
    monkeypatch.setattr("cloudpickle.loads", lambda text: pytest.fail("something is unpickled"))
    loaded = load_policy(path, algorithm="TD3")
    raw = data.observation_space.sample()
    np.testing.assert_array_equal(loaded.predict(raw)[0], learner.predict(raw)[0])
    # Saved once more it stays what it is.
    twice = load_policy(save_policy(loaded, tmp_path / "twice.zip"))
    np.testing.assert_array_equal(twice.predict(raw)[0], learner.predict(raw)[0])


def test_files_without_the_plain_part_are_read_where_they_are_trusted(tmp_path: Path, learner_class: Learner) -> None:
    data = dataset_of("HalfCheetah-v5", "everything", episodes=2, steps=20)
    learner = learner_class.from_dataset(data, net_arch=[8])
    learner.save(tmp_path / "policy.zip")
    loaded = load_policy(tmp_path / "policy.zip", trust_pickle=True)
    raw = data.observation_space.sample()
    np.testing.assert_array_equal(loaded.predict(raw)[0], learner.predict(raw)[0])


def test_equal_seeds_give_equal_policies(learner_class: Learner, data_of: Build) -> None:
    data = data_of(np.eye(3), np.eye(3), np.ones(3), True)

    def first_weight(seed: int) -> torch.Tensor:
        learner = learner_class.from_dataset(data, seed=seed, **SMALL)
        learner.train(5, 4)
        return next(learner.actor.mu.parameters()).detach()

    assert torch.equal(first_weight(1), first_weight(1))
    assert not torch.equal(first_weight(1), first_weight(2))


def test_values_without_bounds_are_refused(learner_class: Learner, data_of: Build) -> None:
    data = data_of(np.zeros((1, 1)), np.zeros((1, 1)), np.full(1, 3e38), True)
    with pytest.raises(NonFiniteError, match=r"_loss is (nan|inf)"):
        learner_class.from_dataset(data, **SMALL).train(5, 4)
