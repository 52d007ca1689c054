"""Files of ONNX, run by ONNX Runtime, compute what `filter` and `imagine` of the PyTorch model compute."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from mbrl_mts3.errors import ConfigurationError, ExportError
from mbrl_mts3.export import belief_tensors, export_model, folder
from mbrl_mts3.models import PhysicalModel

Make = Callable[[str], PhysicalModel]
PREDICTED = ("mean", "variance", "reward_mean", "reward_variance", "termination_logit")
STEPS, ROWS, PLANS = 12, 2, 3


def load(path: Path) -> Callable[[dict[str, Any]], dict[str, np.ndarray]]:
    session = onnxruntime.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(None, inputs), strict=True))


def name_of(part: str) -> str:
    return {"mean": "observation_mean", "variance": "observation_variance"}.get(part, part)


OFTEN = ("mts3", "mts3_deep", "one_level", "gru")
SELDOM = (
    "mts3_exact",
    "locally_linear",
    "transformer",
    "multi_step",
    "probabilistic_mlp",
    "rkn",
    "lstm",
    "recalibrated",
)


@pytest.mark.parametrize("name", [*OFTEN, *(pytest.param(name, marks=pytest.mark.slow) for name in SELDOM)])
def test_a_stream_is_that_of_the_filter(name: str, physical: Make, tmp_path: Path) -> None:
    model = physical(name)
    exported = export_model(model, tmp_path / "made", steps=4, batch_size=ROWS, candidates=PLANS)
    generator = torch.Generator().manual_seed(1)
    observations = 3 * torch.randn(ROWS, STEPS, 3, generator=generator)
    actions = torch.randn(ROWS, STEPS, 2, generator=generator)
    mask = torch.rand(ROWS, STEPS, generator=generator) > 0.3
    hidden = torch.where(mask[..., None], observations, torch.nan)
    step = load(exported.step)
    belief = dict(np.load(exported.initial_belief))
    found = []
    for t in range(STEPS):
        given = {"observation": hidden[:, t].numpy(), "mask": mask[:, t].numpy(), "action": actions[:, t].numpy()}
        outputs = step({**belief, **given})
        belief = {key: outputs[f"next_{key}"] for key in belief}
        found.append(outputs)
    with torch.no_grad():
        after, expected = model.filter(observations, actions, mask)
        for part in PREDICTED:
            tensor = getattr(expected, part)
            assert (name_of(part) in found[0]) == (tensor is not None)
            if tensor is not None:
                ours = np.stack([outputs[name_of(part)] for outputs in found], axis=1)
                np.testing.assert_allclose(ours, tensor.numpy(), rtol=1e-5, atol=1e-5)
        # The rollout goes on from there: what it observes first, then plans of another length than the one named.
        seen, shown = torch.randn(ROWS, 3, generator=generator), torch.tensor([True, False])
        plans = torch.randn(ROWS, PLANS, 7, 2, generator=generator)
        given = {"observation": seen.numpy(), "mask": shown.numpy(), "actions": plans.numpy()}
        imagined = load(exported.rollout)({**belief, **given})
        expected = model.imagine(model.observe(after, seen, None, shown), plans)
        for part in PREDICTED:
            tensor = getattr(expected, part)
            if tensor is not None:
                np.testing.assert_allclose(imagined[name_of(part)], tensor.numpy(), rtol=1e-5, atol=1e-5)


def test_the_description_names_what_the_files_have(physical: Make, tmp_path: Path) -> None:
    model = physical("mts3_deep")
    exported = export_model(model, tmp_path / "made", batch_size=ROWS, facts={"observations": ["x", "y", "z"]})
    told = json.loads(exported.description.read_text())
    assert told["observations"] == ["x", "y", "z"]
    assert told["largest_difference"] == exported.largest_difference < 1e-5
    for path in (exported.step, exported.rollout):
        session = onnxruntime.InferenceSession(str(path))
        for kind, values in (("inputs", session.get_inputs()), ("outputs", session.get_outputs())):
            ours = [(item["name"], item["shape"]) for item in told[path.name][kind]]
            assert ours == [(value.name, value.shape) for value in values]
    first = belief_tensors(model.initial_belief(ROWS))
    with np.load(exported.initial_belief) as arrays:
        assert list(arrays) == list(first)
        for name, tensor in first.items():
            np.testing.assert_array_equal(arrays[name], tensor.numpy())
    assert {"belief_fast_mean", "belief_fast_covariance", "belief_step", "belief_levels_1_state_mean",
            "belief_levels_1_state_covariance"} <= set(first)  # fmt: skip


def test_what_needs_the_future_is_refused(physical: Make, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="aggregation='causal'"):
        export_model(physical("window"), tmp_path / "made")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"file_format": "tflite"}, "format=tflite is unknown: choose one of onnx, aoti"),
        ({"steps": 0}, "steps=0: expected at least 1"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"candidates": -1}, "candidates=-1"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str, physical: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        export_model(physical("gru"), tmp_path / "made", **options)


def test_a_missing_library_is_named(physical: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(ConfigurationError, match=r"needs onnxscript: pip install 'mbrl_mts3\[export\]'"):
        export_model(physical("gru"), tmp_path / "made")


def test_an_operation_that_onnx_has_not_is_one_error(physical: Make, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"Ensemble cannot be written as ONNX \(.*linalg_solve.*try format=aoti"):
        export_model(physical("ensemble"), tmp_path / "made")
    assert not list(tmp_path.iterdir())


def test_files_that_compute_something_else_are_not_kept(
    physical: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = folder.load_onnx

    def wrong(path: Path) -> Callable[[Any], dict[str, np.ndarray]]:
        run = honest(path)
        return lambda inputs: {name: value + np.asarray(1e-3, value.dtype) for name, value in run(inputs).items()}

    monkeypatch.setattr(folder, "load_onnx", wrong)
    with pytest.raises(ExportError, match="differ from PyTorch"):
        export_model(physical("gru"), tmp_path / "made")
    assert not (tmp_path / "made").exists()
