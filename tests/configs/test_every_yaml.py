"""Every YAML of configs/ composes in a command, and every choice of a group builds what it names.

New files are found by themselves. A new group needs one line in `ARGUMENTS`: what its constructors are called with
beside what the YAML says.
"""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from d4rl_files import rows_of, write_rows
from hydra import compose, initialize
from hydra.errors import ConfigCompositionException
from hydra.utils import instantiate
from imagined_worlds import checkpoint_of, dataset_of
from omegaconf import DictConfig, OmegaConf
from stable_baselines3 import SAC, TD3
from stable_baselines3.common.vec_env import DummyVecEnv

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.policy_files import save_policy
from mbrl_mts3.data import find_d4rl_info, load_minari
from mbrl_mts3.envs import make_environment
from mbrl_mts3.scripts.experiments.stages import expand_stages

CONFIGS = Path(__file__).parents[2] / "configs"
COMMANDS = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
EXPERIMENTS = sorted(
    path.relative_to(CONFIGS / "experiment").with_suffix("").as_posix() for path in CONFIGS.glob("experiment/**/*.yaml")
)
CHOICES = sorted(
    (path.parent.relative_to(CONFIGS).as_posix(), path.stem)
    for path in CONFIGS.glob("*/**/*.yaml")
    if path.relative_to(CONFIGS).parts[0] not in ("experiment", "hydra")
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with no data set on disk."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path / "d4rl"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def maze() -> Iterator[gymnasium.Env[Any, Any]]:
    environment = make_environment("PointMaze_UMaze-v3")
    yield environment
    environment.close()


# Behaviours that a maze does not suit.
AT_HOME = {
    "NoisyBehaviour": "HalfCheetah-v5",
    "PolicyBehaviour": "HalfCheetah-v5",
    "SkidSteerBehaviour": "mbrl_mts3/SkidSteer-v0",
}


def for_agent(node: DictConfig, maze: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    if "checkpoint" in node:
        checkpoint = checkpoint_of(dataset_of(maze.spec.id, episodes=1, steps=5)).save_pretrained("checkpoint")
        return {"environment": maze, "checkpoint": checkpoint}
    if "path" in node:
        save_policy(TD3("MultiInputPolicy", maze, policy_kwargs={"net_arch": [4]}, buffer_size=1), "policy.zip")
        return {"environment": maze, "path": "policy.zip"}
    return {"environment": maze}


def for_behaviour(node: DictConfig, maze: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    home = AT_HOME.get(node._target_.split(".")[-1])
    if home is not None:
        return {"environment": make_environment(home)}
    if "path" in node:
        Path(node.path).parent.mkdir(parents=True)
        save_policy(SAC("MultiInputPolicy", maze, policy_kwargs={"net_arch": [4]}, buffer_size=1), node.path)
    if node._target_.endswith("KitchenDemonstration"):
        return {"environment": make_environment("FrankaKitchen-v1")}
    return {"environment": maze}


def for_collector(node: DictConfig, maze: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    return {"environment": maze.spec.id, "steps": 20, "dataset_id": "tests/collected-v0", "progress": False}


def for_data(node: DictConfig, maze: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    if node.dataset_id.startswith("d4rl/"):
        info = find_d4rl_info(node.dataset_id)
        write_rows(Path(os.environ["D4RL_DATASET_DIR"]) / info.file_name, rows_of(info.name))
        return {}
    collect_dataset(maze.spec.id, RandomBehaviour, 20, node.dataset_id, progress=False)
    return {}


def for_offline(node: DictConfig, maze: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    collect_dataset(maze.spec.id, RandomBehaviour, 20, "tests/offline-v0", progress=False)
    return {"dataset": load_minari("tests/offline-v0", "everything")}


def for_value(node: DictConfig, maze: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    collect_dataset(maze.spec.id, RandomBehaviour, 20, "tests/valued-v0", progress=False)
    checkpoint = {"checkpoint": checkpoint_of(load_minari("tests/valued-v0"))}
    if "path" not in node:
        return checkpoint
    save_policy(TD3("MultiInputPolicy", maze, policy_kwargs={"net_arch": [4]}, buffer_size=1), "policy.zip")
    return {**checkpoint, "path": "policy.zip"}


ARGUMENTS: dict[str, Callable[[DictConfig, gymnasium.Env[Any, Any]], dict[str, Any]]] = {
    "agent": for_agent,
    "behaviour": for_behaviour,
    "collector": for_collector,
    "data": for_data,
    "environment": lambda *_: {},
    "model": lambda *_: {"observation_dim": 4, "action_dim": 2},
    "noise": for_value,
    "offline_algorithm": for_offline,
    "policy": lambda _, maze: {"environment": DummyVecEnv([lambda: maze])},
    "proposal": for_value,
    "planner": lambda *_: {"action_low": [-1.0, -1.0], "action_high": [1.0, 1.0]},
    "task": lambda *_: {},
    "training": lambda *_: {},
    "value": for_value,
}


# What a user names a class of their own in.
MINE = {("task", "own"): "mbrl_mts3.envs.tasks.LearnedRewardTask"}


def composed(command: str, *overrides: str) -> DictConfig:
    with initialize(version_base="1.3", config_path="pkg://mbrl_mts3.configs"):
        return compose(command, overrides=list(overrides))


@functools.cache
def commands_that_use(group: str) -> list[str]:
    """Those that have the group in their defaults, tried with one of its choices."""
    choice, found = next(choice for of, choice in CHOICES if of == group), []
    for command in COMMANDS:
        try:
            composed(command, f"{group}={choice}")
        except ConfigCompositionException as error:
            if "Could not override" not in str(error):
                raise
        else:
            found.append(command)
    return found


def build(group: str, choice: str, maze: gymnasium.Env[Any, Any]) -> object:
    """What a choice names, made with the rest of its command's config around it."""
    named = [f"{group}._target_={MINE[group, choice]}"] if (group, choice) in MINE else []
    config = composed(commands_that_use(group)[0], f"{group}={choice}", *named)
    node = OmegaConf.select(config, group.replace("/", "."))
    return instantiate(node, _partial_=True)(**ARGUMENTS[group](node, maze))


def test_every_command_has_a_config() -> None:
    folder = CONFIGS.parent / "scripts"
    scripts = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__main__.py")}
    # mts3-data, mts3-list and mts3-report take words in a row and no configuration.
    assert set(COMMANDS) == scripts - {"__init__", "data", "report"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_prints_its_config(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main = import_module(f"mbrl_mts3.scripts.{command}").main
    monkeypatch.setattr(sys, "argv", [f"mts3-{command}", "--cfg", "job"])
    main()
    assert OmegaConf.create(capsys.readouterr().out) == composed(command)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("group", sorted({group for group, _ in CHOICES}))
def test_a_command_uses_the_group(group: str) -> None:
    assert commands_that_use(group), f"no command has {group} in its defaults"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_the_choice_builds_what_it_names(group: str, choice: str, maze: gymnasium.Env[Any, Any]) -> None:
    assert group in ARGUMENTS, f"say in ARGUMENTS what a {group} is built with"
    built = build(group, choice, maze)
    assert built is not None
    if isinstance(built, gymnasium.Env):
        built.close()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_stage_of_an_experiment_has_options_that_its_command_knows(name: str) -> None:
    config = composed("experiment", f"experiment={name}")
    plain: Any = OmegaConf.to_container(config, resolve=True)
    for stage in expand_stages(plain["stages"], plain["each"], Path("runs/experiment")):
        composed(stage.command, *stage.options)


def test_no_group_is_named_that_is_gone() -> None:
    assert set(ARGUMENTS) == {group for group, _ in CHOICES}
