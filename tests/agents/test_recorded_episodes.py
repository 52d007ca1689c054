"""Recorded episodes come back from their file as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbrl_mts3.agents import EvaluatedEpisode
from mbrl_mts3.agents.recorded_episodes import load_episodes, save_episodes
from mbrl_mts3.errors import ResultError


def episode(seed: int, steps: int, observations: Any, success: bool | None) -> EvaluatedEpisode:
    rng = np.random.default_rng(seed)
    return EvaluatedEpisode(seed, observations, rng.normal(size=(steps, 2)), rng.normal(size=steps), success)


def test_episodes_come_back(tmp_path: Path):
    goal = {"observation": np.arange(8.0).reshape(4, 2), "desired_goal": np.ones((4, 2), dtype=np.float32)}
    # More than ten, so that their order is not that of their names.
    written = [episode(7 + n, 3, goal, bool(n % 2)) for n in range(12)]
    read = load_episodes(save_episodes(tmp_path / "episodes.npz", written))
    assert [one.seed for one in read] == list(range(7, 19))
    for before, after in zip(written, read, strict=True):
        np.testing.assert_array_equal(before.actions, after.actions)
        np.testing.assert_array_equal(before.rewards, after.rewards)
        assert before.success is after.success
        assert set(after.observations) == {"observation", "desired_goal"}
        for key, leaf in goal.items():
            np.testing.assert_array_equal(after.observations[key], leaf)
            assert after.observations[key].dtype == leaf.dtype


def test_an_array_stays_an_array_and_no_goal_no_goal(tmp_path: Path):
    (read,) = load_episodes(save_episodes(tmp_path / "one.npz", [episode(0, 2, np.eye(3), None)]))
    np.testing.assert_array_equal(read.observations, np.eye(3))
    assert read.success is None


@pytest.mark.parametrize("content", [None, b"", b"no zip"])
def test_what_is_no_such_file_is_told(tmp_path: Path, content: bytes | None):
    path = tmp_path / "episodes.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ResultError, match="record=true"):
        load_episodes(path)
