"""mts3-diagnose from the command line to its page, with untrained models of real data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_input import NO_CHECKPOINT, UNKNOWN_SPLIT, BadInput, bad_input
from imagined_worlds import checkpoint_of, checkpoint_with
from stable_baselines3 import SAC, TD3

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.policy_files import save_policy
from mbrl_mts3.data import load_minari
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.models import Ensemble

Run = Callable[..., dict[str, Any]]
MAZE = "PointMaze_UMaze-v3"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two data sets, models of them and policies."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
        collect_dataset("HalfCheetah-v5", RandomBehaviour, 300, "mine/random-v0", max_episode_steps=30, progress=False)
        collect_dataset(MAZE, RandomBehaviour, 200, "mine/maze-v0", max_episode_steps=20, progress=False)
        data = load_minari("mine/random-v0")
        options = {"hidden": (8,), "propagation": "mean"}
        ensemble = Ensemble(17, 6, "ProbabilisticMLP", 2, options)
        checkpoint_with(ensemble, data).save_pretrained(folder / "checkpoint")
        checkpoint_of(load_minari("mine/random-v0", "positions")).save_pretrained(folder / "positions")
        checkpoint_of(load_minari("mine/maze-v0")).save_pretrained(folder / "maze")
        environment = make_environment("HalfCheetah-v5")
        save_policy(SAC("MlpPolicy", environment, **small()), folder / "first.zip")
        save_policy(TD3("MlpPolicy", environment, **small()), folder / "second.zip")
        environment.close()
        maze = make_environment(MAZE)
        save_policy(SAC("MultiInputPolicy", maze, **small()), folder / "maze.zip")
        maze.close()
        yield folder


def small() -> dict[str, Any]:
    """Options of a policy that is quickly made; Stable-Baselines3 changes what it is given."""
    return {"policy_kwargs": {"net_arch": [4]}, "buffer_size": 1, "device": "cpu", "seed": 1}


@pytest.fixture
def run(command: Callable[..., Run], folder: Path) -> Run:
    words = [f"checkpoint={folder / 'checkpoint'}", "context=5", "horizon=6", "num_start_states=20", "split=all"]
    return command("diagnose", "diagnose.json", *words)


def test_errors_ranks_and_stops_are_written_and_shown(
    tmp_path: Path, run: Run, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = run(
        f"policies={{cloned: {folder / 'first.zip'}, better: {folder / 'second.zip'}}}", "quantiles=[0.5, 0.8]"
    )
    assert list(written["sources"]) == ["behaviour", "cloned", "better", "random"]
    for source in written["sources"].values():
        assert source["rollouts"] == 20
        assert len(source["by_step"]["state_mean"]) == 6
        assert min(source["by_step"]["state_mean"]) > 0.01
    assert max(written["replay_error"]) < 1e-3
    assert set(written["uncertainties"]) == {"aleatoric", "epistemic"}
    for found in written["uncertainties"].values():
        assert [row["quantile"] for row in found["cuts"]] == [0.5, 0.8, 1.0]
        assert all(cut["kept"] == 1.0 for cut in found["cuts"][-1]["sources"].values())
        assert set(found["rank_correlations"]) == {"behaviour", "cloned", "better", "random", "all"}
    assert written["content_hash"] == load_minari("mine/random-v0").content_hash
    assert set(written["seconds"]) == {"reading the data", "filtering", "imagining", "simulating", "drawing"}
    for name in ("errors_by_step", "errors_by_uncertainty", "stops"):
        assert (tmp_path / "run" / f"{name}.png").stat().st_size > 10_000
    page = (tmp_path / "run" / "report.html").read_text()
    printed = " ".join(capsys.readouterr().out.split())
    for words in ("better", "epistemic", "Over 6 steps", "does again what was recorded"):
        assert words in page
        assert words in printed
    assert page.count("data:image/png") == 3


def test_policies_are_named_after_their_files_and_may_be_none(run: Run, folder: Path) -> None:
    assert list(run(f"policies=[{folder}/*d.zip,{folder}/first.zip]", "random=false")["sources"]) == [
        "behaviour", "second", "first",
    ]  # fmt: skip
    assert list(run("random=false")["sources"]) == ["behaviour"]


def test_a_model_that_sees_positions_only(run: Run, folder: Path) -> None:
    """Its simulator starts from the whole recorded state none the less."""
    written = run(f"checkpoint={folder / 'positions'}", "task=learned_reward")
    assert max(written["replay_error"]) < 1e-3
    assert set(written["uncertainties"]) == {"aleatoric"}


def test_a_maze_with_its_goals(run: Run, folder: Path) -> None:
    written = run(f"checkpoint={folder / 'maze'}", f"policies=[{folder / 'maze.zip'}]", "task=point_maze_straight")
    assert max(written["replay_error"]) < 1e-3
    # The task's own reward is the truth: minus the distance, not the maze's 0 or 1.
    assert written["sources"]["behaviour"]["mean_true_return"] < -1
    assert "reward_function" not in written["sources"]["behaviour"]["by_step"]


CHANGES = ("seed=3", "num_start_states=10", "deterministic=false", "task=learned_reward", "context=8", "split=train")


def test_options_reach_the_errors(run: Run) -> None:
    def errors(*words: str) -> list[float]:
        by_step = run(*words)["sources"]["random"]["by_step"]
        return [*by_step["state_mean"], *by_step["reward"]]

    plain = errors()
    assert errors() == plain
    for change in CHANGES:
        assert not np.allclose(errors(change), plain), change


def test_data_of_another_simulator_is_told(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    written = run("environment_options={frame_skip: 3}")
    assert written["replay_error"][0] > 0.05
    assert "Attention: the simulator does not do again what was recorded" in " ".join(capsys.readouterr().out.split())


@bad_input(
    NO_CHECKPOINT,
    UNKNOWN_SPLIT,
    (["policies=[nowhere.zip]"], "no policy file matches", ConfigurationError),
    (["policies={mine: '{folder}/[fs]*.zip'}"], "policies.mine", ConfigurationError),
    (["policies={random: '{folder}/first.zip'}"], "called 'random'", ConfigurationError),
    (["policies=['{folder}/maze.zip']"], "maze.zip"),
    (["quantiles=[0.9,0.1]"], "rising numbers", ConfigurationError),
    (["horizon=0"], "horizon >= 1", ConfigurationError),
    (["num_start_states=0"], "num_start_states >= 1", ConfigurationError),
    (["context=25"], "at least 31", EpisodeTooShortError),
    (["+environment={id: Nothing-v0}"], "unknown environment 'Nothing-v0'", ConfigurationError),
)
def test_bad_input_is_refused(
    tmp_path: Path, run: Run, folder: Path, refused: Callable[..., str], case: BadInput
) -> None:
    words = [word.replace("{folder}", str(folder)) for word in case.words]
    refused(run, *words, error=case.error, message=case.message)
    assert not (tmp_path / "run" / "diagnose.json").exists()


def test_an_environment_that_cannot_be_set_is_refused_before_the_data_is_read(
    run: Run, refused: Callable[..., str]
) -> None:
    told = refused(
        run, "+environment={id: mbrl_mts3/SkidSteer-v0}", "dataset_id=not/there-v0", error=ConfigurationError
    )
    assert "HalfCheetah, Hopper, Walker2d, PointMaze" in told
