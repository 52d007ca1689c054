"""A value learned offline for any goal, against the graph over the data, behind the horizon of plans in sparse mazes.

    python scripts/studies/goal_conditioned_value.py CHECKPOINT --environment point_maze_large --steps 800
    python scripts/studies/goal_conditioned_value.py --chain --reach 1 --gamma 0.95

V(o, g) is minus the steps from o to g, discounted, learned by expectile regression on goals in hindsight: the value of
GCIVL and HIQL (Park et al., 2023, arXiv 2307.11949; 2024, arXiv 2410.20092). Targets look --reach steps ahead, and are
never below what the episode itself needed to its goal. The same search then plans with it and with the graph
(`value=point_maze_graph`), in the same episodes. `--chain` compares V with the true number of steps where random walks
are all that is known: in a small maze with a wall.
"""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from study import read_options, study_parser, write_rows
from torch import Tensor, nn

from mbrl_mts3.agents.evaluation import evaluate_agent
from mbrl_mts3.agents.offline.iql import expectile_loss
from mbrl_mts3.agents.planning.mpc import load_goal_values, load_mpc
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.tasks import PointMazeTask
from mbrl_mts3.planners import ICEM
from mbrl_mts3.training import Checkpoint, checkpoint_dataset

IDS = {
    "point_maze_umaze": "PointMaze_UMaze-v3",
    "point_maze_medium": "PointMaze_Medium-v3",
    "point_maze_large": "PointMaze_Large-v3",
}
UNITS = {"x": 1.0, "y": 1.0, "vx": 4.0, "vy": 4.0}


class GoalConditionedValue(nn.Module):
    """V(o, g) in discounted steps; `steps` gives undiscounted ones.

    Args:
        mean, scale: (obs,), of the data.
        columns: entries of the observation that a goal has.
        gamma: discount of a step.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor, columns: Sequence[int], gamma: float, width: int = 256) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.columns = list(columns)
        self.gamma = gamma
        layers: list[nn.Module] = []
        for before in (len(mean) + len(columns), width):
            layers += [nn.Linear(before, width), nn.LayerNorm(width), nn.GELU()]
        self.network = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, observation: Tensor, goal: Tensor) -> Tensor:
        """gamma^steps (...,) from observations (..., obs) to goals (..., g)."""
        seen = (observation - self.mean) / self.scale
        wanted = (goal - self.mean[self.columns]) / self.scale[self.columns]
        found: Tensor = self.network(torch.cat([seen, wanted], dim=-1)).squeeze(-1)
        return found.sigmoid()

    def steps(self, observation: Tensor, goal: Tensor) -> Tensor:
        """Steps (...,), as many at most as are worth 0.01."""
        return self(observation, goal).clamp_min(1e-2).log() / np.log(self.gamma)


def learn(
    episodes: Sequence[np.ndarray],
    value: GoalConditionedValue,
    *,
    updates: int,
    expectile: float,
    reach: int,
    seed: int,
) -> GoalConditionedValue:
    """Expectile regression on goals out of the same episode (four of five) and out of all data."""
    rng = np.random.default_rng(seed)
    rows = torch.from_numpy(np.concatenate(episodes)).float()
    ends = np.cumsum([len(one) for one in episodes])
    last = np.repeat(ends - 1, [len(one) for one in episodes])
    target, batch = copy.deepcopy(value), 512
    optimizer = torch.optim.Adam(value.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    for _ in range(updates):
        at = rng.integers(len(rows), size=batch)
        left = last[at] - at
        ahead = np.minimum(reach, left)
        # A goal of the same episode, near ones as often as far ones.
        to_goal = np.floor(np.exp(rng.uniform(0, np.log(left + 1))) - 0.5).astype(int).clip(0, left)
        of_data = rng.random(batch) < 0.2
        goal = torch.where(
            torch.from_numpy(of_data)[:, None],
            rows[rng.integers(len(rows), size=batch)][:, value.columns],
            rows[at + to_goal][:, value.columns],
        )
        with torch.no_grad():
            wanted = value.gamma ** torch.from_numpy(ahead) * target(rows[at + ahead], goal)
            known = torch.from_numpy(np.where(of_data, 0.0, value.gamma**to_goal))
            wanted = torch.maximum(wanted, known).float()
        loss = expectile_loss(wanted - value(rows[at], goal), expectile)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            for slow, fast in zip(target.parameters(), value.parameters(), strict=True):
                slow.lerp_(fast, 0.01)
    return value.eval()


@dataclass(frozen=True, eq=False)
class LearnedValue:
    """The learned value as a terminal value of plans, minus steps, with the goals of raw observations."""

    value: GoalConditionedValue

    def at(self, raw: Any, task: Any, selector: Any) -> Any:
        """A `ValueFunction`."""
        goals = torch.from_numpy(np.asarray(raw["desired_goal"])).float()

        def function(observation: Tensor) -> Tensor:
            return -self.value.steps(observation, goals[:, None].expand(*observation.shape[:-1], -1))

        return function


def plan(options: Any) -> None:
    """Both values in the same episodes; one row each."""
    checkpoint = Checkpoint.from_pretrained(options.checkpoint, "cpu")
    episodes = [episode.observations for episode in checkpoint_dataset(checkpoint).episodes]
    rows = torch.from_numpy(np.concatenate(episodes)).float()
    columns = checkpoint.selector.require(["x", "y"], "the goal")
    began = time.process_time()
    learned = GoalConditionedValue(rows.mean(dim=0), rows.std(dim=0), columns, options.gamma)
    learn(episodes, learned, updates=options.updates, expectile=options.expectile, reach=options.reach, seed=0)
    seconds = {"goal_conditioned": time.process_time() - began}
    began = time.process_time()
    graph = load_goal_values(checkpoint, units=UNITS, radius=0.25, jump_cost=40.0)
    seconds["data_graph"] = time.process_time() - began
    compare_with_graph(learned, graph, rows)
    torch.save(learned.state_dict(), options.out.with_suffix(".pt"))
    make = partial(make_environment, IDS[options.environment], continuing_task=True, reset_target=False)
    planner = partial(ICEM, horizon=20, candidates=96, iterations=2)
    written = []
    for name, value in {"goal_conditioned": LearnedValue(learned), "data_graph": graph}.items():
        if name not in options.values:
            continue
        found: Any = value
        with make() as environment:
            task = PointMazeTask("sparse")
            agent = load_mpc(environment, checkpoint, planner, task, value=lambda _, found=found: found)
        result = evaluate_agent(
            agent,
            make,
            range(options.episodes),
            max_episode_steps=options.steps,
            num_envs=options.episodes,
            success=agent.task.success,
        ).to_json()
        row = {
            "environment": options.environment,
            "value": name,
            "built_s": round(seconds[name], 1),
            "in_goal": round(result["mean_return"], 1),
            "interval": [round(bound, 1) for bound in result["return_bootstrap_interval"]],
            "reached": f"{sum(result['successes'])}/{options.episodes}",
            "ms_per_action": round(result["ms_per_action"], 1),
            "returns": result["returns"],
        }
        print(row, flush=True)
        written.append(row)
    write_rows(options.out, written)


def compare_with_graph(learned: GoalConditionedValue, graph: Any, rows: Tensor) -> None:
    """Rank correlation of the steps to 20 goals of the data."""
    rng = np.random.default_rng(0)
    found = []
    for goal in rows[rng.integers(len(rows), size=20)][:, learned.columns]:
        near = (graph.graph.observations[:, learned.columns] - goal).norm(dim=-1) < 0.3
        steps = graph.graph.steps_to(near.numpy())
        some = rng.integers(len(steps), size=2000)
        with torch.no_grad():
            own = learned.steps(graph.graph.observations[some], goal.expand(2000, -1)).numpy()
        known = np.isfinite(steps[some])
        found.append((spearmanr(own[known], steps[some][known])[0], np.median(np.abs(own[known] - steps[some][known]))))
    print("rank correlation with the graph, median difference in steps:", np.mean(found, axis=0).round(3), flush=True)


def chain(options: Any) -> None:
    """A maze of 7 x 7 cells with a wall but for one gap, known from random walks: V against breadth-first search."""
    free = np.ones((7, 7), bool)
    free[3, :6] = False
    rng = np.random.default_rng(0)
    moves = np.array([[0, 1], [0, -1], [1, 0], [-1, 0]])

    def step(cell: np.ndarray, move: np.ndarray) -> np.ndarray:
        after = cell + move
        return after if (after >= 0).all() and (after < 7).all() and free[tuple(after)] else cell

    walks = []
    for _ in range(200):
        walk = [rng.permutation(np.argwhere(free))[0]]
        for _ in range(100):
            walk.append(step(walk[-1], moves[rng.integers(4)]))
        walks.append(np.array(walk, np.float32))
    rows = torch.from_numpy(np.concatenate(walks))
    value = GoalConditionedValue(rows.mean(dim=0), rows.std(dim=0), (0, 1), options.gamma)
    learn(walks, value, updates=options.updates, expectile=options.expectile, reach=options.reach, seed=0)
    true, own = [], []
    for goal in np.argwhere(free):
        steps, queue = {tuple(goal): 0}, deque([goal])
        while queue:
            cell = queue.popleft()
            for after in (step(cell, move) for move in moves):
                if tuple(after) not in steps:
                    steps[tuple(after)] = steps[tuple(cell)] + 1
                    queue.append(after)
        cells = torch.tensor(list(steps), dtype=torch.float32)
        with torch.no_grad():
            own += value.steps(cells, torch.tensor(goal, dtype=torch.float32).expand(len(cells), -1)).tolist()
        true += list(steps.values())
    print(
        f"{len(true)} pairs of cells, {max(true)} steps at most: rank correlation {spearmanr(own, true)[0]:.3f}, "
        f"mean difference {np.mean(np.array(own) - true):.2f}, mean absolute {np.abs(np.array(own) - true).mean():.2f}"
    )


if __name__ == "__main__":
    parser = study_parser(__doc__)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--environment", choices=IDS, default="point_maze_umaze")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--updates", type=int, default=6000)
    parser.add_argument("--gamma", type=float, default=0.998)
    parser.add_argument("--reach", type=int, default=10, help="steps ahead that targets look")
    parser.add_argument("--expectile", type=float, default=0.9)
    parser.add_argument("--values", nargs="+", default=["goal_conditioned", "data_graph"])
    parser.add_argument("--chain", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("goal_conditioned_value.csv"))
    chosen = read_options(parser)
    chain(chosen) if chosen.chain else plan(chosen)
