"""How transitions get into replay buffers."""

import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.agents.transitions import Transitions

SPACE = spaces.Box(-np.inf, np.inf, (2,), np.float64)
ACTIONS = spaces.Box(-1, 1, (1,), np.float32)


@pytest.mark.parametrize(
    ("terminated", "truncated", "done"), [(False, False, 0), (True, False, 1), (False, True, 0), (True, True, 1)]
)
def test_only_what_terminates_ends_the_value(terminated: bool, truncated: bool, done: float) -> None:
    rows = np.arange(6.0).reshape(3, 2)
    flags = (np.full(3, flag) for flag in (terminated, truncated))
    transitions = Transitions(rows, np.zeros((3, 1), np.float32), np.arange(3.0), rows + 1, *flags)
    batch = transitions.as_buffer(SPACE, ACTIONS).sample(50)
    assert set(batch.dones.flatten().tolist()) == {done}
    assert set(batch.rewards.flatten().tolist()) == {0, 1, 2}
    assert np.array_equal(batch.next_observations, batch.observations + 1)
