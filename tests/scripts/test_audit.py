"""mts3-audit on real data sets: the maze's rewards are exact, the cheetah's as far off as its velocity."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
import torch
from bad_input import BadInput, bad_input
from imagined_worlds import checkpoint_of

from mbrl_mts3.agents.behaviour import RandomBehaviour, WaypointBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.data import load_minari
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.loading import load_unselected_observations
from mbrl_mts3.data.formats.minari_writer import MinariWriter
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.tasks import HalfCheetahTask, LearnedRewardTask
from mbrl_mts3.envs.tasks.reward_audit import RewardAudit
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.training import Checkpoint

Run = Callable[..., dict[str, Any]]
SPARSE, DENSE, CHEETAH = "mine/sparse-v0", "mine/dense-v0", "mine/cheetah-v0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Three data sets and a model of the last."""
    folder = tmp_path_factory.mktemp("audit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
        options: dict[str, Any] = {"max_episode_steps": 400, "progress": False}
        collect_dataset("PointMaze_UMaze-v3", WaypointBehaviour, 1200, SPARSE, **options)
        collect_dataset("PointMaze_UMazeDense-v3", WaypointBehaviour, 1200, DENSE, **options)
        collect_dataset("HalfCheetah-v5", RandomBehaviour, 240, CHEETAH, max_episode_steps=40, progress=False)
        checkpoint_of(load_minari(CHEETAH)).save_pretrained(folder / "checkpoint")
        yield folder


@pytest.fixture
def run(command: Callable[..., Run], folder: Path) -> Run:
    return command("audit", "audit.json")


@pytest.mark.parametrize("dataset_id", [SPARSE, DENSE])
def test_the_maze_s_rewards_are_exact_goals_that_change_included(run: Run, dataset_id: str) -> None:
    goals = [
        np.unique(entries["desired_goal"], axis=0) for entries in load_unselected_observations(load_minari(dataset_id))
    ]
    assert max(map(len, goals)) > 1, "no goal was replaced: collect more steps"
    written = run(f"dataset_id={dataset_id}")
    assert written["analytic"]["count"] == 1200
    assert written["analytic"]["maximum"] < 1e-5
    assert written["analytic"]["correlation"] == pytest.approx(1.0)
    assert written["content_hash"] == load_minari(dataset_id).content_hash


def test_another_reward_than_the_data_s_is_found_out(run: Run) -> None:
    written = run(f"dataset_id={DENSE}", "task=point_maze_sparse")
    assert written["analytic"]["maximum"] > 0.1
    assert written["analytic"]["bias"] < 0


def test_the_cheetah_s_error_is_that_of_its_velocity(
    run: Run, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = run(f"checkpoint={folder / 'checkpoint'}", "split=all", "horizons=[1,4]", "context=5")
    errors = []
    for episode in minari.load_dataset(CHEETAH):
        forward = episode.infos["reward_forward"][-len(episode.rewards) :]
        errors.append(episode.observations[1:, 8] - forward)
    error = np.concatenate(errors)
    assert written["analytic"]["rmse"] == pytest.approx(np.sqrt(np.square(error).mean()), rel=1e-4)
    assert written["analytic"]["bias"] == pytest.approx(error.mean(), rel=1e-3)
    assert list(written["head"]) == list(written["imagined"]) == ["1", "4"]
    assert written["head"]["4"]["count"] == 6 * (40 - 5 - 4 + 1)
    printed = capsys.readouterr().out
    for words in ("task, true states", "task, imagined, at 4", "reward head, at 1", CHEETAH):
        assert words in printed


def test_horizons_are_counted_from_the_last_observation(folder: Path) -> None:
    """One window, by hand."""
    dataset, model = load_minari(CHEETAH), Checkpoint.from_pretrained(folder / "checkpoint").physical_model()
    found = RewardAudit.run(
        HalfCheetahTask(),
        dataset.selector,
        dataset.episodes,
        load_unselected_observations(dataset),
        model,
        context=5,
        horizons=(4,),
        max_windows=1,
    )
    episode = dataset.episodes[0]
    seen, done = torch.as_tensor(episode.observations)[None], torch.as_tensor(episode.actions)[None]
    with torch.no_grad():
        belief, _ = model.filter(seen[:, :5], done[:, :5])
        future = model.imagine(model.observe(belief, seen[:, 5]), done[:, 5:9])
    assert future.reward_mean is not None
    assert found.head[4].bias == pytest.approx(float(future.reward_mean[0, 3]) - episode.rewards[8], abs=1e-5)
    paid = float(future.mean[0, 3, 8]) - 0.1 * np.square(episode.actions[8]).sum()
    assert found.imagined[4].bias == pytest.approx(paid - episode.rewards[8], abs=1e-5)


def test_what_cannot_be_compared_is_refused(folder: Path) -> None:
    dataset, model = load_minari(CHEETAH), Checkpoint.from_pretrained(folder / "checkpoint").physical_model()
    parts: Any = dataset.selector, dataset.episodes, load_unselected_observations(dataset)
    with pytest.raises(ConfigurationError, match="no reward function"):
        RewardAudit.run(LearnedRewardTask(), *parts)
    with pytest.raises(EpisodeTooShortError, match="52 steps"):
        RewardAudit.run(HalfCheetahTask(), *parts, model, context=50, horizons=(2,))
    with pytest.raises(ConfigurationError, match="at least 1"):
        RewardAudit.run(HalfCheetahTask(), *parts, horizons=(0,))


def test_the_kitchen_pays_for_the_tasks_that_it_was_made_for(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Few rewards come by chance, so the microwave is told to be open where it is closed."""
    tasks = ["microwave", "kettle"]
    environment = make_environment("FrankaKitchen-v1", tasks_to_complete=tasks)
    observation, _ = environment.reset(seed=0)
    rows, rewards = [observation], []
    for step in range(8):
        robot: Any = environment.unwrapped.robot_env  # type: ignore[attr-defined]
        position = robot.init_qpos.copy()
        position[22] = -0.7 if step > 3 else 0.0
        robot.set_state(position, np.zeros(robot.model.nv))
        observation, reward, *_ = environment.step(np.zeros(9))
        rows.append(observation)
        rewards.append(float(reward))
    assert sum(rewards) == 1.0
    goals = {
        key: {task: np.stack([row[key][task] for row in rows]) for task in tasks}
        for key in ("achieved_goal", "desired_goal")
    }
    stacked = {"observation": np.stack([row["observation"] for row in rows]), **goals}
    ends = np.arange(8) == 7
    with MinariWriter(
        "mine/kitchen-v0",
        environment.observation_space,
        environment.action_space,
        env_spec=environment.spec,
        overwrite=True,
    ) as writer:
        writer.add(RawEpisode(stacked, np.zeros((8, 9)), np.array(rewards), np.zeros(8, bool), ends))
    environment.close()
    # The data knows what it was made for.
    written = run("dataset_id=mine/kitchen-v0")
    assert written["task"] == "FrankaKitchen"
    assert (written["analytic"]["count"], written["analytic"]["maximum"]) == (8, 0.0)
    with pytest.raises(SystemExit):
        run("dataset_id=mine/kitchen-v0", "environment_options={tasks_to_complete: [microwave]}")
    assert "SpaceMismatchError" in capsys.readouterr().err


@bad_input(
    ([], "nothing to audit"),
    ([f"dataset_id={SPARSE}", "split=tset"], "train, validation, test or all"),
    ([f"dataset_id={SPARSE}", "task=half_cheetah"], "HalfCheetah needs"),
    ([f"dataset_id={SPARSE}", "task=learned_reward"], "no reward function"),
    (["dataset_id=mine/spars-v0"], "mine/sparse-v0"),
)
def test_bad_input_is_refused(tmp_path: Path, run: Run, refused: Callable[..., str], case: BadInput) -> None:
    refused(run, *case.words, message=case.message)
    assert not (tmp_path / "run" / "audit.json").exists()
