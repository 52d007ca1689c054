"""Planners of other libraries are compared at equal work, and the documented times are those of the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peers import ACTION, HORIZON, LIBRARIES, OBSERVATION, RESULTS, SEARCHES, Dynamics
from torch import Tensor

PAGE = Path(__file__).parents[2] / "docs" / "planning.md"


class Counting(Dynamics):
    """Counts the candidates that are moved on by one step."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0

    def forward(self, observation: Tensor, action: Tensor) -> Tensor:
        self.moved += observation.shape[:-1].numel()
        return super().forward(observation, action)


@pytest.mark.parametrize(
    ("library", "search"), [(name, search) for name, row in LIBRARIES.items() for search in row[2]]
)
def test_every_library_tries_as_many_sequences(library: str, search: str) -> None:
    distribution, make, _ = LIBRARIES[library]
    module = distribution.replace("-", "_")
    pytest.importorskip(module, reason=f"{library} is not installed: see peers.py")
    torch.manual_seed(0)
    dynamics = Counting().requires_grad_(False)
    decide = make(search, dynamics)
    iterations, candidates = SEARCHES[search]
    for _ in range(2):
        dynamics.moved = 0
        action = decide(torch.zeros(OBSERVATION))
        assert action.shape == (ACTION,)
        # Means that are executed, and elites of the iteration before, may come on top.
        assert 1 <= dynamics.moved / (iterations * candidates * HORIZON) < 1.08


def test_the_documented_times_are_those_of_the_file() -> None:
    rows = json.loads(RESULTS.read_text())
    page = PAGE.read_text()
    assert {row["library"] for row in rows} == set(LIBRARIES)
    for row in rows:
        name = "the dynamics alone" if row["library"] == "dynamics" else f"{row['library']} {row['version']}"
        tried = f"{row['iterations']} x {row['candidates']}"
        assert f"| `{row['search']}` | {tried} | {name} | {row['median_ms']:.1f} | {row['p95_ms']:.1f} |" in page
