"""Figures, tables and the page of a model's diagnosis against its simulator."""

from mbrl_mts3.reporting.diagnosis.figures import cut_figure, ranking_figure, step_error_figure
from mbrl_mts3.reporting.diagnosis.findings import describe_findings, describe_replay, describe_suggestion, is_replayed
from mbrl_mts3.reporting.diagnosis.page import write_diagnosis_report
from mbrl_mts3.reporting.diagnosis.text_tables import cut_table, rank_table, return_table, step_error_table

__all__ = [
    "cut_figure",
    "cut_table",
    "describe_findings",
    "describe_replay",
    "describe_suggestion",
    "is_replayed",
    "rank_table",
    "ranking_figure",
    "return_table",
    "step_error_figure",
    "step_error_table",
    "write_diagnosis_report",
]
