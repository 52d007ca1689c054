"""Packages of AOTInductor compute what the PyTorch model computes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mbrl_mts3.errors import ConfigurationError, ExportError
from mbrl_mts3.export import export_model
from mbrl_mts3.export.aoti_packages import write_aoti
from mbrl_mts3.models import PhysicalModel

Make = Callable[[str], PhysicalModel]


@pytest.mark.slow
def test_packages_stream_and_roll_out(physical: Make, tmp_path: Path) -> None:
    model = physical("mts3_deep")
    exported = export_model(model, tmp_path / "made", file_format="aoti", steps=3)
    told = json.loads(exported.description.read_text())
    names = [item["name"] for item in told["step.pt2"]["outputs"]]
    first = tuple(torch.as_tensor(value) for value in np.load(exported.initial_belief).values())
    observation, action = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.5, -0.5]])
    found = torch._inductor.aoti_load_package(str(exported.step))(first, observation, torch.tensor([True]), action)
    plans = torch.randn(1, 1, 3, 2)
    rolled = torch._inductor.aoti_load_package(str(exported.rollout))(first, observation, torch.tensor([True]), plans)
    with torch.no_grad():
        known = model.observe(model.initial_belief(1), observation)
        _, expected = model.step(known, action)
        imagined = model.imagine(known, plans)
    outputs = dict(zip(names, found, strict=True))
    torch.testing.assert_close(outputs["observation_mean"], expected.mean[:, 0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(outputs["observation_variance"], expected.variance[:, 0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(rolled[0], imagined.mean, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(rolled[1], imagined.variance, rtol=1e-5, atol=1e-5)
    assert exported.largest_difference < 1e-5


def test_a_missing_compiler_is_named(physical: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"install g\+\+, or choose format=onnx"):
        export_model(physical("gru"), tmp_path / "made", file_format="aoti")


def test_a_graph_that_cannot_be_traced_is_one_error(tmp_path: Path) -> None:
    class Branches(torch.nn.Module):
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return values if float(values.sum()) > 0 else -values

    with pytest.raises(ExportError, match="try format=onnx"):
        write_aoti(tmp_path / "x.pt2", Branches(), (torch.ones(2),))
