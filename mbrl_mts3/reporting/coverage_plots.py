"""Figures of the coverage of a data set: projection, histograms, mazes, returns and speeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from gymnasium import spaces
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.checks.coverage import CoverageSample
from mbrl_mts3.data.checks.statistics import DatasetStatistics
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.reporting.latent_plots import Projection
from mbrl_mts3.reporting.maze_plots import MazeLayout
from mbrl_mts3.reporting.style import BLUE, GREY, VERMILLION, new_figure, set_title, styled

# The largest observation of known environments has 59 entries; more panels would be too small to read.
_PANELS = 64
_BINS = 50
# Bins along the side of a maze cell.
_BINS_PER_CELL = 8


def coverage_figures(statistics: DatasetStatistics, sample: CoverageSample) -> Iterator[tuple[str, Figure]]:
    """Names and figures: returns, histograms, a projection, and figures of known environments (maze, speed)."""
    title = statistics.dataset.dataset_id
    yield "returns", returns_figure(statistics.returns, statistics.lengths, title=title)
    shown = slice(None, _PANELS)
    yield (
        "observations",
        histogram_figure(sample.observations[:, shown], sample.names[shown], title=f"Observations of {title}"),
    )
    names = tuple(f"action {place}" for place in range(sample.actions.shape[1]))
    yield "actions", histogram_figure(sample.actions, names, title=f"Actions of {title}", bounds=_bounds(statistics))
    varying = sample.observations[:, sample.observations.std(axis=0) > 0]
    if varying.shape[1] > 1:
        # In units of the standard deviation: otherwise the entry with the largest numbers decides the projection.
        projection = Projection.fit((varying - varying.mean(axis=0)) / varying.std(axis=0))
        yield "projection", coverage_projection_figure(projection, sample.returns, title=title)
    yield from _environment_figures(statistics, sample, title)


def _environment_figures(
    statistics: DatasetStatistics, sample: CoverageSample, title: str
) -> Iterator[tuple[str, Figure]]:
    columns = {name: sample.observations[:, place] for place, name in enumerate(sample.names)}
    cells = statistics.dataset.env_options.get("maze_map")
    if cells is not None and {"x", "y", "vx", "vy"} <= set(columns):
        maze = MazeLayout(np.array([[cell == 1 for cell in row] for row in cells]))
        positions, velocities = (np.stack([columns[a], columns[b]], axis=1) for a, b in (("x", "y"), ("vx", "vy")))
        yield "maze", maze_coverage_figure(maze, positions, velocities, title=title)
    if "v_rootx" in columns:
        yield "speed", speed_figure(columns["v_rootx"], sample.steps, sample.returns, title=title)


def _bounds(statistics: DatasetStatistics) -> tuple[Array, Array] | None:
    space = statistics.dataset.action_space
    return (space.low.reshape(-1), space.high.reshape(-1)) if isinstance(space, spaces.Box) else None


@styled
def coverage_projection_figure(projection: Projection, returns: Array, *, title: str = "") -> Figure:
    """Projected observations coloured by the return of their episode, in random order, so that no episode hides others.

    Args:
        projection: of N observations.
        returns: (N,).
        title: above the figure.
    """
    order = np.random.default_rng(0).permutation(len(returns))
    figure = new_figure(6.0, 4.6)
    axes = figure.subplots()
    x, y = projection.points[order].T
    points = axes.scatter(x, y, c=returns[order], cmap="viridis", s=3, linewidths=0, rasterized=True)
    figure.colorbar(points, ax=axes, label="return of the episode")
    axes.set(xlabel=projection.axes[0], ylabel=projection.axes[1])
    if title:
        axes.set_title(title)
    return figure


@styled
def histogram_figure(
    values: Array, names: Sequence[str], *, title: str = "", bounds: tuple[Array, Array] | None = None
) -> Figure:
    """One histogram for each column.

    Args:
        values: (N, d).
        names: of the columns.
        title: above all panels.
        bounds: lowest and highest possible values, (d,) each, shown as lines where they are finite.

    Raises:
        ConfigurationError: there are no values, or another number of names than of columns.
    """
    if values.ndim != 2 or not values.size or values.shape[1] != len(names):
        raise ConfigurationError(f"{len(names)} names need as many columns with values, got {values.shape}")
    columns = min(len(names), 4 if len(names) <= 20 else 8)
    rows = -(-len(names) // columns)
    figure = new_figure(max(6.0, 2.3 * columns + 0.4), 1.7 * rows + (0.5 if title else 0.1))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    for place, (axes, name) in enumerate(zip(panels, names, strict=False)):
        axes.hist(values[:, place], bins=_BINS, color=BLUE, density=True)
        for bound in () if bounds is None else (bounds[0][place], bounds[1][place]):
            if np.isfinite(bound):
                axes.axvline(float(bound), color=VERMILLION, lw=1.2, ls="--")
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.set_title(name, fontsize=9, fontweight="normal")
        axes.tick_params(labelsize=8)
        axes.locator_params(axis="x", nbins=4)
    set_title(figure, title)
    return figure


@styled
def maze_coverage_figure(maze: MazeLayout, positions: Array, velocities: Array, *, title: str = "") -> Figure:
    """Number of visits of each place of the maze, and mean speed there.

    Args:
        maze: walls.
        positions: (N, 2), metres.
        velocities: (N, 2), metres per second.
        title: above both panels.
    """
    rows, columns = maze.walls.shape
    width, height = columns * maze.cell_size / 2, rows * maze.cell_size / 2
    across = np.linspace(-width, width, columns * _BINS_PER_CELL + 1)
    up = np.linspace(-height, height, rows * _BINS_PER_CELL + 1)
    x, y = positions[:, 0], positions[:, 1]
    visits = np.histogram2d(x, y, bins=[across, up])[0]
    speeds = np.histogram2d(x, y, bins=[across, up], weights=np.linalg.norm(velocities, axis=1))[0]
    seen = np.ma.masked_equal(visits, 0)
    figure = new_figure(9.0, 0.9 + 3.6 * min(1.5, rows / columns))
    panels = figure.subplots(1, 2)
    for axes, values, label, norm in (
        (panels[0], seen, "visits in the sample", LogNorm(vmin=1)),
        (panels[1], speeds / seen, "mean speed (m/s)", None),
    ):
        maze.draw(axes)
        mesh = axes.pcolormesh(across, up, values.T, cmap="viridis", norm=norm)
        figure.colorbar(mesh, ax=axes, label=label, shrink=0.8)
    set_title(figure, title)
    return figure


@styled
def returns_figure(returns: Array, lengths: Array, *, title: str = "") -> Figure:
    """Returns in the order of the episodes, their histogram, and returns against lengths.

    Args:
        returns: (E,).
        lengths: (E,) steps.
        title: above all panels.
    """
    figure = new_figure(10.5, 3.3)
    order, share, length = figure.subplots(1, 3)
    order.plot(np.arange(len(returns)), returns, ls="none", marker=".", ms=4, color=BLUE)
    order.set(title="In the order of the data set", xlabel="Episode", ylabel="Return")
    finite = returns[np.isfinite(returns)]
    share.hist(finite, bins=40, color=BLUE)
    if len(finite):
        share.axvline(float(finite.mean()), color=VERMILLION, lw=1.5, ls="--", label=f"mean {finite.mean():.4g}")
        share.legend(loc="best")
    share.set(title="Histogram", xlabel="Return", ylabel="Episodes")
    length.plot(lengths, returns, ls="none", marker=".", ms=4, color=BLUE)
    length.set(title="By length", xlabel="Steps", ylabel="Return")
    set_title(figure, title)
    return figure


@styled
def speed_figure(speeds: Array, steps: Array, returns: Array, *, title: str = "") -> Figure:
    """Forward speed along episodes and by the return of the episode.

    Args:
        speeds: (N,), metres per second.
        steps: (N,) of the episode.
        returns: (N,) of the episode that each speed belongs to.
        title: above both panels.
    """
    figure = new_figure(9.0, 3.6)
    along, by_return = figure.subplots(1, 2, sharey=True)
    for axes, across, label in ((along, steps, "Step of the episode"), (by_return, returns, "Return of the episode")):
        cells = axes.hexbin(across, speeds, gridsize=45, bins="log", mincnt=1, cmap="viridis", linewidths=0)
        axes.axhline(0, color=GREY, lw=0.8)
        axes.set_xlabel(label)
    figure.colorbar(cells, ax=by_return, label="steps in the sample")
    along.set_ylabel("Forward speed (m/s)")
    set_title(figure, title)
    return figure
