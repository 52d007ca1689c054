"""Values from the data of a checkpoint: units, and what is refused before any episode."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from imagined_worlds import checkpoint_of

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection import collect_dataset
from mbrl_mts3.agents.planning.mpc import load_goal_values
from mbrl_mts3.data import load_minari
from mbrl_mts3.errors import ConfigurationError, UnknownDatasetError, UnknownObservationError
from mbrl_mts3.training import Checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    collect_dataset("PointMaze_UMaze-v3", RandomBehaviour, 200, "mine/maze-v0", progress=False)
    return checkpoint_of(load_minari("mine/maze-v0"))


def test_units_replace_the_deviation_of_the_data(checkpoint: Checkpoint) -> None:
    deviation = checkpoint.normalizer.observation_scale.double()
    usual = load_goal_values(checkpoint).graph
    torch.testing.assert_close(torch.from_numpy(usual.scale), deviation)
    given = load_goal_values(checkpoint, units={"vy": 4.0, "x": 2.0}, stride=3).graph
    expected = torch.tensor([2.0, deviation[1], deviation[2], 4.0]).double()
    torch.testing.assert_close(torch.from_numpy(given.scale), expected)
    assert len(given) > len(usual)


def test_what_does_not_fit_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(UnknownObservationError, match="elbow"):
        load_goal_values(checkpoint, units={"elbow": 1.0})
    with pytest.raises(ConfigurationError, match=r"units.x=0.0: expected more than 0"):
        load_goal_values(checkpoint, units={"x": 0.0})
    with pytest.raises(ConfigurationError, match="holds other data than the model was trained on"):
        load_goal_values(replace(checkpoint, content_hash="0" * 32))
    with pytest.raises(UnknownDatasetError):
        load_goal_values(replace(checkpoint, dataset_id="mine/gone-v0"))
