"""Latency of a streaming step at batch 1 in Python, ONNX Runtime and AOTInductor: tests/performance/latency.json.

    python tests/performance/latency.py                  the models of MODELS
    python tests/performance/latency.py mts3 gru         some of them

A step updates the belief with an observation, advances by an action and predicts the next observation, in physical
units, on one thread. The three ways take turns, so that other work on the machine meets all of them.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from hydra import compose, initialize
from hydra.utils import instantiate
from rich.console import Console
from rich.table import Table

from mbrl_mts3.data import Normalizer
from mbrl_mts3.export import OutputNames, belief_tensors
from mbrl_mts3.export.aoti_packages import write_aoti
from mbrl_mts3.export.graphs import StreamingStep
from mbrl_mts3.export.onnx_files import load_onnx, write_onnx_step
from mbrl_mts3.models import PhysicalModel

OBS, ACT = 17, 6
"""Sizes of HalfCheetah."""
MODELS = ("mts3", "mts3_deep", "mts3_one_level", "gru")
RESULTS = Path(__file__).parent / "latency.json"
ROUNDS, CALLS = 30, 50


def make_model(name: str) -> PhysicalModel:
    """The model of a configuration, untrained, at the sizes of HalfCheetah."""
    with initialize(version_base="1.3", config_path="pkg://mbrl_mts3.configs"):
        config = compose("train", [f"model={name}", "data=half_cheetah_medium"])
    torch.manual_seed(0)
    return PhysicalModel(instantiate(config.model)(OBS, ACT).eval(), Normalizer.identity(OBS, ACT))


def ways(physical: PhysicalModel, folder: Path) -> dict[str, Callable[[], object]]:
    """The same step in three ways, ready to be called."""
    belief = physical.initial_belief(1)
    inputs = {
        "observation": torch.randn(1, OBS),
        "mask": torch.ones(1, dtype=torch.bool),
        "action": torch.randn(1, ACT),
    }
    flat = belief_tensors(belief)
    _, prediction = physical.step(belief, inputs["action"])
    outputs = OutputNames(prediction).names
    write_onnx_step(folder / "step.onnx", physical, flat, inputs, outputs)
    write_aoti(folder / "step.pt2", StreamingStep(physical), (tuple(flat.values()), *inputs.values()))
    session, package = load_onnx(folder / "step.onnx"), torch._inductor.aoti_load_package(str(folder / "step.pt2"))
    arrays = {name: tensor.numpy() for name, tensor in {**flat, **inputs}.items()}
    tensors = (tuple(flat.values()), *inputs.values())

    def python() -> object:
        known = physical.observe(belief, inputs["observation"], None, inputs["mask"])
        return physical.step(known, inputs["action"])

    return {"python": python, "onnx": lambda: session(arrays), "aoti": lambda: package(*tensors)}


def measure(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median milliseconds of a call."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(ROUNDS + 1):
        for name, run in runs.items():
            for _ in range(CALLS):
                begin = time.perf_counter()
                run()
                if round_number:  # The first round warms up.
                    times[name].append(time.perf_counter() - begin)
    return {name: 1e3 * statistics.median(found) for name, found in times.items()}


def main() -> None:
    """Measure, print a table, write the results."""
    torch.set_num_threads(1)
    rows = []
    for name in sys.argv[1:] or MODELS:
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            rows.append({"model": name, **measure(ways(make_model(name), Path(folder)))})
    facts = {
        "device": f"{platform.machine()} CPU, 1 thread",
        "torch": str(torch.__version__),
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
        "milliseconds": rows,
    }
    RESULTS.write_text(json.dumps(facts, indent=2) + "\n")
    table = Table(title=f"one streaming step at batch 1, ms, medians ({facts['device']})")
    for column in ("model", "python", "onnx", "aoti"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for row in rows:
        table.add_row(row["model"], *(f"{row[way]:.3f}" for way in ("python", "onnx", "aoti")))
    Console().print(table)


if __name__ == "__main__":
    main()
