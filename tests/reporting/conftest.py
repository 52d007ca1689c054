"""Made-up results whose numbers are easy to recognise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from mbrl_mts3.metrics import LEVELS, HorizonErrors, ImputationResult, OpenLoopResult, OpenLoopWindow
from mbrl_mts3.reporting import ControlResult, DemoResults, MazeLayout, MazePath

HORIZON = 20
NAMES = ("x", "y", "vx")


def errors(nrmse: torch.Tensor, *, probabilistic: bool) -> HorizonErrors:
    levels = torch.tensor(LEVELS, dtype=torch.float64)
    steps = torch.arange(1, HORIZON + 1, dtype=torch.float64)
    return HorizonErrors(
        count=torch.full((HORIZON,), 7.0, dtype=torch.float64),
        nrmse=nrmse,
        nrmse_signal=0.8 * nrmse,
        nrmse_median=0.9 * nrmse,
        nrmse_p90=1.5 * nrmse,
        rmse=2 * nrmse,
        rmse_by_dimension=nrmse[:, None] * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64),
        crps=0.6 * nrmse,
        invalid=torch.zeros(HORIZON, dtype=torch.float64),
        nll=4 * nrmse if probabilistic else None,
        nll_trimmed=3 * nrmse if probabilistic else None,
        nll_original=5 * nrmse if probabilistic else None,
        coverage=levels.expand(HORIZON, -1) * (0.99**steps)[:, None] if probabilistic else None,
        levels=levels,
    )


@pytest.fixture
def make_result() -> Callable[..., OpenLoopResult]:
    def make(nrmse: torch.Tensor | None = None, **changes: object) -> OpenLoopResult:
        steps = torch.arange(1, HORIZON + 1, dtype=torch.float64)
        fields = {
            "context": 5,
            "stride": 3,
            "windows": torch.arange(0, 21, 3),
            "available_windows": 7,
            "skipped_episodes": 0,
            "window_nrmse": torch.tensor([0.3, 0.1, 0.7, 0.2, 0.5, 0.4, 0.6]).double(),
            "model": errors(0.01 * steps if nrmse is None else nrmse, probabilistic=True),
            "persistence": errors(0.1 * steps, probabilistic=False),
            "training_mean": errors(torch.ones_like(steps), probabilistic=True),
        }
        return OpenLoopResult(**{**fields, **changes})

    return make


@pytest.fixture
def imputed() -> ImputationResult:
    one, two = torch.full((2, HORIZON), 0.1, dtype=torch.float64) * torch.tensor([[1.0], [2.0]])
    return ImputationResult(
        rate=0.4,
        seed=9,
        context=5,
        windows=3,
        shown=errors(one, probabilistic=True),
        missing=errors(two, probabilistic=True),
        persistence_shown=errors(3 * one, probabilistic=False),
        persistence_missing=errors(3 * two, probabilistic=False),
    )


@pytest.fixture
def window() -> OpenLoopWindow:
    time = torch.arange(5 + HORIZON, dtype=torch.float32)
    truth = torch.stack([torch.cos(time / 5), torch.sin(time / 5), time / 10], dim=1)
    return OpenLoopWindow(truth, truth[5:] + 0.1, (0.01 * time[:HORIZON, None] + 0.04).expand(-1, 3).clone())


@pytest.fixture
def maze() -> MazeLayout:
    return MazeLayout(np.array([[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]], dtype=bool))


@pytest.fixture
def demo(make_result: Callable[..., OpenLoopResult], window: OpenLoopWindow, maze: MazeLayout) -> DemoResults:
    def policy(name: str, rate: float, milliseconds: float | None) -> ControlResult:
        way = np.stack([np.linspace(-0.5, 0.5, 9), np.zeros(9)], axis=1)
        rollouts = tuple(MazePath(way, np.array([0.5, 0.1]), success) for success in (True, False))
        return ControlResult(
            name, f"is the {name}.", rate, (rate / 2, (1 + rate) / 2), 20, 44.0, milliseconds, rollouts
        )

    return DemoResults(
        environment_id="PointMaze_UMaze-v3",
        dataset_id="mine/<b>data</b>-v0",
        content_hash="0123abcd",
        dataset_episodes=300,
        dataset_steps=100_000,
        parameters=1234,
        max_episode_steps=300,
        observation_names=NAMES,
        open_loop=make_result(),
        window=window,
        maze=maze,
        shaped=policy("shaped plan", 0.9, 12.5),
        straight=policy("straight plan", 0.4, 12.25),
        random=policy("dice", 0.05, None),
        rollout=window,
        rollout_goal=np.array([0.5, 0.1]),
        seconds={"collect": 10.04, "train": 200.0},
    )
