"""Questions about a whole batch have one answer, under vmap too."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.models.whole_batch import holds_everywhere


@pytest.mark.parametrize(("index", "expected"), [(None, True), ((1, 0), False)])
def test_it_asks_all_members_at_once(index, expected):
    flags, answers = torch.ones(3, 4, dtype=torch.bool), []
    if index is not None:
        flags[index] = False
    assert holds_everywhere(flags) is expected

    def member(own):
        answers.append(holds_everywhere(own))
        return own

    torch.func.vmap(member)(flags)
    torch.func.vmap(member, in_dims=1)(flags)
    assert answers == [expected, expected]
