"""When episodes end."""

import torch

from mbrl_mts3.envs.terminations import GoalReached, Never, TerminationFunction


def test_never_is_never() -> None:
    never = Never()
    assert isinstance(never, TerminationFunction)
    assert never(torch.full((2, 3, 4), 1e9)).tolist() == [[False] * 3] * 2


def test_a_goal_is_reached_within_its_radius() -> None:
    reached = GoalReached(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), (2, 0), radius=0.5)
    assert isinstance(reached, TerminationFunction)
    # y, something else, x; two steps of each of two environments.
    steps = torch.tensor([[[0.0, 9.0, 0.4], [0.4, 9.0, 0.4]], [[1.0, 9.0, 1.4], [0.0, 9.0, 0.0]]])
    assert reached(steps).tolist() == [[True, False], [True, False]]
    assert reached(steps[:, 0]).tolist() == [True, True]
