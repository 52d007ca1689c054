"""What it gains to run 50 episodes side by side: one table and tests/performance/side_by_side.json.

    python tests/performance/side_by_side.py

Each case runs as many steps of 50 episodes one by one and then side by side, in turns, and counts the processor time
of its one thread, which other work on the machine changes little. Models are those that come with the package. Plans
and policies act in the real simulator, or policies in the model. Environments are made beforehand.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from bench import describe_device
from rich.console import Console
from rich.table import Table
from stable_baselines3 import SAC

from mbrl_mts3.agents import RandomAgent, evaluate_agent, evaluate_imagined
from mbrl_mts3.agents.planning.mpc import load_mpc
from mbrl_mts3.data import Episode, OfflineDataset
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.world_model import load_dynamics
from mbrl_mts3.planners import ICEM
from mbrl_mts3.training import Checkpoint, keep_freed_memory

RESULTS = Path(__file__).parent / "side_by_side.json"
EPISODES = 50
MAZE, CHEETAH = "PointMaze_UMaze-v3", "HalfCheetah-v5"
PLANNERS: dict[str, Callable[..., Any]] = {
    "icem 300 x 30": partial(ICEM, candidates=300, horizon=30),
    "icem 100 x 20": partial(ICEM, candidates=100, horizon=20),
    "icem 32 x 10": partial(ICEM, candidates=32, elites=8, horizon=10),
}
"""By what the table calls them: candidates x horizon."""
Run = Callable[[int], float]
"""Runs so many steps of 50 episodes and returns the seconds of the agent (or model) alone."""


class Lasting(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Closing it does nothing, so that it can be used again."""

    def close(self) -> None:
        pass


def planning_case(planner: Callable[..., Any], num_envs: int) -> Run:
    """Planning in the maze."""
    make = partial(make_environment, MAZE, continuing_task=False)
    environment = make()
    agent = load_mpc(environment, Checkpoint.from_pretrained("point_maze_umaze"), planner)
    environment.close()
    return _real(agent, make, num_envs)


def acting_case(num_envs: int) -> Run:
    """A policy of two layers in HalfCheetah, where the simulator takes most of the time."""
    make = partial(make_environment, CHEETAH)
    return _real(_policy(), make, num_envs)


def _real(agent: Any, make: Callable[[], Any], num_envs: int) -> Run:
    made = [Lasting(make()) for _ in range(num_envs)]

    def run(steps: int) -> float:
        waiting = list(made)
        result = evaluate_agent(agent, waiting.pop, range(EPISODES), num_envs=num_envs, max_episode_steps=steps)
        return result.seconds_per_action * float(result.lengths.sum())

    return run


def imagining_case(num_envs: int) -> Run:
    """A policy of two layers in the model of HalfCheetah."""
    checkpoint, agent = Checkpoint.from_pretrained("half_cheetah"), _policy()
    dynamics = load_dynamics(checkpoint, _recorded(checkpoint), deterministic=True)

    def run(steps: int) -> float:
        for seed in range(EPISODES // num_envs):
            evaluate_imagined(agent, dynamics, num_envs, seed=seed, max_episode_steps=steps)
        return float("nan")

    return run


def _policy() -> Any:
    environment = make_environment(CHEETAH)
    return SAC("MlpPolicy", environment, buffer_size=1, device="cpu", seed=0)


def _recorded(checkpoint: Checkpoint) -> OfflineDataset:
    """A few random episodes to start from."""
    make = partial(make_environment, CHEETAH)
    agent = RandomAgent.for_environment(make())
    found = evaluate_agent(agent, make, range(5), num_envs=5, max_episode_steps=100, record=True).episodes
    episodes = [
        Episode(
            checkpoint.selector(episode.observations),
            episode.actions,
            episode.rewards.astype(np.float32),
            np.zeros(len(episode), bool),
            np.arange(len(episode)) == len(episode) - 1,
            episode_id=number,
        )
        for number, episode in enumerate(found)
    ]
    return OfflineDataset(
        episodes=tuple(episodes),
        dataset_id="side_by_side/random-v0",
        content_hash="0",
        selector=checkpoint.selector,
        observation_space=checkpoint.observation_space,
        action_space=checkpoint.action_space,
        env_id=CHEETAH,
    )


CASES: dict[str, tuple[Callable[[int], Run], int]] = {
    **{f"planning, {name}": (partial(planning_case, planner), 4) for name, planner in PLANNERS.items()},
    "policy in the simulator": (acting_case, 100),
    "policy in the model": (imagining_case, 30),
}
"""By name: makes the runs of a number of environments, and steps of each episode."""


def measure(case: str, repeats: int, steps: int | None = None) -> dict[str, Any]:
    """Processor seconds of 50 episodes both ways, the medians over the repeats, and their ratio."""
    make, usual = CASES[case]
    steps = steps or usual
    ways = {"one_by_one": make(1), "side_by_side": make(EPISODES)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for run in ways.values():
        run(1)
    for _ in range(repeats):
        for name, run in ways.items():
            began = time.process_time()
            run(steps)
            seconds[name].append(time.process_time() - began)
    ratios = np.array(seconds["one_by_one"]) / np.array(seconds["side_by_side"])
    return {
        "case": case,
        "episodes": EPISODES,
        "steps": steps,
        **{name: float(np.median(values)) for name, values in seconds.items()},
        "ratio": float(np.median(ratios)),
        "ratios": [round(float(ratio), 2) for ratio in ratios],
        "device": describe_device("cpu"),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }


def main() -> None:
    """Measure every case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="of each case")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    # Processor time is that of all threads.
    torch.set_num_threads(1)
    keep_freed_memory()
    rows = []
    for case in CASES:
        if options.only in case:
            rows.append(measure(case, options.repeats))
            print(case, rows[-1]["ratios"], flush=True)
    options.output.write_text(json.dumps(rows, indent=2) + "\n")
    table = Table(title=f"{EPISODES} episodes, processor seconds, {rows[0]['device']}, one thread")
    for column in ("case", "one by one", "side by side", "ratio"):
        table.add_column(column)
    for row in rows:
        table.add_row(row["case"], f"{row['one_by_one']:.2f}", f"{row['side_by_side']:.2f}", f"{row['ratio']:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
