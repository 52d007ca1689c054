"""The report of planning in a real environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mbrl_mts3.metrics.planned_values import PlannedValues
from mbrl_mts3.reporting.captions import describe_imagined_paths, describe_planned_values
from mbrl_mts3.reporting.maze_plots import MazeLayout, PlannedPath, imagined_paths_figure
from mbrl_mts3.reporting.policy_plots import planned_value_figure
from mbrl_mts3.reporting.report import Report
from mbrl_mts3.reporting.style import save_figure
from mbrl_mts3.wording import counted


def write_planning_report(
    folder: str | Path,
    title: str,
    facts: Mapping[str, str],
    options: Mapping[str, str],
    values: PlannedValues,
    *,
    maze: MazeLayout | None = None,
    paths: Sequence[PlannedPath] = (),
    film: Path | None = None,
) -> Path:
    """Write the figures as PNGs and `report.html` into `folder`.

    Args:
        title: names the environment.
        facts: what came of the episodes, by name.
        options: what was planned with, by name.
        values: what plans promised and what came.
        maze: the walls of a maze, to draw `paths` in.
        film: a GIF of an episode.

    Returns:
        The path of the report.
    """
    report = Report(title, "A planner searches for actions with a learned model; their first one is executed.")
    report.add_table(["what", "value"], list(map(list, facts.items())), "What came of the episodes.")
    report.add_heading("Planned against realised value")
    if len(values.planned):
        figure = save_figure(planned_value_figure(values), Path(folder) / "planned_values.png")
        report.add_figure(figure, "Planned against realised value", describe_planned_values(values))
    else:
        report.add_text(
            f"No plan can be compared with what came: no episode lasts as long as the horizon, "
            f"{counted(values.horizon, 'step')}."
        )
    if maze is not None and paths:
        report.add_heading("Imagined against real paths")
        figure = save_figure(imagined_paths_figure(maze, paths), Path(folder) / "imagined_paths.png")
        report.add_figure(figure, "Imagined against real paths", describe_imagined_paths(values.horizon))
    if film is not None:
        report.add_heading("Film")
        report.add_figure(film, "An episode", "The first episode as the environment renders it.")
    report.add_heading("How it was planned")
    report.add_table(["option", "value"], list(map(list, options.items())), "The options of the command.")
    return report.write(Path(folder) / "report.html")
