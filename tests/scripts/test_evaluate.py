"""mts3-evaluate from the command line to its report, on a real Minari data set, with an untrained model."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.data import Normalizer, load_minari, split_episodes
from mbrl_mts3.data.minari_writer import MinariWriter
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.errors import (
    CheckpointError,
    ConfigurationError,
    EpisodeTooShortError,
    MTS3Error,
    SpaceMismatchError,
    UnknownDatasetError,
    UnknownObservationError,
)
from mbrl_mts3.metrics import open_loop
from mbrl_mts3.models import MTS3
from mbrl_mts3.scripts import evaluate
from mbrl_mts3.training import Checkpoint

OWN, OTHER = "mine/own-v0", "mine/other-v0"
HIDDEN = ("encoder_hidden", "window_hidden", "action_hidden", "control_hidden", "decoder_hidden")
Run = Callable[..., dict[str, Any]]


def write(dataset_id: str, *, dim: int = 3, bound: float = 1.0, lengths: tuple[int, ...] = (40,) * 20, seed: int = 0):
    generator = np.random.default_rng(seed)
    space, actions = spaces.Box(-np.inf, np.inf, (dim,), np.float64), spaces.Box(-bound, bound, (2,), np.float32)
    with MinariWriter(dataset_id, space, actions, overwrite=True) as writer:
        for steps in lengths:
            end = np.arange(steps) == steps - 1
            walk = generator.normal(size=(steps + 1, dim)).cumsum(0)
            action = generator.uniform(-bound, bound, (steps, 2)).astype(np.float32)
            writer.add(RawEpisode(walk, action, walk[1:, 0], np.zeros(steps, bool), end))


@pytest.fixture(autouse=True)
def _datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    write(OWN)
    write(OTHER, lengths=(35,) * 4, seed=1)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    dataset = load_minari(OWN, ["observation/2", "observation/0"])
    train = split_episodes(dataset.episodes, (0.6, 0.2, 0.2), 3).train
    return Checkpoint(
        model=MTS3(2, 2, (5,), latent_dim=4, **dict.fromkeys(HIDDEN, (8,))),
        normalizer=Normalizer.fit(train),
        selector=dataset.selector,
        observation_space=dataset.observation_space,
        action_space=dataset.action_space,
        dataset_id=OWN,
        content_hash=dataset.content_hash,
        split_seed=3,
        split_fractions=(0.6, 0.2, 0.2),
    ).save_pretrained(tmp_path / "checkpoint")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Path) -> Run:
    def command(*arguments: str) -> dict[str, Any]:
        words = ["mts3-evaluate", f"hydra.run.dir={tmp_path / 'run'}", f"checkpoint={checkpoint}", *arguments]
        monkeypatch.setattr(sys, "argv", words)
        evaluate.main()
        return dict(json.loads((tmp_path / "run" / "evaluation.json").read_text()))

    return command


def test_it_scores_the_held_out_episodes(
    tmp_path: Path, run: Run, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = run()
    printed = capsys.readouterr().out
    assert (written["context"], written["horizon"], written["split"], written["episodes"]) == (10, 31, "test", 4)
    assert written["observations"] == ["observation/2", "observation/0"]
    made = Checkpoint.from_pretrained(checkpoint)
    test = split_episodes(load_minari(OWN, made.selector.names).episodes, (0.6, 0.2, 0.2), 3).test
    expected = open_loop(made.model, made.normalizer, test, context=10, horizon=31)
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
    assert written["horizon"] == 26


def test_changed_data_is_noticed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write(OWN, seed=9)
    run("horizon=5")
    assert "has changed since the model was trained" in " ".join(capsys.readouterr().out.split())


def test_bad_predictions_are_reported(
    tmp_path: Path, run: Run, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Checkpoint.from_pretrained(checkpoint)
    scale = made.normalizer.action_scale * np.nan
    replace(made, normalizer=replace(made.normalizer, action_scale=scale)).save_pretrained(checkpoint)
    written = run("horizon=5")
    assert written["invalid_predictions"] > 0
    assert written["predictors"]["model"]["nrmse"][-1] is None
    assert "predictions were not finite" in " ".join(capsys.readouterr().out.split())
    assert "Attention" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["checkpoint=nowhere"], CheckpointError, "no checkpoint"),
        (["dataset_id=mine/owl-v0"], UnknownDatasetError, "mine/own-v0"),
        (["dataset_id=mine/narrow-v0"], SpaceMismatchError, "lacks what the model"),
        (["dataset_id=mine/wide-v0"], SpaceMismatchError, "observations"),
        (["dataset_id=mine/strong-v0"], SpaceMismatchError, "actions"),
        (["context=30", "horizon=20"], EpisodeTooShortError, "horizon of 11 or less"),
        (["context=60"], EpisodeTooShortError, "shorter context"),
        (["split=tset"], ConfigurationError, "train, validation, test or all"),
        (["sliding_stride=0"], ConfigurationError, "stride"),
        (["context=0"], ConfigurationError, "context"),
        (["show=[speed]"], UnknownObservationError, "observation/2"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    tmp_path: Path,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    error: type[MTS3Error],
    message: str,
) -> None:
    write("mine/narrow-v0", dim=2, lengths=(40,))
    write("mine/wide-v0", dim=4, lengths=(40,))
    write("mine/strong-v0", bound=2.0, lengths=(40,))
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{error.__name__}: ")
    assert message in said
    assert not [file for file in (tmp_path / "run").glob("*") if file.suffix in (".json", ".html", ".png")]
