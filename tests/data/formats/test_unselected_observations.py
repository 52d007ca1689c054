"""Goals beside what a model sees."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.data import load_minari
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.loading import load_unselected_observations
from mbrl_mts3.data.formats.minari_writer import MinariWriter


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def write(dataset_id: str, space: spaces.Space[Any], observations: Any) -> None:
    with MinariWriter(dataset_id, space, spaces.Box(-1, 1, (1,), np.float32)) as writer:
        ends = np.array([False, True])
        writer.add(RawEpisode(observations, np.zeros((2, 1), np.float32), np.zeros(2), ~ends & False, ends))


def test_nested_goals_come_back_in_their_dicts() -> None:
    box = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    goals = spaces.Dict({"kettle": box, "light switch": spaces.Box(-np.inf, np.inf, (1,), np.float64)})
    space = spaces.Dict({"observation": box, "goal": goals, "place": box})
    values = np.arange(6.0).reshape(3, 2)
    observations = {
        "observation": values,
        "goal": {"kettle": values + 10, "light switch": values[:, :1] + 20},
        "place": values + 30,
    }
    write("mine/nested-v0", space, observations)
    (raw,) = load_unselected_observations(load_minari("mine/nested-v0", "observation/1"))
    assert set(raw) == {"goal", "place"}
    np.testing.assert_array_equal(raw["goal"]["kettle"], values + 10)
    np.testing.assert_array_equal(raw["goal"]["light switch"], values[:, :1] + 20)
    np.testing.assert_array_equal(raw["place"], values + 30)


def test_arrays_come_back_whole() -> None:
    values = np.arange(6.0).reshape(3, 2)
    write("mine/plain-v0", spaces.Box(-np.inf, np.inf, (2,), np.float64), values)
    (raw,) = load_unselected_observations(load_minari("mine/plain-v0", "observation/1"))
    np.testing.assert_array_equal(raw, values)


def test_a_dict_may_hold_nothing_else() -> None:
    box = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    write("mine/only-v0", spaces.Dict({"observation": box}), {"observation": np.zeros((3, 2))})
    assert load_unselected_observations(load_minari("mine/only-v0")) == [{}]
