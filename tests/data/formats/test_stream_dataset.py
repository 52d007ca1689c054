"""Files of D4RL's layout are looked at as they are stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from d4rl_files import rows_of, write_rows

from mbrl_mts3.data.checks.registry import run_checks
from mbrl_mts3.data.checks.statistics import compute_statistics
from mbrl_mts3.data.formats.loading import stream_dataset


@pytest.mark.parametrize(
    ("name", "found"),
    [
        # infos/goal leads elsewhere than the goal that rewards are paid for, so a wrong radius would be found as well.
        ("maze2d-umaze-v1", {"reward-timing"}),
        ("kitchen-complete-v0", {"constant observation", "kitchen-layout", "kitchen-rewards"}),
        ("halfcheetah-medium-v2", set()),
    ],
)
def test_the_traps_of_d4rl_are_found(tmp_path: Path, name: str, found: set[str]) -> None:
    rows = rows_of(name)
    opened = stream_dataset(f"{write_rows(tmp_path / 'data.hdf5', rows)}@{name}")
    assert {finding.name for finding in run_checks(compute_statistics(opened))} == found
    assert opened.total_steps == sum(len(episode) for episode in opened.read()) <= len(rows["rewards"])
