"""Models compared under equal conditions: runs, their records, and what several seeds say together.

How fast the code is, is measured elsewhere: in `benchmarks/`.
"""

from mbrl_mts3.benchmark.benchmark_run import BenchmarkRun
from mbrl_mts3.benchmark.comparison import Comparison
from mbrl_mts3.benchmark.evaluation_protocol import EvaluationProtocol
from mbrl_mts3.benchmark.markdown_report import markdown_report
from mbrl_mts3.benchmark.run_files import RunFiles
from mbrl_mts3.benchmark.run_options import RunOptions
from mbrl_mts3.benchmark.run_record import RunRecord
from mbrl_mts3.benchmark.seed_summary import SeedSummary
from mbrl_mts3.benchmark.write_comparison import write_comparison

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
