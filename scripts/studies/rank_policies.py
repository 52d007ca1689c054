"""Which way of imagining ranks policies best: sampled or mean futures, analytic or learned reward, and how far ahead.

    python scripts/studies/rank_policies.py --checkpoints runs/pets/best runs/mts3_deep/best \
        --policies 'policies/halfcheetah_sac_*.zip' --noise halfcheetah_sac_125000=0.5 --out runs/rank_policies

The real returns are asked once. For every checkpoint, way and horizon it prints Spearman's rank correlation and the
normalised regret@1 against the returns of whole real episodes, and the mean absolute error against real returns of
equally many steps, and writes all as a CSV. A uniformly random policy always takes part.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

import numpy as np
from study import read_options, study_parser, write_rows

from mbrl_mts3.agents import evaluate_agent
from mbrl_mts3.agents.imagined_evaluation import collect_imagined_rewards
from mbrl_mts3.agents.policy_files import load_policy_files
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.tasks import LearnedRewardTask
from mbrl_mts3.envs.world_model import load_dynamics
from mbrl_mts3.metrics import PolicyRanking, discounted_returns
from mbrl_mts3.training import Checkpoint, checkpoint_dataset

HORIZONS = (15, 50, 100, 250, 500, 1000)


def main() -> None:
    """Roll out, compare, write."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    real: dict[str, list[list[float]]] = {}
    rows = []
    for folder in options.checkpoints:
        checkpoint = Checkpoint.from_pretrained(folder)
        assert checkpoint.env_id is not None
        environment = make_environment(checkpoint.env_id)
        noise = {name: float(deviation) for name, _, deviation in (text.partition("=") for text in options.noise)}
        policies = load_policy_files(
            options.policies, environment.observation_space, checkpoint.action_space, random=True, noise=noise
        )
        make = partial(make_environment, checkpoint.env_id)
        for name, agent in policies.items():
            if name not in real:
                result = evaluate_agent(
                    agent, make, range(1000, 1000 + options.real_episodes), num_envs=10, record=True
                )
                real[name] = [episode.rewards.tolist() for episode in result.episodes]
        (options.out / "real_rewards.json").write_text(json.dumps(real))
        rows += _compare(folder, checkpoint, policies, real, options)
        write_rows(options.out / "rankings.csv", rows)


def _compare(folder, checkpoint, policies, real, options) -> list[dict[str, object]]:  # type: ignore[no-untyped-def]
    dataset = checkpoint_dataset(checkpoint)
    whole = [float(np.sum(real[name], axis=1).mean()) for name in policies]
    rows = []
    for starts in options.starts:
        for deterministic in (False, True):
            for reward in ("analytic", "learned"):
                dynamics = load_dynamics(
                    checkpoint,
                    dataset,
                    LearnedRewardTask() if reward == "learned" else None,
                    starts=starts,
                    deterministic=deterministic,
                )
                rewards = {
                    name: collect_imagined_rewards(agent, dynamics, options.episodes, seed=0)
                    for name, agent in policies.items()
                }
                for horizon in HORIZONS:
                    estimates = [float(discounted_returns(rewards[name], 1.0, horizon).mean()) for name in policies]
                    same = [float(discounted_returns(real[name], 1.0, horizon).mean()) for name in policies]
                    ranking, near = (
                        PolicyRanking.from_values(estimates, whole),
                        PolicyRanking.from_values(estimates, same),
                    )
                    rows.append(
                        {
                            "model": Path(folder).parent.name,
                            "starts": starts,
                            "futures": "means" if deterministic else "sampled",
                            "reward": reward,
                            "horizon": horizon,
                            "spearman": round(ranking.rank_correlation, 4),
                            "regret": round(ranking.normalised_regret, 4),
                            "pearson": round(ranking.correlation, 4),
                            "spearman_same_steps": round(near.rank_correlation, 4),
                            "mae_per_step": round(near.mean_absolute_error / horizon, 4),
                        }
                    )
                    print(*rows[-1].values(), sep="  ", flush=True)
    return rows


def _options() -> argparse.Namespace:
    parser = study_parser(__doc__)
    parser.add_argument("--checkpoints", nargs="+", required=True)
    parser.add_argument("--policies", nargs="+", required=True)
    parser.add_argument("--noise", nargs="*", default=[], metavar="NAME=DEVIATION")
    parser.add_argument("--starts", nargs="+", default=["beginning"])
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--real-episodes", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("runs/rank_policies"))
    return read_options(parser)


if __name__ == "__main__":
    main()
