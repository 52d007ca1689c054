"""Ways of agents through a maze, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.figure_style import new_figure, styled
from mbrl_mts3.reporting.maze_layout import MazeLayout
from mbrl_mts3.reporting.maze_rollout import MazeRollout


@styled
def maze_figure(maze: MazeLayout, rollouts: Mapping[str, Sequence[MazeRollout]], *, examples: int = 3) -> Figure:
    """One row for each policy, one column for each of its first `examples` rollouts.

    Rows compare best when a column holds the same start and goal for all policies.

    Raises:
        ConfigurationError: nothing to draw.
    """
    shown = {name: list(paths)[:examples] for name, paths in rollouts.items() if paths}
    if not shown:
        raise ConfigurationError("no rollout to draw: record at least one episode")
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
            axes.text(0.5, 0.98, _verdict(path), transform=axes.transAxes, ha="center", va="top", fontsize=9)
    for axes in panels.flat:
        axes.label_outer()
    figure.legend(handles=_handles(), loc="outside lower center", ncols=4, handlelength=1.6)
    return figure


def _draw(axes: Axes, maze: MazeLayout, rollout: MazeRollout) -> None:
    maze.draw(axes)
    maze.draw_goal(axes, rollout.goal, palette.INK)
    colour, style = (palette.BLUE, "-") if rollout.success else (palette.VERMILLION, (0, (3, 1)))
    axes.plot(*rollout.positions.T, color=colour, ls=style, lw=1.8)
    axes.plot(*rollout.positions[0], marker="o", color="white", mec=palette.INK, ms=6, ls="none")


def _verdict(rollout: MazeRollout) -> str:
    steps = len(rollout.positions) - 1
    return f"goal reached, {steps} steps" if rollout.success else f"not reached in {steps} steps"


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=palette.BLUE, lw=1.8, label="goal reached"),
        Line2D([], [], color=palette.VERMILLION, lw=1.8, ls=(0, (3, 1)), label="goal missed"),
        Line2D([], [], color="white", mec=palette.INK, marker="o", ls="none", label="start"),
        Line2D([], [], color=palette.INK, marker="*", ms=9, ls="none", label="goal (disc: counts as reached)"),
    ]
