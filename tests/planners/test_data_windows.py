"""Walks over windows of the data, against a search by hand through all windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mbrl_mts3.data import Episode
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners import DataWindows

SCALE = np.array([0.5, 2.0])


def episode(steps: int, seed: int) -> Episode:
    rng = np.random.default_rng(seed)
    return Episode(
        observations=(rng.normal(size=(steps + 1, 2)).cumsum(axis=0) * 0.3).astype(np.float32),
        actions=rng.normal(size=(steps, 3)).astype(np.float32),
        rewards=rng.normal(size=steps).astype(np.float32),
        terminations=np.zeros(steps, np.bool_),
        truncations=np.zeros(steps, np.bool_),
    )


# One of them is shorter than a window.
EPISODES = [episode(steps, seed) for seed, steps in enumerate([23, 3, 31, 12, 17])]
OPTIONS: list[dict[str, Any]] = [
    {"length": 4, "stride": 2, "neighbours": 3, "radius": 0.8, "persistence": 0.5},
    {"length": 4, "stride": 3, "neighbours": 5, "radius": 0.0, "persistence": 0.0},
    {"length": 5, "stride": 7, "neighbours": 100, "radius": 99.0, "persistence": 0.9},
    {"length": 3, "stride": 1, "neighbours": 1, "radius": 0.3, "persistence": 1.0},
]


def walk_by_hand(
    start: np.ndarray, which: np.ndarray, leave: np.ndarray, options: dict[str, Any]
) -> list[tuple[Episode, int]]:
    """Episode and first step of each window of one walk."""
    length, stride = options["length"], options["stride"]
    windows = [(one, step) for one in EPISODES for step in range(0, len(one) - length + 1, stride)]

    def nearest(place: np.ndarray) -> tuple[list[int], list[float]]:
        distances = [float(np.linalg.norm((one.observations[step] - place) / SCALE)) for one, step in windows]
        order = np.argsort(distances, kind="stable")[: options["neighbours"]]
        return list(order), [distances[index] for index in order]

    found, _ = nearest(start)
    walk = [windows[found[int(which[0] * len(found))]]]
    for draw, departure in zip(which[1:], leave[1:], strict=True):
        one, step = walk[-1]
        onward = [there for there in windows if there[0] is one and there[1] >= step + length]
        if onward and departure < options["persistence"]:
            walk.append(onward[0])
            continue
        order, distances = nearest(one.observations[step + length])
        near = max(1, sum(distance <= options["radius"] for distance in distances))
        walk.append(windows[order[int(draw * near)]])
    return walk


@pytest.mark.parametrize("options", OPTIONS)
def test_walks_are_those_of_a_search_by_hand(options: dict[str, Any]) -> None:
    windows = DataWindows(EPISODES, torch.from_numpy(SCALE), **options)
    generator = torch.Generator().manual_seed(0)
    start, draws = torch.randn(2, 2, generator=generator), torch.rand(2, 2, 6, 5, generator=generator)
    walks = windows.walk(start, draws)
    length = options["length"]
    for row in range(2):
        for walk in range(6):
            expected = walk_by_hand(start[row].numpy(), *draws[:, row, walk].numpy(), options)
            cut = [(one, slice(step, step + length)) for one, step in expected]
            parts = {
                "actions": [one.actions[steps] for one, steps in cut],
                "observations": [one.observations[1:][steps] for one, steps in cut],
                "rewards": [one.rewards[steps] for one, steps in cut],
            }
            for name, arrays in parts.items():
                np.testing.assert_array_equal(getattr(walks, name)[row, walk].numpy(), np.concatenate(arrays))


def test_shared_draws_are_those_of_each_start() -> None:
    windows = DataWindows(EPISODES, torch.from_numpy(SCALE), **OPTIONS[0])
    start, draws = torch.randn(3, 2), torch.rand(2, 4, 5)
    together = windows.walk(start, draws)
    for row in range(3):
        alone = windows.walk(start[row : row + 1], draws[:, None])
        assert torch.equal(alone.observations[0], together.observations[row])


def test_distances_count_in_units_of_the_scale() -> None:
    windows = DataWindows(EPISODES, torch.from_numpy(SCALE), length=4)
    found = windows.distance(torch.tensor([[1.0, 4.0]]), torch.tensor([[0.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([8.0]).sqrt())


def test_as_many_windows_as_fit() -> None:
    assert len(DataWindows(EPISODES, torch.ones(2), length=4, stride=2)) == 10 + 14 + 5 + 7


@pytest.mark.parametrize("wrong", [{"length": 0}, {"stride": 0}, {"neighbours": 0}, {"radius": -1.0}])
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(wrong))}="):
        DataWindows(EPISODES, torch.ones(2), **wrong)


def test_data_without_a_whole_window_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="40 steps of a window"):
        DataWindows(EPISODES, torch.ones(2), length=40)
