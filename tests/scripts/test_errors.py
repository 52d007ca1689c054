"""Commands answer bad input with one clear line, before any long work."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("command", "overrides", "message"),
    [
        ("train", ["data=minari", "data.dataset_id=nobody/nothing-v0"], "UnknownDatasetError: "),
        ("train", ["data=d4rl", "data.dataset_id=d4rl/halfcheetah-medum-v2"], "nearest: d4rl/halfcheetah-medium-v2"),
        ("train", ["data=d4rl", "data.download=false"], "halfcheetah_medium_replay-v2.hdf5"),
        ("convert", ["dataset_id=nobody/nothing-v0", "to=a.npz"], "UnknownDatasetError: "),
        ("train", ["training.validation_context=90"], "ConfigurationError: validation_context=90"),
        ("train", ["model=mts4"], "there is no model=mts4 (did you mean mts3?): choose out of acrkn, "),
        ("benchmark", ["model=mts3,mts4"], "there is no model=mts4 (did you mean mts3?): choose out of acrkn, "),
        ("benchmark", ["data=nothing"], "there is no data=nothing: choose out of d4rl, d4rl_"),
        ("benchmark", ["table_only=true"], "ResultError: there is no result in results/models/runs"),
        (
            "benchmark",
            ["training.max_updates=1,2"],
            "runs that differ in training.max_updates alone",
        ),
        ("benchmark", ["label=mine"], "ConfigurationError: label would give every choice of model the same name"),
        ("evaluate", ["checkpoint=nowhere"], "CheckpointError: nowhere is no checkpoint"),
        ("calibrate", ["checkpoint=nowhere"], "CheckpointError: nowhere is no checkpoint"),
        ("inspect_latents", ["checkpoint=nowhere"], "CheckpointError: nowhere is no checkpoint"),
        ("plan", ["checkpoint=nowhere"], "CheckpointError: nowhere is no checkpoint"),
        ("offline", ["data=minari", "data.dataset_id=nobody/nothing-v0"], "UnknownDatasetError: "),
        ("offline", ["offline_algorithm=bc"], "there is no offline_algorithm=bc: choose out of behaviour_cloning, "),
        ("experiment", ["experiment=dmo"], "there is no experiment=dmo (did you mean demo?): choose out of demo, "),
        ("collect", ["steps=0"], "ConfigurationError: collecting needs at least 1 step"),
        ("collect", ["environment.id=PointMaze_UMazz-v3"], "PointMaze_UMaze"),
    ],
)
def test_bad_input_ends_with_one_line(command, overrides, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setattr(sys, "argv", [f"mts3-{command}", *overrides])
    main = import_module(f"mbrl_mts3.scripts.{command}").main
    # Gymnasium-Robotics prints a notice of its own when it is first imported.
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed
    assert len(printed.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["collect", "report.listing"])
def test_a_variable_shows_where_an_error_comes_from(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MTS3_TRACEBACK", "1")
    words = ["steps=0"] if name == "collect" else ["nowhere"]
    monkeypatch.setattr(sys, "argv", [f"mts3-{name}", *words])
    with pytest.raises(SystemExit) as stop:
        import_module(f"mbrl_mts3.scripts.{name}").main()
    assert stop.value.code == 2
    first, *_, last = capsys.readouterr().err.strip().splitlines()
    assert first == "Traceback (most recent call last):"
    assert last.startswith(("ConfigurationError: collecting needs", "ResultError: there is no run in"))


def test_other_errors_of_hydra_read_as_ever(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mts3-train", "colour=red"])
    with pytest.raises(SystemExit) as stop:
        import_module("mbrl_mts3.scripts.train").main()
    assert stop.value.code == 1
    printed = capsys.readouterr().err
    assert "Could not override 'colour'" in printed
    assert "mts3-train --help lists all options" in printed
    assert "Traceback" not in printed
    assert "HYDRA_FULL_ERROR" not in os.environ
