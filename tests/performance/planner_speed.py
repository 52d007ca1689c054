"""Milliseconds of one decision of each planner at equal candidates: one table and tests/performance/planners.json.

    python tests/performance/planner_speed.py
    python tests/performance/planner_speed.py --device cuda

Every planner tries as many sequences per decision, each in as many iterations as it needs to search; planners that
execute the mean of their candidates evaluate it besides. Models are untrained, which costs as much as trained ones.
The planners take turns, so that other work on the machine meets all of them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench import describe_device
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from rich.console import Console
from rich.table import Table

from mbrl_mts3.data import Normalizer
from mbrl_mts3.models import PhysicalModel
from mbrl_mts3.planners import CEM, ICEM, MPPI, GradientAscent, Planner, PlannerState, RandomShooting, RolloutObjective
from mbrl_mts3.training import keep_freed_memory

RESULTS = Path(__file__).parent / "planners.json"
CANDIDATES = 240
SEARCHES: dict[str, tuple[type[Planner], dict[str, Any]]] = {
    "random_shooting": (RandomShooting, {"candidates": CANDIDATES}),
    "mppi": (MPPI, {"candidates": CANDIDATES, "iterations": 1}),
    "icem": (ICEM, {"candidates": 80, "iterations": 3, "elites": 10, "decay": 1.0}),
    "cem": (CEM, {"candidates": 80, "iterations": 3, "elites": 10}),
    "gradient_ascent": (GradientAscent, {"candidates": 24, "iterations": 9}),
}
"""By the name of the planner's configuration: its class and options."""
CASES = {
    "maze, mts3_small": ("mts3_small", 4, 2, 20),
    "HalfCheetah, mts3_deep": ("mts3_deep", 17, 6, 20),
}
"""Configuration of the model, sizes of observation and action, horizon."""


class Decisions:
    """One decision after the other of a planner, each from the warm start of the last."""

    def __init__(self, name: str, model: PhysicalModel, sizes: tuple[int, int], horizon: int, device: str) -> None:
        kind, options = SEARCHES[name]
        bound = torch.ones(sizes[1], device=device)
        self.planner = kind(-bound, bound, horizon=horizon, **options)
        with torch.no_grad():
            observation = torch.zeros(1, sizes[0], device=device)
            belief = model.observe(model.initial_belief(1), observation)
        self.objective = RolloutObjective(model, belief, observation)
        self.generator = torch.Generator(device).manual_seed(0)
        self.state: PlannerState = self.planner.initial_state(1)
        self.milliseconds: list[float] = []

    def decide(self) -> None:
        """Search once and keep the time."""
        with torch.inference_mode(not self.planner.differentiates), torch.no_grad():
            plan = self.planner.plan(self.objective, self.state, self.generator)
        self.state = plan.state
        self.milliseconds.append(float(plan.milliseconds[0]))


def measure(case: str, device: str, decisions: int) -> list[dict[str, Any]]:
    """One row for each planner."""
    config, observation_dim, action_dim, horizon = CASES[case]
    with initialize_config_module("mbrl_mts3.configs", version_base="1.3"):
        make = instantiate(compose("train", overrides=[f"model={config}"]).model)
    torch.manual_seed(0)
    model = make(observation_dim, action_dim).to(device).eval()
    physical = PhysicalModel(model, Normalizer.identity(observation_dim, action_dim).to(device))
    sizes = observation_dim, action_dim
    searches = {name: Decisions(name, physical, sizes, horizon, device) for name in SEARCHES}
    for _ in range(decisions + 2):
        for search in searches.values():
            search.decide()
    rows = []
    for name, search in searches.items():
        # The first two decisions meet memory that is not there yet.
        times = search.milliseconds[2:]
        rows.append(
            {
                "case": case,
                "planner": name,
                "candidates": search.planner.candidates,
                "iterations": SEARCHES[name][1].get("iterations", 1),
                "horizon": horizon,
                "median_ms": float(np.median(times)),
                "p95_ms": float(np.quantile(times, 0.95)),
                "decisions": decisions,
                "device": describe_device(device),
                "threads": torch.get_num_threads(),
                "torch": str(torch.__version__),
            }
        )
    return rows


def main() -> None:
    """Measure every planner with both models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    parser.add_argument("--decisions", type=int, default=60, help="of each planner")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    rows = [row for case in CASES for row in measure(case, options.device, options.decisions)]
    options.output.write_text(json.dumps(rows, indent=2) + "\n")
    console = Console()
    table = Table(title=f"{rows[0]['device']}, {rows[0]['threads']} threads")
    for column in ("case", "planner", "iterations x candidates", "median, ms", "p95, ms"):
        table.add_column(column)
    for row in rows:
        tried = f"{row['iterations']} x {row['candidates']}"
        table.add_row(row["case"], row["planner"], tried, f"{row['median_ms']:.1f}", f"{row['p95_ms']:.1f}")
    console.print(table)
    console.print(f"written to {options.output}")


if __name__ == "__main__":
    main()
