"""Each check finds the fault that is planted into data of the real simulators, and nothing in the data as it is."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from planted_faults import Plant, everywhere, in_episode, joined, planted, rows_of, written

from mbrl_mts3.data.checks.finding import Finding
from mbrl_mts3.data.checks.registry import run_checks
from mbrl_mts3.data.checks.rewards import reward_meaning
from mbrl_mts3.data.checks.statistics import compute_statistics
from mbrl_mts3.data.dataset import StreamedDataset
from mbrl_mts3.data.episode import RawEpisode

Real = Callable[[str], StreamedDataset]


def found(dataset: StreamedDataset) -> dict[str, Finding]:
    return {finding.name: finding for finding in run_checks(compute_statistics(dataset))}


@functools.cache
def found_in_real(real: Real, name: str) -> dict[str, Finding]:
    return found(real(name))


def goal_data(
    maze: StreamedDataset, radius: float, shift: int = 0, stale: bool = True, **facts: Any
) -> StreamedDataset:
    """The maze's episodes with one goal each, where the point comes by, paid within `radius`, `shift` steps late."""

    def change(episode: RawEpisode) -> dict[str, Any]:
        positions = episode.observations["achieved_goal"]
        goals = np.broadcast_to(positions[150], positions.shape)
        paid = (np.linalg.norm(positions - goals, axis=1) <= radius).astype(np.float64)
        rewards = paid[1 - shift : len(paid) - shift]
        return {"observations": {**episode.observations, "desired_goal": goals}, "rewards": rewards}

    return planted(maze, everywhere(change), **facts)


@pytest.mark.parametrize(("name", "expected"), [("maze", {"stale-goal"}), ("cheetah", set()), ("kitchen", set())])
def test_real_data_is_found_right(real: Real, name: str, expected: set[str]) -> None:
    # The real maze does show reached goals a step longer; random arms in a kitchen earn nothing.
    findings = found_in_real(real, name)
    assert {key for key, finding in findings.items() if finding.severity == "error"} == set()
    assert set(findings) - {"observation-jump", "constant-rewards", "constant observation"} == expected


FLAG = in_episode(4, lambda e: {"truncations": np.zeros(len(e), bool)})
INSIDE = in_episode(4, lambda e: {"truncations": written(e.truncations, 17, True)})


def nan_row(key: str) -> Plant:
    def change(episode: RawEpisode) -> dict[str, Any]:
        if key in ("actions", "rewards"):
            return {key: written(getattr(episode, key), 17, np.nan)}
        observations = episode.observations
        return {"observations": {**observations, key: written(observations[key], (17, 1), np.inf)}}

    return in_episode(4, change)


def terminated(episode: RawEpisode) -> dict[str, Any]:
    return {"terminations": np.arange(len(episode)) == len(episode) - 1, "truncations": np.zeros(len(episode), bool)}


def scaled(factor: float) -> Plant:
    return everywhere(lambda episode: {"rewards": factor * episode.rewards})


def frozen(episode: RawEpisode) -> dict[str, Any]:
    return {"observations": written(episode.observations, (slice(None), 3), 0.5)}


@pytest.mark.parametrize(
    ("name", "plant", "finding", "severity", "episode", "step"),
    [
        ("maze", nan_row("observation"), "non-finite observation", "error", 4, 17),
        ("maze", nan_row("desired_goal"), "non-finite desired_goal", "error", 4, 17),
        ("maze", nan_row("actions"), "non-finite actions", "error", 4, 17),
        ("maze", nan_row("rewards"), "non-finite rewards", "error", 4, 17),
        (
            "cheetah",
            in_episode(4, lambda e: {"actions": written(e.actions, (9, 2), 1.01)}),
            "action-bounds",
            "error",
            4,
            9,
        ),
        ("cheetah", FLAG, "unmarked-end", "warning", 4, 199),
        ("cheetah", INSIDE, "end-inside", "error", 4, 17),
        ("cheetah", in_episode(4, terminated), "impossible-termination", "error", 4, 199),
        ("kitchen", in_episode(4, terminated), "limit-as-termination", "warning", 4, 3),
        ("cheetah", lambda e: [joined(e[0], e[1]), *e[2:]], "beyond-limit", "error", 0, 200),
        ("cheetah", lambda e: [joined(e[0], e[1]), *e[2:]], "hidden-start", "error", 0, 199),
        ("kitchen", lambda e: [*e[:2], joined(e[2], e[3]), *e[4:]], "beyond-limit", "error", 2, 4),
        ("maze", lambda e: [joined(e[0], e[1]), *e[2:]], "observation-jump", "error", 0, 299),
        ("cheetah", lambda e: [*e, replace(e[5], episode_id=12)], "duplicated-episodes", "error", 12, None),
        ("cheetah", everywhere(frozen), "constant observation", "warning", None, None),
        ("cheetah", everywhere(lambda e: {"actions": e.actions * 0}), "constant actions", "warning", None, None),
        ("cheetah", scaled(0.0), "constant-rewards", "warning", None, None),
        ("cheetah", scaled(0.1), "reward-scale", "error", 0, None),
        ("maze", scaled(100.0), "reward-scale", "error", None, None),
        ("cheetah", everywhere(lambda e: {"rewards": np.roll(e.rewards, 1)}), "reward-timing", "error", 0, None),
        ("cheetah", everywhere(lambda e: {"rewards": np.roll(e.rewards, -1)}), "reward-timing", "error", 0, None),
        (
            "cheetah",
            everywhere(lambda e: {"rewards": e.rewards.astype(int)}),
            "dtype of rewards",
            "warning",
            None,
            None,
        ),
        (
            "cheetah",
            everywhere(lambda e: {"observations": e.observations.astype(np.float16)}),
            "dtype of observation",
            "warning",
            None,
            None,
        ),
        (
            "cheetah",
            in_episode(2, lambda e: {"rewards": e.rewards.astype(np.float32)}),
            "dtype of rewards",
            "warning",
            None,
            None,
        ),
        (
            "cheetah",
            everywhere(lambda e: {"truncations": e.truncations.astype(float)}),
            "dtype of truncations",
            "warning",
            None,
            None,
        ),
        ("cheetah", in_episode(4, lambda e: {"rewards": e.rewards[:-1]}), "unequal-lengths", "error", 4, None),
        (
            "maze",
            in_episode(4, lambda e: {"observations": rows_of(e.observations, slice(1, None))}),
            "unequal-lengths",
            "error",
            4,
            None,
        ),
        ("cheetah", in_episode(4, lambda e: {"actions": e.actions[:, :5]}), "wrong-shape", "error", 4, None),
        (
            "cheetah",
            in_episode(
                4, lambda e: {"actions": e.actions[:0], "rewards": e.rewards[:0], "observations": e.observations[:1]}
            ),
            "empty-episode",
            "warning",
            4,
            None,
        ),
        (
            "kitchen",
            everywhere(lambda e: {"rewards": np.array([0.0, 1.0, 2.0, 2.0])}),
            "kitchen-rewards",
            "warning",
            0,
            1,
        ),
        (
            "kitchen",
            everywhere(lambda e: {"rewards": np.array([0.0, 0.5, 0.0, 0.0])}),
            "kitchen-rewards",
            "error",
            0,
            None,
        ),
    ],
)
def test_a_planted_fault_is_found_where_it_is(
    real: Real, name: str, plant: Plant, finding: str, severity: str, episode: int | None, step: int | None
) -> None:
    before = found_in_real(real, name)
    assert finding not in before or before[finding].severity != severity
    findings = found(planted(real(name), plant))
    assert finding in findings, findings
    assert findings[finding].severity == severity
    assert findings[finding].episode == episode
    assert findings[finding].step == step


class TestMazes:
    def test_rewards_of_the_step_before_are_found(self, real: Real) -> None:
        assert "reward-timing" not in found(goal_data(real("maze"), 0.45))
        late = found(goal_data(real("maze"), 0.45, shift=1))
        assert (late["reward-timing"].severity, late["reward-timing"].occurrences) == ("error", 6)
        # The radius is judged at the time that was found.
        assert "success-radius" not in late

    def test_dense_rewards_too(self, real: Real) -> None:
        def dense(shift: int) -> StreamedDataset:
            def change(episode: RawEpisode) -> dict[str, Any]:
                observations = episode.observations
                reward = np.exp(-np.linalg.norm(observations["achieved_goal"] - observations["desired_goal"], axis=1))
                return {"rewards": reward[1 - shift : len(reward) - shift]}

            return planted(real("maze"), everywhere(change))

        assert not {"reward-timing", "reward-scale"} & set(found(dense(0)))
        assert found(dense(1))["reward-timing"].occurrences == 6

    @pytest.mark.parametrize(("radius", "word"), [(0.5, "beyond 0.45 m"), (0.4, "within 0.45 m")])
    def test_another_radius_is_found(self, real: Real, radius: float, word: str) -> None:
        assert "success-radius" not in found(goal_data(real("maze"), 0.45))
        assert word in found(goal_data(real("maze"), radius))["success-radius"].message

    def test_the_layout_of_d4rl(self, real: Real) -> None:
        def flat(episode: RawEpisode) -> dict[str, Any]:
            observations = episode.observations
            goal = observations["desired_goal"][:-1]
            return {"observations": observations["observation"], "infos": {"goal": goal}}

        for shift, expected in ((0, False), (1, True)):
            maze = goal_data(real("maze"), 0.5, shift)
            space = maze.observation_space["observation"]
            box = planted(maze, everywhere(flat), env_id="maze2d-of-ours", observation_space=space)
            findings = found(box)
            assert ("reward-timing" in findings) == expected
            assert "success-radius" not in findings

    def test_a_goal_that_changes_in_time_is_not_stale(self, real: Real) -> None:
        def prompt(episode: RawEpisode) -> dict[str, Any]:
            goals = episode.observations["desired_goal"]
            return {"observations": {**episode.observations, "desired_goal": np.append(goals[1:], goals[-1:], axis=0)}}

        assert found(real("maze"))["stale-goal"].severity == "warning"
        assert "stale-goal" not in found(planted(real("maze"), everywhere(prompt)))


class TestKitchen:
    @pytest.mark.parametrize(("size", "severity"), [(60, "warning"), (59, None), (50, "error")])
    def test_layouts(self, real: Real, size: int, severity: str | None) -> None:
        def resized(episode: RawEpisode) -> dict[str, Any]:
            grown = np.random.default_rng(episode.episode_id).normal(size=(len(episode) + 1, size))
            return {"observations": {**episode.observations, "observation": grown}}

        kitchen = real("kitchen")
        space = {**kitchen.observation_space.spaces, "observation": spaces.Box(-np.inf, np.inf, (size,), np.float64)}
        findings = found(planted(kitchen, everywhere(resized), observation_space=spaces.Dict(space)))
        got = findings.get("kitchen-layout")
        assert (got and got.severity) == severity

    @pytest.mark.parametrize(
        ("rewards", "meaning"),
        [
            ([0, 0, 1, 0, 0, 0, 1, 0, 0, 0], "increments"),
            ([0, 0, 1, 1, 1, 1, 2, 2, 2, 2], "counts"),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "unclear"),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "unclear"),
            ([0, 0, -1, 0, 0, 0, 0, 0, 0, 0], "neither"),
        ],
    )
    def test_meanings_of_rewards(self, rewards: list[float], meaning: str) -> None:
        assert reward_meaning(np.array(rewards, float)) == meaning


def test_findings_of_one_kind_are_one_line(real: Real) -> None:
    finding = found(planted(real("cheetah"), everywhere(lambda e: {"truncations": e.truncations & False})))[
        "unmarked-end"
    ]
    assert finding.occurrences == 12
    assert str(finding).startswith("warning: unmarked-end: the last step is neither")
    assert "(episode 0, step 199 and 11 other episodes). Mark the last step" in str(finding)
