"""The report page of the demo, and the results that it shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_mts3.files import to_jsonable, write_atomically
from mbrl_mts3.metrics.open_loop_evaluation import OpenLoopResult
from mbrl_mts3.metrics.open_loop_prediction import OpenLoopWindow
from mbrl_mts3.reporting.animation import rollout_animation
from mbrl_mts3.reporting.captions import describe_control
from mbrl_mts3.reporting.evaluation_report import add_open_loop, evaluation_figures
from mbrl_mts3.reporting.maze_plots import MazeLayout, maze_figure
from mbrl_mts3.reporting.policy_plots import ControlResult, control_figure
from mbrl_mts3.reporting.report import Report
from mbrl_mts3.reporting.style import save_figure


def write_demo_report(folder: str | Path, results: DemoResults) -> Path:
    """Write `report.html`, `summary.json`, the figures as PNGs and `rollout.gif` into `folder`.

    Returns:
        The path of the report.
    """
    target = Path(folder)
    plots = {
        **evaluation_figures(results.open_loop, results.window, results.observation_names),
        "control": control_figure(results.policies),
        "mazes": maze_figure(results.maze, {policy.name: policy.rollouts for policy in results.policies}),
    }
    figures = {name: save_figure(figure, target / f"{name}.png") for name, figure in plots.items()}
    animation = rollout_animation(target / "rollout.gif", results.maze, results.rollout, goal=results.rollout_goal)
    report = _summary_report(results)
    report.add_heading("Control: planning in the real environment")
    _add_policies(report, results)
    report.add_figure(figures["control"], "Success", describe_control(results.policies))
    report.add_figure(figures["mazes"], "Paths through the maze", _describe_mazes(results))
    report.add_figure(animation, "A real rollout and the imagined one", _describe_rollout(results))
    report.add_heading("Prediction: errors of the world model on test episodes")
    add_open_loop(report, results.open_loop, figures, results.observation_names)
    report.add_heading("Time")
    rows = [[stage, f"{seconds:.1f}"] for stage, seconds in results.seconds.items()]
    rows.append(["total", f"{sum(results.seconds.values()):.1f}"])
    report.add_table(["stage", "seconds"], rows, "Wall-clock time of each stage of this run.")
    write_atomically(
        target / "summary.json", (json.dumps(results.summary(), indent=2, allow_nan=False) + "\n").encode()
    )
    return report.write(target / "report.html")


def _summary_report(results: DemoResults) -> Report:
    report = Report(
        f"From offline data to a planning agent: {results.environment_id}",
        f"A world model (MTS3, {results.parameters:,} parameters) learned from {results.dataset_steps:,} recorded "
        f"steps in {results.dataset_episodes:,} episodes ({results.dataset_id}) and is then used for planning. It did "
        "not learn from the episodes reported here.",
    )
    loop, horizon = results.open_loop, results.open_loop.horizons()[-1]
    coverage = float(loop.model.coverage_at(0.95)[horizon - 1])
    low, high = results.shaped.success_interval
    return report.add_key_numbers(
        [
            ("MPC reaches the goal", f"{results.shaped.success_rate:.0%}", f"95% interval {low:.0%} to {high:.0%}"),
            ("Random policy", f"{results.random.success_rate:.0%}", f"same {results.random.episodes} starts and goals"),
            (
                f"Error {horizon} steps ahead",
                f"{float(loop.model.nrmse[horizon - 1]):.2f}",
                f"NRMSE; repeating the last observation: {float(loop.persistence.nrmse[horizon - 1]):.2f}",
            ),
            (f"95% intervals at {horizon} steps", f"{coverage:.0%}", "of true values inside"),
        ]
    )


def _add_policies(report: Report, results: DemoResults) -> None:
    report.add_text(
        f"Each episode has a random start and a random goal. The goal counts as reached within "
        f"{results.maze.goal_radius} m and must be reached in {results.max_episode_steps} steps. The planner "
        "observes the real state at every step, imagines many action sequences with the learned model and executes "
        "the first action of the best one."
    )
    for policy in results.policies:
        report.add_text(f"{policy.name}: {policy.description}")
    rows = [
        [
            policy.name,
            f"{policy.success_rate:.0%}",
            "{:.0%} to {:.0%}".format(*policy.success_interval),
            str(policy.episodes),
            f"{policy.mean_steps:.0f}",
            "-" if policy.ms_per_action is None else f"{policy.ms_per_action:.1f}",
        ]
        for policy in results.policies
    ]
    header = ["policy", "success", "95% interval", "episodes", "mean steps", "ms per action"]
    report.add_table(header, rows, "Success within the time limit; an episode ends when its goal is reached.")


def _describe_mazes(results: DemoResults) -> str:
    return (
        "The maze from above; walls are grey. Rows are policies, all paths of a column have the same start and goal. "
        "Solid blue paths reached the goal, dashed orange ones did not. "
        f"The reward of '{results.shaped.name}' measures the shortest path through the maze, that of "
        f"'{results.straight.name}' the straight distance to the goal, which can lead into a wall."
    )


def _describe_rollout(results: DemoResults) -> str:
    window = results.rollout
    distance = (window.mean[-1, :2] - window.observations[-1, :2]).norm()
    return (
        f"Left: one real episode of '{results.shaped.name}', the longest of those that reached the goal, if any did. "
        f"Right: the model observes {window.context} steps and imagines the next {len(window.mean)} steps from the "
        "actions alone; ellipses hold 50% and 95% of the predicted probability, the ring is the real position. At the "
        f"last step the imagined and the real position are {float(distance):.2f} m apart."
    )


@dataclass(frozen=True, repr=False)
class DemoResults:
    """Results of the demo as plain data, without environments and agents."""

    environment_id: str
    dataset_id: str
    content_hash: str
    """Content hash of the data set."""
    dataset_episodes: int
    dataset_steps: int
    parameters: int
    """Number of trainable parameters of the model."""
    max_episode_steps: int
    """Number of steps in which a goal must be reached."""
    observation_names: tuple[str, ...]
    open_loop: OpenLoopResult
    """Open-loop evaluation on the test episodes."""
    window: OpenLoopWindow
    """The typical test window."""
    maze: MazeLayout
    shaped: ControlResult
    """MPC with the reward from the shortest path."""
    straight: ControlResult
    """MPC with the reward from the straight distance."""
    random: ControlResult
    rollout: OpenLoopWindow
    """One episode of `shaped`; dimensions 0 and 1 are x and y in metres."""
    rollout_goal: np.ndarray
    """(2,)."""
    seconds: Mapping[str, float]
    """Wall-clock time by stage, in order."""

    @property
    def policies(self) -> tuple[ControlResult, ...]:
        return self.shaped, self.straight, self.random

    def summary(self) -> dict[str, Any]:
        """The numbers of summary.json."""
        result, mean = self.open_loop, self.open_loop.training_mean.nrmse
        coverage = result.model.coverage_at(0.95)
        horizons = result.horizons()
        summary = {
            "dataset_id": self.dataset_id,
            "content_hash": self.content_hash,
            "model": {
                "nrmse": {h: float(result.model.nrmse[h - 1]) for h in horizons},
                "nrmse_persistence": {h: float(result.persistence.nrmse[h - 1]) for h in horizons},
                "nrmse_training_mean": {h: float(mean[h - 1]) for h in horizons},
                "coverage95": {h: float(coverage[h - 1]) for h in horizons},
            },
            "mpc": _control(self.shaped),
            "mpc_straight": _control(self.straight),
            "random": _control(self.random),
            "seconds": {stage: round(seconds, 1) for stage, seconds in self.seconds.items()},
        }
        plain: dict[str, Any] = to_jsonable(summary)
        return plain


def _control(result: ControlResult) -> dict[str, Any]:
    return {
        "success_rate": result.success_rate,
        "success_interval": list(result.success_interval),
        "episodes": result.episodes,
        "ms_per_action": result.ms_per_action,
    }
