"""What the stages of an experiment found, as rows: returns of agents, and errors of predictions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mbrl_mts3.benchmark import Comparison
from mbrl_mts3.metrics import REPORTED_HORIZONS
from mbrl_mts3.scripts.experiments.running import StageResult

Row = dict[str, Any]


def agent_rows(results: Sequence[StageResult]) -> list[Row]:
    """One row for each agent of each stage that acted: every episode's return, mean with interval, time by action."""
    return [row for result in results for row in (*_of_plan(result), *_of_rollout(result))]


def prediction_rows(results: Sequence[StageResult]) -> list[Row]:
    """One row for each model that was evaluated: errors and likelihoods by horizon."""
    return [row for result in results for row in (*_of_evaluation(result), *_of_benchmark(result))]


def data_rows(results: Sequence[StageResult]) -> list[Row]:
    """The data sets that were collected, converted or found."""
    names = ("dataset_id", "content_hash", "episodes", "steps")
    return [
        {name: result.record[name] for name in names}
        for result in results
        if result.record.get("content_hash") is not None
    ]


def _of_plan(result: StageResult) -> Iterator[Row]:
    written = _read(result.folder / "plan.json")
    if written is not None:
        config = written["config"]
        yield {
            **_where(result, "MPC", _environment(written), "real"),
            "model": config["checkpoint"],
            "task": _named(config.get("task")) or written.get("task"),
            "planner": _named(config["planner"]),
            "data": written["trained_on"],
            **written["result"],
        }


def _environment(written: Row) -> str:
    """The id of the real environment; results of earlier versions have it among the options alone."""
    return str((written.get("environment") or written["config"]["environment"])["id"])


def _of_rollout(result: StageResult) -> Iterator[Row]:
    written = _read(result.folder / "rollout.json")
    for rollout in [] if written is None else written["rollouts"]:
        rest = {name: value for name, value in rollout.items() if name not in ("agent", "place")}
        where = _where(result, rollout["agent"], _environment(written), rollout["place"])
        yield {**where, "model": written["config"]["checkpoint"], **rest}


def _of_evaluation(result: StageResult) -> Iterator[Row]:
    written = _read(result.folder / "evaluation.json")
    if written is not None:
        curves = written["predictors"]
        yield {
            "stage": result.stage.name,
            "model": written["model"],
            "checkpoint": written["checkpoint"],
            "data": {"dataset_id": written["dataset_id"], "content_hash": written["content_hash"]},
            "split": written["split"],
            "episodes": written["episodes"],
            "windows": written["windows"],
            "nrmse": _by_horizon(curves["model"]["nrmse"]),
            "nrmse_persistence": _by_horizon(curves["persistence"]["nrmse"]),
            "nll": _by_horizon(curves["model"]["nll"]),
            "command": result.stage.line,
        }


def _of_benchmark(result: StageResult) -> Iterator[Row]:
    """The tables of a benchmark: one row a model, mean over its seeds."""
    if result.stage.command != "benchmark" or "table_only=true" not in result.stage.options:
        return
    for folder in sorted((Path(result.record["options"]["results"]) / "runs").iterdir()):
        comparison = Comparison.read(folder)
        for label in comparison.labels:
            runs = comparison.runs_of(label)
            curves: Row = {
                metric: {str(h): comparison.at(label, metric, h).mean for h in comparison.horizons}
                for metric in ("nrmse", "nll")
                if metric in comparison.metrics
            }
            yield {
                "stage": result.stage.name,
                "model": label,
                "data": {"dataset_id": comparison.dataset},
                "seeds": [run.seed for run in runs],
                **curves,
                "command": result.stage.line,
            }


def _where(result: StageResult, agent: str, environment: str, place: str) -> Row:
    return {
        "stage": result.stage.name,
        "agent": agent,
        "environment": environment,
        "place": place,
        "command": result.stage.line,
        "versions": result.record["versions"],
    }


def _named(node: Any) -> str | None:
    """The class that a node of a configuration names, with its first option where it has one."""
    if node is None:
        return None
    options = [str(value) for name, value in node.items() if not name.startswith("_") and isinstance(value, str)]
    return " ".join([node["_target_"].rpartition(".")[2], *options[:1]])


def _by_horizon(curve: Sequence[float | None]) -> dict[str, float | None]:
    return {str(horizon): curve[horizon - 1] for horizon in REPORTED_HORIZONS if horizon <= len(curve)}


def _read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.is_file() else None
