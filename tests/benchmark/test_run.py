"""A run does what is missing, and nothing twice."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from power_cut import power_cut

from mbrl_mts3.benchmark import RunRecord
from mbrl_mts3.data import split_episodes
from mbrl_mts3.errors import EpisodeTooShortError, ResultError
from mbrl_mts3.metrics import evaluate_imputation, evaluate_open_loop
from mbrl_mts3.training import Checkpoint, WorldModelTrainer


@pytest.fixture
def stages() -> list[str]:
    return []


@pytest.fixture
def no_training(monkeypatch):
    def fit(*_, **__):
        raise AssertionError("nothing is left to train")

    return lambda: monkeypatch.setattr(WorldModelTrainer, "fit", fit)


def test_a_run_is_scored_on_its_test_episodes_and_then_left_alone(make_run, dataset, stages, no_training):
    run = make_run(seed=3)
    record = run.finish(on_stage=stages.append)
    best = Checkpoint.from_pretrained(run.files.folder / "best")
    test = split_episodes(dataset.episodes).test
    # 5 steps of context leave 26 of the 31 observations of an episode.
    expected = evaluate_open_loop(best.model, best.normalizer, test, context=5, horizon=26, max_windows=2000)
    np.testing.assert_allclose(record.curves["nrmse"], expected.model.nrmse, rtol=1e-9)
    np.testing.assert_allclose(record.curves["nll"], expected.model.nll, rtol=1e-9)
    np.testing.assert_allclose(record.curves["reward_nrmse"], expected.reward.nrmse, rtol=1e-9)
    np.testing.assert_allclose(record.curves["coverage_error_80"], (expected.model.coverage_at(0.8) - 0.8).abs())
    np.testing.assert_allclose(record.references["persistence"]["nrmse"], expected.persistence.nrmse, rtol=1e-9)
    assert record.sliding["first_horizon"] == (1, 5, 9, 13, 17, 21, 23)
    scalars = record.scalars
    assert (scalars["updates"], scalars["invalid_predictions"], scalars["windows"]) == (4, 0, len(expected.windows))
    assert scalars["parameters"] == sum(value.numel() for value in best.model.parameters())
    assert scalars["steps_per_second"] == pytest.approx(4 * 8 * 10 / scalars["training_seconds"])
    assert (record.seed, record.options.data["content_hash"]) == (3, "abc")
    no_training()
    again = run.finish(on_stage=stages.append)
    assert again == RunRecord.load(run.files.result) == record
    assert stages == ["training", "evaluation", "already finished"]


def test_the_imputation_test_joins_and_needs_no_new_training(make_run, dataset, no_training, stages):
    assert not any("imputation" in name for name in make_run().finish().scalars)
    no_training()
    run = make_run(imputation_rate=0.5)
    with pytest.raises(ResultError, match=r"evaluation.imputation_rate was None, now 0.5"):
        run.finish()
    record = run.finish(overwrite=True, on_stage=stages.append)
    best = Checkpoint.from_pretrained(run.files.folder / "best")
    test = split_episodes(dataset.episodes).test
    expected = evaluate_imputation(best.model, best.normalizer, test, rate=0.5, context=5, horizon=26)
    assert record.scalars["imputation_missing_nrmse"] == pytest.approx(float(expected.missing.nrmse[0]))
    assert record.scalars["imputation_shown_nll"] == pytest.approx(float(expected.shown.nll[0]))
    assert stages == ["evaluation"]


def test_an_interrupted_training_goes_on(make_run, monkeypatch, stages):
    with power_cut(monkeypatch, step=3):
        make_run().finish()
    assert not make_run().files.result.exists()
    starts = []
    monkeypatch.setattr(
        "mbrl_mts3.training.WorldModelModule.on_train_batch_start", lambda self, *_: starts.append(self.global_step)
    )
    record = make_run().finish(on_stage=stages.append)
    assert stages == ["training continues where it was interrupted", "evaluation"]
    assert starts == [2, 3]
    assert record.scalars["updates"] == 4


def test_a_finished_training_is_only_evaluated(make_run, monkeypatch, stages, no_training):
    def fail(*_):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("mbrl_mts3.benchmark.run.BenchmarkRun._evaluate", fail)
        with pytest.raises(RuntimeError, match="killed"):
            make_run().finish()
    no_training()
    make_run().finish(on_stage=stages.append)
    # Another evaluation needs no training either.
    record = make_run(horizon=9).finish(overwrite=True, on_stage=stages.append)
    assert record.horizon == RunRecord.load(make_run().files.result).horizon == 9
    assert stages == ["evaluation", "evaluation"]


def test_other_options_are_refused_or_replaced_when_asked(make_run, dataset):
    first = make_run().finish()
    for other, message in (
        (make_run(max_updates=2), "training.max_updates was 4, now 2"),
        (make_run(context=6), "evaluation.context was 5, now 6"),
        (make_run(latent_dim=6), "model.latent_dim was 4, now 6"),
        (make_run(data=dataclasses.replace(dataset, content_hash="def")), "data.content_hash was abc, now def"),
    ):
        with pytest.raises(ResultError, match=message):
            other.finish()
    assert RunRecord.load(make_run().files.result) == first
    replaced = make_run(max_updates=2).finish(overwrite=True)
    assert replaced.scalars["updates"] == 2
    assert RunRecord.load(make_run().files.result) == replaced


def test_an_unfinished_training_with_other_options_is_refused_too(make_run):
    run = make_run()
    run.finish()
    run.files.result.unlink()
    with pytest.raises(ResultError, match=r"training.learning_rate was 0.003, now 0.1"):
        make_run(learning_rate=0.1).finish()


@pytest.mark.parametrize("options", [{"horizon": 27}, {"context": 40}])
def test_episodes_too_short_are_found_before_the_training(make_run, options, no_training):
    no_training()
    with pytest.raises(EpisodeTooShortError):
        make_run(**options).finish()


def test_damage_is_told(make_run):
    run = make_run()
    run.finish()
    text = run.files.result.read_text()
    run.files.result.write_text(text[: len(text) // 2])
    with pytest.raises(ResultError, match="is damaged"):
        run.finish()
    run.files.result.write_text(json.dumps({**json.loads(text), "format_version": 99}))
    with pytest.raises(ResultError, match="format version 99"):
        run.finish()
    run.files.result.unlink()
    run.files.training.write_text("{}")
    with pytest.raises(ResultError, match="is damaged"):
        run.finish()
