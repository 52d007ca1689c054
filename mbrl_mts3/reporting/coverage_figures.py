"""All pictures of what a data set covers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces
from matplotlib.figure import Figure

from mbrl_mts3.data.coverage_sample import CoverageSample
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.reporting.coverage_projection_figure import coverage_projection_figure
from mbrl_mts3.reporting.histogram_figure import histogram_figure
from mbrl_mts3.reporting.maze_coverage_figure import maze_coverage_figure
from mbrl_mts3.reporting.maze_layout import MazeLayout
from mbrl_mts3.reporting.projection import Projection
from mbrl_mts3.reporting.returns_figure import returns_figure
from mbrl_mts3.reporting.speed_figure import speed_figure

Array = np.ndarray[Any, np.dtype[Any]]

# Larger pictures than 59 panels are not looked at.
_PANELS = 64


def coverage_figures(survey: Survey, sample: CoverageSample) -> Iterator[tuple[str, Figure]]:
    """Names and pictures: returns, histograms, a projection, and for known environments what matters there."""
    title = survey.dataset.dataset_id
    yield "returns", returns_figure(survey.returns, survey.lengths, title=title)
    shown = slice(None, _PANELS)
    yield (
        "observations",
        histogram_figure(sample.observations[:, shown], sample.names[shown], title=f"Observations of {title}"),
    )
    names = tuple(f"action {place}" for place in range(sample.actions.shape[1]))
    yield "actions", histogram_figure(sample.actions, names, title=f"Actions of {title}", bounds=_bounds(survey))
    varying = sample.observations[:, sample.observations.std(axis=0) > 0]
    if varying.shape[1] > 1:
        # In units of the spread: else the entry with the largest numbers decides alone.
        projection = Projection.of((varying - varying.mean(axis=0)) / varying.std(axis=0))
        yield "projection", coverage_projection_figure(projection, sample.returns, title=title)
    yield from _of_known_environments(survey, sample, title)


def _of_known_environments(survey: Survey, sample: CoverageSample, title: str) -> Iterator[tuple[str, Figure]]:
    columns = {name: sample.observations[:, place] for place, name in enumerate(sample.names)}
    cells = survey.dataset.env_options.get("maze_map")
    if cells is not None and {"x", "y", "vx", "vy"} <= set(columns):
        maze = MazeLayout(np.array([[cell == 1 for cell in row] for row in cells]))
        positions, velocities = (np.stack([columns[a], columns[b]], axis=1) for a, b in (("x", "y"), ("vx", "vy")))
        yield "maze", maze_coverage_figure(maze, positions, velocities, title=title)
    if "v_rootx" in columns:
        yield "speed", speed_figure(columns["v_rootx"], sample.steps, sample.returns, title=title)


def _bounds(survey: Survey) -> tuple[Array, Array] | None:
    space = survey.dataset.action_space
    return (space.low.reshape(-1), space.high.reshape(-1)) if isinstance(space, spaces.Box) else None
