"""Captions of figures, written from the numbers that they show."""

from __future__ import annotations

from collections.abc import Sequence

from mbrl_mts3.metrics.open_loop_evaluation import OpenLoopResult
from mbrl_mts3.metrics.planned_values import PlannedValues
from mbrl_mts3.reporting.policy_plots import ControlResult
from mbrl_mts3.wording import counted, ordinal


def describe_errors(result: OpenLoopResult) -> str:
    """Caption of `error_figure`."""
    model, last = result.model.nrmse, result.horizon - 1
    parts = [
        "Left: error in units of the spread of the training data; always predicting the training mean gives about 1. "
        "Right: negative log likelihood of the true values under the model. Lower is better in both.",
        f"The error of the model is {_number(model[0])} one step ahead and {_number(model[last])} {result.horizon} "
        f"steps ahead; that of repeating the last observation is {_number(result.persistence.nrmse[0])} and "
        f"{_number(result.persistence.nrmse[last])}.",
        _against_references(result),
    ]
    if result.invalid_predictions:
        parts.append(f"Predictions that were not finite: {result.invalid_predictions:,}; the curves have gaps there.")
    return " ".join(parts)


def describe_calibration(result: OpenLoopResult) -> str:
    """Caption of `calibration_figure`."""
    observed = result.model.coverage_at(0.95)
    error = result.calibration_error
    assert error is not None
    return (
        "Left: share of true values inside the model's central intervals, against the nominal probability of these "
        "intervals; on the diagonal the two agree, below it the model is overconfident. Right: the same for three "
        f"intervals by horizon. The 95% intervals hold {float(observed[0]):.0%} of the true values one step ahead and "
        f"{float(observed[-1]):.0%} at {counted(result.horizon, 'step')}; the mean distance from the diagonal is "
        f"{float(error.mean()):.1%} over all horizons."
    )


def describe_prediction(result: OpenLoopResult) -> str:
    """Caption of `prediction_figure` for the typical window."""
    return (
        f"The model observes {counted(result.context, 'step')} (shaded), then predicts "
        f"{counted(result.horizon, 'step')} from the true "
        "actions alone. Bands hold 50% and 95% of the predicted probability. Of all "
        f"{len(result.windows)} windows, this is the one with the median error: half of them are predicted better."
    )


def describe_control(results: Sequence[ControlResult]) -> str:
    """Caption of `control_figure`."""
    found = "; ".join(
        f"{result.name}: {result.success_rate:.0%} of {counted(result.episodes, 'episode')}" for result in results
    )
    return f"Share of episodes in which the goal was reached, with its 95% confidence interval. {found}."


def describe_planned_values(values: PlannedValues) -> str:
    """Caption of `planned_value_figure`."""
    rank = values.rank_correlation
    found = "" if rank is None else f" Their rank correlation is {rank:.2f}."
    return (
        f"Each point is a decision: up, what its plan promised for {counted(values.horizon, 'step')}; to the right, "
        "what the real "
        "observations of these steps are worth by the same reward, discount and value behind the horizon. On the "
        "dashed diagonal a plan keeps its promise. Points above it promised more than came: the model errs, and a "
        "search finds where it errs in its favour. Points below it did better than planned: the agent plans anew at "
        f"every step. {values.share_too_high:.0%} of {len(values.planned)} plans promised too much; on average "
        f"{_number(values.planned.mean())} was promised and {_number(values.realised.mean())} came.{found} Every "
        f"{ordinal(values.stride)} decision is shown, but none whose horizon reaches beyond the end of its episode."
    )


def describe_imagined_paths(horizon: int) -> str:
    """Caption of `imagined_paths_figure`."""
    return (
        "The maze from above; walls are grey. The broad grey line is the way that was gone, the square its start, the "
        f"star the goal. Dashed lines are what the model imagined for the {counted(horizon, 'step')} of a plan, each "
        "from the dot "
        "at which it was made; only the first action of a plan is executed before the next one. Where a dashed line "
        "leads through a wall, the model does not know the wall."
    )


def _against_references(result: OpenLoopResult) -> str:
    better = (result.model.nrmse < result.persistence.nrmse) & (result.model.nrmse < result.training_mean.nrmse)
    if bool(better.all()):
        return "The model is better than both references at every horizon."
    share = float(better.double().mean())
    others = [index + 1 for index, is_better in enumerate(better.tolist()) if not is_better]
    return (
        f"The model is better than both references at {share:.0%} of the horizons, but not at {_span(others)} "
        f"step{'s' if len(others) > 1 else ''} ahead."
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
