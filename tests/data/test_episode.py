import dataclasses
from typing import Any

import numpy as np
import pytest

from mbrl_mts3.errors import DataError, NonFiniteDataError


@pytest.mark.parametrize("name", ["observations", "actions", "rewards"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_by_episode_and_step(make_episode: Any, name: str, value: float) -> None:
    episode = make_episode(9, number=7)
    broken = getattr(episode, name).copy()
    broken[4] = value
    with pytest.raises(NonFiniteDataError, match=rf"episode 7, step 4: {name} hold NaN or infinity"):
        dataclasses.replace(episode, **{name: broken})


@pytest.mark.parametrize("name", ["observations", "rewards", "terminations", "truncations"])
def test_lengths_that_do_not_fit_are_refused(make_episode: Any, name: str) -> None:
    episode = make_episode(5)
    with pytest.raises(DataError, match=name):
        dataclasses.replace(episode, **{name: getattr(episode, name)[:-1]})


def test_an_episode_without_a_step_is_refused(make_episode: Any) -> None:
    with pytest.raises(DataError, match="no step"):
        make_episode(0)
