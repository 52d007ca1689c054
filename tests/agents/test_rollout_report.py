"""Agents side by side."""

from typing import Any

import numpy as np
import pytest

from mbrl_mts3.agents import EvaluationResult, RolloutReport, RolloutResult
from mbrl_mts3.agents.rollout_report import HEADER
from mbrl_mts3.data.formats.reference_scores import ReferenceScores
from mbrl_mts3.metrics.confidence_intervals import bootstrap_interval


def result(returns: list[float], successes: list[bool] | None = None) -> EvaluationResult:
    size = len(returns)
    reached = None if successes is None else np.array(successes)
    return EvaluationResult(tuple(range(size)), np.array(returns), np.full(size, 7), reached, 0.002, 0.004, 2)


@pytest.fixture
def report() -> RolloutReport:
    rollouts = (
        RolloutResult("a", "real", result([10.0, 20.0, 30.0, 400.0])),
        RolloutResult("a", "imagined", result([1.0, 2.0], [True, False])),
        RolloutResult("b", "real", result([60.0])),
        RolloutResult("c", "real", result([90.0, 110.0])),
    )
    return RolloutReport(rollouts, ReferenceScores(10.0, 110.0, "hand-made"))


def test_numbers_of_each_agent(report: RolloutReport) -> None:
    first, imagined, single, _ = report.to_json()["rollouts"]
    assert (first["agent"], first["place"], first["mean_return"]) == ("a", "real", 115)
    assert first["interquartile_mean"] == 25
    assert first["score"] == 105
    assert first["return_bootstrap_interval"] == list(bootstrap_interval([10.0, 20.0, 30.0, 400.0]))
    assert first["score_bootstrap_interval"][0] == pytest.approx(first["return_bootstrap_interval"][0] - 10)
    assert imagined["success_rate"] == 0.5
    assert np.isnan(single["return_bootstrap_interval"]).all()


def test_agents_stand_for_runs(report: RolloutReport) -> None:
    (pooled,) = report.to_json()["all"]
    means = [115.0, 60.0, 100.0]
    assert pooled["place"] == "real"
    assert pooled["agents"] == 3
    assert pooled["mean_return"] == pytest.approx(np.mean(means))
    assert pooled["score"] == pytest.approx(np.mean(means) - 10)
    assert pooled["return_bootstrap_interval"] == list(bootstrap_interval(means))


def test_the_table_has_a_cell_for_all(report: RolloutReport) -> None:
    rows = report.table()
    assert all(len(row) == len(HEADER) for row in rows)
    cells: dict[str, Any] = {(row[0], row[1]): dict(zip(HEADER, row, strict=True)) for row in rows}
    assert set(cells) == {("a", "real"), ("a", "imagined"), ("b", "real"), ("c", "real"), ("all 3", "real")}
    assert cells["b", "real"]["return"] == "60"
    assert cells["a", "real"]["return"].startswith("115 (")
    assert cells["a", "real"]["score"] == "105.0"
    assert cells["a", "imagined"]["success"].startswith("50% (")
    assert cells["a", "real"]["success"] == ""


def test_there_may_be_nothing_to_normalise_by(report: RolloutReport) -> None:
    plain = RolloutReport(report.rollouts)
    assert plain.to_json()["reference"] is None
    assert plain.to_json()["rollouts"][0]["score"] is None
    assert not any(row[HEADER.index("score")] for row in plain.table())
    assert RolloutReport(report.rollouts[:2]).to_json()["all"] == []
