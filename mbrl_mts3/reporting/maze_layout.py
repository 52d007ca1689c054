"""A maze to draw paths on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator

from mbrl_mts3.reporting import palette


@dataclass(frozen=True, repr=False)
class MazeLayout:
    """Walls in the frame of Gymnasium-Robotics: the maze's middle is the origin, the first row has the largest y."""

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
            # A wall's own outline closes the hairline that rendering leaves between neighbours.
            axes.add_patch(
                Rectangle(
                    corner, self.cell_size, self.cell_size, facecolor=palette.WALL, edgecolor=palette.WALL, lw=0.6
                )
            )
        # Half of the outer wall says as much as all of it.
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
