"""Captions of figures, written from the numbers behind them."""

from __future__ import annotations

from collections.abc import Sequence

from mbrl_mts3.metrics.open_loop_evaluation import OpenLoopResult
from mbrl_mts3.reporting.policy_plots import ControlResult


def describe_errors(result: OpenLoopResult) -> str:
    """What `error_figure` shows."""
    model, last = result.model.nrmse, result.horizon - 1
    parts = [
        "Left: error in units of the spread of the training data, so that always answering with the training mean "
        "scores about 1. Right: how improbable the truth was to the model. Lower is better in both.",
        f"One step ahead the model errs by {_number(model[0])}, {result.horizon} steps ahead by "
        f"{_number(model[last])}; repeating the last observation errs by {_number(result.persistence.nrmse[0])} and "
        f"{_number(result.persistence.nrmse[last])}.",
        _against_references(result),
    ]
    if result.invalid_predictions:
        parts.append(
            f"{result.invalid_predictions} predictions were not finite: curves are broken where this happened."
        )
    return " ".join(parts)


def describe_calibration(result: OpenLoopResult) -> str:
    """What `calibration_figure` shows."""
    observed = result.model.coverage_at(0.95)
    error = result.calibration_error
    assert error is not None
    return (
        "Left: share of true values inside the model's central intervals, against the probability that the model gave "
        "them; on the diagonal the two agree, below it the model is too sure of itself. Right: the same for three "
        f"intervals by horizon. The 95% intervals hold {float(observed[0]):.0%} of the truth one step ahead and "
        f"{float(observed[-1]):.0%} at {result.horizon} steps; the mean distance from the diagonal is "
        f"{float(error.mean()):.1%} over all horizons."
    )


def describe_prediction(result: OpenLoopResult) -> str:
    """What `prediction_figure` shows of the typical window."""
    return (
        f"The model observes {result.context} steps (shaded), then predicts {result.horizon} steps from the true "
        "actions alone. Bands hold 50% and 95% of the predicted probability. This is the window with the median error "
        f"of all {len(result.windows)}: half of them are predicted better, half worse."
    )


def describe_control(results: Sequence[ControlResult]) -> str:
    """What `control_figure` shows."""
    found = "; ".join(f"{result.name}: {result.success_rate:.0%} of {result.episodes} episodes" for result in results)
    return f"Share of episodes in which the goal was reached, with its 95% confidence interval. {found}."


def _against_references(result: OpenLoopResult) -> str:
    better = (result.model.nrmse < result.persistence.nrmse) & (result.model.nrmse < result.training_mean.nrmse)
    if bool(better.all()):
        return "The model is better than both references at every horizon."
    share = float(better.double().mean())
    worst = [index + 1 for index, won in enumerate(better.tolist()) if not won]
    return (
        f"The model is better than both references at {share:.0%} of the horizons; it is not at {_span(worst)} "
        f"step{'s' if len(worst) > 1 else ''} ahead."
    )


def _span(horizons: Sequence[int]) -> str:
    if len(horizons) == 1:
        return str(horizons[0])
    joined = len(horizons) == horizons[-1] - horizons[0] + 1
    return (
        f"{horizons[0]} to {horizons[-1]}"
        if joined
        else f"{len(horizons)} horizons between {horizons[0]} and {horizons[-1]}"
    )


def _number(value: object) -> str:
    return f"{float(value):.2g}"  # type: ignore[arg-type]
