"""When episodes end."""

import torch

from mbrl_mts3.envs.terminations import GoalReached, NeverTerminates, TerminationFunction, TippedOver


def test_never_is_never() -> None:
    never = NeverTerminates()
    assert isinstance(never, TerminationFunction)
    assert never(torch.full((2, 3, 4), 1e9)).tolist() == [[False] * 3] * 2


def test_a_goal_is_reached_within_its_radius() -> None:
    reached = GoalReached(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), (2, 0), radius=0.5)
    assert isinstance(reached, TerminationFunction)
    # y, something else, x; two steps of each of two environments.
    steps = torch.tensor([[[0.0, 9.0, 0.4], [0.4, 9.0, 0.4]], [[1.0, 9.0, 1.4], [0.0, 9.0, 0.0]]])
    assert reached(steps).tolist() == [[True, False], [True, False]]
    assert reached(steps[:, 0]).tolist() == [True, True]


def test_a_body_tips_over_by_rolling_or_pitching() -> None:
    tipped = TippedOver((0, 2), angle=80.0)
    assert isinstance(tipped, TerminationFunction)
    upright, rolled, pitched, diagonal = torch.deg2rad(
        torch.tensor([[79.0, 0.0], [81.0, 0.0], [0.0, 81.0], [66.0, 66.0]])
    ).cos()
    # The column between them is the roll of something else.
    steps = torch.stack(
        [torch.stack([roll, -torch.ones(()), pitch]) for roll, pitch in (upright, rolled, pitched, diagonal)]
    )
    assert tipped(steps).tolist() == [False, True, True, True]
    assert tipped(steps[None]).shape == (1, 4)
