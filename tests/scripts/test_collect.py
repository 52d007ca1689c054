import sys
from collections.abc import Callable
from pathlib import Path

import minari
import numpy as np
import pytest

from mbrl_mts3.scripts.collect import main

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["mts3-collect", "progress=false", *arguments])
        main()
        return capsys.readouterr().out

    return call


def test_the_default_is_waypoint_data_of_a_maze(run: Run, tmp_path: Path) -> None:
    printed = run("steps=120", "max_episode_steps=50", "seed=4")
    assert "mbrl-mts3/point_maze_umaze/waypoint-v0" in printed
    assert "120" in printed
    dataset = minari.load_dataset("mbrl-mts3/point_maze_umaze/waypoint-v0")
    assert [len(episode) for episode in dataset] == [50, 50, 20]
    environment = dataset.recover_environment().unwrapped
    assert environment.continuing_task
    assert environment.reset_target
    assert list(tmp_path.glob("runs/collect/*/.hydra/config.yaml"))


def test_environment_and_behaviour_name_the_data_set(run: Run) -> None:
    run("environment=half_cheetah", "behaviour=smooth_noise", "steps=30", "behaviour.deviation=0.01")
    dataset = minari.load_dataset("mbrl-mts3/half_cheetah/smooth_noise-v0")
    assert dataset.env_spec.id == "HalfCheetah-v5"
    assert abs(dataset[0].actions).max() < 0.1


def test_the_robot_s_data_set_knows_its_hills_and_true_velocities(run: Run) -> None:
    run("environment=skid_steer", "behaviour=skid_steer", "steps=25", "environment.amplitude=0.5")
    dataset = minari.load_dataset("mbrl-mts3/skid_steer/skid_steer-v0")
    environment = dataset.recover_environment()
    assert environment.unwrapped.amplitude == 0.5
    assert environment.spec.max_episode_steps == 1000
    episode = dataset[0]
    assert (episode.observations.shape, episode.actions.shape) == ((26, 9), (25, 4))
    observation, _ = environment.reset(seed=int(next(iter(dataset.storage.get_episode_metadata([0])))["seed"]))
    np.testing.assert_array_equal(observation, episode.observations[0])
    # The mean velocity of a step lies between those at its ends, up to what contacts do in between.
    moved = np.diff(episode.observations[:, :3], axis=0) / 0.02
    ends = episode.infos["velocity"]
    np.testing.assert_allclose(moved[5:], (ends[5:-1] + ends[6:]) / 2, atol=0.1)


def test_a_shipped_policy_collects(run: Run) -> None:
    run("environment=half_cheetah", "behaviour=half_cheetah_medium", "steps=200")
    dataset = minari.load_dataset("mbrl-mts3/half_cheetah/half_cheetah_medium-v0")
    # The first steps are spent on getting up to speed; random actions lose 50 in that time.
    assert dataset[0].rewards.sum() > 500


def test_options_of_the_environment_can_be_given(run: Run) -> None:
    run("steps=10", "dataset_id=mine/maze-v3", "environment_options={continuing_task: false, reward_type: dense}")
    environment = minari.load_dataset("mine/maze-v3").recover_environment().unwrapped
    assert environment.reward_type == "dense"
    assert not environment.continuing_task


def test_sac_and_then_its_policy(run: Run) -> None:
    tiny = ["+collector.learning_starts=20", "+collector.policy_kwargs={net_arch: [8]}", "collector.device=cpu"]
    run("environment=half_cheetah", "collector=train_sac", "steps=30", "threads=1", *tiny)
    assert minari.load_dataset("mbrl-mts3/half_cheetah/sac-replay-v0").total_steps == 30
    run("environment=half_cheetah", "behaviour=sb3", "steps=20")
    assert minari.load_dataset("mbrl-mts3/half_cheetah/sb3-v0").total_steps == 20


def test_a_taken_id_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("steps=10")
    with pytest.raises(SystemExit):
        run("steps=20")
    assert "is there already" in capsys.readouterr().err
    run("steps=20", "overwrite=true")
    assert minari.load_dataset("mbrl-mts3/point_maze_umaze/waypoint-v0").total_steps == 20
