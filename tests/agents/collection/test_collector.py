"""Collected data sets are judged by Minari and by replaying them in the simulator."""

import functools
from pathlib import Path
from typing import Any

import gymnasium
import minari
import numpy as np
import pytest

from mbrl_mts3.agents.behaviour import Behaviour, RandomBehaviour, SmoothNoiseBehaviour, WaypointBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.collection.recording import EpisodeRecorder
from mbrl_mts3.data import load_minari
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError, DataError

quiet = functools.partial(collect_dataset, progress=False)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


def replay(dataset: Any) -> None:
    """The simulator, reset with the stored seed and given the stored actions, gives the stored data."""
    environment = dataset.recover_environment()
    for episode, stored in zip(dataset, dataset.storage.get_episode_metadata(dataset.episode_indices), strict=True):
        observation, _ = environment.reset(seed=stored["seed"])
        assert_row(episode.observations, 0, observation)
        for step, action in enumerate(episode.actions):
            observation, reward, terminated, _, _ = environment.step(action)
            assert_row(episode.observations, step + 1, observation)
            assert episode.rewards[step] == reward
            assert episode.terminations[step] == terminated


def assert_row(observations: Any, row: int, observation: Any) -> None:
    if isinstance(observation, dict):
        assert observation.keys() == observations.keys()
        for key, value in observation.items():
            np.testing.assert_array_equal(observations[key][row], value)
    else:
        np.testing.assert_array_equal(observations[row], observation)


def test_maze_data_keeps_its_layout_and_can_be_replayed() -> None:
    summary = quiet("PointMaze_UMaze-v3", WaypointBehaviour, 700, "mine/maze-v0", seed=3)
    assert (summary.episodes, summary.steps) == (3, 700)
    dataset = minari.load_dataset("mine/maze-v0")
    assert [len(episode) for episode in dataset] == [300, 300, 100]
    assert dataset[0].observations.keys() == {"observation", "achieved_goal", "desired_goal"}
    assert all(episode.truncations.tolist() == [False] * (len(episode) - 1) + [True] for episode in dataset)
    assert summary.mean_return == pytest.approx(np.mean([episode.rewards.sum() for episode in dataset]))
    assert dataset[0].infos["success"].shape == (301,)
    replay(dataset)


def test_goals_change_while_collecting_and_end_the_episode_when_judging() -> None:
    quiet("PointMaze_UMaze-v3", WaypointBehaviour, 600, "mine/maze-v0", seed=3)
    dataset = minari.load_dataset("mine/maze-v0")
    goals = np.concatenate([np.unique(episode.observations["desired_goal"], axis=0) for episode in dataset])
    assert len(goals) > 2
    assert not any(episode.terminations.any() for episode in dataset)
    judged = dataset.recover_environment(eval_env=True)
    assert judged.unwrapped.continuing_task is False


def test_half_cheetah_data_can_be_replayed_and_read() -> None:
    quiet("HalfCheetah-v5", SmoothNoiseBehaviour, 120, "mine/cheetah-v0", max_episode_steps=50)
    stored = minari.load_dataset("mine/cheetah-v0")
    assert [len(episode) for episode in stored] == [50, 50, 20]
    assert stored[0].infos["x_position"].shape == (51,)
    assert stored[0].infos["x_velocity"].shape == (50,)
    replay(stored)
    read = load_minari("mine/cheetah-v0")
    assert (read.env_id, read.observation_names[8], read.total_steps) == ("HalfCheetah-v5", "v_rootx", 120)


def test_equal_seeds_give_equal_data() -> None:
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        quiet("PointMaze_UMaze-v3", WaypointBehaviour, 100, f"{name}-v0", seed=seed)
    hashes = [load_minari(f"{name}-v0").content_hash for name in "abc"]
    assert hashes[0] == hashes[1] != hashes[2]


def test_episodes_differ_from_each_other() -> None:
    quiet("PointMaze_UMaze-v3", RandomBehaviour, 20, "mine/maze-v0", max_episode_steps=10)
    first, second = load_minari("mine/maze-v0").episodes
    assert not np.array_equal(first.actions, second.actions)
    assert not np.array_equal(first.observations[0], second.observations[0])


class Stops(Behaviour):
    """Acts for a while, then is interrupted."""

    def __init__(self, environment: gymnasium.Env[Any, Any]) -> None:
        self._left = 25
        self._action = np.zeros(environment.action_space.shape or (), np.float32)

    def reset(self, seed: int) -> None: ...

    def __call__(self, observation: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return self._action


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interrupt_leaves_no_half_data_set(root: Path, overwrite: bool) -> None:
    if overwrite:
        quiet("PointMaze_UMaze-v3", RandomBehaviour, 7, "mine/maze-v0")
    with pytest.raises(KeyboardInterrupt):
        quiet("PointMaze_UMaze-v3", Stops, 100, "mine/maze-v0", max_episode_steps=10, overwrite=overwrite)
    assert list(minari.list_local_datasets()) == (["mine/maze-v0"] if overwrite else [])
    assert [path.name for path in root.iterdir()] == (["mine"] if overwrite else [])
    if overwrite:
        assert minari.load_dataset("mine/maze-v0").total_steps == 7


def test_a_taken_id_is_refused_before_the_environment_is_made() -> None:
    quiet("PointMaze_UMaze-v3", RandomBehaviour, 7, "mine/maze-v0")
    with pytest.raises(DataError, match="is there already"):
        quiet(lambda **_: pytest.fail("made the environment"), RandomBehaviour, 7, "mine/maze-v0")


@pytest.mark.parametrize(
    ("environment", "behaviour", "steps", "message"),
    [
        ("PointMaze_UMase-v3", RandomBehaviour, 10, "PointMaze_UMaze-v3"),
        ("HalfCheetah-v5", WaypointBehaviour, 10, "need a maze"),
        ("HalfCheetah-v5", RandomBehaviour, 0, "at least 1 step"),
    ],
)
def test_bad_input_leaves_nothing(root: Path, environment: str, behaviour: Any, steps: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        quiet(environment, behaviour, steps, "mine/maze-v0")
    assert not root.exists() or not list(root.iterdir())


class Corridor(gymnasium.Env[np.ndarray[Any, Any], np.ndarray[Any, Any]]):
    """Walk to 1; hands out one and the same array for every observation."""

    observation_space = gymnasium.spaces.Box(-9, 9, (1,), np.float64)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self) -> None:
        self._position = np.zeros(1)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self._position[:] = 0
        return self._position, {"distance": 1.0, "words": "go"}

    def step(self, action: Any) -> Any:
        self._position += action
        info = {"distance": 1.0 - self._position[0], "effort": np.abs(action), "tasks": [], "words": "go"}
        return self._position, -0.5, bool(self._position[0] >= 1), False, info


class TestEpisodeRecorder:
    def record(self, steps: int) -> tuple[list[RawEpisode], EpisodeRecorder]:
        episodes: list[RawEpisode] = []
        recorder = EpisodeRecorder(Corridor(), episodes.append)
        recorder.reset(seed=5)
        for _ in range(steps):
            _, _, terminated, _, _ = recorder.step(np.array([0.25], np.float32))
            if terminated:
                recorder.reset()
        recorder.flush()
        return episodes, recorder

    def test_episodes_end_where_they_end(self) -> None:
        episodes, recorder = self.record(6)
        assert [len(episode) for episode in episodes] == [4, 2]
        np.testing.assert_allclose(episodes[0].observations[:, 0], [0, 0.25, 0.5, 0.75, 1])
        np.testing.assert_allclose(episodes[1].observations[:, 0], [0, 0.25, 0.5])
        assert episodes[0].terminations.tolist() == [False, False, False, True]
        assert not episodes[0].truncations.any()
        assert episodes[1].truncations.tolist() == [False, True]
        assert [episode.seed for episode in episodes] == [5, None]
        assert (recorder.steps, recorder.episodes, recorder.total_return) == (6, 2, -3.0)

    def test_infos_are_numbers_of_every_step(self) -> None:
        episodes, _ = self.record(4)
        assert episodes[0].infos.keys() == {"distance", "effort"}
        np.testing.assert_allclose(episodes[0].infos["distance"], [1, 0.75, 0.5, 0.25, 0])
        np.testing.assert_allclose(episodes[0].infos["effort"], np.full((4, 1), 0.25))

    def test_a_reset_cuts_an_episode(self) -> None:
        episodes: list[RawEpisode] = []
        recorder = EpisodeRecorder(Corridor(), episodes.append)
        recorder.reset()
        recorder.step(np.array([0.25], np.float32))
        recorder.reset()
        recorder.flush()
        assert [episode.truncations.tolist() for episode in episodes] == [[True]]

    def test_an_environment_without_a_spec_can_be_collected(self) -> None:
        quiet(Corridor, RandomBehaviour, 9, "mine/corridor-v0")
        dataset = load_minari("mine/corridor-v0")
        assert (dataset.total_steps, dataset.env_id) == (9, None)


def test_a_factory_is_used_as_it_is() -> None:
    factory = functools.partial(make_environment, "PointMaze_UMaze-v3", continuing_task=False)
    quiet(factory, RandomBehaviour, 5, "mine/maze-v0")
    assert minari.load_dataset("mine/maze-v0").recover_environment().unwrapped.continuing_task is False
