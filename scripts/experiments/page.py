"""The files of an experiment: summary.json and one report page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mbrl_mts3.files import to_jsonable, write_json
from mbrl_mts3.reporting import Report
from mbrl_mts3.scripts.experiments.rows import Row, agent_rows, data_rows, prediction_rows
from mbrl_mts3.scripts.experiments.running import StageResult
from mbrl_mts3.scripts.runs.provenance import library_versions

SUMMARY_FILE = "summary.json"
REPORT_FILE = "report.html"
# What the pictures of stages show; others stay with their stage.
_FIGURES = {
    "error_by_horizon.png": (
        "Error by horizon",
        "Left: error in units of the spread of the training data. Right: negative log-likelihood. Lower is better.",
    ),
    "calibration.png": (
        "Calibration",
        "Share of true values inside the model's intervals against the probability the model gave them.",
    ),
    "prediction.png": (
        "A typical open-loop prediction",
        "The window with the median error: an observed context, then the prediction with bands of 50% and 95%.",
    ),
    "planned_values.png": (
        "Planned against realised value",
        "Each point is a decision: up, what its plan promised; to the right, what came. On the diagonal the two agree.",
    ),
    "imagined_paths.png": (
        "Imagined against real paths",
        "The maze from above. Grey: the way that was gone; dashed: what plans imagined on it.",
    ),
    "film.gif": ("An episode", "The first episode as the environment renders it."),
    "policies.png": ("Values of policies", "Estimates inside the model against returns in the real environment."),
}


def write_summary(
    folder: Path, name: str, title: str, stages: int, results: Sequence[StageResult], **more: Any
) -> dict[str, Any]:
    """Write what the finished stages found; called after each stage, so that a killed run leaves what it has."""
    summary: dict[str, Any] = {
        "experiment": name,
        "title": title,
        "finished": len(results) == stages,
        "versions": library_versions(),
        "data": data_rows(results),
        "rows": agent_rows(results),
        "predictions": prediction_rows(results),
        "stages": [
            {
                "stage": result.stage.name,
                "command": result.stage.line,
                "folder": str(result.folder),
                "seconds": round(float(result.record["seconds"]), 1),
            }
            for result in results
        ],
        **more,
    }
    plain: dict[str, Any] = to_jsonable(summary)
    write_json(folder / SUMMARY_FILE, plain)
    return plain


def write_page(folder: Path, title: str, description: str, results: Sequence[StageResult]) -> Path:
    """Write the report page: returns, prediction errors, figures of the stages, and the commands with their time."""
    report = Report(title, description)
    add_agents(report, agent_rows(results))
    add_predictions(report, prediction_rows(results))
    for result in results:
        add_figures(report, result.stage.name, result.folder)
    if data := data_rows(results):
        report.add_heading("Data")
        rows = [[row["dataset_id"], f"{row['episodes']:,}", f"{row['steps']:,}", row["content_hash"]] for row in data]
        report.add_table(["data set", "episodes", "steps", "content hash"], rows, "Data sets that were used.")
    report.add_heading("Commands")
    for result in results:
        report.add_text(f"{result.stage.name}: {result.stage.line}")
    rows = [[result.stage.name, f"{float(result.record['seconds']):.1f}"] for result in results]
    rows.append(["all", f"{sum(float(result.record['seconds']) for result in results):.1f}"])
    report.add_table(["stage", "seconds"], rows, "Wall-clock time of each stage when it was run.")
    return report.write(folder / REPORT_FILE)


def agent_table(rows: Sequence[Row], of: str = "stage") -> tuple[list[str], list[list[str]]]:
    """Header and cells, for the console and the page; columns that tell nothing are left out."""
    header = [of, "agent", "where", "episodes", "return (95% interval)", "score", "success", "ms an action"]
    imagined = any(row["place"] != "real" for row in rows)
    cells = [
        [
            row["stage"],
            row["agent"],
            row["place"] if imagined else "",
            str(row["episodes"]),
            _interval(row["mean_return"], row["return_bootstrap_interval"]),
            "" if row.get("score") is None else f"{row['score']:.1f}",
            _success(row),
            f"{row['ms_per_action']:.2g}",
        ]
        for row in rows
    ]
    shown = [place for place in range(len(header)) if any(row[place] for row in cells)]
    return [header[place] for place in shown], [[row[place] for place in shown] for row in cells]


def prediction_table(rows: Sequence[Row], metric: str, of: str = "stage") -> tuple[list[str], list[list[str]]]:
    """Header and cells: one column a horizon."""
    horizons = sorted({int(horizon) for row in rows for horizon in row.get(metric, ())})
    cells = [
        [row["stage"], row["model"], *(_number(row.get(metric, {}).get(str(horizon))) for horizon in horizons)]
        for row in rows
    ]
    return [of, "model", *map(str, horizons)], cells


def add_agents(report: Report, rows: Sequence[Row], of: str = "stage") -> None:
    """Append the table of returns, where an agent acted; `of` says what acted: a stage or a run."""
    if rows:
        report.add_heading("Agents")
        header, cells = agent_table(rows, of)
        report.add_table(
            header,
            cells,
            "Returns: mean over episodes with bootstrap intervals. Success: episodes in which the task was achieved. "
            "All returns stand in the JSON files of the runs.",
        )


def add_predictions(report: Report, rows: Sequence[Row], of: str = "stage") -> None:
    """Append the tables of errors by horizon, where a model was evaluated."""
    if rows:
        report.add_heading("Open-loop prediction")
        for metric, name in (("nrmse", "NRMSE"), ("nll", "Negative log-likelihood (nats)")):
            header, cells = prediction_table(rows, metric, of)
            report.add_table(header, cells, f"{name} on held-out episodes by steps ahead; lower is better.")


def add_figures(report: Report, name: str, folder: Path) -> None:
    """Append the figures that a stage or a run called `name` left in its folder."""
    found = [file for file in _FIGURES if (folder / file).is_file()]
    if found:
        report.add_heading(f"Figures of {name}")
    for file in found:
        title, caption = _FIGURES[file]
        report.add_figure(folder / file, title, caption)


def _interval(value: float, interval: Sequence[float | None]) -> str:
    low, high = interval
    return f"{value:.4g}" if low is None or high is None else f"{value:.4g} ({low:.4g} to {high:.4g})"


def _success(row: Row) -> str:
    if row.get("success_rate") is None:
        return ""
    low, high = row["success_interval"]
    return f"{row['success_rate']:.0%} ({low:.0%} to {high:.0%})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
