"""mts3-inspect-latents from the command line to its picture, on real Minari data sets, with untrained models."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bad_input import UNKNOWN_SPLIT, BadInput, bad_input
from random_walks import FRACTIONS, SEED, save_untrained, write_walks

from mbrl_mts3.data import load_minari, split_episodes
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.metrics import collect_slow_latents
from mbrl_mts3.reporting import Projection
from mbrl_mts3.scripts import inspect_latents
from mbrl_mts3.training import Checkpoint

PLAIN, GOALS = "mine/plain-v0", "mine/goals-v0"
Run = Callable[..., dict[str, np.ndarray]]


@pytest.fixture(autouse=True)
def _datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    write_walks(PLAIN)
    write_walks(GOALS, goal=True)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def command(*arguments: str) -> dict[str, np.ndarray]:
        monkeypatch.setattr(sys, "argv", ["mts3-inspect-latents", f"hydra.run.dir={tmp_path / 'run'}", *arguments])
        inspect_latents.main()
        with np.load(tmp_path / "run" / "latents.npz") as arrays:
            return dict(arrays)

    return command


def test_it_follows_the_test_episodes(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_untrained(tmp_path / "checkpoint", PLAIN)
    found = run(f"checkpoint={folder}")
    made = Checkpoint.from_pretrained(folder)
    assert (str(found["dataset_id"]), str(found["content_hash"])) == (PLAIN, load_minari(PLAIN).content_hash)
    test = split_episodes(load_minari(PLAIN, made.selector.names).episodes, FRACTIONS, SEED).test
    expected = collect_slow_latents(made.model, made.normalizer, test)
    np.testing.assert_allclose(found["mean"], expected.mean, atol=1e-6)
    np.testing.assert_allclose(found["projected"], Projection.fit(expected.mean.numpy()).points, atol=1e-5)
    assert found["step_of_the_episode"].tolist() == [5, 10, 15, 20, 25, 30, 35, 40] * 4
    returns = [episode.rewards.sum() for episode in test]
    np.testing.assert_allclose(found["return_of_the_episode"], np.repeat(returns, 8), rtol=1e-5)
    assert "desired_goal_0" not in found
    assert "two components hold" in capsys.readouterr().out
    assert (tmp_path / "run" / "latents.png").read_bytes().startswith(b"\x89PNG")


def test_goals_tell_the_tasks_apart(tmp_path: Path, run: Run) -> None:
    found = run(f"checkpoint={save_untrained(tmp_path / 'checkpoint', GOALS)}", "split=validation")
    assert {"step_of_the_episode", "return_of_the_episode"} <= set(found)
    assert found["desired_goal_0"].tolist() == [0, 0, 0, 0, 2, 2, 2, 2] * 4
    order = np.random.default_rng(SEED).permutation(20)
    np.testing.assert_allclose(found["desired_goal_1"], np.repeat(0.1 * np.sort(order[12:16]), 8), rtol=1e-5)


def test_a_level_can_be_chosen(tmp_path: Path, run: Run) -> None:
    folder = save_untrained(tmp_path / "checkpoint", PLAIN, time_scales=(5, 20))
    slowest = run(f"checkpoint={folder}", "colours=[quality]", "split=all")
    assert set(slowest["step"].tolist()) == {20, 40}
    assert len(np.unique(slowest["episode"])) == 20
    assert "step_of_the_episode" not in slowest
    faster = run(f"checkpoint={folder}", "level=1", "colours=[time]")
    assert set(faster["step"].tolist()) == {5, 10, 15, 20, 25, 30, 35, 40}


@bad_input(
    ([], "Models that have some are MTS3", ConfigurationError, {"time_scales": ()}),
    ([], "cells of 60 steps", EpisodeTooShortError, {"time_scales": (60,)}),
    (["level=2"], "slow levels 1 to 1", ConfigurationError),
    (["projection=tsne"], "pca, umap", ConfigurationError),
    (["colours=[speed]"], "time, quality, task", ConfigurationError),
    (["colours=[]"], "time, quality, task", ConfigurationError),
    (["colours=[task]"], "no desired_goal", ConfigurationError),
    UNKNOWN_SPLIT,
)
def test_bad_input_is_refused(tmp_path: Path, run: Run, refused: Callable[..., str], case: BadInput) -> None:
    folder = save_untrained(tmp_path / "checkpoint", PLAIN, **case.checkpoint)
    refused(run, f"checkpoint={folder}", *case.words, error=case.error, message=case.message)
    assert not (tmp_path / "run" / "latents.png").exists()
