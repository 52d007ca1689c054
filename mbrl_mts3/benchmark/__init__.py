"""Comparison of models under equal conditions: runs, their records, and summaries over seeds.

The speed of the code is measured in `tests/performance/`.
"""

from mbrl_mts3.benchmark.comparison import Comparison, SeedSummary
from mbrl_mts3.benchmark.markdown import markdown_report, write_comparison
from mbrl_mts3.benchmark.options import RunOptions
from mbrl_mts3.benchmark.protocol import EvaluationProtocol
from mbrl_mts3.benchmark.record import RunRecord
from mbrl_mts3.benchmark.run import BenchmarkRun, RunFiles

__all__ = [
    "BenchmarkRun",
    "Comparison",
    "EvaluationProtocol",
    "RunFiles",
    "RunOptions",
    "RunRecord",
    "SeedSummary",
    "markdown_report",
    "write_comparison",
]
