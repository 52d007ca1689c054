"""By the id that Gymnasium knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from imagined_worlds import checkpoint_of, dataset_of

from mbrl_mts3.data import OfflineDataset, load_minari
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.minari_writer import MinariWriter
from mbrl_mts3.envs import WORLD_MODEL_ID, make_environment, register_world_model
from mbrl_mts3.envs.world_model import WorldModelEnv, WorldModelVectorEnv, load_dynamics, make_world_model
from mbrl_mts3.errors import CheckpointError, ConfigurationError, SpaceMismatchError, UnknownDatasetError
from mbrl_mts3.training import Checkpoint

DATASET = "mine/imagined-v0"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkpoint on disk whose data set Minari knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("minari")))
        environment = make_environment("HalfCheetah-v5")
        with MinariWriter(
            DATASET, environment.observation_space, environment.action_space, env_spec=environment.spec
        ) as writer:
            writer.add(_played(environment))
        environment.close()
        yield checkpoint_of(load_minari(DATASET)).save_pretrained(tmp_path_factory.mktemp("model") / "best")


def _played(environment: gymnasium.Env[Any, Any]) -> RawEpisode:
    environment.action_space.seed(0)
    rows = [environment.reset(seed=0)[0]]
    actions = [environment.action_space.sample() for _ in range(30)]
    rewards = []
    for action in actions:
        observation, reward, *_ = environment.step(action)
        rows.append(observation)
        rewards.append(float(reward))
    ends = np.arange(30) == 29
    return RawEpisode(np.stack(rows), np.stack(actions), np.array(rewards), np.zeros(30, bool), ends)


def test_make(saved: Path) -> None:
    environment = gymnasium.make(WORLD_MODEL_ID, checkpoint=saved, dataset=DATASET, max_episode_steps=2)
    assert isinstance(environment.unwrapped, WorldModelEnv)
    environment.reset(seed=0)
    assert [environment.step(environment.action_space.sample())[3] for _ in range(2)] == [False, True]


def test_make_vec(saved: Path) -> None:
    environment = gymnasium.make_vec(WORLD_MODEL_ID, num_envs=3, checkpoint=saved, max_episode_steps=2)
    assert isinstance(environment, WorldModelVectorEnv)
    observations, _ = environment.reset(seed=0)
    assert observations in environment.observation_space
    same = gymnasium.make_vec(WORLD_MODEL_ID, 2, checkpoint=saved, autoreset_mode="SameStep")
    assert same.metadata["autoreset_mode"].value == "SameStep"


@pytest.mark.filterwarnings("ignore:.*Box observation space.*infinity")
def test_the_checker_makes_it_again_from_its_spec(saved: Path) -> None:
    environment = gymnasium.make(WORLD_MODEL_ID, checkpoint=str(saved)).unwrapped
    check_env(environment, skip_render_check=True)
    assert environment.spec is not None
    twin = gymnasium.make(environment.spec)
    np.testing.assert_array_equal(twin.reset(seed=1)[0], environment.reset(seed=1)[0])


def test_the_id_is_registered_once(recwarn: pytest.WarningsRecorder) -> None:
    register_world_model()
    assert not recwarn.list


def test_what_cannot_be_read_is_named(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        gymnasium.make(WORLD_MODEL_ID, checkpoint=tmp_path / "nowhere")
    with pytest.raises(UnknownDatasetError, match="mine/imagined-v0"):
        gymnasium.make(WORLD_MODEL_ID, checkpoint=saved, dataset="mine/imagination-v0")
    with pytest.raises(ConfigurationError, match="'human'"):
        make_world_model(saved, DATASET, render_mode="human")


def test_checkpoint_data_and_environment_must_fit(
    cheetah: Checkpoint, cheetah_data: OfflineDataset, maze_data: OfflineDataset
) -> None:
    with pytest.raises(SpaceMismatchError, match="data set 'mine/random-v0' was loaded with x, y"):
        load_dynamics(cheetah, maze_data)
    with pytest.raises(SpaceMismatchError, match="PointMaze_UMaze-v3"):
        load_dynamics(cheetah, cheetah_data, env_id="PointMaze_UMaze-v3")
    narrow = dataset_of("HalfCheetah-v5", ["rootz", "v_rootx"], episodes=1)
    with pytest.raises(SpaceMismatchError, match="load it with observation="):
        load_dynamics(cheetah, narrow)
    with pytest.raises(ConfigurationError, match="unknown environment 'HalfCheater-v5'"):
        load_dynamics(cheetah, cheetah_data, env_id="HalfCheater-v5")
    with pytest.raises(ConfigurationError, match="'raw', 'flat' or 'selected'"):
        load_dynamics(cheetah, cheetah_data, observation="some")
