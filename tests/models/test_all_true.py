"""Questions about a whole batch have one answer, under vmap too."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.models.batching import all_true


@pytest.mark.parametrize(("index", "expected"), [(None, True), ((1, 0), False)])
def test_it_asks_all_members_at_once(index, expected):
    flags, answers = torch.ones(3, 4, dtype=torch.bool), []
    if index is not None:
        flags[index] = False
    assert all_true(flags) is expected

    def member(own):
        answers.append(all_true(own))
        return own

    torch.func.vmap(member)(flags)
    torch.func.vmap(member, in_dims=1)(flags)
    assert answers == [expected, expected]
