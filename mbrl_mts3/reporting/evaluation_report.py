"""The report of an open-loop evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mbrl_mts3.metrics.imputation import ImputationResult
from mbrl_mts3.metrics.open_loop_evaluation import OpenLoopResult
from mbrl_mts3.metrics.open_loop_prediction import OpenLoopWindow
from mbrl_mts3.reporting.captions import describe_calibration, describe_errors, describe_prediction
from mbrl_mts3.reporting.prediction_plots import calibration_figure, error_figure, prediction_figure
from mbrl_mts3.reporting.report import Report
from mbrl_mts3.reporting.style import save_figure
from mbrl_mts3.reporting.tables import dimension_table, error_table, imputation_table
from mbrl_mts3.wording import counted


def evaluation_figures(
    result: OpenLoopResult, window: OpenLoopWindow, names: Sequence[str], *, show: Sequence[str] | None = None
) -> dict[str, Figure]:
    """Figures by name: `prediction`, `error_by_horizon`, `calibration`; `show` as in `prediction_figure`."""
    title = "Typical open-loop prediction (the window with the median error)"
    return {
        "error_by_horizon": error_figure(result),
        "calibration": calibration_figure(result),
        "prediction": prediction_figure(window, names, show=show, title=title),
    }


def add_open_loop(report: Report, result: OpenLoopResult, figures: Mapping[str, Path], names: Sequence[str]) -> None:
    """Append the tables and figures of an evaluation, each with a caption.

    Args:
        figures: the PNGs of `evaluation_figures`.
    """
    header, rows = error_table(result)
    report.add_table(header, rows, _table_caption(result))
    report.add_figure(figures["error_by_horizon"], "Error by horizon", describe_errors(result))
    report.add_figure(figures["calibration"], "Calibration", describe_calibration(result))
    report.add_figure(figures["prediction"], "A typical open-loop prediction", describe_prediction(result))
    header, rows = dimension_table(result, names)
    report.add_table(header, rows, "Root mean squared error of the model by dimension, in the unit given, by horizon.")


def add_imputation(report: Report, result: ImputationResult) -> None:
    """Append the table of an imputation test."""
    header, rows = imputation_table(result)
    caption = (
        f"After {result.context} observed steps, each observation is missing with a probability of {result.rate:.0%}; "
        f"{result.windows} windows, masks of seed {result.seed}. Errors of the prediction one step ahead, in "
        "normalised units."
    )
    report.add_heading("Prediction while observations are missing")
    report.add_table(header, rows, caption)


def write_evaluation_report(
    folder: str | Path,
    result: OpenLoopResult,
    window: OpenLoopWindow,
    names: Sequence[str],
    *,
    facts: Mapping[str, str],
    show: Sequence[str] | None = None,
    imputed: ImputationResult | None = None,
) -> Path:
    """Write the figures as PNGs and `report.html` into `folder`.

    Args:
        names: of the observation's dimensions.
        facts: the model, the data and the options, shown at the top.
        show: names of the dimensions to plot; None chooses.
        imputed: result of an imputation test, if there was one.

    Returns:
        The path of the report.
    """
    plots = evaluation_figures(result, window, names, show=show)
    figures = {name: save_figure(figure, Path(folder) / f"{name}.png") for name, figure in plots.items()}
    report = Report(
        "Open-loop evaluation",
        f"{counted(result.context, 'observed step')}, then up to {counted(result.horizon, 'step')} open loop with the "
        "true actions.",
    )
    report.add_table(["what", "value"], [[name, value] for name, value in facts.items()], "What was evaluated.")
    report.add_heading("Prediction")
    if result.invalid_predictions:
        report.add_text(
            f"Attention: predictions that were not finite or had no positive variance: "
            f"{result.invalid_predictions:,}. Their "
            "errors count as infinite: 'not finite' in a table means that at least one of them is in the mean."
        )
    add_open_loop(report, result, figures, names)
    if imputed is not None:
        add_imputation(report, imputed)
    return report.write(Path(folder) / "report.html")


def _table_caption(result: OpenLoopResult) -> str:
    left_out = f"; too short: {counted(result.skipped_episodes, 'episode')}" if result.skipped_episodes else ""
    sample = f" of {result.available_windows}" if result.available_windows > len(result.windows) else ""
    return (
        f"{len(result.windows)}{sample} windows at a stride of {result.stride}{left_out}. NRMSE, NLL and CRPS in "
        "normalised units (each dimension divided by its spread in the training data), NLL summed over dimensions. "
        "CRPS: distance of the predicted distribution from the truth, the absolute error where no distribution is "
        "predicted. RMSE in original units, over all dimensions. Coverage: share of true values inside the "
        "interval; calibration error: mean distance of the coverage of all intervals from their nominal probability."
    )
