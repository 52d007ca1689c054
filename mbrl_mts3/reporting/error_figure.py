"""Errors by horizon against the references."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbrl_mts3.metrics.open_loop_result import OpenLoopResult
from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.figure_style import horizon_axis, label_line_ends, new_figure, styled

_LINES = {
    "model": ("model", palette.MODEL, "-"),
    "persistence": ("repeat last", palette.PERSISTENCE, "--"),
    "training_mean": ("training mean", palette.TRAINING_MEAN, ":"),
}


@styled
def error_figure(result: OpenLoopResult) -> Figure:
    """NRMSE and NLL by horizon; lower is better in both."""
    figure = new_figure(9.0, 3.7)
    error, likelihood = figure.subplots(1, 2)
    _draw(error, result, "nrmse")
    error.set_ylim(bottom=0)
    error.set_title("Error")
    error.set_ylabel("NRMSE (1 = spread of the data)")
    _draw(likelihood, result, "nll")
    likelihood.set_title("Negative log likelihood")
    likelihood.set_ylabel(f"NLL (nats, {result.model.rmse_by_dimension.shape[1]} dimensions)")
    for axes, measure in ((error, "nrmse"), (likelihood, "nll")):
        horizon_axis(axes, result.horizon)
        label_line_ends(axes, _ends(result, measure), at=result.horizon)
    return figure


def _draw(axes: Axes, result: OpenLoopResult, measure: str) -> None:
    horizons = range(1, result.horizon + 1)
    for name, (_, colour, style) in _LINES.items():
        values = getattr(getattr(result, name), measure)
        if values is not None:
            axes.plot(horizons, values.numpy(), color=colour, ls=style, lw=2 if name == "model" else 1.6)


def _ends(result: OpenLoopResult, measure: str) -> dict[str, tuple[float, str]]:
    ends = {}
    for name, (label, colour, _) in _LINES.items():
        values = getattr(getattr(result, name), measure)
        if values is not None and bool(values.isfinite().any()):
            ends[label] = (float(values[values.isfinite()][-1]), colour)
    return ends
