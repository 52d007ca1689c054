"""Values that stand out are found where they are, and ordinary data are left in peace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from planted_faults import in_episode, planted, written

from mbrl_mts3.data.checks.registry import run_checks
from mbrl_mts3.data.checks.statistics import compute_statistics
from mbrl_mts3.data.dataset import StreamedDataset
from mbrl_mts3.data.episode import RawEpisode


def walks(steps: int = 60, episodes: int = 12, **facts: Any) -> StreamedDataset:
    generator = np.random.default_rng(3)

    def episode(number: int) -> RawEpisode:
        end = np.arange(steps) == steps - 1
        return RawEpisode(
            generator.normal(size=(steps + 1, 3)).cumsum(0) * 0.1 + generator.uniform(-9, 9, 3),
            generator.uniform(-1, 1, (steps, 2)),
            (generator.uniform(size=steps) < 0.01).astype(float),
            np.zeros(steps, bool),
            end,
            episode_id=number,
        )

    made = [episode(number) for number in range(episodes)]
    space, actions = spaces.Box(-np.inf, np.inf, (3,), np.float64), spaces.Box(-1, 1, (2,), np.float64)
    dataset = StreamedDataset("mine/walks-v0", space, actions, lambda: iter(made), total_steps=steps * episodes)
    return replace(dataset, **facts)


def found(dataset: StreamedDataset) -> dict[str, Any]:
    return {finding.name: finding for finding in run_checks(compute_statistics(dataset))}


def test_ordinary_data_and_sparse_rewards_are_left_in_peace():
    assert found(walks()) == {}


@pytest.mark.parametrize("value", [1e25, -1e12, 1e9, 4e4])
@pytest.mark.parametrize(
    ("name", "leaf", "place"), [("observations", "observation", (7, 1)), ("rewards", "rewards", 7)]
)
def test_one_value_that_outweighs_all_others(name: str, leaf: str, place: Any, value: float):
    def change(e: RawEpisode) -> dict[str, Any]:
        return {name: written(getattr(e, name), place, value)}

    finding = found(planted(walks(), in_episode(5, change)))[f"outlier {leaf}"]
    assert (finding.severity, finding.episode, finding.step) == ("warning", 5, 7)


def test_what_float32_cannot_hold_is_an_error():
    def change(e: RawEpisode) -> dict[str, Any]:
        return {"rewards": written(e.rewards, 3, -1e40)}

    finding = found(planted(walks(), in_episode(2, change)))["beyond-float32 rewards"]
    assert (finding.severity, finding.episode, finding.step) == ("error", 2, 3)


def test_observations_beyond_their_own_space():
    space = spaces.Dict({"observation": spaces.Box(-20.0, 20.0, (3,), np.float64)})
    whole = walks()
    dicts = [replace(episode, observations={"observation": episode.observations}) for episode in whole.read()]
    inside = replace(whole, observation_space=space, read=lambda: iter(dicts))
    assert found(inside) == {}

    def change(e: RawEpisode) -> dict[str, Any]:
        return {"observations": {"observation": written(e.observations["observation"], (9, 2), -21.0)}}

    finding = found(planted(inside, in_episode(1, change)))["bounds of observation"]
    assert (finding.episode, finding.step) == (1, 9)
    assert "by up to 1" in finding.message


@pytest.mark.parametrize("steps", [15, 30, 80])
@pytest.mark.parametrize("shift", [-1, 1])
def test_boundaries_that_are_off_by_a_row_in_short_episodes(steps: int, shift: int):
    whole = list(walks(steps, 40).read())
    rows = np.concatenate([episode.observations[:-1] for episode in whole])
    cut = [
        replace(episode, observations=rows[first : first + steps + 1])
        for place, episode in enumerate(whole[:-2])
        for first in [(place + 1) * steps + shift]
    ]
    findings = run_checks(compute_statistics(replace(walks(), read=lambda: iter(cut))))
    assert ("error", "observation-jump") in {(finding.severity, finding.name) for finding in findings}
