from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from mbrl_mts3.data import Episode, Normalizer
from mbrl_mts3.errors import DataError
from mbrl_mts3.predictions import Prediction, Trajectories


@pytest.fixture
def episodes() -> list[Episode]:
    generator = np.random.default_rng(0)

    def make(steps: int) -> Episode:
        observations = generator.normal([5.0, -300.0, 0.25], [2.0, 40.0, 0.0], (steps + 1, 3))
        return Episode(
            observations=observations.astype(np.float32),
            actions=generator.uniform(-1, 3, (steps, 2)).astype(np.float32),
            rewards=generator.normal(7, 0.1, steps).astype(np.float32),
            terminations=np.zeros(steps, np.bool_),
            truncations=np.zeros(steps, np.bool_),
        )

    return [make(40), make(3), make(77)]


def test_statistics_are_those_of_all_rows(episodes: list[Episode]) -> None:
    normalizer = Normalizer.fit(episodes)
    rows = np.concatenate([episode.observations for episode in episodes]).astype(np.float64)
    np.testing.assert_allclose(normalizer.observation_mean, rows.mean(0), rtol=1e-6)
    np.testing.assert_allclose(normalizer.observation_scale[:2], rows.std(0)[:2], rtol=1e-6)
    rewards = np.concatenate([episode.rewards for episode in episodes]).astype(np.float64)
    assert normalizer.reward_mean.item() == pytest.approx(rewards.mean())
    assert normalizer.reward_scale.item() == pytest.approx(rewards.std(), rel=1e-5)
    assert {tensor.dtype for tensor in normalizer.tensors()} == {torch.float32}


def test_a_constant_dimension_keeps_its_scale(episodes: list[Episode]) -> None:
    assert Normalizer.fit(episodes).observation_scale[2] == 1


def test_normalized_data_has_mean_zero_and_deviation_one(episodes: list[Episode]) -> None:
    normalizer = Normalizer.fit(episodes)
    rows = normalizer.normalize_action(torch.cat([torch.as_tensor(episode.actions) for episode in episodes]))
    torch.testing.assert_close(rows.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(rows.std(0, correction=0), torch.ones(2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["observation", "action", "reward"])
def test_there_and_back(episodes: list[Episode], kind: str) -> None:
    normalizer = Normalizer.fit(episodes)
    values = torch.as_tensor(getattr(episodes[0], f"{kind}s")).expand(2, -1, *[-1] * (kind != "reward"))
    there = getattr(normalizer, f"normalize_{kind}")(values)
    back = there * getattr(normalizer, f"{kind}_scale") + getattr(normalizer, f"{kind}_mean")
    torch.testing.assert_close(back, values)
    if kind != "action":
        assert torch.equal(getattr(normalizer, f"denormalize_{kind}")(there), back)
    assert not torch.allclose(there, values)


def test_predictions_have_the_moments_of_denormalized_samples(episodes: list[Episode]) -> None:
    normalizer = Normalizer.fit(episodes)
    mean, deviation = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([0.3, 1.5, 0.7])
    samples = mean + deviation * torch.randn(200_000, 3)
    rewards = 0.2 + 3.0 * torch.randn(200_000)
    prediction = Prediction(
        mean=mean.expand(1, 1, 3),
        variance=deviation.square().expand(1, 1, 3),
        reward_mean=torch.full((1, 1), 0.2),
        reward_variance=torch.full((1, 1), 9.0),
        termination_logit=torch.full((1, 1), -4.0),
        epistemic_variance=deviation.square().expand(1, 1, 3) / 4,
    )
    physical = normalizer.denormalize_prediction(prediction)
    sampled = normalizer.denormalize_observation(samples)
    torch.testing.assert_close(physical.mean[0, 0], sampled.mean(0), rtol=0.01, atol=0.01)
    torch.testing.assert_close(physical.variance[0, 0], sampled.var(0), rtol=0.02, atol=0)
    assert physical.reward_mean is not None
    assert physical.reward_variance is not None
    sampled_rewards = normalizer.denormalize_reward(rewards)
    assert physical.reward_mean.item() == pytest.approx(sampled_rewards.mean().item(), rel=0.01)
    assert physical.reward_variance.item() == pytest.approx(sampled_rewards.var().item(), rel=0.02)
    assert torch.equal(physical.termination_logit, prediction.termination_logit)  # type: ignore[arg-type]
    torch.testing.assert_close(physical.epistemic_variance, physical.variance / 4)


def test_heads_that_are_not_there_stay_away(episodes: list[Episode]) -> None:
    normalizer = Normalizer.fit(episodes)
    physical = normalizer.denormalize_prediction(Prediction(torch.zeros(2, 4, 3), torch.ones(2, 4, 3)))
    assert physical.reward_mean is physical.reward_variance is physical.termination_logit is None
    assert physical.epistemic_variance is None


def test_trajectories(episodes: list[Episode]) -> None:
    normalizer = Normalizer.fit(episodes)
    trajectories = Trajectories(torch.randn(2, 5, 4, 3), torch.randn(2, 5, 4))
    physical = normalizer.denormalize_trajectories(trajectories)
    torch.testing.assert_close(normalizer.normalize_observation(physical.observations), trajectories.observations)
    assert physical.rewards is not None
    torch.testing.assert_close(
        normalizer.normalize_reward(physical.rewards), trajectories.rewards, atol=1e-3, rtol=1e-3
    )


def test_identity_leaves_all_as_it_is() -> None:
    normalizer, values = Normalizer.identity(3, 2), torch.randn(5, 3)
    assert torch.equal(normalizer.normalize_observation(values), values)
    assert torch.equal(normalizer.normalize_action(values[:, :2]), values[:, :2])
    assert torch.equal(normalizer.denormalize_reward(values), values)


def test_no_episodes_are_refused() -> None:
    with pytest.raises(DataError, match="at least one episode"):
        Normalizer.fit([])


def test_shapes_of_fit_follow_the_data(make_episode: Any) -> None:
    normalizer = Normalizer.fit([make_episode(4)])
    assert [tuple(tensor.shape) for tensor in normalizer.tensors()] == [(2,), (2,), (2,), (2,), (), (), (2,)]


def test_the_scale_of_changes_is_their_root_mean_square_within_bounds(make_episode: Any) -> None:
    """A slow drift, a jump at every step, and an entry that hardly moves, of two episodes; never across episodes."""
    rng = np.random.default_rng(0)
    episodes = []
    for length in (50, 31):
        steps = np.arange(length + 1)
        columns = np.c_[0.1 * steps + 0.05 * rng.normal(size=length + 1), (-1.0) ** steps, 5 + 3 * (steps > 40)]
        episodes.append(replace(make_episode(length), observations=columns.astype(np.float32)))
    normalizer = Normalizer.fit(episodes)
    joined = np.concatenate([episode.observations for episode in episodes]).astype(float)
    changes = np.concatenate([np.diff(episode.observations.astype(float), axis=0) for episode in episodes])
    expected = np.sqrt(np.square(changes).mean(0)) / joined.std(0)
    assert expected[1] > 1
    np.testing.assert_allclose(normalizer.change_scale, np.clip(expected, 0.001, 1), rtol=1e-5)
