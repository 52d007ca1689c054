"""Commands answer bad input with one clear line, before any long work."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("command", "overrides", "message"),
    [
        ("train", ["data=minari", "data.dataset_id=nobody/nothing-v0"], "UnknownDatasetError: "),
        ("train", ["training.validation_context=90"], "ConfigurationError: validation_context=90"),
        ("evaluate", ["checkpoint=nowhere"], "CheckpointError: nowhere is no checkpoint"),
        ("calibrate", ["checkpoint=nowhere"], "CheckpointError: nowhere is no checkpoint"),
        ("inspect_latents", ["checkpoint=nowhere"], "CheckpointError: nowhere is no checkpoint"),
        ("plan", ["checkpoint=nowhere"], "CheckpointError: nowhere is no checkpoint"),
        ("collect", ["steps=0"], "ConfigurationError: collecting needs at least 1 step"),
        ("collect", ["environment.id=PointMaze_UMazz-v3"], "PointMaze_UMaze"),
    ],
)
def test_bad_input_ends_with_one_line(command, overrides, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setattr(sys, "argv", [f"mts3-{command}", *overrides])
    with pytest.raises(SystemExit) as stop:
        import_module(f"mbrl_mts3.scripts.{command}").main()
    assert stop.value.code == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed
