"""Rows that the generator of D4RL's mazes leaves stale, made by its loop in the real simulator."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from d4rl_files import Stored, without, write_rows
from planted_faults import everywhere, planted

from mbrl_mts3.data import read_dataset
from mbrl_mts3.data.checks.finding import Finding
from mbrl_mts3.data.checks.registry import run_checks
from mbrl_mts3.data.checks.statistics import compute_statistics
from mbrl_mts3.data.dataset import StreamedDataset
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.conversion import convert_dataset
from mbrl_mts3.data.formats.loading import stream_dataset
from mbrl_mts3.envs import make_environment

STEPS, TERM = 600, 60
SWITCHES = list(range(TERM - 1, STEPS - 1, TERM))


@cache
def rows_of_the_generator(renewed: bool = False) -> Stored:
    """As maze2d without rewards that matter: steered to targets that change every 60 steps, on the move or at rest.

    With `renewed` the observation is renewed at a switch as well.
    """
    environment = make_environment("PointMaze_Open-v3", max_episode_steps=None)
    simulator = environment.unwrapped.point_env.data  # type: ignore[attr-defined]
    generator = np.random.default_rng(0)
    state = environment.reset(seed=0)[0]["observation"]
    target = generator.uniform(-1.5, 1.5, 2)
    columns: dict[str, list[Any]] = {key: [] for key in ("observations", "actions", "goal", "qpos", "qvel")}
    for step in range(STEPS):
        action = np.clip(10 * (target - state[:2]) - state[2:] + generator.normal(size=2) / 2, -1, 1)
        columns["observations"].append(state)
        columns["actions"].append(action)
        columns["goal"].append(target)
        columns["qpos"].append(simulator.qpos.copy())
        columns["qvel"].append(simulator.qvel.copy())
        following = environment.step(action)[0]["observation"]
        if step in SWITCHES:
            target = generator.uniform(-1.5, 1.5, 2)
        if step not in SWITCHES or renewed:
            state = following
    environment.close()
    arrays = {name: np.array(column, np.float32) for name, column in columns.items()}
    observations, actions = arrays.pop("observations"), arrays.pop("actions")
    timeouts = np.isin(np.arange(STEPS), SWITCHES)
    return {
        "observations": observations,
        "actions": actions,
        "rewards": np.float32(np.linalg.norm(observations[:, :2] - 1, axis=1) <= 0.5),
        "terminals": np.zeros(STEPS, np.bool_),
        "timeouts": timeouts,
        **{f"infos/{name}": array for name, array in arrays.items()},
    }


def found(dataset: StreamedDataset) -> dict[str, Finding]:
    return {finding.name: finding for finding in run_checks(compute_statistics(dataset))}


def opened(folder: Path, stored: Stored) -> StreamedDataset:
    return stream_dataset(f"{write_rows(folder / 'rows.hdf5', stored)}@maze2d-umaze-v1")


NO_INFOS = ("infos/qpos", "infos/qvel")


def test_marked_switches_make_the_first_rows_stale(tmp_path: Path) -> None:
    finding = found(opened(tmp_path, rows_of_the_generator()))["stale-observation"]
    # The first episode begins with a reset, and so does no other.
    assert (finding.severity, finding.episode, finding.step) == ("warning", 1, 0)
    assert finding.occurrences == len(SWITCHES)
    assert "at 1 rows" in finding.message


def test_the_simulators_state_tells_without_velocities(tmp_path: Path) -> None:
    """Velocities of zero explain no motion, so that nothing but infos is left to tell."""
    stored = dict(rows_of_the_generator())
    stored["observations"] = stored["observations"] * np.float32([1, 1, 0, 0])
    stored["infos/qvel"] = stored["infos/qvel"] * np.float32(0)
    finding = found(opened(tmp_path, stored))["stale-observation"]
    assert (finding.episode, finding.step, finding.occurrences) == (1, 0, len(SWITCHES))
    assert "stale-observation" not in found(opened(tmp_path, without(stored, *NO_INFOS)))


@pytest.mark.parametrize("infos", [True, False])
def test_switches_inside_of_episodes(tmp_path: Path, infos: bool) -> None:
    stored = without(rows_of_the_generator(), "timeouts", *(() if infos else NO_INFOS))
    finding = found(opened(tmp_path, stored))["stale-observation"]
    # Episodes of 300 rows, the limit of the U-shaped maze; the switch of row 299 is the second one's beginning.
    assert (finding.episode, finding.step, finding.occurrences) == (0, SWITCHES[0] + 1, 2)
    assert "at 4 rows" in finding.message


def test_without_the_simulators_state_motion_tells(tmp_path: Path) -> None:
    """A first step of two steps' length shows that the state between is missing."""
    finding = found(opened(tmp_path, without(rows_of_the_generator(), *NO_INFOS)))["stale-observation"]
    assert (finding.episode, finding.step, finding.occurrences) == (1, 0, len(SWITCHES))


@pytest.mark.parametrize("dropped", [(), NO_INFOS, ("timeouts",), ("timeouts", *NO_INFOS)])
def test_renewed_observations_are_not_stale(tmp_path: Path, dropped: tuple[str, ...]) -> None:
    findings = found(opened(tmp_path, without(rows_of_the_generator(renewed=True), *dropped)))
    assert "stale-observation" not in findings


def test_converted_to_minari_it_is_found_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    path = write_rows(tmp_path / "rows.hdf5", rows_of_the_generator())
    convert_dataset(read_dataset(f"{path}@maze2d-umaze-v1"), "mine/maze-v0")
    finding = found(stream_dataset("mine/maze-v0"))["stale-observation"]
    assert (finding.episode, finding.step, finding.occurrences) == (1, 0, len(SWITCHES))


def planted_in(
    real: Callable[[str], StreamedDataset], change: Callable[[np.ndarray], np.ndarray]
) -> dict[str, Finding]:
    def changed(episode: RawEpisode) -> dict[str, Any]:
        states = change(np.array(episode.observations["observation"]))
        return {"observations": {**episode.observations, "observation": states}}

    return found(planted(real("maze"), everywhere(changed)))


@pytest.mark.parametrize("row", [200, 300])
def test_a_repeated_row_in_gymnasiums_maze(real: Callable[[str], StreamedDataset], row: int) -> None:
    """The last row, which no step leaves, as well."""

    def repeat(states: np.ndarray) -> np.ndarray:
        states[row] = states[row - 1]
        return states

    finding = planted_in(real, repeat)["stale-observation"]
    assert (finding.episode, finding.step) == (0, row)


@pytest.mark.parametrize("noise", [0.001, 0.1])
def test_noisy_observations_are_not_stale(real: Callable[[str], StreamedDataset], noise: float) -> None:
    generator = np.random.default_rng(0)
    findings = planted_in(real, lambda states: states + noise * generator.normal(size=states.shape))
    assert "stale-observation" not in findings


def test_a_point_at_rest_is_not_stale(real: Callable[[str], StreamedDataset]) -> None:
    def resting(states: np.ndarray) -> np.ndarray:
        states[250:] = [*states[249, :2], 0, 0]
        return states

    assert "stale-observation" not in planted_in(real, resting)


def test_infos_of_another_time_tell_nothing(tmp_path: Path) -> None:
    """Simulator states recorded behind the step, as some generators do, differ from every observation."""
    stored = dict(rows_of_the_generator(renewed=True))
    for name in NO_INFOS:
        stored[name] = np.roll(stored[name], -1, axis=0)
    assert "stale-observation" not in found(opened(tmp_path, stored))
