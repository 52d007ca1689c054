"""Every planner drives an agent, in a real maze and with a real model."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from imagined_worlds import checkpoint_of, dataset_of

from mbrl_mts3.agents import MPCAgent, evaluate_agent
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.tasks import PointMazeTask
from mbrl_mts3.planners import CEM, ICEM, MPPI, GradientAscent, Planner, RandomShooting

MAKE = partial(make_environment, "PointMaze_UMaze-v3", continuing_task=False)
BOUNDS = [-1.0, -1.0], [1.0, 1.0]
PLANNERS: dict[type[Planner], dict[str, Any]] = {
    CEM: {"candidates": 100, "iterations": 3, "noise_beta": 1.0},
    GradientAscent: {"candidates": 8, "iterations": 8, "learning_rate": 0.2},
    ICEM: {"candidates": 100},
    MPPI: {"candidates": 100},
    RandomShooting: {"candidates": 200, "noise_beta": 2.0},
}


@pytest.mark.parametrize("kind", PLANNERS)
def test_with_a_good_model_every_planner_reaches_goals(point_mass: Callable[..., Any], kind: type[Planner]) -> None:
    """The shaped reward can be differentiated: distances are interpolated between the nodes of a grid."""
    environment = MAKE()
    task = PointMazeTask("shaped").prepare(environment)
    selector = dataset_of("PointMaze_UMaze-v3", episodes=1, steps=2).selector
    environment.close()
    acting = MPCAgent(point_mass(), kind(*BOUNDS, horizon=20, **PLANNERS[kind]), task, selector)
    result = evaluate_agent(acting, MAKE, range(4), num_envs=4, max_episode_steps=200)
    assert result.success_rate == 1


def test_gradients_go_through_a_model_to_the_actions_and_nowhere_else() -> None:
    """Against differences of the return, from a belief that the agent itself has made."""
    dataset = dataset_of("PointMaze_UMaze-v3")
    made = checkpoint_of(dataset)
    planner = GradientAscent(*BOUNDS, horizon=8, candidates=3, iterations=2)
    acting = MPCAgent(made.physical_model(), planner, PointMazeTask("straight"), made.selector)
    environment = MAKE()
    observation, _ = environment.reset(seed=0)
    environment.close()
    raw = {key: np.stack([value, value + 0.1]) for key, value in observation.items()}
    _, state = acting.predict(raw)
    assert all(parameter.grad is None for parameter in made.model.parameters())
    assert not any(tensor.requires_grad or tensor.is_inference() for tensor in state.tensors())
    seen = torch.as_tensor(made.selector(raw))
    objective = acting.objective(raw, seen, state.belief)
    actions = (torch.rand(2, 1, 8, 2) - 0.5).requires_grad_()
    (gradient,) = torch.autograd.grad(objective(actions).sum(), actions)
    assert gradient.abs().max() > 1e-3
    direction = gradient / gradient.norm()
    with torch.no_grad():
        step = 0.02
        change = (objective(actions + step * direction) - objective(actions - step * direction)).sum() / (2 * step)
    torch.testing.assert_close(change, gradient.norm(), rtol=0.02, atol=1e-3)
