"""The sections of a page of runs that compare them: learning, paths, values of policies, errors, calibration."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any

import numpy as np

from mbrl_mts3.agents.evaluation import EvaluatedEpisode
from mbrl_mts3.agents.recorded_episodes import EPISODES_FILE, load_episodes
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.maze_map import MazeMap
from mbrl_mts3.errors import MTS3Error
from mbrl_mts3.reporting import (
    MazeLayout,
    MazePath,
    Report,
    comparison_figure,
    learning_figure,
    maze_figure,
    reliability_figure,
)
from mbrl_mts3.scripts.experiments.demo_page import maze_path
from mbrl_mts3.scripts.report.curves import Named, horizon_curves, policy_panels, reliability, training_panels
from mbrl_mts3.scripts.runs.scores import number

_EXAMPLES = 3


def add_learning(report: Report, runs: Named) -> None:
    """Append learning curves of models and of policies."""
    if panels := training_panels(runs):
        report.add_heading("Training of models")
        told = (
            "Losses over the updates, lower is better; validation predicts held-out episodes open loop. "
            f"{_lowest(panels)}"
        )
        report.add_figure(learning_figure(panels, "updates"), "Learning curves", told)
    policies = policy_panels(runs)
    if policies:
        report.add_heading("Training of policies")
    for title, lines in policies.items():
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, (_, values) in lines.items())
        figure = learning_figure({title: lines}, title.rpartition(" ")[2])
        told = f"Mean return of the present policy in the real environment; at the end: {last}."
        report.add_figure(figure, title, told)


def add_paths(report: Report, runs: Named) -> None:
    """Append the ways through a maze of recorded episodes, a figure for each maze."""
    mazes: dict[tuple[Any, ...], tuple[MazeLayout, dict[str, list[MazePath]]]] = {}
    for name, run in runs:
        for file in sorted(run.folder.glob(f"*{EPISODES_FILE}")):
            layout = _layout(run.result.get("environment"))
            paths = [maze_path(episode) for episode in load_episodes(file)[:_EXAMPLES] if _in_maze(episode)]
            if layout is not None and paths:
                label = name if file.name == EPISODES_FILE else f"{name}, {file.name.removesuffix('_' + EPISODES_FILE)}"
                key = layout.walls.shape, layout.walls.tobytes()
                mazes.setdefault(key, (layout, {}))[1][label] = paths
    if mazes:
        report.add_heading("Ways through the maze")
    for layout, rollouts in mazes.values():
        reached = {name: f"{sum(path.success for path in paths)} of {len(paths)}" for name, paths in rollouts.items()}
        told = "; ".join(f"{name}: {count}" for name, count in reached.items())
        report.add_figure(
            maze_figure(layout, rollouts),
            "Paths",
            f"The first recorded episodes of each run, from the circle to the star. Goals that were reached: {told}.",
        )


def add_policies(report: Report, runs: Named) -> None:
    """Append the values of policies by models, beside their returns in the real environment."""
    rows = [
        [one["policy"], name, str(run.result["model"]), number(one["estimate"]), number(one["value"])]
        for name, run in runs
        if run.command == "evaluate_policies"
        for one in run.result["policies"]
    ]
    if rows:
        report.add_heading("Values of policies")
        header = ["policy", "run", "model", "return in the model", "real return"]
        report.add_table(header, rows, "Mean returns of imagined episodes, and of real ones if they were asked for.")


def add_horizons(report: Report, runs: Named) -> None:
    """Append the errors of all evaluated models by horizon in one figure."""
    models, references = horizon_curves(runs)
    if models:
        ends = ", ".join(
            f"{name} {np.nanmean(curves['nrmse'][:, -1]):.3g}" for name, curves in models.items() if "nrmse" in curves
        )
        report.add_figure(
            comparison_figure(models, references),
            "Errors by horizon",
            "Errors and negative log-likelihood of open-loop predictions, lower is better, and the share of true "
            f"values in 95% intervals. Error at the last step: {ends}.",
        )


def add_calibration(report: Report, runs: Named) -> None:
    """Append the reliability of all evaluated models in one figure."""
    curves = reliability(runs)
    if curves:
        off = ", ".join(f"{name} {np.abs(seen - levels).mean():.1%}" for name, (levels, seen) in curves.items())
        report.add_heading("Calibration")
        report.add_figure(
            reliability_figure(curves),
            "Calibration",
            "Share of true values inside intervals against the probability that the model gave them; below the "
            f"diagonal a model is overconfident. Mean distance from the diagonal: {off}.",
        )


def _lowest(panels: dict[str, dict[str, tuple[Any, Any]]]) -> str:
    title, lines = list(panels.items())[-1]
    return f"{title}, lowest: {', '.join(f'{name} {np.nanmin(values):.4g}' for name, (_, values) in lines.items())}."


def _in_maze(episode: EvaluatedEpisode) -> bool:
    observations = episode.observations
    return isinstance(observations, dict) and {"achieved_goal", "desired_goal"} <= observations.keys()


def _layout(environment: Any) -> MazeLayout | None:
    """The walls of the environment that a run acted in; None where it is no maze, or unknown here."""
    if not isinstance(environment, Mapping):
        return None
    options = dict(environment)
    with suppress(MTS3Error), closing(make_environment(options.pop("id"), **options)) as made:
        if hasattr(made.unwrapped, "maze"):
            found = MazeMap.from_environment(made)
            return MazeLayout(found.walls, found.cell_size)
    return None
