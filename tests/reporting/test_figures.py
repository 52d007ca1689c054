import io
import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium
import gymnasium_robotics
import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image, ImageSequence
from scipy import stats

from mbrl_mts3.errors import ConfigurationError, UnknownObservationError
from mbrl_mts3.metrics import LEVELS
from mbrl_mts3.reporting import (
    MazeLayout,
    MazePath,
    PlannedPath,
    Projection,
    calibration_figure,
    control_figure,
    error_figure,
    imagined_paths_figure,
    latent_figure,
    maze_figure,
    png_bytes,
    prediction_figure,
    recalibration_figure,
    rollout_animation,
    save_figure,
)
from mbrl_mts3.reporting.animation import RolloutPanels
from mbrl_mts3.reporting.prediction_plots import with_unit
from mbrl_mts3.reporting.style import label_line_ends, new_figure

NAMES = ("x", "y", "vx")


def texts(figure: Figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_prediction_shows_truth_mean_and_bands(window) -> None:
    figure = prediction_figure(window, NAMES)
    assert [axes.get_ylabel() for axes in figure.axes] == ["x (m)", "y (m)", "vx (m/s)"]
    for column, axes in enumerate(figure.axes):
        mean, truth = axes.lines
        np.testing.assert_allclose(truth.get_ydata(), window.observations[:, column])
        np.testing.assert_allclose(mean.get_ydata(), window.mean[:, column])
        # Horizon 1 is the first open-loop step.
        assert truth.get_xdata()[0] == -4
        assert mean.get_xdata()[0] == 1
        for band, level in zip(axes.collections, (0.95, 0.5), strict=True):
            deviation = np.sqrt(window.variance[:, column].numpy())
            low, high = stats.norm.interval(level, window.mean[:, column].numpy(), deviation)
            corners = band.get_paths()[0].vertices
            for step, bounds in enumerate(zip(low, high, strict=True), start=1):
                found = corners[corners[:, 0] == step][:, 1]
                np.testing.assert_allclose([found.min(), found.max()], bounds, rtol=1e-4)


def test_prediction_shows_chosen_names(window) -> None:
    figure = prediction_figure(window, NAMES, show=["vx"])
    assert [axes.get_ylabel() for axes in figure.axes] == ["vx (m/s)"]
    np.testing.assert_allclose(figure.axes[0].lines[1].get_ydata(), window.observations[:, 2])
    with pytest.raises(UnknownObservationError, match="choose from x, y, vx"):
        prediction_figure(window, NAMES, show=["z"])


def test_units_of_known_observations() -> None:
    names = {"x": "x (m)", "v_rootx": "v_rootx (m/s)", "v_bthigh": "v_bthigh (rad/s)", "rooty": "rooty (rad)"}
    assert {name: with_unit(name) for name in names} == names
    assert with_unit("observation/3") == "observation/3"


def test_error_lines_hold_the_numbers(make_result) -> None:
    result = make_result()
    error, likelihood = error_figure(result).axes
    lines = [line.get_ydata() for line in error.lines]
    for line, errors in zip(lines, (result.model, result.persistence, result.training_mean), strict=True):
        np.testing.assert_array_equal(line, errors.nrmse)
    np.testing.assert_array_equal(likelihood.lines[0].get_ydata(), result.model.nll)
    assert len(likelihood.lines) == 2
    labels = {text.get_text() for text in error.texts}
    assert labels == {"model", "repeat last", "training mean"}


def test_infinite_errors_leave_a_gap(make_result) -> None:
    nrmse = torch.linspace(0.1, 0.3, 20, dtype=torch.float64)
    nrmse[-3:] = torch.inf
    png_bytes(error_figure(make_result(nrmse)))
    png_bytes(error_figure(make_result(torch.full((20,), torch.inf, dtype=torch.float64))))


def test_labels_of_near_lines_are_moved_apart() -> None:
    figure = new_figure(5, 4)
    axes = figure.subplots()
    axes.set_ylim(0, 1)
    label_line_ends(axes, {"a": (0.99, "k"), "b": (0.98, "k"), "c": (2.0, "k"), "d": (0.1, "k")}, at=1)
    heights = {text.get_text(): text.xy[1] for text in axes.texts}
    ordered = sorted(heights.values())
    assert min(b - a for a, b in itertools.pairwise(ordered)) > 0.08
    assert ordered[-1] <= 1
    assert heights["b"] < heights["a"] < heights["c"]
    assert heights["d"] == 0.1


def test_calibration_lines_hold_the_coverage(make_result) -> None:
    result = make_result()
    reliability, by_horizon = calibration_figure(result).axes
    drawn = [line.get_ydata() for line in reliability.lines[1:]]
    for horizon, line in zip((1, 5, 15), drawn, strict=True):
        np.testing.assert_allclose(line, np.array(LEVELS) * 0.99**horizon)
    found = [line.get_ydata() for line in by_horizon.lines if len(line.get_ydata()) == 20]
    for level, line in zip((0.5, 0.8, 0.95), found, strict=True):
        np.testing.assert_allclose(line, level * 0.99 ** np.arange(1, 21))
    bare = replace(result.model, coverage=None, nll=None)
    with pytest.raises(ConfigurationError, match="variance"):
        calibration_figure(make_result(model=bare))


def test_recalibration_shows_both_states(make_result) -> None:
    before, after = make_result(), make_result()
    better = replace(after.model, coverage=after.model.levels.expand(20, -1))
    figure = recalibration_figure(before, replace(after, model=better))
    upper, lower = figure.axes[1], figure.axes[3]
    for axes, coverage in ((upper, 0.95 * 0.99 ** np.arange(1, 21)), (lower, np.full(20, 0.95))):
        lines = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 20]
        np.testing.assert_allclose(lines[-1], coverage)
        assert axes.get_ylim()[0] < 0.5 * 0.99**20
    assert "Before: by horizon" in texts(figure)
    assert "After: by horizon" in texts(figure)
    with pytest.raises(ConfigurationError, match="variance"):
        recalibration_figure(before, make_result(model=replace(before.model, coverage=None, nll=None)))


@pytest.mark.parametrize(("count", "panels"), [(1, 1), (2, 2), (4, 4), (5, 6)])
def test_latents_are_coloured_by_each_quantity(count: int, panels: int) -> None:
    points = np.random.default_rng(0).normal(size=(7, 2))
    episode = np.array([0, 0, 0, 1, 1, 1, 1])
    colours = {f"quantity {place}": np.arange(7) * (place + 1.0) for place in range(count)}
    figure = latent_figure(Projection(points, ("first", "second")), episode, colours, title="Latents")
    shown = [axes for axes in figure.axes if axes.collections and axes.get_xlabel()]
    assert len([axes for axes in figure.axes if axes.get_label() != "<colorbar>"]) == panels
    assert len(shown) == count
    for axes, values in zip(shown, colours.values(), strict=True):
        dots = axes.collections[0]
        np.testing.assert_allclose(dots.get_offsets(), points)
        np.testing.assert_array_equal(dots.get_array(), values)
        np.testing.assert_allclose(axes.lines[1].get_xydata(), points[3:])
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("first", "second")
    assert all(name in texts(figure) for name in ("Latents", *colours))


def test_latents_need_a_value_for_each_point() -> None:
    projection = Projection(np.zeros((3, 2)), ("first", "second"))
    for colours in ({}, {"time": np.zeros(2)}):
        with pytest.raises(ConfigurationError, match="3 points"):
            latent_figure(projection, np.zeros(3), colours)


def test_walls_lie_where_the_simulator_has_them() -> None:
    gymnasium.register_envs(gymnasium_robotics)
    environment = gymnasium.make("PointMaze_Large-v3")
    real = environment.unwrapped.maze
    cells = np.array([[cell == 1 for cell in row] for row in real.maze_map])
    axes = Figure().subplots()
    MazeLayout(cells, real.maze_size_scaling).draw(axes)
    drawn = {(round(p.get_x() + p.get_width() / 2, 6), round(p.get_y() + p.get_height() / 2, 6)) for p in axes.patches}
    assert all(isinstance(patch, Rectangle) for patch in axes.patches)
    expected = {tuple(np.round(real.cell_rowcol_to_xy(np.array(cell)), 6).tolist()) for cell in np.argwhere(cells)}
    environment.close()
    assert drawn == expected


def test_maze_rows_are_policies(maze) -> None:
    way = np.array([[-0.5, 0.0], [0.0, 0.1], [0.5, 0.0]])
    good, bad = (MazePath(way, np.array([0.4, 0.0]), success) for success in (True, False))
    figure = maze_figure(maze, {"planner": [good, bad, good], "dice": [bad], "nobody": []}, examples=2)
    assert len(figure.axes) == 4
    assert not figure.axes[3].axison
    shown = texts(figure)
    assert "planner" in shown
    assert "nobody" not in shown
    assert "goal reached, 2 steps" in shown
    assert "not reached in 2 steps" in shown
    np.testing.assert_array_equal(np.stack(figure.axes[0].lines[1].get_data(), axis=1), way)
    with pytest.raises(ConfigurationError, match="record at least one"):
        maze_figure(maze, {"planner": []})


def test_imagined_paths_begin_where_they_were_planned(maze) -> None:
    way = np.array([[-0.5, 0.0], [0.0, 0.1], [0.5, 0.0]])
    imagined = {0: np.array([[-0.4, 0.2], [-0.2, 0.3]]), 1: np.array([[0.1, 0.1], [0.2, 0.1]])}
    path = MazePath(way, np.array([0.4, 0.0]), success=False)
    figure = imagined_paths_figure(maze, [PlannedPath(path, imagined), PlannedPath(path, {})])
    first, second = figure.axes
    lines = [line.get_xydata() for line in first.lines]
    assert any(np.array_equal(line, way) for line in lines)
    for start, plan in imagined.items():
        expected = np.vstack([way[start], plan])
        assert any(line.shape == expected.shape and np.allclose(line, expected) for line in lines)
    assert len(second.lines) == len(first.lines) - 4
    assert "not reached in 2 steps" in texts(figure)
    with pytest.raises(ConfigurationError, match="at least one"):
        imagined_paths_figure(maze, [])


def test_control_shows_rate_and_interval(demo) -> None:
    figure = control_figure(demo.policies)
    axes = figure.axes[0]
    assert "90%  (45% to 95%)" in texts(figure)
    bars = [line.get_xdata() for line in axes.lines[::2]]
    np.testing.assert_allclose(bars, [policy.success_interval for policy in demo.policies])


@pytest.mark.parametrize(("frames", "steps"), [(100, 25), (10, 9)])
def test_animation_has_a_frame_for_each_step_shown(tmp_path: Path, maze, window, frames: int, steps: int) -> None:
    path = rollout_animation(tmp_path / "new" / "rollout.gif", maze, window, goal=np.array([0.4, 0.0]), frames=frames)
    with Image.open(path) as movie:
        images = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(movie)]
        assert movie.info["loop"] == 0
    assert len(images) == steps
    changed = [np.abs(one - other).max() for one, other in itertools.pairwise(images)]
    assert min(changed) > 50
    assert [file.name for file in path.parent.iterdir()] == ["rollout.gif"]


def test_stage_shows_truth_and_uncertainty(maze, window) -> None:
    figure = Figure()
    stage = RolloutPanels(figure, maze, window, None, (0, 1))
    stage.show(4)
    assert "still observing" in texts(figure)
    assert not any(ellipse.get_visible() for ellipse in stage.moving[:2])
    stage.show(8)
    assert "open loop, 4 steps ahead" in texts(figure)
    assert f"{np.hypot(0.1, 0.1):.2f} m apart" in texts(figure)
    outer = stage.moving[0]
    deviation = float(window.variance[3, 0].sqrt())
    assert outer.get_visible()
    # A two-dimensional Gaussian has 95% of its mass within the root of chi squared's quantile.
    assert outer.width == pytest.approx(2 * deviation * np.sqrt(stats.chi2.ppf(0.95, 2)), rel=1e-5)
    np.testing.assert_allclose(outer.center, window.mean[3, :2], rtol=1e-5)
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[0].get_xdata(), window.observations[:9, 0])
    np.testing.assert_allclose(right.lines[0].get_xdata()[5:], window.mean[:4, 0])


def test_figures_leave_no_trace(tmp_path: Path, make_result, window) -> None:
    before = dict(matplotlib.rcParams)
    path = save_figure(error_figure(make_result()), tmp_path / "deep" / "error.png")
    assert dict(matplotlib.rcParams) == before
    assert png_bytes(error_figure(make_result())) == path.read_bytes()
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert image.format == "PNG"
    assert [file.name for file in path.parent.iterdir()] == ["error.png"]


def test_pyplot_is_never_loaded() -> None:
    code = "import sys, mbrl_mts3.reporting; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd="/").returncode == 0
