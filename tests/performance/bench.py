"""Time and memory of training, filtering, imagination and planning: one table and tests/performance/results.json.

    python tests/performance/bench.py                     every case on the CPU
    python tests/performance/bench.py --device cuda       the same on a GPU
    python tests/performance/bench.py --only "train"      cases whose name holds a word

Each case runs in a process of its own, which keeps freed memory as the commands do. Its three ways take turns, so that
other work on the machine meets all of them: ours, the floor (its matrix products alone, as plain torch.mm) and a
straightforward loop over steps.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from cases import Run, all_cases
from rich.console import Console
from rich.table import Table

from mbrl_mts3.training import keep_freed_memory

RESULTS = Path(__file__).parent / "results.json"


def measure(name: str, device: str, threads: int, *, naive: bool) -> dict[str, Any]:
    """Run one case here and return its row."""
    torch.set_num_threads(threads)
    keep_freed_memory()
    build, gradients = all_cases()[name]
    with torch.inference_mode(mode=not gradients):
        before = _peak_mb(device)
        case = build(device)
        timings: dict[str, list[float]] = {"ours": [], "floor": [], "naive": []}
        _timed(case.ours, device)
        peak = _peak_mb(device) - before
        ways: dict[str, Run] = {"ours": case.ours, "floor": case.floor}
        if naive and case.naive is not None:
            ways["naive"] = case.naive
        _timed(case.floor, device)
        for _ in range(case.repeats):
            for way, run in ways.items():
                timings[way].append(_timed(run, device))
    ours, floor = statistics.median(timings["ours"]), statistics.median(timings["floor"])
    loop = statistics.median(timings["naive"]) if timings["naive"] else None
    return {
        "name": name,
        "median_s": ours,
        "floor_s": floor,
        "naive_s": loop,
        "ratio_floor": ours / floor,
        "ratio_naive": None if loop is None else loop / ours,
        "peak_mb": peak,
        "device": describe_device(device),
        "threads": threads,
        "torch": str(torch.__version__),
    }


def _timed(run: Run, device: str) -> float:
    _synchronise(device)
    begin = time.perf_counter()
    run()
    _synchronise(device)
    return time.perf_counter() - begin


def _synchronise(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def _peak_mb(device: str) -> float:
    if device != "cpu":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def describe_device(device: str) -> str:
    """What the device is called in results."""
    return platform.machine() + " CPU" if device == "cpu" else torch.cuda.get_device_name()


def _in_a_process_of_its_own(name: str, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--row", name, "--device", options.device, "--threads", str(options.threads)]
    if options.no_naive:
        command.append("--no-naive")
    row: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return row


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of PyTorch")
    parser.add_argument("--only", default="", help="run the cases whose name holds this")
    parser.add_argument("--no-naive", action="store_true", help="leave the straightforward loop out")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(options.row, options.device, options.threads, naive=not options.no_naive)))
        return
    names = [name for name in all_cases() if options.only in name]
    if not names:
        sys.exit(f"no case holds {options.only!r}; there are: {', '.join(all_cases())}")
    console, rows = Console(), []
    for name in names:
        with console.status(name):
            rows.append(_in_a_process_of_its_own(name, options))
        options.output.write_text(json.dumps(rows, indent=2) + "\n")
    console.print(_table(rows))
    console.print(f"written to {options.output}")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{rows[0]['device']}, {rows[0]['threads']} threads, medians")
    table.add_column("case")
    for column in ("ours, ms", "floor, ms", "loop, ms", "ours / floor", "loop / ours", "peak MB"):
        table.add_column(column, justify="right")
    for row in rows:
        loop = row["naive_s"]
        table.add_row(
            row["name"],
            f"{row['median_s'] * 1e3:.2f}",
            f"{row['floor_s'] * 1e3:.2f}",
            "-" if loop is None else f"{loop * 1e3:.1f}",
            f"{row['ratio_floor']:.2f}",
            "-" if loop is None else f"{row['ratio_naive']:.1f}",
            f"{row['peak_mb']:.0f}",
        )
    return table


if __name__ == "__main__":
    main()
