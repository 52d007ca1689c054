"""mts3-plan from the command line to the JSON file, with an untrained model."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_input import NO_CHECKPOINT, BadInput, bad_input
from gymnasium import spaces
from imagined_worlds import checkpoint_of, dataset_of
from PIL import Image

from mbrl_mts3.agents.offline import TD3BC
from mbrl_mts3.agents.offline.replay_buffer import flatten_dataset
from mbrl_mts3.agents.policy_files import save_policy
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.rendering import make_rendered_environment
from mbrl_mts3.envs.rewards import KITCHEN_GOALS
from mbrl_mts3.errors import CausalityError, ConfigurationError, SpaceMismatchError, UnknownObservationError
from mbrl_mts3.models import MTS3
from mbrl_mts3.training import Checkpoint

SMALL: dict[str, Any] = {
    "latent_dim": 4,
    **{f"{part}_hidden": (8,) for part in ("encoder", "window", "action", "control", "decoder")},
}
Run = Callable[..., dict[str, Any]]
QUICK = ["episodes=3", "num_envs=2", "max_episode_steps=4", "planner.horizon=5", "planner.candidates=40"]


def save(folder: Path, select: Any = "all", actions: spaces.Box | None = None, **options: Any) -> Path:
    environment = make_environment("PointMaze_UMaze-v3")
    space = environment.observation_space
    action_space = actions or environment.action_space
    environment.close()
    assert isinstance(action_space, spaces.Box)
    selector = ObservationSelector.from_space(space, "PointMaze_UMaze-v3", select)
    sizes = selector.dim, action_space.shape[0]
    checkpoint = Checkpoint(
        model=MTS3(*sizes, **{**SMALL, **options}),
        normalizer=Normalizer.identity(*sizes),
        selector=selector,
        observation_space=space,
        action_space=action_space,
        dataset_id="none/none-v0",
        content_hash="",
        env_id="PointMaze_UMaze-v3",
    )
    return checkpoint.save_pretrained(folder / "checkpoint")


@pytest.fixture
def run(command: Callable[..., Run]) -> Run:
    return command("plan", "plan.json", *QUICK, whole_errors=True)


def test_nested_observations_need_no_option(tmp_path: Path, command: Callable[..., Run]) -> None:
    """FrankaKitchen shows dicts within dicts: the model, the policy and the critic see of it what they learned from."""
    learner = TD3BC.from_dataset(flatten_dataset(dataset_of("FrankaKitchen-v1", "everything", steps=10)), net_arch=[8])
    policy = save_policy(learner, tmp_path / "policy.zip")
    checkpoint = checkpoint_of(dataset_of("FrankaKitchen-v1", steps=10)).save_pretrained(tmp_path / "checkpoint")
    run = command("plan", "plan.json", *QUICK, whole_errors=True)
    words = ["environment=franka_kitchen", "task=franka_kitchen", "planner=mppi", "discount=0.99"]
    words += [f"environment.tasks_to_complete={list(KITCHEN_GOALS)}"]
    around = ["proposal=policy", f"proposal.path={policy}", "value=critic", f"value.path={policy}"]
    result = run(f"checkpoint={checkpoint}", *words, *around)["result"]
    assert result["lengths"] == [4, 4, 4]


@pytest.mark.parametrize("task", ["point_maze_shaped", "point_maze_straight", "learned_reward"])
def test_it_plans_prints_and_writes(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], task: str) -> None:
    written = run(f"checkpoint={save(tmp_path)}", f"task={task}")
    result = written["result"]
    made = Checkpoint.from_pretrained(written["config"]["checkpoint"])
    assert written["trained_on"] == {"dataset_id": made.dataset_id, "content_hash": made.content_hash}
    assert result["seeds"] == [1000, 1001, 1002]
    assert result["lengths"] == [4, 4, 4]
    assert result["success_rate"] == 0
    assert result["success_interval"][0] == 0
    assert result["ms_per_action"] > 0
    assert written["config"]["planner"]["horizon"] == 5
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("return", "success rate", "95% interval", "ms per action"))


def test_one_episode_has_no_interval(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(f"checkpoint={save(tmp_path)}", "episodes=1", "num_envs=1")["result"]
    assert result["return_interval"] == [None, None]
    returned = next(line for line in capsys.readouterr().out.splitlines() if "return" in line)
    assert "interval" not in returned
    assert f"{result['mean_return']:.4g}" in returned


def test_observations_may_be_missing(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    options = (f"checkpoint={save(tmp_path)}", "missing.rate=0.5", "missing.burst=2", "max_episode_steps=8")
    written = run(*options)
    assert written["missing"] == {"rate": 0.5, "burst": 2}
    assert written["result"]["lengths"] == [8, 8, 8]
    assert "50.0%, in bursts of 2 steps" in capsys.readouterr().out


@pytest.mark.parametrize("planner", ["cem", "gradient_ascent", "mppi", "random_shooting"])
def test_the_planner_is_a_choice(tmp_path: Path, run: Run, planner: str) -> None:
    arguments = (f"checkpoint={save(tmp_path)}", f"planner={planner}", "task=point_maze_straight")
    assert run(*arguments)["result"]["episodes"] == 3


def test_plans_are_compared_with_what_came(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("max_episode_steps=12", "planner.horizon=5", "planner.budget_ms=60000", "task=point_maze_straight")
    written = run(f"checkpoint={save(tmp_path)}", *arguments)
    planned, result = written["planned"], written["result"]
    assert planned["horizon"] == 5
    assert planned["decisions"] == sum(result["lengths"]) == 36
    # Every decision of each episode but the last four begins a horizon that ends in time.
    assert planned["compared"] == len(planned["planned"]) == len(planned["realised"]) == 3 * 8
    assert all(value < 0 for value in planned["realised"])
    assert 0 < result["ms_per_action_median"] <= result["ms_per_action_p95"]
    assert planned["ms_per_search_median"] > 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("planned value", "realised value", "median", "95th percentile", "report"))
    page = (tmp_path / "run" / "report.html").read_text()
    assert "On the dashed diagonal a plan keeps its promise" in page
    assert all(words in page for words in ("planner.budget_ms", "Imagined against real paths", "ms per action"))
    for figure in ("planned_values.png", "imagined_paths.png"):
        assert (tmp_path / "run" / figure).read_bytes().startswith(b"\x89PNG")


def test_episodes_shorter_than_the_horizon_are_not_compared(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"checkpoint={save(tmp_path)}")["planned"]["compared"] == 0
    assert "not compared: no episode lasts" in " ".join(capsys.readouterr().out.split())
    assert not (tmp_path / "run" / "planned_values.png").exists()
    assert "No plan can be compared" in (tmp_path / "run" / "report.html").read_text()


def test_a_film_or_an_error_before_any_episode(
    tmp_path: Path, run: Run, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    maze, options = "PointMaze_UMaze-v3", (f"checkpoint={save(tmp_path)}", "film=true", "film_steps=3")
    try:
        make_rendered_environment(partial(make_environment, maze), maze).close()
    except ConfigurationError:
        assert "cannot be rendered on this machine" in refused(run, *options)
        assert not (tmp_path / "run" / "plan.json").exists()
        return
    run(*options)
    with Image.open(tmp_path / "run" / "film.gif") as film:
        assert film.n_frames > 1
    assert "data:image/gif;base64" in (tmp_path / "run" / "report.html").read_text()


@bad_input(
    (["environment=half_cheetah", "task=half_cheetah"], "HalfCheetah-v5 has", SpaceMismatchError),
    ([], "trained with actions Box(-2.0, 2.0", SpaceMismatchError, {"actions": spaces.Box(-2, 2, (2,), np.float32)}),
    ([], "does not see x, y", UnknownObservationError, {"select": ["vx", "vy"]}),
    ([], "needs a causal model", CausalityError, {"aggregation": "window"}),
    NO_CHECKPOINT,
    (["planner.budget_ms=0.001"], "budget_ms=0.001 is too short: one iteration", ConfigurationError),
    (["task=learned_reward"], "nothing to plan for", ConfigurationError, {"predict_reward": False}),
    (["planner=gradient_ascent", "task=point_maze_sparse"], "no gradient", ConfigurationError),
)
def test_what_does_not_fit_is_refused_before_any_episode(
    tmp_path: Path, run: Run, refused: Callable[..., str], case: BadInput
) -> None:
    folder = save(tmp_path, **case.checkpoint)
    refused(run, f"checkpoint={folder}", *case.words, error=case.error, message=case.message)
    assert not (tmp_path / "run" / "plan.json").exists()


OWN_TASK = '''
from mbrl_mts3.envs.tasks import Task


class Middle(Task):
    """Stay in the middle."""

    name = "the middle"
    observation_names = ("x", "y")

    def __init__(self, weight=1.0):
        self.weight = weight

    def reward_function(self, observation, selector):
        columns = list(self.columns(selector))
        return lambda before, action, after: -self.weight * after[..., columns].square().sum(-1)
'''


def test_a_task_of_ones_own(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "task_of_mine.py").write_text(OWN_TASK)
    checkpoint, own = f"checkpoint={save(tmp_path)}", "task._target_=task_of_mine.Middle"
    plain, heavy = (
        run(checkpoint, "task=own", own, "trust=[task_of_mine]", *more) for more in ([], ["+task.weight=3"])
    )
    assert (plain["task"], plain["environment"]["id"]) == ("the middle", "PointMaze_UMaze-v3")
    np.testing.assert_allclose(heavy["planned"]["planned"], 3 * np.array(plain["planned"]["planned"]), rtol=1e-4)
    assert "task._target_ is missing" in refused(run, checkpoint, "task=own")


def test_the_task_is_that_of_the_environment_unless_one_is_named(tmp_path: Path, command: Callable[..., Run]) -> None:
    run = command("plan", "plan.json", *QUICK, whole_errors=True)
    # In mazes the shaped one: the sparse reward lies behind the horizon.
    named = run(f"checkpoint={save(tmp_path)}", "task=point_maze_shaped")
    assert run(f"checkpoint={tmp_path}/checkpoint")["planned"]["planned"] == named["planned"]["planned"]
    checkpoint = checkpoint_of(dataset_of("HalfCheetah-v5", steps=10)).save_pretrained(tmp_path / "cheetah")
    written = run(f"checkpoint={checkpoint}")
    assert (written["task"], written["environment"]["id"]) == ("HalfCheetah", "HalfCheetah-v5")
