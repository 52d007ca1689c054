"""Running means of weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mbrl_mts3.agents.imagination.networks import AveragedActor


def followed(window: int, values: list[float]) -> tuple[AveragedActor, nn.Linear]:
    actor = nn.Linear(3, 2)
    average = AveragedActor(actor, window)
    for value in values:
        for parameter in actor.parameters():
            nn.init.constant_(parameter, value)
        average.update()
    return average, actor


def test_it_is_the_mean_of_what_there_was() -> None:
    average, actor = followed(10, [1.0, 2.0, 6.0])
    with average.acting():
        assert actor.weight.unique().tolist() == actor.bias.unique().tolist() == [3.0]
    assert actor.weight.unique().tolist() == [6.0]


def test_it_reaches_back_over_its_window() -> None:
    """A jump from 0 to 1 counts 1 - (1 - 1/w)^k after k more updates."""
    average, actor = followed(4, [0.0] * 8 + [1.0] * 5)
    with average.acting():
        torch.testing.assert_close(actor.weight, torch.full((2, 3), 1 - 0.75**5))
    last, actor = followed(1, [5.0, 7.0])
    with last.acting():
        assert actor.weight.unique().tolist() == [7.0]


def test_before_the_first_update_the_actor_acts_itself() -> None:
    average, actor = followed(4, [])
    nn.init.constant_(actor.weight, 9.0)
    with average.acting():
        assert actor.weight.unique().tolist() == [9.0]


def test_an_error_inside_leaves_the_actor_as_it_was() -> None:
    average, actor = followed(4, [1.0, 3.0])
    with pytest.raises(RuntimeError), average.acting():
        raise RuntimeError
    assert actor.weight.unique().tolist() == [3.0]


def test_it_goes_on_from_its_state() -> None:
    average, _ = followed(3, [1.0, 2.0, 6.0, 6.0])
    other, own = followed(3, [])
    other.load_state_dict(average.state_dict())
    nn.init.constant_(own.weight, 7.0)
    other.update()
    with other.acting():
        # (1 + 2 + 6) / 3 = 3, then a third of the way to 6, then to 7.
        torch.testing.assert_close(own.weight, torch.full((2, 3), 5.0))
