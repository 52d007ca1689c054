"""The experiment on uncertainty measures what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rank_errors
from imagined_worlds import checkpoint_of, dataset_of

from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs import make_environment


@pytest.fixture(scope="module")
def data() -> OfflineDataset:
    return dataset_of("HalfCheetah-v5", episodes=3, steps=100)


def test_what_follows_is_what_the_simulator_does(data: OfflineDataset) -> None:
    moments = [(data.episodes[0], 30), (data.episodes[1], 35)]
    followed, actions, levels = rank_errors._follow(moments, None, np.random.default_rng(0))
    environment: Any = make_environment("HalfCheetah-v5").unwrapped
    environment.reset(seed=0)
    assert np.array_equal(actions[levels == 0][1], moments[1][0].actions[35:95])
    for place in (1, 5):
        episode, t = moments[place % 2]
        state = episode.observations[t].astype(np.float64)
        environment.set_state(np.concatenate([[7.0], state[:8]]), state[8:])
        for step in range(5):
            observation = environment.step(actions[place, step])[0]
            np.testing.assert_allclose(followed[place, step], observation, atol=1e-2, rtol=1e-2)
    environment.close()
    noise = actions[levels == 0.3] - actions[levels == 0]
    inside = np.abs(actions[levels == 0.3]) < 1
    assert 0.15 < noise[inside].std() < 0.35


def test_a_policy_sees_where_its_noise_has_led(data: OfflineDataset) -> None:
    class Mirror:
        def predict(self, observation: np.ndarray, deterministic: bool) -> tuple[np.ndarray, None]:
            assert deterministic
            return np.tanh(observation[:, :6]), None

    followed, actions, levels = rank_errors._follow([(data.episodes[0], 30)], Mirror(), np.random.default_rng(0))
    quiet = levels == 0
    np.testing.assert_allclose(actions[quiet][0, 1:], np.tanh(followed[quiet][0, :-1, :6]), atol=1e-5)


def test_errors_and_measures_have_the_units_of_the_data(data: OfflineDataset) -> None:
    checkpoint, moments = checkpoint_of(data), [(data.episodes[0], 30), (data.episodes[1], 35)]
    truth, actions, levels = rank_errors._follow(moments, None, np.random.default_rng(0))
    error, measures = rank_errors._imagine(checkpoint, data.episodes, moments, actions, truth)
    assert error.shape == (10, 60)
    assert set(measures) == {"variance", "density"}
    rows = rank_errors._correlate("mine", error, {"error": error, "less": -error}, levels)
    assert [row["pooled"] for row in rows] == [1.0, -1.0] * 4
    assert [row["horizon"] for row in rows[::2]] == [1, 5, 15, 60]
