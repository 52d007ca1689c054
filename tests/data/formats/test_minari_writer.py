"""What the writer leaves behind is judged by Minari's own reader."""

from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.minari_writer import MinariWriter
from mbrl_mts3.errors import DataError

pytestmark = pytest.mark.usefixtures("minari_root")

SPACE = spaces.Dict({"observation": spaces.Box(-np.inf, np.inf, (3,), np.float64)})
ACTIONS = spaces.Box(-1, 1, (2,), np.float32)


def writer(dataset_id: str = "mine/deep/maze-v0", **options: Any) -> MinariWriter:
    return MinariWriter(dataset_id, SPACE, ACTIONS, **options)


def episode(steps: int = 4, value: float = 1.0) -> RawEpisode:
    return RawEpisode(
        observations={"observation": np.full((steps + 1, 3), value)},
        actions=np.full((steps, 2), 0.5, np.float32),
        rewards=np.arange(steps, dtype=np.float64),
        terminations=np.arange(steps) == steps - 1,
        truncations=np.zeros(steps, np.bool_),
        infos={"success": np.ones(steps + 1, np.bool_)},
        seed=17,
    )


def everything_below(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file()}


def test_minari_reads_what_was_written() -> None:
    with writer(description="words", algorithm_name="hand") as open_writer:
        open_writer.add(episode(4))
        open_writer.add(episode(7, value=3.0))
    dataset = minari.load_dataset("mine/deep/maze-v0")
    assert (dataset.total_episodes, dataset.total_steps) == (2, 11)
    assert (dataset.observation_space, dataset.action_space) == (SPACE, ACTIONS)
    second = dataset[1]
    np.testing.assert_array_equal(second.observations["observation"], np.full((8, 3), 3.0))
    np.testing.assert_array_equal(second.rewards, np.arange(7))
    assert second.terminations.tolist() == [False] * 6 + [True]
    assert second.infos["success"].shape == (8,)
    metadata = dataset.storage.metadata
    assert (metadata["description"], metadata["algorithm_name"]) == ("words", "hand")
    assert [entry["seed"] for entry in dataset.storage.get_episode_metadata([0, 1])] == [17, 17]
    assert {"mine", "mine/deep"} <= set(minari.namespace.list_local_namespaces())


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_nothing(minari_root: Path, error: type[BaseException]) -> None:
    def break_off() -> None:
        with writer() as open_writer:
            open_writer.add(episode())
            assert not minari.list_local_datasets()
            assert everything_below(minari_root)
            raise error

    with pytest.raises(error):
        break_off()
    assert not list(minari_root.iterdir())


def test_an_error_leaves_the_older_data_set_as_it_was() -> None:
    with writer() as first:
        first.add(episode(4))

    def break_off() -> None:
        with writer(overwrite=True) as second:
            second.add(episode(9))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert minari.load_dataset("mine/deep/maze-v0").total_steps == 4


def test_overwriting(minari_root: Path) -> None:
    for steps in (4, 9):
        with writer(overwrite=True) as open_writer:
            open_writer.add(episode(steps))
    assert minari.load_dataset("mine/deep/maze-v0").total_steps == 9
    assert [path.name for path in minari_root.iterdir()] == ["mine"]


def test_a_taken_id_is_refused_before_anything_is_written(minari_root: Path) -> None:
    with writer() as open_writer:
        open_writer.add(episode())
    before = everything_below(minari_root)
    with pytest.raises(DataError, match=r"is there already .*overwrite=true"):
        writer()
    assert everything_below(minari_root) == before


def test_a_data_set_that_appeared_meanwhile_is_kept() -> None:
    def race() -> None:
        with writer() as slow:
            slow.add(episode(4))
            with writer() as fast:
                fast.add(episode(9))

    with pytest.raises(DataError, match="is there already"):
        race()
    assert minari.load_dataset("mine/deep/maze-v0").total_steps == 9


@pytest.mark.parametrize("dataset_id", ["", "maze", "mine/maze", "/maze-v0", "mine maze-v0", "mine/maze-v0/"])
def test_malformed_ids(dataset_id: str) -> None:
    with pytest.raises(DataError, match="malformed"):
        writer(dataset_id)


def test_no_episode_no_data_set(minari_root: Path) -> None:
    with pytest.raises(DataError, match="no episode"), writer():
        pass
    assert not everything_below(minari_root)
