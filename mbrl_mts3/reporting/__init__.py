"""Figures and reports out of plain results."""

from mbrl_mts3.reporting.atomic_write import write_atomically
from mbrl_mts3.reporting.calibration_figure import calibration_figure
from mbrl_mts3.reporting.comparison_figure import comparison_figure
from mbrl_mts3.reporting.control_figure import control_figure
from mbrl_mts3.reporting.control_result import ControlResult
from mbrl_mts3.reporting.coverage_figures import coverage_figures
from mbrl_mts3.reporting.data_card_text import data_card_text
from mbrl_mts3.reporting.demo_report import write_demo_report
from mbrl_mts3.reporting.demo_results import DemoResults
from mbrl_mts3.reporting.error_figure import error_figure
from mbrl_mts3.reporting.evaluation_report import evaluation_figures, write_evaluation_report
from mbrl_mts3.reporting.figure_style import png_bytes, save_figure
from mbrl_mts3.reporting.imputation_table import imputation_table
from mbrl_mts3.reporting.latent_figure import latent_figure
from mbrl_mts3.reporting.maze_figure import maze_figure
from mbrl_mts3.reporting.maze_layout import MazeLayout
from mbrl_mts3.reporting.maze_rollout import MazeRollout
from mbrl_mts3.reporting.open_loop_tables import dimension_table, error_table
from mbrl_mts3.reporting.policy_value_figure import policy_value_figure
from mbrl_mts3.reporting.prediction_figure import prediction_figure
from mbrl_mts3.reporting.projection import Projection
from mbrl_mts3.reporting.recalibration_figure import recalibration_figure
from mbrl_mts3.reporting.recalibration_table import recalibration_table
from mbrl_mts3.reporting.report import Report
from mbrl_mts3.reporting.rollout_animation import rollout_animation

__all__ = [
    "ControlResult",
    "DemoResults",
    "MazeLayout",
    "MazeRollout",
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
    "imputation_table",
    "latent_figure",
    "maze_figure",
    "png_bytes",
    "policy_value_figure",
    "prediction_figure",
    "recalibration_figure",
    "recalibration_table",
    "rollout_animation",
    "save_figure",
    "write_atomically",
    "write_demo_report",
    "write_evaluation_report",
]
