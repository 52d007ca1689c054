"""mts3-imagine from the command line to its files, with an untrained ensemble."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gymnasium.wrappers import FlattenObservation
from imagined_worlds import checkpoint_of, checkpoint_with
from stable_baselines3 import TD3

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.evaluation import evaluate_agent
from mbrl_mts3.data import OfflineDataset, load_minari
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import (
    CausalityError,
    CheckpointError,
    ConfigurationError,
    MTS3Error,
    SpaceMismatchError,
    UnknownDatasetError,
)
from mbrl_mts3.models import Ensemble

QUICK = [
    *("rounds=2", "steps_per_round=4", "branches=10", "branch_length=2", "num_start_states=20", "context=1"),
    *("imitation_steps=2", "critic_steps=2", "oversample_starts.steps=5", "oversample_starts.copies=1"),
    *("policy.batch_size=8", "policy.policy_kwargs.net_arch.pi=[8]"),
]

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> OfflineDataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("minari")))
        collect_dataset("HalfCheetah-v5", RandomBehaviour, 60, "mine/cheetah-v0", max_episode_steps=20, progress=False)
        collect_dataset("PointMaze_UMaze-v3", RandomBehaviour, 20, "mine/maze-v0", progress=False)
        yield load_minari("mine/cheetah-v0")


def ensemble(data: OfflineDataset, **options: Any) -> Ensemble:
    small = {"hidden": [8], "propagation": "mean"}
    return Ensemble(data.observation_dim, data.action_dim, "ProbabilisticMLP", members=2, options=small, **options)


@pytest.fixture
def saved(data: OfflineDataset, tmp_path: Path) -> Path:
    return checkpoint_with(ensemble(data), data).save_pretrained(tmp_path / "checkpoint")


@pytest.fixture
def run(command: Callable[..., Run]) -> Run:
    return command("imagine", "imagine.json", *QUICK, whole_errors=True)


@pytest.mark.parametrize("algorithm", ["sac", "td3", "ppo"])
def test_it_trains_and_writes(data: OfflineDataset, saved: Path, tmp_path: Path, run: Run, algorithm: str) -> None:
    options = {
        "sac": ["policy.policy_kwargs.net_arch.qf=[8]"],
        "td3": ["policy.policy_kwargs.net_arch.qf=[8]", "n_steps=2", "policy.proximal=0.1"],
        "ppo": ["policy.policy_kwargs.net_arch.vf=[8]", "branched=false", "real_fraction=0", "policy.n_steps=4"],
    }
    more = [
        "environments=2",
        "evaluation.episodes=2",
        "evaluation.interval=2",
        "environment_options={max_episode_steps: 6}",
    ]
    written = run(f"checkpoint={saved}", f"policy={algorithm}", *options[algorithm], *more)
    assert written["finished"]
    assert written["algorithm"] == algorithm.upper()
    assert (written["dataset_id"], written["content_hash"]) == ("mine/cheetah-v0", data.content_hash)
    assert written["checkpoint"] == str(saved)
    assert written["config"]["uncertainty"]["kind"] == "epistemic"
    assert [row["round"] for row in written["learning_curve"]] == [0, 1, 2]
    assert ["real_return" in row for row in written["learning_curve"]] == [True, False, True]
    assert written["real_evaluation"]["lengths"] == [6, 6]
    assert written["learning_curve"][-1]["uncertainty"] > 0
    assert {"policy.zip", "learning_curve.csv", "resume.pt"} <= {path.name for path in (tmp_path / "run").iterdir()}


def test_a_single_model_costs_its_own_uncertainty(data: OfflineDataset, tmp_path: Path, run: Run) -> None:
    model = checkpoint_of(data).save_pretrained(tmp_path / "single")
    written = run(f"checkpoint={model}", "rounds=1", "policy.policy_kwargs.net_arch.qf=[8]")
    assert written["learning_curve"][-1]["penalty"] == pytest.approx(5 * written["learning_curve"][-1]["uncertainty"])
    assert written["learning_curve"][-1]["uncertainty"] > 0


def test_it_goes_on(saved: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    run(f"checkpoint={saved}", "rounds=1")
    written = run(f"checkpoint={saved}", "rounds=3", f"resume={folder}")
    assert [row["round"] for row in written["learning_curve"]] == [0, 1, 2, 3]
    with pytest.raises(SystemExit):
        run(f"checkpoint={saved}", "rounds=3", f"resume={folder}", "branch_length=1", "uncertainty.penalty=3")
    assert "another branch_length, uncertainty" in capsys.readouterr().err
    assert json.loads((folder / "imagine.json").read_text()) == written
    with pytest.raises(SystemExit):
        run(f"checkpoint={saved}", f"resume={tmp_path / 'nowhere'}")
    assert capsys.readouterr().err.startswith("CheckpointError: nothing to resume")


def test_it_begins_with_a_policy(saved: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run(f"checkpoint={saved}")
    policy = (tmp_path / "run" / "policy.zip").rename(tmp_path / "first.zip")
    with pytest.raises(SystemExit):
        run(f"checkpoint={saved}", f"initial_policy={policy}")
    assert "holds a run already" in capsys.readouterr().err
    (tmp_path / "run").rename(tmp_path / "first")
    run(f"checkpoint={saved}", f"initial_policy={policy}")
    (tmp_path / "run").rename(tmp_path / "second")
    for other in (
        [f"initial_policy={tmp_path / 'none.zip'}"],
        [f"initial_policy={policy}", "policy.policy_kwargs.net_arch.pi=[9]"],
    ):
        with pytest.raises(SystemExit):
            run(f"checkpoint={saved}", *other)
        assert capsys.readouterr().err.startswith("ConfigurationError: ")


def test_a_policy_of_flat_observations_acts_in_the_flat_environment(
    data: OfflineDataset, tmp_path: Path, run: Run
) -> None:
    maze = load_minari("mine/maze-v0")
    checkpoint = checkpoint_with(ensemble(maze), maze).save_pretrained(tmp_path / "checkpoint")
    options = {"continuing_task": False, "max_episode_steps": 6}
    told = "{continuing_task: false, max_episode_steps: 6}"
    written = run(
        f"checkpoint={checkpoint}", "flat_observations=true", "evaluation.episodes=2", f"environment_options={told}"
    )
    assert written["real_evaluation"]["episodes"] == 2
    policy = TD3.load(tmp_path / "run" / "policy.zip")
    environment = FlattenObservation(make_environment("PointMaze_UMaze-v3", **options))
    assert policy.observation_space == environment.observation_space
    result = evaluate_agent(policy, lambda: environment, [1000, 1001])
    assert result.returns.tolist() == written["real_evaluation"]["returns"]


def other_model(data: OfflineDataset, kind: str) -> Any:
    if kind == "single":
        return checkpoint_of(data)
    if kind == "window":
        return checkpoint_of(data, aggregation="window")
    return checkpoint_with(ensemble(data, predict_reward=False), data)


@pytest.mark.parametrize(
    ("model", "arguments", "error", "hint"),
    [
        ("ensemble", ["policy.algorithm=DDQN"], ConfigurationError, "SAC, TD3, PPO"),
        ("ensemble", ["policy=ppo"], ConfigurationError, "branched=false"),
        ("ensemble", ["policy=ppo", "branched=false"], ConfigurationError, "real_fraction=0"),
        ("ensemble", ["environment=point_maze_umaze"], SpaceMismatchError, "observation"),
        ("ensemble", ["dataset_id=mine/maze-v0"], SpaceMismatchError, "mine/maze-v0"),
        ("ensemble", ["dataset_id=mine/none-v0"], UnknownDatasetError, "mine/none-v0"),
        ("ensemble", ["oversample_starts.copies=-1"], ConfigurationError, "oversampled"),
        ("single", ["uncertainty.kind=epistemic"], ConfigurationError, "train an ensemble"),
        ("single", ["uncertainty.kind=none"], ConfigurationError, "penalty"),
        ("window", ["uncertainty.kind=aleatoric"], CausalityError, "causal"),
        ("rewardless", ["task=learned_reward"], ConfigurationError, "predict_reward"),
        (None, ["checkpoint=nowhere"], CheckpointError, "nowhere"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(
    data: OfflineDataset,
    tmp_path: Path,
    run: Run,
    refused: Callable[..., str],
    model: str | None,
    arguments: list[str],
    error: type[MTS3Error],
    hint: str,
) -> None:
    if model is not None:
        made = checkpoint_with(ensemble(data), data) if model == "ensemble" else other_model(data, model)
        arguments = [f"checkpoint={made.save_pretrained(tmp_path / 'checkpoint')}", *arguments]
    assert hint in refused(run, *arguments, error=error)
    assert not (tmp_path / "run" / "learning_curve.csv").exists()
