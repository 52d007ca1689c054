"""Every command that goes into the real environment takes the one of the model's data, as the data was collected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imagined_worlds import checkpoint_of
from stable_baselines3 import SAC

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.policy_files import save_policy
from mbrl_mts3.agents.recorded_episodes import load_episodes
from mbrl_mts3.data import load_minari
from mbrl_mts3.envs import make_environment

HEAVY = {"ctrl_cost_weight": 3.0, "max_episode_steps": 12}
"""No defaults: these are 0.1 and 1000."""
COMMANDS = {
    "plan": ["checkpoint={world}/model", "task=half_cheetah", "episodes=2", "num_envs=2", "planner.horizon=2"],
    "rollout": ["agent=sb3", "agent.path={world}/policy.zip", "checkpoint={world}/model", "real.episodes=2"],
    "evaluate_policies": ["checkpoint={world}/model", "policies=[{world}/policy.zip]", "real.episodes=2"],
    "imagine": ["checkpoint={world}/model", "evaluation.episodes=2", "rounds=1", "steps_per_round=2"],
    "audit": ["checkpoint={world}/model", "horizons=[1]"],
    "diagnose": ["checkpoint={world}/model", "policies=[{world}/policy.zip]"],
    "offline": ["data=minari", "data.dataset_id=mine/heavy-v0", "evaluation.episodes=2", "evaluation.interval=2"],
}
MORE = {
    "plan": ["planner.candidates=8", "planner.iterations=1", "planner.elites=2"],
    "rollout": ["imagined.episodes=2"],
    "evaluate_policies": ["imagined.episodes=2"],
    "imagine": [
        *("branches=4", "branch_length=1", "num_start_states=8", "context=2", "imitation_steps=1", "critic_steps=1"),
        *("policy.batch_size=4", "policy.policy_kwargs.net_arch.pi=[4]", "policy.policy_kwargs.net_arch.qf=[4]"),
        *("uncertainty.kind=none", "uncertainty.penalty=0"),
    ],
    "audit": ["context=2"],
    "diagnose": ["context=2", "horizon=3", "num_start_states=4", "random=false", "split=all"],
    "offline": ["steps=2", "batch_size=4", "offline_algorithm.net_arch=[4]"],
}
RESULTS = {"evaluate_policies": "policies.json"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
        make = lambda **options: make_environment("HalfCheetah-v5", **{**HEAVY, **options})  # noqa: E731
        collect_dataset(make, RandomBehaviour, 72, "mine/heavy-v0", progress=False)
        data = load_minari("mine/heavy-v0")
        assert {name: data.env_options[name] for name in HEAVY} == HEAVY
        checkpoint = checkpoint_of(data)
        vars(checkpoint)["env_options"] = data.env_options
        checkpoint.save_pretrained(folder / "model")
        environment = make()
        options: dict[str, Any] = {"policy_kwargs": {"net_arch": [4]}, "buffer_size": 1, "seed": 0, "device": "cpu"}
        save_policy(SAC("MlpPolicy", environment, **options), folder / "policy.zip")
        environment.close()
        yield folder


def lengths_and_rewards(name: str, written: dict[str, Any]) -> Any:
    if name == "plan":
        return written["result"]["lengths"]
    if name == "rollout":
        return next(row for row in written["rollouts"] if row["place"] == "real")["lengths"]
    if name == "imagine":
        return written["real_evaluation"]["lengths"]
    return None


@pytest.mark.parametrize("name", COMMANDS)
def test_its_options_and_time_limit_hold_and_are_told(
    name: str, world: Path, command: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.format(world=world) for word in COMMANDS[name]] + MORE[name]
    run = command(name, RESULTS.get(name, f"{name}.json"), *words)
    written = run()
    told = " ".join(capsys.readouterr().out.split())
    assert "real environment: HalfCheetah-v5 with " in told
    assert "ctrl_cost_weight=3.0 (of the data)" in told
    assert "max_episode_steps=12 (of the data)" in told
    lengths = lengths_and_rewards(name, written)
    assert lengths in (None, [12, 12])


@pytest.mark.parametrize("name", COMMANDS)
def test_explicit_options_go_before_them(
    name: str, world: Path, command: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.format(world=world) for word in COMMANDS[name]] + MORE[name]
    run = command(name, RESULTS.get(name, f"{name}.json"), *words)
    written = run("environment_options={max_episode_steps: 5}")
    told = " ".join(capsys.readouterr().out.split())
    assert "max_episode_steps=5" in told
    assert "ctrl_cost_weight=3.0 (of the data)" in told
    assert lengths_and_rewards(name, written) in (None, [5, 5])


def test_rewards_are_those_of_the_datas_options(world: Path, command: Callable[..., Any], tmp_path: Path) -> None:
    """Control costs of 3 in place of 0.1, by hand from what was recorded."""
    words = [word.format(world=world) for word in COMMANDS["rollout"]] + MORE["rollout"]
    written = command("rollout", "rollout.json", *words, "record=true")()
    episode = load_episodes(tmp_path / "run" / "episodes.npz")[0]
    environment = make_environment("HalfCheetah-v5", **HEAVY)
    environment.reset(seed=1000)
    expected = [float(environment.step(action)[1]) for action in episode.actions]
    environment.close()
    np.testing.assert_allclose(episode.rewards, expected, rtol=1e-6)
    assert written["environment"] == {"id": "HalfCheetah-v5", **written["environment"]}
    assert json.dumps(written["environment"]["ctrl_cost_weight"]) == "3.0"


def test_where_nothing_names_one_it_is_asked_for(command: Callable[..., Any], refused: Callable[..., str]) -> None:
    assert "environment=point_maze_umaze" in refused(command("rollout", "rollout.json"), "agent=random")
