"""mts3-export from the command line to its files, with an untrained model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from mbrl_mts3.errors import CheckpointError, ConfigurationError

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(command: Callable[..., Run], checkpoint: Path) -> Run:
    return command("export", "onnx/export.json", f"checkpoint={checkpoint}")


def test_files_and_their_description(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = run("candidates=2")
    assert told["observations"] == ["observation/2", "observation/0"]
    assert told["action_low"] == [-1.0, -1.0]
    assert told["dataset_id"] == "mine/own-v0"
    assert told["rollout.onnx"]["inputs"][-1] == {"name": "actions", "shape": [1, 2, "steps", 2], "type": "float32"}
    session = onnxruntime.InferenceSession(str(tmp_path / "run" / "onnx" / "rollout.onnx"))
    assert session.get_inputs()[-1].shape == [1, 2, "steps", 2]
    said = capsys.readouterr().out
    assert "largest difference from PyTorch" in said
    assert "step.onnx" in said
    assert "torchvision" not in said


def test_a_folder_of_ones_own(run: Run, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run(f"folder={tmp_path / 'mine'}")
    assert json.loads((tmp_path / "mine" / "export.json").read_text())["format"] == "onnx"


def test_bad_input_is_refused(run: Run, refused: Callable[..., str]) -> None:
    assert "choose one of onnx, aoti" in refused(run, "format=tflite", error=ConfigurationError)
    assert "no recalibration" in refused(run, "recalibrated=true", error=CheckpointError)
