"""The benchmark compares like with like, and writes the rows that it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch
from matmul_floor import products
from naive_mts3 import naive_run

from mbrl_mts3.models import MTS3

BENCH = Path(__file__).with_name("bench.py")


def test_the_straightforward_loop_computes_the_same_function():
    model = MTS3(3, 2, (4,), latent_dim=5).double()
    observations, actions = torch.randn(2, 11, 3).double(), torch.randn(2, 11, 2).double()
    mask = torch.rand(2, 11) < 0.6
    expected = model(observations, actions, mask)
    found = naive_run(model, model.initial_belief(2), actions, observations, mask)
    for a, b in zip(expected.tensors(), found.tensors(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-9)


def test_the_floor_counts_the_products_of_the_equations():
    model = MTS3(17, 6, (15,))
    found = products(model, 2, 30, observed=True, variances=True)
    # Sizes of one step: encoders, control, decoders, Y and C, A; X once per cell of 15 steps.
    encoders = (17 * 120 + 120 * 60) + (18 * 240 + 240 * 60) + (7 * 240 + 240 * 120) + (6 * 120 + 120 * 60)
    decoders = (60 + 90) * 240 + 2 * 240 * 18
    links = 2 * 60 * 60 + 60 * 90 + 90 * 90
    transition = 60 * 60 + 90 * 90
    assert sum(p.rows * p.inputs * p.outputs * p.count for p in found) == (
        60 * (encoders + decoders + links + transition) + 2 * 2 * transition
    )


def test_a_case_gives_a_row_with_all_columns(tmp_path):
    output = tmp_path / "results.json"
    command = [sys.executable, str(BENCH), "--only", "observe batch 1", "--threads", "1", "--output", str(output)]
    subprocess.run(command, check=True, capture_output=True)
    (row,) = json.loads(output.read_text())
    assert {"name", "median_s", "floor_s", "naive_s", "ratio_floor", "ratio_naive", "peak_mb", "device"} <= set(row)
    assert row["ratio_floor"] == row["median_s"] / row["floor_s"]
