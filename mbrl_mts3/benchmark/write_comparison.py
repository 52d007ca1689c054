"""The files of a comparison: CSV, Markdown and a figure."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from mbrl_mts3.benchmark.comparison import Comparison
from mbrl_mts3.benchmark.markdown_report import markdown_report
from mbrl_mts3.reporting import comparison_figure, save_figure, write_atomically

DRAWN = ("nrmse", "nll", "coverage_95")
"""Metrics with a panel in the figure."""


def write_comparison(comparison: Comparison, root: Path) -> list[Path]:
    """Write `DATASET.csv` (long form: model, seed, metric, horizon, value), `DATASET.md` and `DATASET.png`."""
    name = comparison.dataset
    curves = {
        label: {metric: comparison.curves(label, metric) for metric in DRAWN if metric in comparison.metrics}
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
