"""Grouping steps into cells, against plain loops."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.models.readout import delta_references
from mbrl_mts3.models.state_space.time_scale import Cells


@pytest.mark.parametrize("period", [1, 2, 5])
@pytest.mark.parametrize("begin", [0, 3, 4])
@pytest.mark.parametrize("length", [1, 4, 11])
def test_sums_equal_loops(period, begin, length):
    cells, values = Cells(period, begin % period, length), torch.randn(2, length, 3)
    cell_of = [(begin + t) // period - begin // period for t in range(length)]
    assert cells.count == cell_of[-1] + 1
    assert cells.last_is_complete == ((begin + length) % period == 0)
    for t in range(length):
        running = sum(values[:, s] for s in range(t + 1) if cell_of[s] == cell_of[t])
        torch.testing.assert_close(cells.running(values)[:, t], running)
        total = sum(values[:, s] for s in range(length) if cell_of[s] == cell_of[t])
        torch.testing.assert_close(cells.to_steps(cells.total(values))[:, t], total)
        assert cells.ends[cell_of[t]] == max(s for s in range(length) if cell_of[s] == cell_of[t]) + 1


def test_references_equal_the_recursion():
    changes, observations = torch.randn(3, 9, 2), torch.randn(3, 9, 2)
    mask, start = torch.rand(3, 9) < 0.4, torch.randn(3, 2)
    expected, current = [], start
    for t in range(9):
        current = torch.where(mask[:, t, None], observations[:, t], current)
        expected.append(current)
        current = current + changes[:, t]
    torch.testing.assert_close(delta_references(changes, start, observations, mask), torch.stack(expected, 1))
    hidden = torch.zeros_like(mask)
    torch.testing.assert_close(
        delta_references(changes, start, None, None), delta_references(changes, start, observations, hidden)
    )
