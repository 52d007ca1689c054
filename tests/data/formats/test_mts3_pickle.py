"""Files as the authors of MTS3 write them, with their own normalisation, read back in physical units."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbrl_mts3.data import load_dataset
from mbrl_mts3.data.formats.mts3_pickle import load_mts3_pickle
from mbrl_mts3.errors import ConfigurationError, DataError, UnknownObservationError

WINDOWS, STEPS, OBS, ACT = 5, 30, 3, 2
Content = dict[str, Any]


def trajectories(windows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    walk = generator.normal(size=(windows, STEPS + 1, OBS)).cumsum(1) * [1.0, 20.0, 0.01] + [5.0, -300.0, 0.2]
    return walk, generator.uniform(-1, 1, (windows, STEPS, ACT))


def content(delta: bool = False) -> Content:
    """In single precision, standardised with the statistics of the training part, as the authors do it."""
    parts = {"train": trajectories(WINDOWS, 0), "test": trajectories(WINDOWS - 2, 1)}
    walk, actions = parts["train"]
    flat = {
        "observations": walk[:, :-1].reshape(-1, OBS),
        "actions": actions.reshape(-1, ACT),
        "diff": np.diff(walk, axis=1).reshape(-1, OBS),
    }
    statistics = {name: [np.float32(value.mean(0)), np.float32(value.std(0))] for name, value in flat.items()}
    normalizer = {**statistics, "targets": statistics["diff" if delta else "observations"]}

    def scaled(value: np.ndarray, name: str) -> np.ndarray:
        mean, std = normalizer[name]
        return np.float32((value - mean) / (std + 1e-10))

    made: Content = {"normalizer": normalizer}
    for part, (walk, actions) in parts.items():
        made[f"{part}_obs"] = scaled(walk[:, :-1], "observations")
        made[f"{part}_act"] = scaled(actions, "actions")
        made[f"{part}_targets"] = scaled(np.diff(walk, axis=1) if delta else walk[:, 1:], "targets")
    return made


def write(folder: Path, stored: Any) -> Path:
    path = folder / "maze_data.pickle"
    path.write_bytes(pickle.dumps(stored))
    return path


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize(("behind", "part"), [("", "train"), ("@train", "train"), ("@test", "test")])
def test_windows_come_back_in_physical_units(tmp_path: Path, delta: bool, behind: str, part: str) -> None:
    path = write(tmp_path, content(delta))
    dataset = load_mts3_pickle(f"{path}{behind}")
    walk, actions = trajectories(WINDOWS, 0) if part == "train" else trajectories(WINDOWS - 2, 1)
    assert len(dataset.episodes) == len(walk)
    for episode, seen, action in zip(dataset.episodes, walk, actions, strict=True):
        np.testing.assert_allclose(episode.observations, seen, rtol=2e-6, atol=1e-5 * np.abs(seen).max())
        np.testing.assert_allclose(episode.actions, action, atol=1e-6)
        np.testing.assert_array_equal(episode.rewards, np.zeros(STEPS))
        assert not episode.terminations.any()
        np.testing.assert_array_equal(np.flatnonzero(episode.truncations), [STEPS - 1])
    assert dataset.dataset_id == f"{path}@{part}"
    assert any("no rewards" in note and "zeros" in note for note in dataset.notes)
    assert any("overlap" in note for note in dataset.notes)


def test_windows_of_windows_are_joined(tmp_path: Path) -> None:
    flat = content()
    path = write(tmp_path, flat)
    expected = load_dataset(path)
    folded = {
        name: array if name == "normalizer" else array.reshape(len(array), 6, 5, -1) for name, array in flat.items()
    }
    assert load_dataset(write(tmp_path, folded)).content_hash == expected.content_hash


def test_one_selection_one_hash_and_one_for_each_part(tmp_path: Path) -> None:
    path = write(tmp_path, content())
    whole = load_dataset(path)
    part = load_dataset(path, ["observation/2", "observation/0"])
    np.testing.assert_array_equal(part.episodes[0].observations, whole.episodes[0].observations[:, [2, 0]])
    assert part.content_hash == whole.content_hash != load_dataset(f"{path}@test").content_hash
    assert (np.abs(whole.episodes[0].actions) <= whole.action_space.high).all()
    with pytest.raises(UnknownObservationError):
        load_dataset(path, ["x"])


def changed(name: str, value: Callable[[Any], Any]) -> Callable[[Content], Any]:
    return lambda stored: {**stored, name: value(stored[name])}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda stored: [stored], "lacks train_obs.*a list"),
        (lambda stored: {key: value for key, value in stored.items() if key != "train_act"}, "lacks train_act; it has"),
        (lambda stored: {key: value for key, value in stored.items() if key != "normalizer"}, "lacks normalizer"),
        (changed("train_obs", lambda array: array.tolist()), "train_obs is list"),
        (changed("train_obs", lambda array: array[0]), r"train_obs is float32 \(30, 3\)"),
        (changed("train_act", lambda array: array[:, :-1]), "do not fit each other"),
        (changed("train_targets", lambda array: array[..., :2]), "do not fit each other"),
        (changed("train_targets", lambda array: array[:, ::-1]), "neither the observations that follow"),
        (changed("train_targets", lambda array: array * np.nan), "neither the observations that follow"),
        (changed("normalizer", lambda given: {"actions": given["actions"]}), "no mean and standard deviation of obs"),
        (changed("normalizer", lambda given: {**given, "actions": [0.0]}), "no mean and standard deviation of actions"),
        (changed("normalizer", lambda given: {**given, "observations": [np.zeros(2)] * 2}), "with 3 entries"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, damage: Callable[[Content], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(write(tmp_path, damage(content())))


def test_no_window(tmp_path: Path) -> None:
    empty = {name: array[:0] if name.startswith("train") else array for name, array in content().items()}
    with pytest.raises(DataError, match="empty"):
        load_dataset(write(tmp_path, empty))


def test_another_part(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="@test"):
        load_dataset(f"{write(tmp_path, content())}@valid")


def test_one_step_windows(tmp_path: Path) -> None:
    short = {name: array if name == "normalizer" else array[:, :1] for name, array in content().items()}
    dataset = load_dataset(write(tmp_path, short))
    assert [len(episode) for episode in dataset.episodes] == [1] * WINDOWS
    walk, _ = trajectories(WINDOWS, 0)
    np.testing.assert_allclose(dataset.episodes[0].observations[1], walk[0, 1], rtol=1e-5)
