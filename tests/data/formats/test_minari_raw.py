"""Data sets as they are stored, and by their folder."""

from pathlib import Path

import numpy as np
import pytest
from random_walks import write_walks

from mbrl_mts3.data import load_minari
from mbrl_mts3.data.checks.statistics import compute_statistics
from mbrl_mts3.data.formats.loading import stream_dataset
from mbrl_mts3.errors import DataError, UnknownDatasetError


def test_raw_episodes_keep_their_layout_and_types(minari_root: Path) -> None:
    write_walks("mine/walk-v0", lengths=(4, 7), goal=True)
    dataset = stream_dataset("mine/walk-v0")
    assert (dataset.total_steps, dataset.env_id, dataset.metadata["author"]) == (11, None, {"mbrl_mts3"})
    for _ in range(2):  # each call starts a pass of its own
        first, second = dataset.read()
        assert (len(first), len(second), second.episode_id) == (4, 7, 1)
        assert set(second.observations) == {"observation", "desired_goal"}
        assert (second.observations["desired_goal"].dtype, second.rewards.dtype) == (np.float64, np.float64)
        assert second.observations["observation"].shape == (8, 3)


def test_a_folder_is_the_data_set_in_it(minari_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_walks("mine/walk-v0", lengths=(4, 7))
    folder = minari_root / "mine" / "walk-v0"
    expected = load_minari("mine/walk-v0").content_hash
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(minari_root / "elsewhere"))
    for path in (folder, folder / "data", folder / "data" / "main_data.hdf5"):
        assert load_minari(str(path)).content_hash == expected
        assert compute_statistics(stream_dataset(str(path))).content_hash == expected
    with pytest.raises(UnknownDatasetError):
        stream_dataset(str(minari_root / "mine"))
    (folder / "data" / "metadata.json").write_text("{}")
    with pytest.raises(DataError, match="damaged"):
        stream_dataset(str(folder))


def test_the_fingerprint_follows_the_files(minari_root: Path) -> None:
    write_walks("mine/walk-v0", lengths=(4, 7))
    first = stream_dataset("mine/walk-v0").fingerprint
    assert stream_dataset("mine/walk-v0").fingerprint == first
    write_walks("mine/walk-v0", lengths=(4, 7), seed=1)
    assert stream_dataset("mine/walk-v0").fingerprint != first
