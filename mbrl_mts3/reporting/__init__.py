"""Figures, tables and report pages of plain results."""

from mbrl_mts3.reporting.animation import rollout_animation
from mbrl_mts3.reporting.comparison_plots import comparison_figure, learning_figure, reliability_figure
from mbrl_mts3.reporting.coverage_plots import coverage_figures
from mbrl_mts3.reporting.data_card import data_card_text
from mbrl_mts3.reporting.demo_report import DemoResults, write_demo_report
from mbrl_mts3.reporting.evaluation_report import evaluation_figures, write_evaluation_report
from mbrl_mts3.reporting.latent_plots import Projection, latent_figure
from mbrl_mts3.reporting.maze_plots import MazeLayout, MazePath, PlannedPath, imagined_paths_figure, maze_figure
from mbrl_mts3.reporting.planning_report import write_planning_report
from mbrl_mts3.reporting.policy_plots import ControlResult, control_figure, planned_value_figure, policy_value_figure
from mbrl_mts3.reporting.prediction_plots import (
    calibration_figure,
    error_figure,
    prediction_figure,
    recalibration_figure,
)
from mbrl_mts3.reporting.report import Report
from mbrl_mts3.reporting.style import png_bytes, save_figure
from mbrl_mts3.reporting.tables import dimension_table, error_table, imputation_table, recalibration_table

__all__ = [
    "ControlResult",
    "DemoResults",
    "MazeLayout",
    "MazePath",
    "PlannedPath",
    "Projection",
    "Report",
    "calibration_figure",
    "comparison_figure",
    "control_figure",
    "coverage_figures",
    "data_card_text",
    "dimension_table",
    "error_figure",
    "error_table",
    "evaluation_figures",
    "imagined_paths_figure",
    "imputation_table",
    "latent_figure",
    "learning_figure",
    "maze_figure",
    "planned_value_figure",
    "png_bytes",
    "policy_value_figure",
    "prediction_figure",
    "recalibration_figure",
    "recalibration_table",
    "reliability_figure",
    "rollout_animation",
    "save_figure",
    "write_demo_report",
    "write_evaluation_report",
    "write_planning_report",
]
