import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex

from mbrl_mts3.reporting import comparison_figure, learning_figure, reliability_figure

L = 120
STEPS = np.arange(1, L + 1)
BAND = "band: from the lowest seed to the highest"


def model(level: float, seeds: int = 3) -> dict[str, np.ndarray]:
    nrmse = level + 0.01 * np.arange(seeds)[:, None] + 0.001 * STEPS
    return {"nrmse": nrmse, "nll": 10 * nrmse, "coverage_95": np.clip(1 - 0.1 * nrmse, 0, 1)}


REFERENCES = {
    "training_mean": {"nrmse": np.ones(L), "nll": np.full(L, 12.0)},
    "persistence": {"nrmse": 1.5 * np.ones(L)},
}


def test_lines_are_means_and_bands_reach_over_the_seeds() -> None:
    models = {"gru": model(0.4), "mts3": model(0.2)}
    figure = comparison_figure(models, REFERENCES)
    assert [axes.get_title("left") for axes in figure.axes] == [
        "Error",
        "Negative log likelihood",
        "95% intervals (dotted: nominal)",
    ]
    for name, line, band in zip(models, figure.axes[0].lines, figure.axes[0].collections, strict=False):
        steps = line.get_xdata()
        # Every near horizon has a point of its own; far ones share points, which lie on the straight line of the curve.
        assert list(steps[:9]) == list(range(1, 10))
        assert 9 < len(steps) < L
        seeds = models[name]["nrmse"][:, :1] + 0.001 * (steps - 1)
        np.testing.assert_allclose(line.get_ydata(), seeds.mean(0))
        assert line.get_label() == name
        corners = band.get_paths()[0].vertices
        for place in (0, -1):
            found = corners[corners[:, 0] == steps[place]][:, 1]
            np.testing.assert_allclose([found.min(), found.max()], [seeds[:, place].min(), seeds[:, place].max()])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["gru", "mts3", BAND]


def test_many_models_look_different() -> None:
    figure = comparison_figure({str(number): model(0.05 * number) for number in range(16)}, {})
    looks = {(to_hex(line.get_color()), line._unscaled_dash_pattern) for line in figure.axes[0].lines}
    assert len(looks) == 16
    assert len(figure.legends[0].get_texts()) == 16 + 1


def test_a_model_that_diverges_does_not_flatten_the_others() -> None:
    wild = {name: curve * np.exp(0.2 * STEPS) for name, curve in model(0.3).items()}
    wild["nrmse"][1, -1] = np.inf
    figure = comparison_figure({"tame": model(0.2), "wild": wild}, REFERENCES)
    error, likelihood, _ = figure.axes
    assert 1 < error.get_ylim()[1] < 1.3
    assert 12 < likelihood.get_ylim()[1] < 15
    # Here the reference is in sight.
    assert "training mean" in [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("lacking", ["nll", "coverage_95"])
def test_a_model_without_a_metric_is_left_out_there(lacking: str) -> None:
    point = model(0.3)
    del point[lacking]
    figure = comparison_figure({"point": point, "full": model(0.2)}, {})
    drawn = [[line.get_label() for line in axes.lines if not line.get_label().startswith("_")] for axes in figure.axes]
    place = ["nrmse", "nll", "coverage_95"].index(lacking)
    for number, names in enumerate(drawn):
        assert names == (["full"] if number == place else ["point", "full"])


def test_one_seed_and_one_horizon_are_enough() -> None:
    figure = comparison_figure({"only": {name: curve[:1, :1] for name, curve in model(0.3).items()}}, {})
    assert all(np.isfinite(axes.get_ylim()).all() for axes in figure.axes)
    heights = [axes.get_ylim() for axes in figure.axes]
    assert all(low < high for low, high in heights)
    assert all(one != other for one, other in itertools.pairwise(heights))


def test_a_single_seed_has_no_band_in_the_legend() -> None:
    figure = comparison_figure({"gru": model(0.4, seeds=1)}, {})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["gru"]


def test_learning_curves_share_looks_over_panels_and_leave_gaps() -> None:
    steps = np.array([10.0, 20.0, 30.0])
    panels = {
        "Loss": {"a": (steps, np.array([3.0, np.nan, 1.0])), "b": (steps, steps)},
        "Error": {"b": (steps, 2 * steps)},
        "CRPS": {"a": (steps, steps)},
    }
    figure = learning_figure(panels, "updates")
    assert [axes.get_title("left") for axes in figure.axes[:3]] == list(panels)
    assert not figure.axes[3].axison
    first, second, third = figure.axes[:3]
    assert first.lines[0].get_xdata().tolist() == [10, 30]
    assert first.lines[0].get_ydata().tolist() == [3, 1]
    assert first.lines[1].get_color() == second.lines[0].get_color()
    assert first.lines[0].get_color() == third.lines[0].get_color() != first.lines[1].get_color()
    # Two points alone would be a line that nobody has measured.
    assert [line.get_marker() for line in first.lines] == ["o", ""]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_reliability_has_its_diagonal_in_the_legend() -> None:
    levels = np.array([0.1, 0.5, 0.9])
    figure = reliability_figure({"a": (levels, levels**2), "b": (levels, levels)})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["as promised", "a", "b"]
    assert figure.axes[0].lines[1].get_ydata().tolist() == (levels**2).tolist()
    assert figure.axes[0].get_xlim() == figure.axes[0].get_ylim() == (0, 1)
