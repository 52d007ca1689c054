"""Experiments run stage by stage, pass over what is there, go on after a kill, and refuse other options."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bad_input import BadInput, bad_input
from power_cut import power_cut

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection import collect_dataset
from mbrl_mts3.data import load_minari
from mbrl_mts3.scripts.experiment import main

Run = Callable[..., int]
CONFIG = """
# @package _global_
title: A small experiment
description: Of three stages.
steps: 900
updates: 4
episodes: 2
each:
  seed: [0, 1]
stages:
  data:
    command: collect
    options: [environment=point_maze_umaze, "steps=${steps}", dataset_id=tests/small-v0, behaviour=random]
  model:
    command: train
    options:
      - data=minari
      - data.dataset_id=tests/small-v0
      - model=gru
      - training.length=20
      - training.validation_length=30
      - training.validation_context=10
      - training.validation_interval=2
      - training.max_updates=${updates}
      - training.seed=<seed>
      - training.loggers=[csv]
  predict:
    command: evaluate
    options: [checkpoint=<model>/best, context=5, horizon=20]
  act:
    command: rollout
    after: [predict]
    options: [environment=point_maze_umaze, agent=random, "real.episodes=${episodes}", max_episode_steps=10]
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    (tmp_path / "own" / "experiment" / "small.yaml").write_text(CONFIG)

    def command(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mts3-experiment", "--config-dir", "own", *arguments])
        try:
            main()
        except SystemExit as error:
            return int(error.code or 0)
        return 0

    return command


def summary_of(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(Path(f"runs/experiments/{name}/summary.json").read_text())
    return read


def stage_files() -> dict[str, float]:
    return {str(path): path.stat().st_mtime_ns for path in Path("runs").rglob("stage.json")}


def test_an_experiment_leaves_one_summary_and_one_page(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("experiment=small") == 0
    found = summary_of("small")
    assert found["finished"]
    (data,) = found["data"]
    assert data["content_hash"] == load_minari("tests/small-v0").content_hash
    assert data["steps"] == 900
    assert [row["stage"] for row in found["predictions"]] == ["predict/seed_0", "predict/seed_1"]
    assert all(row["data"]["content_hash"] == data["content_hash"] for row in found["predictions"])
    (row,) = found["rows"]
    assert (row["agent"], row["environment"], row["place"]) == ("random", "PointMaze_UMaze-v3", "real")
    assert len(row["returns"]) == len(row["seeds"]) == 2
    assert row["mean_return"] == pytest.approx(sum(row["returns"]) / 2)
    assert row["command"].startswith("mts3-rollout environment=point_maze_umaze agent=random real.episodes=2")
    assert set(row["versions"]) >= {"mbrl_mts3", "torch", "mujoco"}
    page = Path("runs/experiments/small/report.html").read_text()
    assert "A small experiment" in page
    assert "mts3-train data=minari" in page
    # Nothing is done twice.
    before, _ = stage_files(), capsys.readouterr()
    assert run("experiment=small") == 0
    assert stage_files() == before
    assert capsys.readouterr().out.count("there already") == 6


def test_a_killed_run_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mbrl_mts3.scripts.evaluate.score_open_loop", kill)
        assert run("experiment=small", "each.seed=[0]") == 130
    found = summary_of("small")
    assert not found["finished"]
    assert [stage["stage"] for stage in found["stages"]] == ["data", "model/seed_0"]
    capsys.readouterr()
    assert run("experiment=small", "each.seed=[0]") == 0
    assert capsys.readouterr().out.count("there already") == 2
    assert summary_of("small")["finished"]


def test_an_interrupted_training_is_resumed(run: Run, monkeypatch: pytest.MonkeyPatch):
    with power_cut(monkeypatch, step=3):
        run("experiment=small", "each.seed=[0]")
    folder = Path("runs/experiments/small/model/seed_0")
    assert (folder / "resume.ckpt").is_file()
    assert not json.loads((folder / "stage.json").read_text())["finished"]
    assert run("experiment=small", "each.seed=[0]") == 0
    whole = (folder / "best" / "model.safetensors").read_bytes()
    assert run("experiment=small", "each.seed=[0]", "hydra.run.dir=whole") == 0
    assert Path("whole/model/seed_0/best/model.safetensors").read_bytes() == whole


def test_other_options_are_refused_before_any_work(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("experiment=small", "each.seed=[0]") == 0
    before, _ = stage_files(), capsys.readouterr()
    assert run("experiment=small", "each.seed=[0]", "updates=2") == 2
    said = capsys.readouterr().err
    assert "stage model/seed_0" in said
    assert "training.max_updates was 4, now 2" in said
    assert "overwrite=true" in said
    assert stage_files() == before
    assert run("experiment=small", "each.seed=[0]", "updates=2", "overwrite=true") == 0
    after = stage_files()
    # What was made of the model is made anew, the data stays.
    assert {name.split("/")[-3] for name in after if after[name] != before[name]} == {"model", "predict", "small"}
    assert json.loads(Path("runs/experiments/small/model/seed_0/best/config.json").read_text())


def test_data_that_is_there_is_taken(run: Run, capsys: pytest.CaptureFixture[str]):
    collect_dataset("PointMaze_UMaze-v3", RandomBehaviour, 800, "tests/small-v0", progress=False)
    assert run("experiment=small", "each.seed=[0]") == 0
    assert "the data set is there already: tests/small-v0" in capsys.readouterr().out
    assert summary_of("small")["data"][0]["steps"] == 800


@bad_input(
    (["experiment=smal"], "there is no experiment=smal (did you mean small?)"),
    (["experiment=small", "page=none"], "expected one of experiment, demo"),
    (["experiment=small", "stages.model.options=['checkpoint=<data>/best']"], "Could not override 'checkpoint'"),
    (["experiment=small", "stages.model.command=trane"], "no command trane"),
    (["experiment=small", "stages.predict.options=['checkpoint=<nothing>']"], "<nothing>"),
)
def test_bad_input_is_told_before_any_work(run: Run, capsys: pytest.CaptureFixture[str], case: BadInput):
    assert run(*case.words) in (1, 2)
    assert case.message in capsys.readouterr().err
    assert not Path("runs/experiments/small/data").exists()
