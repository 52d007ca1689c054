"""The files of a comparison: a Markdown table, CSV and a figure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from mbrl_mts3.benchmark.comparison import Comparison, SeedSummary, best_value
from mbrl_mts3.files import write_atomically
from mbrl_mts3.reporting import comparison_figure, save_figure

_TITLES = {
    "nrmse": "NRMSE",
    "nrmse_signal": "NRMSE of the dimensions that are more than noise",
    "nrmse_median": "NRMSE, median of the windows",
    "nrmse_p90": "NRMSE, 90th percentile of the windows",
    "nll": "NLL (nats, summed over dimensions)",
    "nll_trimmed": "NLL without the lowest and the highest 5% of the windows",
    "crps": "CRPS",
    "coverage_error_50": "Coverage error of 50% intervals (percentage points)",
    "coverage_error_80": "Coverage error of 80% intervals (percentage points)",
    "coverage_error_95": "Coverage error of 95% intervals (percentage points)",
    "reward_nrmse": "NRMSE of the reward",
}
# The same numbers in other units, or numbers that follow from another table: not repeated on the page.
_CSV_ONLY = {"rmse", "nll_original", "calibration_error", "coverage_50", "coverage_80", "coverage_95"}
_REFERENCES = {"persistence": "*repeats the last observation*", "training_mean": "*training mean and spread*"}
_IMPUTATION = {
    f"imputation_{part}_{name}": f"{title}, o_t {part}"
    for part in ("missing", "shown")
    for name, title in (("nrmse", "NRMSE"), ("nll", "NLL"), ("coverage_95", "inside 95% intervals"))
}
_WINDOWS_SHOWN = 8
_PLOTTED_METRICS = ("nrmse", "nll", "coverage_95")
_COST = {
    "parameters": "parameters",
    "updates": "updates",
    "best_update": "best at update",
    "training_seconds": "training seconds",
    "steps_per_second": "steps per second",
    "invalid_predictions": "not finite",
}


def markdown_report(comparison: Comparison) -> str:
    """Markdown page: a table per metric with a row for each model and a column for each horizon, then training cost."""
    blocks = [_introduction(comparison)]
    blocks += [_metric_table(comparison, metric) for metric in _shown(comparison.metrics)]
    return "\n\n".join([*blocks, _sliding(comparison), *_imputation(comparison), _cost(comparison)]) + "\n"


def _summaries(comparison: Comparison, metric: str, horizon: int) -> list[SeedSummary]:
    """Summaries of a metric at one horizon, one for each label, in the unit of the table."""
    return [comparison.at(label, metric, horizon).scaled(_unit(metric)) for label in comparison.labels]


def _unit(metric: str) -> float:
    return 100.0 if metric.startswith("coverage_error") else 1.0


def _shown(metrics: Sequence[str]) -> list[str]:
    """Metrics of the page: those with a title in their order, then all others."""
    known = [name for name in _TITLES if name in metrics]
    others = [name for name in metrics if name not in _TITLES and name not in _CSV_ONLY]
    return known + [name for name in others if not name.startswith("reward_")]


def _introduction(comparison: Comparison) -> str:
    first = comparison.records[0]
    data, evaluation = first.options.data, first.options.evaluation
    seeds = sorted({record.seed for record in comparison.records})
    return (
        f"# Models on {comparison.dataset}\n\n"
        f"Data set `{data['dataset_id']}` (content hash {data['content_hash']}), {len(data['observations'])} observed "
        f"dimensions. {evaluation['context']} observed steps, then up to {first.horizon} steps open loop with "
        f"the true actions, in {first.scalars['windows']:.0f} windows of the test episodes. Errors are in normalised "
        "units (each dimension divided by its spread in the training data); columns are horizons, 1 is the first step "
        f"after the last observation.\n\n{_budgets(comparison)}\n\n"
        f"Mean over seeds ({', '.join(map(str, seeds))}) ± half of the 95% interval of that mean (Student's t); the "
        "lowest mean of each column is bold. Coverage error: distance of the share of targets inside an interval from "
        "its nominal probability."
    )


def _budgets(comparison: Comparison) -> str:
    """Training budgets of the variants, in one sentence if they are all the same."""
    variants: dict[str, list[str]] = {}
    for label in comparison.labels:
        training = comparison.runs_of(label)[0].options.training
        clock = "" if training["max_seconds"] is None else f" and {training['max_seconds']:g} s"
        updates = f"at most {training['max_updates']} updates{clock}"
        budget = f"{updates}, {training['batch_size']} windows of {training['length']}"
        variants.setdefault(budget, []).append(label)
    if len(variants) == 1:
        return f"Training: {next(iter(variants))} steps per update, for all."
    parts = (f"{budget} steps per update for {', '.join(labels)}" for budget, labels in variants.items())
    return f"Training was not the same for all: {'; '.join(parts)}."


def _metric_table(comparison: Comparison, metric: str) -> str:
    rows = [[label] for label in comparison.labels]
    for horizon in comparison.horizons:
        summaries = _summaries(comparison, metric, horizon)
        winner = best_value(summaries)
        for place, summary in enumerate(summaries):
            rows[place].append(f"**{summary}**" if place == winner else str(summary))
    for name, title in _REFERENCES.items():
        curve = comparison.records[0].references.get(name, {}).get(metric)
        if curve is not None:
            values = (curve[horizon - 1] * _unit(metric) for horizon in comparison.horizons)
            rows.append([title, *(str(SeedSummary.from_values([value])) for value in values)])
    return f"## {_TITLES.get(metric, metric)}\n\n{_table(['model', *map(str, comparison.horizons)], rows)}"


def _sliding(comparison: Comparison) -> str:
    """NRMSE of sliding windows of the open-loop steps; the CSV file has every window and metric."""
    first = comparison.records[0]
    starts = [int(start) for start in first.sliding["first_horizon"]]
    places = range(0, len(starts), -(-len(starts) // _WINDOWS_SHOWN))
    rows = [[label] for label in comparison.labels]
    for place in places:
        summaries = [comparison.sliding(label, "nrmse", place) for label in comparison.labels]
        winner = best_value(summaries)
        for row, (i, summary) in zip(rows, enumerate(summaries), strict=True):
            row.append(f"**{summary}**" if i == winner else str(summary))
    length = first.options.evaluation["sliding_window"]
    header = ["model", *(f"{starts[place]}-{starts[place] + length - 1}" for place in places)]
    return f"## NRMSE of sliding windows of {length} open-loop steps\n\n{_table(header, rows)}"


def _imputation(comparison: Comparison) -> list[str]:
    """Table of the imputation test, if there was one."""
    rate = comparison.records[0].options.evaluation.get("imputation_rate")
    if rate is None:
        return []
    rows = [[label, *(str(comparison.scalar(label, name)) for name in _IMPUTATION)] for label in comparison.labels]
    return [
        f"## Imputation\n\nOne step ahead while each observation is missing with probability {rate:g}.\n\n"
        f"{_table(['model', *_IMPUTATION.values()], rows)}"
    ]


def _cost(comparison: Comparison) -> str:
    rows = [
        [label, str(len(comparison.runs_of(label))), *(str(comparison.scalar(label, name)) for name in _COST)]
        for label in comparison.labels
    ]
    return (
        f"## Cost\n\n{_table(['model', 'seeds', *_COST.values()], rows)}\n\n"
        "Steps per second: steps of training data, validations included in the time. Not finite: open-loop predictions "
        "that were NaN, infinite or without a positive variance; each of them makes the errors of its horizon infinite."
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_comparison(comparison: Comparison, root: Path) -> list[Path]:
    """Write `DATASET.csv` (long form: model, seed, metric, horizon, value), `DATASET.md` and `DATASET.png`."""
    name = comparison.dataset
    curves = {
        label: {metric: comparison.curves(label, metric) for metric in _PLOTTED_METRICS if metric in comparison.metrics}
        for label in comparison.labels
    }
    return [
        write_atomically(root / f"{name}.csv", _csv(comparison).encode()),
        write_atomically(root / f"{name}.md", markdown_report(comparison).encode()),
        save_figure(comparison_figure(curves, comparison.records[0].references), root / f"{name}.png"),
    ]


def _csv(comparison: Comparison) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["model", "seed", "metric", "horizon", "value"])
    for *names, value in comparison.rows():
        writer.writerow([*("" if name is None else name for name in names), f"{value:.8g}"])
    return buffer.getvalue()
