"""What cannot be planned is refused before the first episode."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from mbrl_mts3.agents import MPCAgent
from mbrl_mts3.agents.planning.rehearsal import rehearse_planning
from mbrl_mts3.data import Episode
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.tasks import LearnedRewardTask, PointMazeTask, Task
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners import ICEM, DataGraph, GoalValues, GradientAscent, Planner

Build = Callable[..., Any]
BOX = spaces.Box(-1.0, 1.0, (4,), np.float32)
SPACE = spaces.Dict({"observation": BOX, "desired_goal": spaces.Box(-1.0, 1.0, (2,), np.float32)})
SELECTOR = ObservationSelector.from_space(SPACE, "PointMaze_UMaze-v3", "observation")


class Standing(gymnasium.Env[Any, Any]):
    """Counts what is asked of it."""

    observation_space, action_space = SPACE, spaces.Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self) -> None:
        self.seeds: list[int | None] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.seeds.append(seed)
        return {"observation": np.zeros(4, np.float32), "desired_goal": np.full(2, 0.5, np.float32)}, {}

    def step(self, action: Any) -> Any:
        raise AssertionError("nothing is executed")


class AtRest(Task):
    """A reward without a goal."""

    name = "AtRest"

    def reward_function(self, observation: Any, selector: Any) -> Any:
        def reward(before: Tensor, action: Tensor, after: Tensor) -> Tensor:
            return -after.square().sum(dim=-1)

        return reward


def planner(kind: type[Planner] = ICEM, **options: Any) -> Planner:
    return kind([-1.0, -1.0], [1.0, 1.0], **{"horizon": 10, "candidates": 40, **options})


def goal_values() -> GoalValues:
    rows = np.linspace(-1, 1, 11, dtype=np.float32)[:, None].repeat(4, axis=1)
    episode = Episode(
        rows, np.zeros((10, 2), np.float32), np.zeros(10, np.float32), np.zeros(10, bool), np.arange(10) == 9
    )
    return GoalValues(DataGraph([episode], torch.ones(4)))


def test_what_can_be_planned_passes_and_nothing_is_executed(point_mass: Build) -> None:
    environment = Standing()
    acting = MPCAgent(point_mass(), planner(budget_ms=1e5), PointMazeTask("straight"), SELECTOR)
    rehearse_planning(acting, environment, seed=7, num_envs=3)
    assert environment.seeds == [7]


def test_a_budget_too_short_for_one_iteration_is_refused_with_what_it_takes(point_mass: Build) -> None:
    tried: list[int] = []
    acting = MPCAgent(point_mass(), planner(budget_ms=1e-3), PointMazeTask("straight"), SELECTOR)
    imagine = acting.model.imagine_mean
    acting.model.imagine_mean = lambda belief, actions: tried.append(len(actions)) or imagine(belief, actions)  # type: ignore
    with pytest.raises(
        ConfigurationError, match=r"budget_ms=0.001 is too short: one iteration of ICEM with 40 .* takes"
    ):
        rehearse_planning(acting, Standing(), num_envs=5)
    # As many environments as will be planned for, and more than one try: the first one may be slow by itself.
    assert tried == [5, 5, 5]
    # The agent's own planner still has its warning to give.
    with pytest.warns(UserWarning, match="too short for one iteration"):
        acting.predict(Standing().reset()[0])


@pytest.mark.parametrize(
    ("task", "options", "error"),
    [
        (LearnedRewardTask(), {}, "nothing to plan for: the task has no reward function"),
        (AtRest(), {"value": True}, "the task AtRest has no goal"),
        (PointMazeTask("sparse"), {"planner": planner(GradientAscent)}, "no gradient with respect to the actions"),
        (
            PointMazeTask("straight"),
            {"planner": planner(GradientAscent), "value": True},
            "GradientAscent follows gradients, and the value from a graph over the data has none",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused(point_mass: Build, task: Task, options: dict[str, Any], error: str) -> None:
    values = {"value": goal_values()} if options.get("value") else {}

    def refused() -> None:
        acting = MPCAgent(point_mass(), options.get("planner", planner()), task, SELECTOR, **values)
        rehearse_planning(acting, Standing())

    with pytest.raises(ConfigurationError, match=error):
        refused()
