"""mts3-rollout from the command line to the JSON file and the films."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_input import BadInput, bad_input
from imagined_worlds import checkpoint_of
from PIL import Image
from stable_baselines3 import PPO, TD3

from mbrl_mts3.agents import RandomAgent, evaluate_agent
from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.policy_files import save_policy
from mbrl_mts3.data import load_minari
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.rendering import make_rendered_environment
from mbrl_mts3.errors import ConfigurationError

MAZE, DATA = "PointMaze_UMaze-v3", "tests/rollout-v0"
QUICK = ["real.episodes=3", "num_envs=2", "max_episode_steps=4", "imagined.episodes=5"]
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with untrained policies and a model of a small data set."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
        collect_dataset(MAZE, RandomBehaviour, 60, DATA, progress=False)
        checkpoint_of(load_minari(DATA)).save_pretrained(folder / "model")
        environment = make_environment(MAZE)
        for name, kind in (("td3", TD3), ("ppo", PPO)):
            options = {"policy_kwargs": {"net_arch": [4]}, "device": "cpu", "seed": 0}
            save_policy(kind("MultiInputPolicy", environment, **options), folder / f"{name}.zip")
        environment.close()
        yield folder


@pytest.fixture
def run(command: Callable[..., Run], world: Path) -> Run:
    started = command("rollout", "rollout.json", *QUICK)

    def run(*arguments: str) -> dict[str, Any]:
        chosen = any(word.startswith(("environment=", "checkpoint=")) for word in arguments)
        return started(*arguments, *([] if chosen else ["environment=point_maze_umaze"]))

    return run


def test_policies_hold_the_last_observation_where_some_are_missing(run: Run, world: Path) -> None:
    options = ("max_episode_steps=20", "missing.rate=0.9", "missing.burst=3")
    written = run("agent=sb3", f"agent.path={world / 'td3.zip'}", *options)
    assert written["config"]["missing"] == {"rate": 0.9, "burst": 3}
    assert written["rollouts"][0]["lengths"] == [20, 20, 20]


def test_random_actions_in_the_real_environment(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    written = run("environment=half_cheetah", "+environment.max_episode_steps=4", "max_episode_steps=null")
    environment = make_environment("HalfCheetah-v5")
    agent = RandomAgent.for_environment(environment)
    expected = evaluate_agent(
        agent, lambda: make_environment("HalfCheetah-v5"), [1000, 1001, 1002], max_episode_steps=4, num_envs=2
    )
    (found,) = written["rollouts"]
    assert (found["agent"], found["place"]) == ("random", "real")
    np.testing.assert_allclose(found["returns"], expected.returns)
    assert found["score"] == pytest.approx(100 * (expected.mean_return + 280.178953) / (12135 + 280.178953))
    assert "analogy" in written["reference"]["source"]
    assert written["config"]["real"]["episodes"] == 3
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("IQM", "score", "95% intervals", "score 0 is a return of -280.179"))


def test_episodes_that_are_cut_have_no_score(run: Run) -> None:
    written = run("environment=half_cheetah", "real.episodes=1")
    assert written["reference"] is None
    assert written["rollouts"][0]["score"] is None


def test_policies_in_the_real_and_the_imagined_maze(world: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    written = run("agent=sb3", f"agent.path=[{world}/td3.zip,{world}/ppo.zip]", f"checkpoint={world}/model")
    places = [(found["agent"], found["place"], found["episodes"]) for found in written["rollouts"]]
    assert places == [(name, place, size) for name in ("td3", "ppo") for place, size in (("real", 3), ("imagined", 5))]
    assert [pooled["place"] for pooled in written["all"]] == ["real", "imagined"]
    assert all(found["lengths"] == [4] * found["episodes"] for found in written["rollouts"])
    assert all(found["success_interval"][1] > 0 for found in written["rollouts"])
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("all 2", "imagined", "success"))


def test_planning_and_cloned_policies_are_agents_too(world: Path, run: Run) -> None:
    planned = run(
        "agent=mpc", f"agent.checkpoint={world}/model", "agent.planner.horizon=3", "agent.planner.candidates=40"
    )
    assert planned["rollouts"][0]["agent"] == "mpc"
    cloned = run(
        "agent=behaviour_cloning", f"agent.path={world}/td3.zip", "real.episodes=0", f"checkpoint={world}/model"
    )
    assert [found["place"] for found in cloned["rollouts"]] == ["imagined"]


def test_films_or_a_line_that_says_why_not(
    world: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = run("films=1", "film_steps=2", f"checkpoint={world}/model")
    assert len(written["rollouts"]) == 2
    printed = capsys.readouterr().out
    if "not all is filmed" in printed:
        with pytest.raises(ConfigurationError, match="cannot be rendered"):
            make_rendered_environment(lambda **options: make_environment(MAZE, **options), MAZE)
        return
    films = sorted((tmp_path / "run" / "films").iterdir())
    assert [path.name for path in films] == ["random_imagined_1000.gif", "random_real_1000.gif"]
    with Image.open(films[0]) as film:
        assert film.size == (240, 240)


@bad_input(
    (["agent=sb3"], "ConfigurationError: no policy is named"),
    (["agent=sb3", "agent.path=nowhere.zip"], "ConfigurationError: no policy file matches 'nowhere.zip'"),
    (["agent=sb3", "agent.path={world}/ppo.zip", "agent.algorithm=SAC"], "not a policy saved by SAC, but by PPO"),
    (["agent=behaviour_cloning", "agent.path={world}/ppo.zip"], "not a policy saved by TD3, but by PPO"),
    (["agent=sb3", "agent.path={world}/td3.zip", "environment=half_cheetah"], "SpaceMismatchError: "),
    (["agent=mpc"], "ConfigurationError: no checkpoint is named"),
    (["agent=mpc", "agent.checkpoint=nowhere"], "CheckpointError: "),
    (["checkpoint=nowhere"], "CheckpointError: "),
    (["checkpoint={world}/model", "environment=half_cheetah"], "SpaceMismatchError: "),
    (["dataset_id=nobody/nothing-v0", "max_episode_steps=null"], "UnknownDatasetError: "),
    (["real.episodes=0"], "ConfigurationError: nothing to do"),
    (["real.episodes=-1"], "ConfigurationError: "),
    (["agent=robot"], "there is no agent=robot: choose out of behaviour_cloning, mpc, "),
)
def test_bad_input_ends_with_one_line_before_any_episode(
    world: Path, tmp_path: Path, run: Run, refused: Callable[..., str], case: BadInput
) -> None:
    printed = refused(run, *(word.format(world=world) for word in case.words), message=case.message)
    assert len(printed.strip().splitlines()) == 1
    assert not (tmp_path / "run" / "rollout.json").exists()
