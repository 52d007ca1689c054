"""Whole trainings, small."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from aim_at_one_action import BEST_ACTION
from stable_baselines3 import SAC, TD3

from mbrl_mts3.agents.imagination import BranchedRollouts, BranchedTrainer, EpisodicTrainer, make_algorithm
from mbrl_mts3.agents.imagination.base import ImaginationTrainer
from mbrl_mts3.agents.imagination.training_loop import train_in_imagination
from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs.world_model import WorldModelDynamics
from mbrl_mts3.errors import CheckpointError, ConfigurationError

World = Callable[..., WorldModelDynamics]
Maker = Callable[..., ImaginationTrainer]


def maker(algorithm: str, **options: Any) -> Callable[[Any], Any]:
    small = {"policy_kwargs": {"net_arch": [32]}, "batch_size": 32, "gamma": 0.1, "device": "cpu", "seed": 0}
    return lambda environment: make_algorithm(environment, algorithm, **{**small, **options})


def branched(dynamics: WorldModelDynamics, data: OfflineDataset, algorithm: str = "SAC", **options: Any) -> Any:
    policy = {name: options.pop(name) for name in ("learning_rate", "proximal") if name in options}
    given = {"real_fraction": 0.25, "steps_per_round": 5, "replay_rounds": 2, **options}
    noise = 0.0 if algorithm == "SAC" else 0.8  # enough to see all actions
    rollouts = BranchedRollouts(dynamics, 20, 3, action_noise=noise)
    return BranchedTrainer.from_episodes(maker(algorithm, **policy), rollouts, data.episodes, **given)


def parameters(learning: ImaginationTrainer) -> torch.Tensor:
    return parameters_of(learning.algorithm.policy)


def parameters_of(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [("SAC", {}), ("TD3", {}), ("TD3", {"proximal": 0.01}), ("TD3", {"n_steps": 3})],
)
def test_branches_find_the_best_action(
    plain: World, maze_data: OfflineDataset, tmp_path: Path, algorithm: str, options: dict[str, Any]
) -> None:
    # The data's rewards are of another task, so none of them.
    # TD3 needs critics that know where the best action is before it moves: far out, tanh lets it return but slowly.
    held = 0 if algorithm == "SAC" else 5
    settings = {
        "real_fraction": 0.0,
        "steps_per_round": 60,
        "replay_rounds": 9,
        "learning_rate": 3e-3,
        "actor_warmup_rounds": held,
    }
    learning = branched(plain(), maze_data, algorithm, **settings, **options)
    curve = train_in_imagination(learning, 7 + held, tmp_path)
    assert distance(learning, maze_data) < 0.35
    assert curve[-1]["reward"] > curve[1]["reward"]


def test_whole_episodes_find_the_best_action(plain: World, maze_data: OfflineDataset, tmp_path: Path) -> None:
    make = maker("PPO", n_steps=16, n_epochs=5, batch_size=64, learning_rate=1e-2)
    dynamics = plain(max_episode_steps=8)
    learning = EpisodicTrainer.from_episodes(
        make, dynamics, 16, maze_data.episodes, real_fraction=0.0, steps_per_round=256
    )
    curve = train_in_imagination(learning, 8, tmp_path)
    assert distance(learning, maze_data) < 0.3
    assert curve[-1]["imagined_steps"] == 8 * 256
    assert curve[-1]["episode_return"] > curve[1]["episode_return"]


def distance(learning: ImaginationTrainer, data: OfflineDataset) -> float:
    """Of the policy from the best one."""
    action, _ = learning.algorithm.predict(data.episodes[0].observations[:20], deterministic=True)
    return float(np.abs(action - BEST_ACTION).mean())


@pytest.mark.parametrize(("algorithm", "proximal"), [("SAC", 0.0), ("TD3", 0.1)])
def test_a_resumed_run_is_the_unbroken_one(
    world: World, data: OfflineDataset, tmp_path: Path, algorithm: str, proximal: float
) -> None:
    dynamics = world(uncertainty_penalty=1.0)
    prepare = {"imitation_steps": 3, "critic_steps": 2, "save_interval": 2}

    def new() -> ImaginationTrainer:
        return branched(dynamics, data, algorithm, proximal=proximal)

    whole, first, second = new(), new(), None
    expected = train_in_imagination(whole, 4, tmp_path / "whole", **prepare)
    whole_parameters = parameters(whole)
    first = new()
    train_in_imagination(first, 2, tmp_path / "broken", **prepare)
    torch.rand(3), np.random.rand(3)  # noqa: NPY002 - whatever another process would have sampled
    second = new()
    curve = train_in_imagination(second, 4, tmp_path / "broken", resume=True, **prepare)
    assert torch.equal(parameters(second), whole_parameters)
    assert not torch.equal(parameters(first), whole_parameters)
    timeless = [[{k: v for k, v in row.items() if "seconds" not in k} for row in rows] for rows in (curve, expected)]
    np.testing.assert_equal(*timeless)


def test_whole_episodes_go_on_too(world: World, data: OfflineDataset, tmp_path: Path) -> None:
    def new() -> ImaginationTrainer:
        make = maker("TD3", learning_starts=0, buffer_size=100, exploration=0.1)
        dynamics = world(max_episode_steps=4)
        return EpisodicTrainer.from_episodes(make, dynamics, 4, data.episodes, real_fraction=0.5, steps_per_round=8)

    first = new()
    train_in_imagination(first, 2, tmp_path)
    second = new()
    curve = train_in_imagination(second, 3, tmp_path, resume=True)
    assert [row["imagined_steps"] for row in curve] == [0, 8, 16, 24]
    assert second.gradient_steps > first.gradient_steps > 0
    assert second.algorithm.replay_buffer.imagined.size() == 6  # type: ignore[attr-defined]


def test_on_policy_rewards_are_scaled_and_what_is_told_is_not(
    plain: World, maze_data: OfflineDataset, tmp_path: Path
) -> None:
    """The spread of returns, which rewards are divided by, goes on where it was."""

    def new() -> EpisodicTrainer:
        make, dynamics = maker("PPO", n_steps=16, batch_size=64), plain(max_episode_steps=8)
        return EpisodicTrainer.from_episodes(
            make, dynamics, 4, maze_data.episodes, real_fraction=0.0, steps_per_round=64, actor_warmup_rounds=2
        )

    first, actors = new(), []

    def actor(_: Any) -> None:
        policy = first.algorithm.policy
        held = [*policy.mlp_extractor.policy_net.parameters(), *policy.action_net.parameters(), policy.log_std]  # type: ignore[union-attr,operator]
        actors.append(torch.cat([p.detach().flatten().clone() for p in held]))

    curve = train_in_imagination(first, 3, tmp_path, on_round=actor)
    assert torch.equal(actors[0], actors[2])
    assert not torch.equal(actors[2], actors[3])
    # Distances to a goal, a few tenths, eight steps long.
    assert first.rewards.norm_reward
    learnt = first.algorithm.rollout_buffer.rewards  # type: ignore[attr-defined]
    spread = float(np.sqrt(first.rewards.ret_rms.var))
    assert float(learnt.mean()) == pytest.approx(curve[-1]["reward"] / spread, rel=0.2)
    second = new()
    train_in_imagination(second, 4, tmp_path, resume=True)
    assert second.rounds_done == 4
    assert second.rewards.ret_rms.count == pytest.approx(4 * 64, abs=1)


def test_real_transitions_are_learnt_from(world: World, data: OfflineDataset) -> None:
    """Critics of a policy that sees the data alone learn the data's rewards, whatever the task says."""
    learning = branched(world(), data, "TD3", real_fraction=1.0, learning_rate=1e-2)
    learning.real.rewards[:] = 3.0
    learning.algorithm.gamma = 0.0
    learning.prepare(0, 1e-3, 300)
    batch = learning.real.sample(50)
    with torch.no_grad():
        value = learning.algorithm.critic(batch.observations.float(), batch.actions)[0]
    assert float((value - 3).abs().mean()) < 0.5


def test_critics_begin_at_the_returns_of_the_data(world: World, data: OfflineDataset) -> None:
    """A mean reward that goes on for ever, discounted by 0.1; or until an end, which half of the steps are."""
    reward = np.concatenate([episode.rewards for episode in data.episodes]).mean()
    critic = branched(world(), data, "TD3").algorithm.critic
    assert critic.qf1[-1].bias.item() == pytest.approx(reward / (1 - 0.1), rel=1e-4)
    ending = [replace(episode, terminations=np.arange(len(episode)) % 2 == 0) for episode in data.episodes]
    share = np.concatenate([episode.terminations for episode in ending]).mean()
    critic = branched(world(), replace(data, episodes=tuple(ending)), "TD3").algorithm.critic_target
    assert critic.qf0[-1].bias.item() == pytest.approx(reward / (1 - 0.1 * (1 - share)), rel=1e-4)


def test_warmup_rounds_leave_the_actor(world: World, data: OfflineDataset, tmp_path: Path) -> None:
    learning = branched(world(), data, actor_warmup_rounds=2)

    def actor() -> torch.Tensor:
        return torch.cat([p.detach().flatten().clone() for p in learning.algorithm.actor.parameters()])

    seen = [actor()]
    train_in_imagination(learning, 3, tmp_path, on_round=lambda _: seen.append(actor()))
    assert torch.equal(seen[0], seen[3])
    assert not torch.equal(seen[3], seen[4])


def test_the_policy_is_the_mean_and_learning_does_not_know(world: World, data: OfflineDataset, tmp_path: Path) -> None:
    plain, mean = (
        branched(world(), data, "TD3", actor_average_rounds=window, actor_warmup_rounds=1) for window in (1, 5)
    )
    ends: list[torch.Tensor] = []
    round_of = plain.round

    def told() -> dict[str, float]:
        found = round_of()
        ends.append(parameters_of(plain.algorithm.actor))
        return dict(found)

    plain.round = told
    seen: list[torch.Tensor] = []

    def evaluate(algorithm: Any) -> dict[str, float]:
        seen.append(parameters_of(algorithm.actor))
        return {}

    for learning, folder in ((plain, "plain"), (mean, "mean")):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002 - the one that SB3 uses
        evaluated = evaluate if learning is mean else None
        train_in_imagination(learning, 4, tmp_path / folder, evaluate=evaluated, evaluation_interval=4)
    torch.testing.assert_close(parameters(mean), parameters(plain))
    expected = torch.stack(ends[1:]).mean(dim=0)
    torch.testing.assert_close(seen[-1], expected)
    saved, last = (TD3.load(tmp_path / folder / "policy.zip", device="cpu") for folder in ("mean", "plain"))
    torch.testing.assert_close(parameters_of(saved.actor), expected)
    torch.testing.assert_close(parameters_of(last.actor), ends[-1])


def test_the_anchor_holds_the_actor_back(plain: World, maze_data: OfflineDataset) -> None:
    moved = []
    observations = maze_data.episodes[0].observations[:20]
    for weight in (0.0, 1000.0):
        options = {"proximal": weight, "steps_per_round": 60, "learning_rate": 3e-3}
        learning = branched(plain(), maze_data, "TD3", **options)
        before, _ = learning.algorithm.predict(observations, deterministic=True)
        learning.round()
        after, _ = learning.algorithm.predict(observations, deterministic=True)
        moved.append(float(np.abs(after - before).mean()))
    assert moved[1] < moved[0] / 3


def test_evaluations_are_told_and_decide_nothing(world: World, data: OfflineDataset, tmp_path: Path) -> None:
    asked = []

    def evaluate(policy: Any) -> dict[str, float]:
        asked.append(policy)
        return {"real_return": -float(len(asked))}

    judged, alone = branched(world(), data), None
    curve = train_in_imagination(judged, 5, tmp_path / "judged", evaluate=evaluate, evaluation_interval=2)
    assert [row.get("real_return") for row in curve] == [-1, None, -2, None, -3, -4]
    judged_parameters = parameters(judged)
    alone = branched(world(), data)
    train_in_imagination(alone, 5, tmp_path / "alone")
    assert torch.equal(judged_parameters, parameters(alone))


def test_what_is_written(world: World, data: OfflineDataset, tmp_path: Path) -> None:
    learning = branched(world(uncertainty_penalty=1.0), data)
    curve = train_in_imagination(learning, 3, tmp_path, imitation_steps=2, critic_steps=2)
    with (tmp_path / "learning_curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["round"]) for row in rows] == [0, 1, 2, 3]
    assert [int(row["gradient_steps"]) for row in rows] == [0, 5, 10, 15]
    assert [int(row["imagined_steps"]) for row in rows] == [0, 60, 120, 180]
    columns = {"reward", "penalty", "uncertainty", "critic_loss", "actor_loss", "seconds", "imagining_seconds"}
    assert columns <= rows[-1].keys()
    assert float(rows[-1]["penalty"]) == pytest.approx(curve[-1]["penalty"], rel=1e-4)
    loaded = SAC.load(tmp_path / "policy.zip", device="cpu")
    observation = data.episodes[0].observations[0]
    expected = learning.algorithm.predict(observation, deterministic=True)[0]
    np.testing.assert_array_equal(loaded.predict(observation, deterministic=True)[0], expected)


def test_what_cannot_be(world: World, data: OfflineDataset, tmp_path: Path) -> None:
    dynamics = world()
    with pytest.raises(ConfigurationError, match=r"branched=false"):
        branched(dynamics, data, "PPO")
    with pytest.raises(ConfigurationError, match=r"real_fraction=0"):
        EpisodicTrainer.from_episodes(maker("PPO"), dynamics, 2, data.episodes, real_fraction=0.5, steps_per_round=2)
    with pytest.raises(ConfigurationError, match="rounds"):
        train_in_imagination(branched(dynamics, data), 0, tmp_path)
    with pytest.raises(CheckpointError, match="nothing to resume"):
        train_in_imagination(branched(dynamics, data), 1, tmp_path, resume=True)
    with pytest.raises(ConfigurationError, match="at least"):
        branched(dynamics, data, replay_rounds=0)


def test_another_algorithm_cannot_go_on(world: World, data: OfflineDataset, tmp_path: Path) -> None:
    train_in_imagination(branched(world(), data), 1, tmp_path)
    with pytest.raises(CheckpointError, match="SAC"):
        train_in_imagination(branched(world(), data, "TD3"), 2, tmp_path, resume=True)
    (tmp_path / "resume.pt").write_bytes(b"half")
    with pytest.raises(CheckpointError, match="damaged"):
        train_in_imagination(branched(world(), data), 2, tmp_path, resume=True)
