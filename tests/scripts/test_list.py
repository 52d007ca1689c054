"""mts3-list: every kind of run with what it found, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mbrl_mts3.errors import ResultError
from mbrl_mts3.scripts.report.listing import main
from mbrl_mts3.scripts.runs.catalogue import RESULT_FILES, find_runs, read_run
from mbrl_mts3.scripts.runs.scores import describe_result

METRICS = {"validation/rmse": 0.4, "validation/crps": 0.2, "validation/nll": 2.8, "step": 400.0, "seconds": 35.5}
OF = {"model": "MTS3", "dataset_id": "mine/a-v0"}
EPISODES = {"mean_return": 1.5, "success_rate": 0.5, "seeds": [1, 2]}
ROW = {"updates": 200, "mean_return": 3.25, "seconds": 2.0}
RESULTS: dict[str, tuple[dict[str, Any], str]] = {
    "train": (
        {**OF, "metrics": METRICS, "checkpoint": "best", "ended": "2026-01-02T00:00:00+00:00"},
        "MTS3 of mine/a-v0: validation RMSE 0.4, CRPS 0.2, NLL 2.8 after 400 updates, 35.5 s",
    ),
    "evaluate": (
        {**OF, "split": "test", "horizon": 3, "predictors": {"model": {"nrmse": [0.1, None, 0.3]}}},
        "MTS3 of mine/a-v0, test episodes: NRMSE 0.1 one step ahead, 0.3 at 3 steps",
    ),
    "plan": (
        {"environment": {"id": "PointMaze_UMaze-v3"}, "result": EPISODES},
        "MPC in PointMaze_UMaze-v3: return 1.5, success 50% in 2 episodes",
    ),
    "rollout": (
        {"rollouts": [{"agent": "sb3", "place": "real", **EPISODES, "success_rate": None, "seeds": [1]}]},
        "sb3, real: return 1.5 in 1 episode",
    ),
    "evaluate_policies": (
        {
            **OF,
            "policies": [
                {"policy": "a", "estimate": 1.0, "value": 2.0}, {"policy": "b", "estimate": 3.0, "value": None}
            ],
        },
        "values in MTS3 of mine/a-v0: a 1 (real 2), b 3",
    ),
    "imagine": (
        {**OF, "algorithm": "TD3", "finished": True, "real_evaluation": EPISODES, "learning_curve": [{}]},
        "TD3 in MTS3 of mine/a-v0: return 1.5, success 50% in 2 episodes after 1 round",
    ),
    "offline": (
        {"dataset_id": "mine/a-v0", "options": {"algorithm": "td3_bc"}, "curve": [ROW]},
        "td3_bc of mine/a-v0: 200 updates, return 3.25",
    ),
    "experiment": (
        {"experiment": "demo", "finished": True, "stages": [{}], "title": "From data to plans"},
        "demo, 1 stage: From data to plans",
    ),
    "calibrate": (
        {
            "checkpoint": "best", "test_episodes": 3, "before": {"calibration_error": [0.2, 0.1]},
            "after": {"calibration_error": [0.01, 0.03]},
        },
        "intervals of best: off by 15.0% before, 2.0% with the factors, on 3 test episodes",
    ),
    "diagnose": (
        {**OF, "environment": "HalfCheetah-v5", "start_states": 1},
        "MTS3 of mine/a-v0 against the simulator of HalfCheetah-v5, from 1 start state: see its report",
    ),
    "audit": (
        {"dataset_id": "mine/a-v0", "task": "Cart", "analytic": {"rmse": 0.25}},
        "Cart on mine/a-v0: the task's reward errs by 0.25 (RMSE)",
    ),
}  # fmt: skip


def write(folder: Path, command: str, result: dict[str, Any] | None, began: str = "") -> Path:
    (folder / ".hydra").mkdir(parents=True)
    note = {"command": f"mts3-{command.replace('_', '-')} seed=1", "began": began}
    (folder / ".hydra" / "run.json").write_text(json.dumps(note))
    if result is not None:
        (folder / RESULT_FILES[command]).write_text(json.dumps({"config": {}, **result}))
    return folder


def with_checkpoint(folder: Path) -> Path:
    (folder / "best").mkdir(parents=True)
    (folder / "best" / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize("command", RESULTS)
def test_each_kind_tells_what_it_found(tmp_path: Path, command: str) -> None:
    result, expected = RESULTS[command]
    run = read_run(write(tmp_path / "run", command, result))
    assert run is not None
    assert (run.command, run.finished, run.line) == (command, True, f"mts3-{command.replace('_', '-')} seed=1")
    assert describe_result(run) == expected


def test_every_result_file_has_a_line() -> None:
    assert set(RESULTS) == set(RESULT_FILES)


def test_what_has_not_finished_says_so(tmp_path: Path) -> None:
    begun = read_run(with_checkpoint(write(tmp_path / "begun", "train", None)))
    imagined = read_run(write(tmp_path / "half", "imagine", {**RESULTS["imagine"][0], "finished": False}))
    assert begun is not None
    assert imagined is not None
    assert (begun.finished, imagined.finished) == (False, False)
    assert describe_result(begun) == "not finished; keeps best"
    assert describe_result(imagined).startswith("not finished: TD3 in MTS3")


def test_numbers_of_another_form_are_told_as_such(tmp_path: Path) -> None:
    run = read_run(write(tmp_path / "run", "train", {"metrics": None}))
    assert run is not None
    assert describe_result(run) == "finished; its numbers have a form that is not known here"


def test_runs_are_listed_by_time_with_their_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("runs/evaluate/b"), "evaluate", RESULTS["evaluate"][0], "2026-01-03T10:20:30+00:00")
    with_checkpoint(write(Path("runs/train/a"), "train", RESULTS["train"][0], "2026-01-02T10:20:30+00:00"))
    write(Path("runs/plan/c"), "plan", None, "2026-01-04T10:20:30+00:00")
    # Of no command.
    Path("runs/notes").mkdir()
    Path("runs/notes/other.json").write_text("{}")
    main([])
    assert capsys.readouterr().out.splitlines() == [
        "runs/train/a  (mts3-train  2026-01-02 10:20)",
        f"    {RESULTS['train'][1]}",
        "    checkpoint: runs/train/a/best",
        "runs/evaluate/b  (mts3-evaluate  2026-01-03 10:20)",
        f"    {RESULTS['evaluate'][1]}",
        "runs/plan/c  (mts3-plan  2026-01-04 10:20)",
        "    not finished",
        "",
        "3 runs in runs",
        "checkpoint=latest is runs/train/a/best",
    ]
    main(["--finished", "runs"])
    assert "2 runs in runs" in capsys.readouterr().out
    main(["runs/evaluate"])
    assert "1 run in runs/evaluate\n" in capsys.readouterr().out


def test_a_folder_without_runs_and_a_damaged_result_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / "nothing")])
    assert stop.value.code == 2
    assert "ResultError: there is no run in" in capsys.readouterr().err
    folder = write(tmp_path / "run", "plan", {})
    (folder / "plan.json").write_text('{"result"')
    with pytest.raises(ResultError, match=r"plan\.json is damaged"):
        list(find_runs(tmp_path))


def test_a_benchmark_is_found_by_its_records(tmp_path: Path) -> None:
    record = tmp_path / "models" / "runs" / "maze" / "gru" / "seed_0.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    # The folder of its training, which is no run of mts3-train.
    (record.parent / "seed_0").mkdir()
    (record.parent / "seed_0" / "training.json").write_text("{}")
    (run,) = find_runs(tmp_path)
    assert (run.folder, run.command, run.finished) == (tmp_path / "models", "benchmark", True)
    assert describe_result(run) == "1 finished run of models"


def test_commands_without_numbers_are_no_runs(tmp_path: Path) -> None:
    write(tmp_path / "collect", "collect", None)
    write(tmp_path / "audit", "audit", None)
    assert [run.command for run in find_runs(tmp_path)] == ["audit"]
