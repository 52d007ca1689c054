"""mts3-benchmark from the command line to its tables, on data that the project collected itself."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from bad_input import BadInput, bad_input
from PIL import Image

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.errors import CheckpointError
from mbrl_mts3.scripts.benchmark import main
from mbrl_mts3.training import Checkpoint

DATASET = "mbrl-mts3/point_maze_umaze/waypoint-v0"
QUICK = [
    "data=point_maze_umaze",
    "training.length=10",
    "training.batch_size=4",
    "training.max_updates=2",
    "training.validation_interval=2",
    "training.validation_windows=2",
    "training.validation_length=10",
    "training.validation_context=3",
    "training.loggers=[]",
    "evaluation.context=5",
    "evaluation.max_windows=4",
]
Run = Callable[..., int]


@pytest.fixture(scope="module")
def minari_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("minari")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root))
        collect_dataset("PointMaze_UMaze-v3", RandomBehaviour, 400, DATASET, max_episode_steps=40, progress=False)
    return root


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minari_root: Path) -> Run:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(minari_root))
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, flags: Sequence[str] = ()) -> int:
        monkeypatch.setattr(sys, "argv", ["mts3-benchmark", *flags, *QUICK, *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        assert isinstance(stop.value.code, int)
        return stop.value.code

    return command


def printed_lines(capsys: pytest.CaptureFixture[str], words: str) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if words in line]


def test_a_sweep_leaves_tables_and_is_not_done_twice(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ["model=mts3_one_level,mts3_small", "training.seed=0,1", "model.latent_dim=4"]
    assert run(*sweep) == 0
    results = tmp_path / "results" / "models"
    name = "point_maze_umaze"
    variants = [f"mts3_{model}+latent_dim=4+batch_size=4+length=10" for model in ("one_level", "small")]
    records = {
        (variant, seed): json.loads((results / "runs" / name / variant / f"seed_{seed}.json").read_text())
        for variant in variants
        for seed in (0, 1)
    }
    rows = list(csv.DictReader((results / f"{name}.csv").open()))
    found = {(row["model"], row["seed"], row["metric"], row["horizon"]): float(row["value"]) for row in rows}
    # 5 steps of context in episodes of 40 steps.
    horizons = ["1", "5", "15"]
    for (variant, seed), record in records.items():
        assert len(record["curves"]["nrmse"]) == 36
        for horizon in horizons:
            exact = record["curves"]["nrmse"][int(horizon) - 1]
            assert found[variant, str(seed), "nrmse", horizon] == pytest.approx(exact, rel=1e-6)
    assert records[variants[0], 0]["curves"]["nrmse"] != records[variants[0], 1]["curves"]["nrmse"]
    lines = (results / f"{name}.md").read_text().split("## NRMSE\n\n")[1].splitlines()
    assert lines[0] == "| model | 1 | 5 | 15 |"
    means = [np.mean([found[variant, str(seed), "nrmse", "1"] for seed in (0, 1)]) for variant in variants]
    for line, variant, mean in zip(lines[2:4], variants, means, strict=True):
        first = line.split(" | ")[1]
        assert line.startswith(f"| {variant} |")
        assert f"{mean:#.3g} ±" in first
        assert first.startswith("**") == (mean == min(means))
    with Image.open(results / f"{name}.png") as image:
        assert np.asarray(image.convert("L")).std() > 5
    assert len(printed_lines(capsys, "2 updates")) == 4
    times = {path: path.stat().st_mtime_ns for path in results.rglob("*.json")}
    assert run(*sweep) == 0
    assert {path: path.stat().st_mtime_ns for path in results.rglob("*.json")} == times
    assert len(printed_lines(capsys, "already finished")) == 4


def test_no_imputation_is_a_variant_of_its_own_and_tables_can_be_written_alone(tmp_path: Path, run: Run) -> None:
    elsewhere = ["results=elsewhere", "dataset_label=maze"]
    assert run("model=mts3_small", "training=default,no_imputation", "training.seed=0", *elsewhere) == 0
    plain, without = (
        json.loads(
            (tmp_path / "elsewhere/runs/maze" / f"mts3_small{name}+batch_size=4+length=10/seed_0.json").read_text()
        )
        for name in ("", "+no_imputation")
    )
    rates = ("mask_step_rate", "mask_window_rate", "mask_suffix_probability")
    assert [without["options"]["training"][name] for name in rates] == [0, 0, 0]
    assert min(plain["options"]["training"][name] for name in rates) > 0
    assert plain["curves"] != without["curves"]
    table = tmp_path / "elsewhere" / "maze.md"
    text = table.read_text()
    table.unlink()
    assert run("results=elsewhere", "table_only=true") == 0
    assert table.read_text() == text


def test_what_fails_is_told_while_the_others_go_on(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = ["model=mts3_small", "label=small"]
    assert run(*variant, "training.seed=0") == 0
    capsys.readouterr()
    other = [*variant, "training.seed=0,1", "training.learning_rate=0.1"]
    assert run(*other) == 1
    said = capsys.readouterr()
    assert "seed 1: 2 updates" in said.out
    refused, table = said.err.split("failed:\n")[1].strip().splitlines()
    assert refused.strip().startswith("point_maze_umaze small seed 0: ResultError: ")
    assert "training.learning_rate was 0.003, now 0.1" in refused
    assert "small seed 0 and small seed 1 were made under different conditions" in table

    def break_down(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("mbrl_mts3.benchmark.protocol.evaluate_open_loop", break_down)
        assert run(*other, "overwrite=true") == 1
    said = capsys.readouterr()
    assert "point_maze_umaze small seed 0: ZeroDivisionError: a bug" in said.err
    assert "Traceback" in said.out
    assert "seed 1: already finished" in said.out
    assert run(*other, "overwrite=true") == 0
    stored = tmp_path / "results/models/runs/point_maze_umaze/small/seed_0.json"
    assert json.loads(stored.read_text())["options"]["training"]["learning_rate"] == 0.1


@bad_input(
    (["label=a/b"], "label='a/b' is the name of a folder"),
    (["dataset_label=../maze"], "dataset_label='../maze' is the name of a folder"),
    (["label='a|b'"], "is the name of a folder"),
    (["evaluation.stride=0"], "evaluation.stride=0: expected at least 1"),
    (["evaluation.imputation_rate=2"], "evaluation.imputation_rate=2: expected more than 0 and less than 1"),
    (["device=gpu"], "device=gpu cannot be used here"),
    *([] if torch.cuda.is_available() else [(["device=cuda"], "device=cuda cannot be used here")]),
)
def test_what_cannot_work_is_refused_before_any_training(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], case: BadInput
) -> None:
    assert run("model=mts3_small", "training.seed=0", *case.words) > 0
    assert case.message in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_a_model_in_a_file_of_ones_own_is_trained_and_read_again(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/new_architecture.md says: a module, a YAML, and nothing in the package."""
    (tmp_path / "my_own_model.py").write_text("from mbrl_mts3.models import GRU\n\n\nclass Mine(GRU):\n    pass\n")
    (tmp_path / "mine" / "model").mkdir(parents=True)
    text = "_target_: my_own_model.Mine\n_partial_: true\n"
    (tmp_path / "mine" / "model" / "own.yaml").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert (
        run("model=own", "training.seed=0", "dataset_label=maze", flags=["--config-dir", str(tmp_path / "mine")]) == 0
    )
    stored = tmp_path / "results/models/runs/maze/own+batch_size=4+length=10"
    assert json.loads((stored / "seed_0.json").read_text())["options"]["model"]["class"] == "Mine"
    monkeypatch.delitem(sys.modules, "my_own_model")
    with pytest.raises(CheckpointError, match="trust=my_own_model"):
        Checkpoint.from_pretrained(stored / "seed_0" / "best")
    import_module("my_own_model")
    assert type(Checkpoint.from_pretrained(stored / "seed_0" / "best").model).__module__ == "my_own_model"


@pytest.mark.slow
def test_several_processes_share_a_sweep(tmp_path: Path, run: Run, minari_root: Path) -> None:
    """In a process of its own: the workers of joblib import the command by its name."""
    code = "from mbrl_mts3.scripts.benchmark import main; main()"
    arguments = [*QUICK, "model=mts3_small", "training.seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "n_jobs=2" in done.stdout
    rows = list(csv.DictReader((tmp_path / "results" / "models" / "point_maze_umaze.csv").open()))
    assert {row["seed"] for row in rows} == {"0", "1", ""}
