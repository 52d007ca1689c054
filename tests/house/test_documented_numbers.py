"""The tables of the pages on experiments, policies and planning say what the result files say that they name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "experiments.md").read_text()
RESULTS: dict[str, Any] = json.loads((DOCS / "results" / "families.json").read_text())["results"]
"""By family, row of the table and column."""
PLANNING = (DOCS / "planning.md").read_text()
POLICIES = "half_cheetah_medium_replay_imagine"


def policy_table() -> dict[str, dict[str, float]]:
    """By agent and column, out of the rows of all seeds."""
    table: dict[str, dict[str, float]] = {}
    for row in json.loads((DOCS / "results" / f"{POLICIES}.json").read_text())["rows"]:
        own = table.setdefault(row["agent"], {"falls": 0})
        own[f"seed {row['seed']}"] = row["mean"]
        own["falls"] += sum(found < 3000 for found in row["returns"])
        assert row["mean"] == pytest.approx(sum(row["returns"]) / len(row["returns"]), abs=0.1)
    return table


def missing_sensors_table() -> dict[str, dict[str, float]]:
    """Return by agent and by the share of the observations that is missing."""
    names = {
        ("point_maze_umaze", "planning"): "sparse U-maze, planning",
        ("half_cheetah", "planning"): "HalfCheetah, planning",
        ("half_cheetah", "TD3+BC, last observation held"): "HalfCheetah, TD3+BC",
    }
    table: dict[str, dict[str, float]] = {}
    for row in json.loads((DOCS / "results" / "missing_sensors.json").read_text())["rows"]:
        column = f"{row['rate']:g}{' in bursts' if row['burst'] > 1 else ''}" if row["rate"] else "none"
        table.setdefault(names[row["environment"], row["agent"]], {})[column] = row["mean"]
        assert row["mean"] == pytest.approx(sum(row["returns"]) / len(row["returns"]), abs=0.1)
    return table


def differing_cells(page: str, results: Mapping[str, Any]) -> list[str]:
    """Cells of tables below headings `NAME/family` or `NAME` whose rounded number is not that of the results."""
    found = []
    for heading, section in re.findall(r"^### `(\w+)(?:/family)?`.*?$(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL):
        lines = [line for line in section.splitlines() if line.startswith("|")]
        columns = [cell.strip() for cell in lines[0].strip("|").split("|")]
        for line in lines[2:]:
            row = [cell.strip(" *`") for cell in line.strip("|").split("|")]
            for column, cell in zip(columns[1:], row[1:], strict=True):
                if not cell and column not in results[heading][row[0]]:
                    continue
                value = results[heading][row[0]][column]
                decimals = len(cell.partition(".")[2])
                if f"{value:.{decimals}f}" != cell.replace(",", ""):
                    found.append(f"{heading}, {row[0]}, {column}: {cell} is {value}")
        if set(results[heading]) != {line.strip("|").split("|")[0].strip(" *`") for line in lines[2:]}:
            found.append(f"{heading}: the table has not the rows of the results")
    return found


def test_every_number_is_that_of_the_file() -> None:
    assert not differing_cells(PAGE, RESULTS)


def test_the_returns_of_policies_are_those_of_the_file() -> None:
    assert not differing_cells((DOCS / "policy_learning.md").read_text(), {POLICIES: policy_table()})


def test_the_returns_of_plans_are_those_of_the_files() -> None:
    assert not differing_cells(PLANNING, {"missing_sensors": missing_sensors_table()})


def test_the_ways_of_the_robot_are_those_of_the_file() -> None:
    rows = json.loads((DOCS / "results" / "skid_steer_goal.json").read_text())["rows"]
    ways = [row["way_m"] for row in rows if row["reached"]]
    steps = sorted(row["steps"] for row in rows if row["reached"])
    assert f"{len(ways)} of {len(rows)} episodes" in PLANNING
    assert f"in {sum(steps[len(steps) // 2 - 1 : len(steps) // 2 + 1]) / 2:.0f} steps (median)" in PLANNING
    assert f"Their way is {sum(ways) / len(ways):.1f} m on average, at most {max(ways):.1f} m" in PLANNING


def test_every_family_has_a_section() -> None:
    assert set(re.findall(r"^### `(\w+)(?:/family)?`", PAGE, re.MULTILINE)) == set(RESULTS)


@pytest.mark.parametrize(("old", "new"), [("0.12", "0.13"), ("-4.1", "4.1")])
def test_a_wrong_number_is_noticed(old: str, new: str) -> None:
    page = "### `a/family`\n\n| | 1 | NLL |\n|---|---|---|\n| `one` | 0.12 | **-4.1** |\n"
    results = {"a": {"one": {"1": 0.123, "NLL": -4.08}}}
    assert not differing_cells(page, results)
    assert len(differing_cells(page.replace(old, new), results)) == 1
