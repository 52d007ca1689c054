"""Planners are compared at equal candidates, and the documented times are those of the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from planner_speed import CANDIDATES, RESULTS, SEARCHES, Decisions
from torch import Tensor

from mbrl_mts3.data import Normalizer
from mbrl_mts3.models import MTS3, PhysicalModel

PAGE = Path(__file__).parents[2] / "docs" / "planning.md"


@pytest.mark.parametrize("name", SEARCHES)
def test_every_planner_tries_as_many_sequences(name: str) -> None:
    torch.manual_seed(0)
    model = PhysicalModel(MTS3(3, 2, (4,), latent_dim=5), Normalizer.identity(3, 2))
    search = Decisions(name, model, (3, 2), 5, "cpu")
    counts: list[int] = []
    objective: Any = search.objective

    def counted(actions: Tensor) -> Tensor:
        counts.append(actions.shape[1])
        return objective(actions)

    search.objective = counted  # type: ignore[assignment]
    search.decide()
    # The mean of the candidates, where it is executed, comes on top.
    assert sum(counts) - (1 if name in ("cem", "mppi") else 0) in range(CANDIDATES, CANDIDATES + 2)
    assert search.milliseconds[0] > 0


def test_the_documented_times_are_those_of_the_file() -> None:
    rows = json.loads(RESULTS.read_text())
    page = PAGE.read_text()
    assert {row["planner"] for row in rows} == set(SEARCHES)
    for row in rows:
        tried = f"{row['iterations']} x {row['candidates']}"
        assert (
            f"| {row['case']} | `{row['planner']}` | {tried} | {row['median_ms']:.1f} | {row['p95_ms']:.1f} |" in page
        )
