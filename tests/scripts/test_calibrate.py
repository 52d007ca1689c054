"""mts3-calibrate from the command line to the checkpoint, on a real Minari data set, with an untrained model."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bad_input import NO_CHECKPOINT, TOO_LONG, BadInput, bad_input
from random_walks import FRACTIONS, OWN, SEED

from mbrl_mts3.data import load_minari, split_episodes
from mbrl_mts3.errors import ConfigurationError, DataError
from mbrl_mts3.metrics import evaluate_open_loop, fit_recalibration
from mbrl_mts3.models import Recalibration
from mbrl_mts3.training import Checkpoint

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(command: Callable[..., Run], checkpoint: Path) -> Run:
    return command("calibrate", "calibration.json", f"checkpoint={checkpoint}")


def test_it_fits_on_validation_judges_on_test_and_stores(
    tmp_path: Path, run: Run, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Checkpoint.from_pretrained(checkpoint)
    written = run("horizon=9", "stride=4")
    assert (written["dataset_id"], written["content_hash"]) == (OWN, before.content_hash)
    after = Checkpoint.from_pretrained(checkpoint)
    splits = split_episodes(load_minari(OWN, before.selector.names).episodes, FRACTIONS, SEED)
    model, normalizer = before.model, before.normalizer
    expected = fit_recalibration(model, normalizer, splits.validation, context=10, horizon=9, stride=4)
    assert after.recalibration is not None
    torch.testing.assert_close(after.recalibration.observation, expected.observation)
    torch.testing.assert_close(after.recalibration.reward, expected.reward)
    for name, scored in (("before", model), ("after", after.recalibrated_model())):
        errors = evaluate_open_loop(scored, normalizer, splits.test, context=10, horizon=9, stride=4).model
        np.testing.assert_allclose(written[name]["predictors"]["model"]["coverage"], errors.coverage)
    # All else is as it was.
    assert all(
        torch.equal(a, b) for a, b in zip(*(c.model.state_dict().values() for c in (before, after)), strict=True)
    )
    assert {name: getattr(after, name) for name in ("dataset_id", "split_seed", "metrics", "training")} == {
        name: getattr(before, name) for name in ("dataset_id", "split_seed", "metrics", "training")
    }
    printed = capsys.readouterr().out
    for words in ("coverage of 95% intervals, before", "NLL (nats), after", "over all 9 horizons", "recalibrated=true"):
        assert words in printed
    assert (tmp_path / "run" / "calibration.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_fitting_again_starts_from_the_model_itself(run: Run, checkpoint: Path) -> None:
    made = Checkpoint.from_pretrained(checkpoint)
    wild = Recalibration(torch.full((3, 2), 50.0), torch.full((3,), 50.0))
    replace(made, recalibration=wild).save_pretrained(checkpoint)
    run("horizon=6", "stride=9", "rule=quantile")
    again = Checkpoint.from_pretrained(checkpoint).recalibration
    validation = split_episodes(load_minari(OWN, made.selector.names).episodes, FRACTIONS, SEED).validation
    options = {"context": 10, "horizon": 6, "stride": 9, "rule": "quantile"}
    expected = fit_recalibration(made.model, made.normalizer, validation, **options)
    torch.testing.assert_close(again.observation, expected.observation)


def test_lengths_follow_the_model_and_the_shorter_split(run: Run) -> None:
    written = run()
    assert (written["before"]["context"], written["before"]["horizon"]) == (10, 31)
    assert (written["fitted_episodes"], written["test_episodes"]) == (4, 4)


def test_it_fits_on_all_but_the_test_episodes_if_asked(run: Run, checkpoint: Path) -> None:
    before = Checkpoint.from_pretrained(checkpoint)
    written = run("horizon=6", "stride=9", "fit_on=training_and_validation")
    splits = split_episodes(load_minari(OWN, before.selector.names).episodes, FRACTIONS, SEED)
    episodes = [*splits.validation, *splits.train]
    assert (written["fit_on"], written["fitted_episodes"]) == ("training_and_validation", len(episodes))
    expected = fit_recalibration(before.model, before.normalizer, episodes, context=10, horizon=6, stride=9)
    torch.testing.assert_close(Checkpoint.from_pretrained(checkpoint).recalibration.observation, expected.observation)


@bad_input(
    (["fit_on=test"], "training_and_validation", ConfigurationError),
    (["rule=median"], "mean_square, quantile", ConfigurationError),
    *TOO_LONG,
    (["stride=0"], "stride", ConfigurationError),
    NO_CHECKPOINT,
)
def test_bad_input_changes_nothing(
    tmp_path: Path, run: Run, checkpoint: Path, refused: Callable[..., str], case: BadInput
) -> None:
    refused(run, *case.words, error=case.error, message=case.message)
    assert not (checkpoint / "recalibration.safetensors").exists()
    assert not (tmp_path / "run" / "calibration.json").exists()


def test_data_that_has_changed_is_refused(run: Run, checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Checkpoint.from_pretrained(checkpoint)
    replace(made, content_hash="other").save_pretrained(checkpoint)
    with pytest.raises(SystemExit):
        run()
    assert capsys.readouterr().err.startswith(f"{DataError.__name__}: {OWN} has changed")


def test_factors_that_make_it_worse_are_told(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    same = Recalibration(torch.ones(3, 2), torch.ones(3))
    monkeypatch.setattr("mbrl_mts3.scripts.calibrate.fit_recalibration", lambda *_, **__: same)
    run("horizon=6", "stride=9")
    assert "less likely" not in capsys.readouterr().out
    wild = Recalibration(torch.full((3, 2), 1e6), torch.full((3,), 1e6))
    monkeypatch.setattr("mbrl_mts3.scripts.calibrate.fit_recalibration", lambda *_, **__: wild)
    run("horizon=6", "stride=9")
    assert "the test episodes are less likely with these factors: NLL" in " ".join(capsys.readouterr().out.split())


def test_a_checkpoint_of_the_hub_is_refused_before_any_work(run: Run, refused: Callable[..., str]) -> None:
    assert "is only read" in refused(run, "checkpoint=hf://me/walk", error=ConfigurationError)
