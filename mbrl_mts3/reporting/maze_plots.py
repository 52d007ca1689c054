"""Figures of paths through a maze."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.reporting.style import BLUE, GREY, INK, VERMILLION, WALL, new_figure, styled
from mbrl_mts3.wording import counted


@styled
def maze_figure(maze: MazeLayout, rollouts: Mapping[str, Sequence[MazePath]], *, examples: int = 3) -> Figure:
    """Paths through a maze: one row for each policy, one column for each of its first `examples` rollouts.

    Policies are comparable when a column has the same start and goal in all rows.

    Raises:
        ConfigurationError: there are no rollouts.
    """
    shown = {name: list(paths)[:examples] for name, paths in rollouts.items() if paths}
    if not shown:
        raise ConfigurationError("no rollout to plot: record at least one episode")
    columns = max(map(len, shown.values()))
    ratio = maze.walls.shape[0] / maze.walls.shape[1]
    figure = new_figure(0.6 + 2.5 * columns, 0.8 + (2.5 * ratio + 0.2) * len(shown))
    figure.set_layout_engine("compressed")
    panels = figure.subplots(len(shown), columns, sharex=True, sharey=True, squeeze=False)
    for row, (name, paths) in zip(panels, shown.items(), strict=True):
        for axes in row[len(paths) :]:
            axes.set_axis_off()
        for number, (axes, path) in enumerate(zip(row, paths, strict=False)):
            _draw(axes, maze, path)
            axes.set_title(name if number == 0 else "")
            axes.text(0.5, 0.98, _outcome(path), transform=axes.transAxes, ha="center", va="top", fontsize=9)
    for axes in panels.flat:
        axes.label_outer()
    figure.legend(handles=_handles(), loc="outside lower center", ncols=4, handlelength=1.6)
    return figure


def _draw(axes: Axes, maze: MazeLayout, rollout: MazePath) -> None:
    maze.draw(axes)
    maze.draw_goal(axes, rollout.goal, INK)
    colour, style = (BLUE, "-") if rollout.success else (VERMILLION, (0, (3, 1)))
    axes.plot(*rollout.positions.T, color=colour, ls=style, lw=1.8)
    axes.plot(*rollout.positions[0], marker="o", color="white", mec=INK, ms=6, ls="none")


def _outcome(rollout: MazePath) -> str:
    steps = len(rollout.positions) - 1
    return f"goal reached, {counted(steps, 'step')}" if rollout.success else f"not reached in {counted(steps, 'step')}"


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=BLUE, lw=1.8, label="goal reached"),
        Line2D([], [], color=VERMILLION, lw=1.8, ls=(0, (3, 1)), label="goal missed"),
        Line2D([], [], color="white", mec=INK, marker="o", ls="none", label="start"),
        Line2D([], [], color=INK, marker="*", ms=9, ls="none", label="goal (disc: counts as reached)"),
    ]


@styled
def imagined_paths_figure(maze: MazeLayout, episodes: Sequence[PlannedPath]) -> Figure:
    """Real paths through a maze, and those that plans imagined from some places on them; one panel for each episode.

    Raises:
        ConfigurationError: there are no episodes.
    """
    if not episodes:
        raise ConfigurationError("no episode to plot: record the plans of at least one")
    ratio = maze.walls.shape[0] / maze.walls.shape[1]
    width = 3.4
    figure = new_figure(0.6 + width * len(episodes), 1.1 + width * ratio)
    figure.set_layout_engine("compressed")
    panels = figure.subplots(1, len(episodes), sharex=True, sharey=True, squeeze=False)
    for axes, episode in zip(panels.flat, episodes, strict=True):
        maze.draw(axes)
        maze.draw_goal(axes, episode.path.goal, INK)
        axes.plot(*episode.path.positions.T, color=GREY, lw=3.2, solid_capstyle="round", alpha=0.7)
        for start, imagined in episode.imagined.items():
            begin = episode.path.positions[start]
            axes.plot(*np.vstack([begin, imagined]).T, color=VERMILLION, lw=1.5, ls=(0, (3, 1)))
            axes.plot(*begin, marker="o", ms=4, color=VERMILLION, mec=INK, mew=0.5, ls="none")
        axes.plot(*episode.path.positions[0], marker="s", color="white", mec=INK, ms=7, ls="none")
        axes.text(0.5, 0.985, _outcome(episode.path), transform=axes.transAxes, ha="center", va="top", fontsize=9)
        axes.label_outer()
    handles = [
        Line2D([], [], color=GREY, lw=3.2, alpha=0.7, label="real path"),
        Line2D([], [], color=VERMILLION, lw=1.5, ls=(0, (3, 1)), label="imagined by a plan"),
        Line2D([], [], color=VERMILLION, marker="o", ms=4, mec=INK, mew=0.5, ls="none", label="where it was planned"),
        Line2D([], [], color="white", mec=INK, marker="s", ms=7, ls="none", label="start"),
        Line2D([], [], color=INK, marker="*", ms=9, ls="none", label="goal"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=5 if len(episodes) > 1 else 2, handlelength=1.8)
    return figure


@dataclass(frozen=True, repr=False)
class MazeLayout:
    """Walls in the coordinates of Gymnasium-Robotics: the origin is the middle, the first row has the largest y."""

    walls: np.ndarray
    """(rows, columns) bool."""
    cell_size: float = 1.0
    """Metres."""
    goal_radius: float = 0.45
    """Metres; PointMaze counts a goal as reached within this distance."""

    def draw(self, axes: Axes) -> None:
        """Draw the walls and fit the axes to them."""
        rows, columns = self.walls.shape
        width, height = columns * self.cell_size, rows * self.cell_size
        for row, column in np.argwhere(self.walls):
            corner = (column * self.cell_size - width / 2, height / 2 - (row + 1) * self.cell_size)
            # The outline closes the thin gap that rendering leaves between neighbouring walls.
            axes.add_patch(Rectangle(corner, self.cell_size, self.cell_size, facecolor=WALL, edgecolor=WALL, lw=0.6))
        # Half of the outer wall is enough to see it.
        right, top = (width - self.cell_size) / 2, (height - self.cell_size) / 2
        axes.set(xlim=(-right, right), ylim=(-top, top), aspect="equal")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.grid(visible=False)
        axes.set_xlabel("x (m)")
        axes.set_ylabel("y (m)")

    def draw_goal(self, axes: Axes, goal: np.ndarray, colour: str) -> None:
        """Draw the disc in which the goal counts as reached."""
        centre = (float(goal[0]), float(goal[1]))
        axes.add_patch(Circle(centre, self.goal_radius, facecolor=colour, alpha=0.12, edgecolor="none"))
        axes.add_patch(Circle(centre, self.goal_radius, facecolor="none", edgecolor=colour, lw=1.2, ls="--"))
        axes.plot(*centre, marker="*", color=colour, ms=9, mec="white", mew=0.6)


@dataclass(frozen=True, repr=False)
class MazePath:
    """Path of one episode, in metres."""

    positions: np.ndarray
    """(T + 1, 2): x, y."""
    goal: np.ndarray
    """(2,)."""
    success: bool


@dataclass(frozen=True, repr=False)
class PlannedPath:
    """Path of one episode, and what some of its plans imagined."""

    path: MazePath
    imagined: Mapping[int, np.ndarray]
    """By decision: positions (L, 2) after each step of the plan."""
