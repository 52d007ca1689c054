"""mts3-evaluate from the command line to its report, on a real Minari data set, with an untrained model."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bad_input import NO_CHECKPOINT, TOO_LONG, UNKNOWN_SPLIT, BadInput, bad_input
from random_walks import OWN, write_walks

from mbrl_mts3.data import load_minari, split_episodes
from mbrl_mts3.errors import (
    CheckpointError,
    ConfigurationError,
    SpaceMismatchError,
    UnknownDatasetError,
    UnknownObservationError,
)
from mbrl_mts3.metrics import evaluate_imputation, evaluate_open_loop
from mbrl_mts3.models import Recalibration
from mbrl_mts3.training import Checkpoint

OTHER = "mine/other-v0"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(command: Callable[..., Run], checkpoint: Path) -> Run:
    write_walks(OTHER, lengths=(35,) * 4, seed=1)
    return command("evaluate", "evaluation.json", f"checkpoint={checkpoint}")


def test_it_scores_the_held_out_episodes(
    tmp_path: Path, run: Run, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = run()
    printed = capsys.readouterr().out
    assert (written["context"], written["horizon"], written["split"], written["episodes"]) == (10, 31, "test", 4)
    assert written["observations"] == ["observation/2", "observation/0"]
    assert written["imputation"] is None
    made = Checkpoint.from_pretrained(checkpoint)
    test = split_episodes(load_minari(OWN, made.selector.names).episodes, (0.6, 0.2, 0.2), 3).test
    expected = evaluate_open_loop(made.model, made.normalizer, test, context=10, horizon=31)
    np.testing.assert_allclose(written["predictors"]["model"]["nrmse"], expected.model.nrmse, rtol=1e-6)
    assert written["predictors"]["model"]["sliding"]["first_horizon"] == [1, 16, 17]
    assert written["predictors"]["reward"]["nrmse"][0] > 0
    for words in ("NRMSE, model", "NRMSE, repeat last observation", "coverage of 95% intervals", "steps ahead"):
        assert words in printed
    assert "changed" not in printed
    names = {file.name for file in (tmp_path / "run").iterdir()} - {".hydra", "evaluate.log"}
    assert names == {
        "evaluation.json",
        "report.html",
        "prediction.png",
        "error_by_horizon.png",
        "calibration.png",
    }
    assert "observation/2" in (tmp_path / "run" / "report.html").read_text()


def test_options_reach_the_evaluation(run: Run) -> None:
    written = run(
        "context=7", "horizon=12", "stride=2", "max_windows=9", "split=train", "show=[observation/0]", "threads=1"
    )
    assert {name: written[name] for name in ("context", "horizon", "stride", "windows", "split", "episodes")} == {
        "context": 7,
        "horizon": 12,
        "stride": 2,
        "windows": 9,
        "split": "train",
        "episodes": 12,
    }


def test_all_of_another_data_set_is_scored(run: Run) -> None:
    written = run(f"dataset_id={OTHER}")
    assert (written["split"], written["episodes"], written["dataset_id"]) == ("all", 4, OTHER)
    assert written["trained_on"] == OWN
    assert written["content_hash"] == load_minari(OTHER).content_hash
    assert written["trained_on_content_hash"] == load_minari(OWN).content_hash
    assert written["horizon"] == 26


def test_imputation_is_tested_where_asked(
    tmp_path: Path, run: Run, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = run("horizon=5", "imputation_rate=0.5", "seed=4")["imputation"]
    made = Checkpoint.from_pretrained(checkpoint)
    test = split_episodes(load_minari(OWN, made.selector.names).episodes, (0.6, 0.2, 0.2), 3).test
    expected = evaluate_imputation(made.model, made.normalizer, test, rate=0.5, context=10, horizon=5, seed=4)
    assert written["missing"]["nrmse"] == pytest.approx(float(expected.missing.nrmse), rel=1e-6)
    assert written["seed"] == 4
    printed = capsys.readouterr().out
    assert "50% of the observations missing" in printed
    assert "this one missing" in printed
    assert "Prediction while observations are missing" in (tmp_path / "run" / "report.html").read_text()


def test_recalibrated_intervals_are_used_where_asked(run: Run, checkpoint: Path) -> None:
    made = Checkpoint.from_pretrained(checkpoint)
    wide = Recalibration(torch.full((5, 2), 1e6), torch.full((5,), 1e6))
    replace(made, recalibration=wide).save_pretrained(checkpoint)
    plain = run("horizon=5")
    assert plain["recalibrated"] is False
    assert plain["predictors"]["model"]["coverage_error"]["0.95"] != pytest.approx([0.05] * 5)
    written = run("horizon=5", "recalibrated=true")
    assert written["recalibrated"] is True
    assert written["predictors"]["model"]["coverage_error"]["0.95"] == pytest.approx([0.05] * 5)
    assert written["predictors"]["model"]["nrmse"] == plain["predictors"]["model"]["nrmse"]


def test_changed_data_is_noticed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_walks(OWN, seed=9)
    run("horizon=5")
    assert "has changed since the model was trained" in " ".join(capsys.readouterr().out.split())


def test_bad_predictions_are_reported(
    tmp_path: Path, run: Run, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Checkpoint.from_pretrained(checkpoint)
    # The smallest number: actions become infinite.
    scale = torch.full_like(made.normalizer.action_scale, 1e-45)
    replace(made, normalizer=replace(made.normalizer, action_scale=scale)).save_pretrained(checkpoint)
    written = run("horizon=5")
    assert written["invalid_predictions"] > 0
    assert written["predictors"]["model"]["nrmse"][-1] is None
    assert "predictions that were not finite:" in " ".join(capsys.readouterr().out.split())
    assert "Attention" in (tmp_path / "run" / "report.html").read_text()


@bad_input(
    NO_CHECKPOINT,
    (["dataset_id=mine/owl-v0"], "mine/own-v0", UnknownDatasetError),
    (["dataset_id=mine/narrow-v0"], "lacks what the model", SpaceMismatchError),
    (["dataset_id=mine/wide-v0"], "observations", SpaceMismatchError),
    (["dataset_id=mine/strong-v0"], "actions", SpaceMismatchError),
    *TOO_LONG,
    UNKNOWN_SPLIT,
    (["sliding_stride=0"], "stride", ConfigurationError),
    (["context=0"], "context", ConfigurationError),
    (["show=[speed]"], "observation/2", UnknownObservationError),
    (["recalibrated=true"], "mts3-calibrate", CheckpointError),
    (["imputation_rate=1"], "between 0 and 1", ConfigurationError),
)
def test_bad_input_is_refused_before_anything_is_written(
    tmp_path: Path, run: Run, refused: Callable[..., str], case: BadInput
) -> None:
    write_walks("mine/narrow-v0", dim=2, lengths=(40,))
    write_walks("mine/wide-v0", dim=4, lengths=(40,))
    write_walks("mine/strong-v0", bound=2.0, lengths=(40,))
    refused(run, *case.words, error=case.error, message=case.message)
    assert not [file for file in (tmp_path / "run").glob("*") if file.suffix in (".json", ".html", ".png")]
