"""Processor time of one decision of our planners and of other libraries' on the same dynamics: a table and peers.json.

    pip install '.[bench]'
    pip install --no-deps mbrl==0.2.0
    python tests/performance/peers.py

mbrl-lib asks for versions of Hydra and Gymnasium that no longer go with the others, hence without its dependencies; a
library that is not installed is left out. All search with one network, one reward, as many candidates, iterations and
steps, on one thread; they take turns, and time of the processor is counted, so that other work on the machine says
little. "dynamics" is the rollout of as many candidates by itself: what is above it is the library's own work.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench import describe_device
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from mbrl_mts3.planners import CEM, ICEM, MPPI, Planner

RESULTS = Path(__file__).parent / "peers.json"
OBSERVATION, ACTION, HIDDEN = 17, 6, 200
HORIZON = 20
SEARCHES = {"mppi": (1, 240), "icem": (3, 80), "cem": (3, 80)}
"""Iterations and candidates of each; the elites are an eighth of them."""
OURS: dict[str, Callable[..., Planner]] = {
    "mppi": partial(MPPI, noise_beta=0.0),
    "icem": partial(ICEM, elites=10, decay=1.0),
    "cem": partial(CEM, elites=10),
}

Decide = Callable[[Tensor], Tensor]
"""The action (act,) of one decision at an observation (obs,)."""


class Dynamics(nn.Module):
    """o' = o + f(o, a) with three hidden layers of 200, and a reward for its first entry less the cost of control."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [OBSERVATION + ACTION, HIDDEN, HIDDEN, HIDDEN]
        hidden = [part for pair in itertools.pairwise(sizes) for part in (nn.Linear(*pair), nn.SiLU())]
        self.change = nn.Sequential(*hidden, nn.Linear(HIDDEN, OBSERVATION))

    def forward(self, observation: Tensor, action: Tensor) -> Tensor:
        """The next observations (..., obs)."""
        return observation + 0.1 * self.change(torch.cat([observation, action], dim=-1))

    def reward(self, observation: Tensor, action: Tensor) -> Tensor:
        """Rewards (...) at the observations that actions lead to."""
        return observation[..., 0] - 0.1 * action.square().sum(dim=-1)

    def returns(self, observation: Tensor, actions: Tensor) -> Tensor:
        """Returns (N,) of sequences (N, L, act) from one observation (obs,)."""
        state, total = observation.expand(len(actions), -1), torch.zeros(len(actions))
        for action in actions.unbind(dim=1):
            state = self(state, action)
            total = total + self.reward(state, action)
        return total


def ours(search: str, dynamics: Dynamics) -> Decide:
    """A planner of this project."""
    iterations, candidates = SEARCHES[search]
    bound = torch.ones(ACTION)
    planner = OURS[search](-bound, bound, horizon=HORIZON, candidates=candidates, iterations=iterations)
    generator = torch.Generator().manual_seed(0)
    state = planner.initial_state(1)

    def decide(observation: Tensor) -> Tensor:
        nonlocal state
        plan = planner.plan(lambda actions: dynamics.returns(observation, actions[0])[None], state, generator)
        state = plan.state
        return plan.action[0]

    return decide


def dynamics_alone(search: str, dynamics: Dynamics) -> Decide:
    """The rollouts of a search without the search."""
    iterations, candidates = SEARCHES[search]
    actions = torch.zeros(candidates, HORIZON, ACTION)

    def decide(observation: Tensor) -> Tensor:
        for _ in range(iterations):
            dynamics.returns(observation, actions)
        return actions[0, 0]

    return decide


def pytorch_mppi(search: str, dynamics: Dynamics) -> Decide:
    """MPPI of pytorch_mppi."""
    import pytorch_mppi as library

    bound = torch.ones(ACTION)
    mppi: Any = library.MPPI(
        dynamics, lambda state, action: -dynamics.reward(state, action), OBSERVATION, 0.25 * torch.eye(ACTION),
        num_samples=SEARCHES[search][1], horizon=HORIZON, lambda_=0.1, u_min=-bound, u_max=bound,
    )  # fmt: skip
    decide: Decide = mppi.command
    return decide


def pytorch_icem(search: str, dynamics: Dynamics) -> Decide:
    """iCEM of pytorch_icem, which has no bounds."""
    from pytorch_icem import iCEM

    iterations, candidates = SEARCHES[search]
    icem: Any = iCEM(
        dynamics, lambda states, actions: -dynamics.reward(states, actions).sum(dim=-1), OBSERVATION, 1,
        sigma=torch.tensor([0.5]), num_samples=candidates, num_elites=10, horizon=HORIZON, elites_keep_fraction=0.3,
        noise_beta=2.0, warmup_iters=iterations, online_iters=iterations,
    )  # fmt: skip
    # Its constructor compares the dimensions of sigma with the size of an action, so it takes actions of one entry.
    icem.nu, icem.sigma = ACTION, torch.full((ACTION,), 0.5)
    icem.reset()
    decide: Decide = icem.command
    return decide


def mbrl_lib(search: str, dynamics: Dynamics) -> Decide:
    """The trajectory optimizers of mbrl-lib."""
    from mbrl.planning import TrajectoryOptimizer
    from omegaconf import OmegaConf

    iterations, candidates = SEARCHES[search]
    common: dict[str, Any] = {
        "num_iterations": iterations, "population_size": candidates, "device": "cpu",
        "lower_bound": None, "upper_bound": None,
    }  # fmt: skip
    elites = {"elite_ratio": 10 / candidates, "alpha": 0.1}
    options: dict[str, dict[str, Any]] = {
        "mppi": {"_target_": "mbrl.planning.MPPIOptimizer", "gamma": 10.0, "sigma": 0.5, "beta": 0.6},
        "icem": {
            "_target_": "mbrl.planning.ICEMOptimizer", "population_decay_factor": 1.0, "colored_noise_exponent": 2.0,
            "keep_elite_frac": 0.3, **elites,
        },
        "cem": {"_target_": "mbrl.planning.CEMOptimizer", "return_mean_elites": True, "clipped_normal": True, **elites},
    }  # fmt: skip
    bound = np.ones(ACTION, dtype=np.float32)
    optimizer = TrajectoryOptimizer(OmegaConf.create({**common, **options[search]}), -bound, bound, HORIZON)

    def decide(observation: Tensor) -> Tensor:
        return torch.from_numpy(optimizer.optimize(lambda actions: dynamics.returns(observation, actions))[0])

    return decide


def torchrl(search: str, dynamics: Dynamics) -> Decide:
    """CEM of torchrl, in an environment around the network; it starts each search anew."""
    from tensordict import TensorDict, TensorDictBase
    from tensordict.nn import TensorDictModule
    from torchrl.data import Bounded, Composite, Unbounded
    from torchrl.envs.model_based import ModelBasedEnvBase
    from torchrl.modules import CEMPlanner, WorldModelWrapper

    iterations, candidates = SEARCHES[search]

    class Imagined(ModelBasedEnvBase):
        def __init__(self, world_model: nn.Module) -> None:
            super().__init__(world_model)
            self.state_spec = Composite(observation=Unbounded((OBSERVATION,)))
            self.observation_spec = Composite(observation=Unbounded((OBSERVATION,)))
            self.action_spec = Bounded(-1.0, 1.0, (ACTION,))
            self.reward_spec = Unbounded((1,))

        def _reset(self, tensordict: TensorDictBase) -> TensorDictBase:
            raise NotImplementedError("a search starts at the observation that it is given")

    moved = TensorDictModule(dynamics, in_keys=["observation", "action"], out_keys=["observation"])
    rewarded = TensorDictModule(
        lambda observation, action: dynamics.reward(observation, action)[..., None],
        in_keys=["observation", "action"],
        out_keys=["reward"],
    )
    environment = Imagined(WorldModelWrapper(moved, rewarded))
    planner = CEMPlanner(environment, HORIZON, iterations, candidates, 10)

    def decide(observation: Tensor) -> Tensor:
        start = TensorDict({"observation": observation[None], "done": torch.zeros(1, 1, dtype=torch.bool)}, [1])
        action: Tensor = planner(start)["action"][0]
        return action

    return decide


LIBRARIES: dict[str, tuple[str, Callable[[str, Dynamics], Decide], tuple[str, ...]]] = {
    "dynamics": ("torch", dynamics_alone, ("mppi", "icem", "cem")),
    "mbrl_mts3": ("mbrl_mts3", ours, ("mppi", "icem", "cem")),
    "pytorch_mppi": ("pytorch_mppi", pytorch_mppi, ("mppi",)),
    "pytorch_icem": ("pytorch_icem", pytorch_icem, ("icem",)),
    "mbrl-lib": ("mbrl", mbrl_lib, ("mppi", "icem", "cem")),
    "torchrl": ("torchrl", torchrl, ("cem",)),
}
"""By its name: the distribution, what makes a search of it, and the searches that it has."""


def measure(decisions: int) -> list[dict[str, Any]]:
    """One row for each search of each library that is installed."""
    torch.manual_seed(0)
    dynamics = Dynamics().eval().requires_grad_(False)
    deciders: dict[tuple[str, str], Decide] = {}
    for search in SEARCHES:
        for library, (distribution, make, searches) in LIBRARIES.items():
            if search in searches and _version(distribution):
                deciders[search, library] = make(search, dynamics)
    observation = torch.zeros(OBSERVATION)
    times: dict[tuple[str, str], list[float]] = {key: [] for key in deciders}
    for _ in range(decisions + 3):
        for key, decide in deciders.items():
            began = time.process_time()
            action = decide(observation)
            times[key].append((time.process_time() - began) * 1e3)
            if action.shape != (ACTION,) or not bool(action.isfinite().all()):
                raise RuntimeError(f"{key} decided for {action}: expected {ACTION} finite numbers")
    return [
        {
            "search": search,
            "library": library,
            "version": _version(LIBRARIES[library][0]),
            "iterations": SEARCHES[search][0],
            "candidates": SEARCHES[search][1],
            "horizon": HORIZON,
            # The first three decisions meet memory that is not there yet.
            "median_ms": float(np.median(taken[3:])),
            "p95_ms": float(np.quantile(taken[3:], 0.95)),
            "decisions": decisions,
            "device": describe_device("cpu"),
            "torch": str(torch.__version__),
        }
        for (search, library), taken in times.items()
    ]


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=60, help="of each library")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = measure(options.decisions)
    options.output.write_text(json.dumps(rows, indent=2) + "\n")
    console = Console()
    table = Table(title=f"{rows[0]['device']}, one thread")
    for column in ("search", "iterations x candidates", "library", "median, ms", "p95, ms"):
        table.add_column(column)
    for row in rows:
        tried = f"{row['iterations']} x {row['candidates']}"
        name = row["library"] if row["library"] == "dynamics" else f"{row['library']} {row['version']}"
        table.add_row(row["search"], tried, name, f"{row['median_ms']:.1f}", f"{row['p95_ms']:.1f}")
    console.print(table)
    console.print(f"written to {options.output}")


if __name__ == "__main__":
    main()
