"""The models that come with the package: by their names, better than simple references, as their cards say."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mbrl_mts3.agents.behaviour import Behaviour, PolicyBehaviour, WaypointBehaviour
from mbrl_mts3.agents.collection import collect_dataset
from mbrl_mts3.data import load_minari
from mbrl_mts3.errors import CheckpointError
from mbrl_mts3.metrics import evaluate_open_loop
from mbrl_mts3.pretrained import find_pretrained, pretrained_names
from mbrl_mts3.training import Checkpoint

FRESH: dict[str, tuple[str, Callable[..., Behaviour]]] = {
    "point_maze_umaze": ("PointMaze_UMaze-v3", WaypointBehaviour),
    "half_cheetah": ("HalfCheetah-v5", partial(PolicyBehaviour, policy="half_cheetah_medium")),
}
MOST_BYTES = 1_000_000


def test_each_is_tried_here() -> None:
    assert pretrained_names() == tuple(sorted(FRESH))


@pytest.mark.parametrize("name", FRESH)
def test_it_predicts_data_that_nobody_had(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env_id, behaviour = FRESH[name]
    collect_dataset(env_id, behaviour, 2500, "fresh/fresh-v0", seed=4711, progress=False)
    checkpoint = Checkpoint.from_pretrained(name)
    assert checkpoint.env_id == env_id
    dataset = load_minari("fresh/fresh-v0", checkpoint.selector.names)
    assert dataset.content_hash != checkpoint.content_hash
    result = evaluate_open_loop(
        checkpoint.recalibrated_model(), checkpoint.normalizer, dataset.episodes, context=30, horizon=15, stride=50
    )
    # One step ahead the mean is that of a few impacts.
    assert (result.model.nrmse_median < 0.5 * result.persistence.nrmse_median).all()
    assert (result.model.nrmse[4:] < 0.6 * result.persistence.nrmse[4:]).all()
    assert ((result.model.coverage_at(0.95) - 0.95).abs() < 0.1).all()


@pytest.mark.parametrize("name", FRESH)
def test_the_card_is_that_of_the_model_and_the_folder_is_small(name: str) -> None:
    folder = find_pretrained(name)
    assert folder is not None
    checkpoint, card = Checkpoint.from_pretrained(name), (folder / "README.md").read_text()
    assert checkpoint.content_hash in card
    assert checkpoint.dataset_id in card
    assert f"mts3-plan checkpoint={name}`" in card
    assert "Licence of the weights: apache-2.0." in card
    assert (folder / "calibration.png").is_file()
    assert sum(path.stat().st_size for path in folder.iterdir()) < MOST_BYTES
    # Nothing of the machine that it was trained on.
    assert not set(json.loads((folder / "config.json").read_text())["training"]) & {"accelerator", "devices", "loggers"}


def test_a_folder_of_ones_own_goes_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_pretrained("point_maze_umaze") is not None
    (tmp_path / "point_maze_umaze").mkdir()
    assert find_pretrained("point_maze_umaze") is None
    with pytest.raises(CheckpointError, match="point_maze_umaze is no checkpoint"):
        Checkpoint.from_pretrained("point_maze_umaze")


def test_an_unknown_name_is_told_those_that_there_are() -> None:
    assert find_pretrained("point_maze") is None
    with pytest.raises(CheckpointError, match=r"comes with the package \(half_cheetah, point_maze_umaze\)"):
        Checkpoint.from_pretrained("point_maze")
