"""Training reaches a known optimum, resumes where it was, and refuses what cannot work."""

from __future__ import annotations

import csv
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch
from power_cut import power_cut

from mbrl_mts3.data import ObservationSelector, split_episodes
from mbrl_mts3.errors import CheckpointError, ConfigurationError, EpisodeTooShortError
from mbrl_mts3.models import Ensemble
from mbrl_mts3.training import Checkpoint, WorldModelTrainer

QUICK = {
    "length": 20,
    "batch_size": 16,
    "max_updates": 8,
    "validation_interval": 4,
    "validation_windows": 16,
    "validation_length": 20,
    "validation_context": 5,
    "progress": False,
}
CONTEXT, HORIZON = 10, 20


def exact_open_loop(episode, context, horizon):
    """Mean and variance of o_{context}..o_{context + horizon - 1} given o_0..o_{context - 1} and all actions."""
    mean, variance, means, variances = float(episode.observations[context - 1, 0]), 0.0, [], []
    for h in range(horizon):
        mean = 0.9 * mean + 0.5 * float(episode.actions[context - 1 + h, 0])
        variance = 0.81 * variance + 0.04
        means.append(mean)
        variances.append(variance)
    return np.array(means), np.array(variances)


def divergence(mean, variance, other_mean, other_variance):
    """Kullback-Leibler divergence of the first Gaussian from the second: nats that the second one loses on average."""
    ratio = variance / other_variance
    return 0.5 * ((mean - other_mean) ** 2 / other_variance + ratio - 1 - np.log(ratio))


@pytest.mark.parametrize("small", ["small_mts3", "small_gru"])
def test_it_learns_the_exact_predictive_distribution_of_a_linear_system(linear_dataset, small, tmp_path, request):
    trainer = WorldModelTrainer(
        **{
            **QUICK,
            "length": 30,
            "batch_size": 64,
            "max_updates": 500,
            "validation_interval": 250,
            "learning_rate": 0.01,
        }
    )
    checkpoint = trainer.fit(linear_dataset, request.getfixturevalue(small), tmp_path)
    model, lost = checkpoint.physical_model(), []
    for episode in split_episodes(linear_dataset.episodes).test:
        observations, actions = torch.tensor(episode.observations), torch.tensor(episode.actions)
        with torch.no_grad():
            belief, _ = model.filter(observations[None, : CONTEXT - 1], actions[None, : CONTEXT - 1])
            belief = model.observe(belief, observations[None, CONTEXT - 1])
            future = model.imagine(belief, actions[None, CONTEXT - 1 : CONTEXT - 1 + HORIZON])
        exact = exact_open_loop(episode, CONTEXT, HORIZON)
        lost.append(divergence(*exact, future.mean[0, :, 0].numpy(), future.variance[0, :, 0].numpy()))
    assert np.mean(lost) < 0.2, "nats per step more than the best possible"


def test_it_writes_best_last_logs_and_metrics(linear_dataset, small_mts3, tmp_path):
    best = WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, tmp_path)
    assert {"best", "last", "logs", "resume.ckpt"} <= {path.name for path in tmp_path.iterdir()}
    last = Checkpoint.from_pretrained(tmp_path / "last")
    assert last.metrics["step"] == 8
    assert best.metrics["validation/crps"] <= last.metrics["validation/crps"]
    assert best.dataset_id == "test/linear-v0"
    rows = list(csv.DictReader((tmp_path / "logs" / "csv" / "metrics.csv").open()))
    assert any(row["validation/nll"] for row in rows)
    assert list((tmp_path / "logs" / "tensorboard").glob("events*"))


def weights(folder):
    return Checkpoint.from_pretrained(folder / "last").model.state_dict()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(linear_dataset, small_mts3, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        WorldModelTrainer(**QUICK, seed=seed).fit(linear_dataset, small_mts3, tmp_path / name)
    first, second, third = (weights(tmp_path / name) for name in "abc")
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], third[key]) for key in first)


def test_models_of_any_period_train_on_the_same_windows_under_the_same_masks(
    linear_dataset, small_mts3, small_gru, tmp_path
):
    """Once `mask_period` says which, that is; their own periods, 5 and 1, would hide other windows."""

    def seen(name, small, seed=0, **options):
        batches = []

        def make(*sizes):
            model = small(*sizes)
            model.register_forward_pre_hook(lambda module, given: batches.append(given) if module.training else None)
            return model

        WorldModelTrainer(**QUICK, seed=seed, **options).fit(linear_dataset, make, tmp_path / name)
        assert len(batches) == QUICK["max_updates"]
        return [torch.stack(kind) for kind in zip(*batches, strict=True)]

    first, second = seen("mts3", small_mts3, mask_period=4), seen("gru", small_gru, mask_period=4)
    assert all(map(torch.equal, first, second))
    *_, own = seen("gru_own", small_gru)
    assert not torch.equal(own, second[-1])
    *_, other = seen("gru_seed", small_gru, seed=1, mask_period=4)
    assert not torch.equal(other, second[-1])


def test_a_resumed_run_ends_where_an_unbroken_one_does(linear_dataset, small_mts3, tmp_path, monkeypatch):
    WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, tmp_path / "whole")
    broken = tmp_path / "broken"

    with power_cut(monkeypatch, step=5):
        WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, broken)
    assert Checkpoint.from_pretrained(broken / "last").metrics["step"] == 4
    WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, broken, resume=broken)
    whole, resumed = weights(tmp_path / "whole"), weights(broken)
    for key in whole:
        torch.testing.assert_close(resumed[key], whole[key], msg=key)


@pytest.mark.parametrize(
    "option",
    [
        {"truncation": 5},
        {"gradient_clip": 0.01},
        {"mask_suffix_probability": 0.0},
        {"mask_step_rate": 0.9},
        {"loss_weights": {"reward": 0.0}},
        {"learning_rate": 1e-4},
        {"precision": "bf16-mixed"},
        {"length": 15},
        {"split_seed": 5},
    ],
)
def test_every_option_changes_the_weights(linear_dataset, small_mts3, tmp_path, option):
    WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, tmp_path / "plain")
    WorldModelTrainer(**{**QUICK, **option}).fit(linear_dataset, small_mts3, tmp_path / "other")
    plain, other = weights(tmp_path / "plain"), weights(tmp_path / "other")
    assert any(not torch.equal(plain[key], other[key]) for key in plain)


UNMASKED = {"mask_step_rate": 0.0, "mask_window_rate": 0.0, "mask_suffix_probability": 0.0}


@pytest.mark.parametrize("option", [{"microbatch": 4}, {"recompute_every": 10}])
def test_saving_memory_leaves_the_result_as_it_was(linear_dataset, small_mts3, tmp_path, option):
    """Masks are sampled for each part anew, so parts are compared without them."""
    WorldModelTrainer(**QUICK, **UNMASKED).fit(linear_dataset, small_mts3, tmp_path / "plain")
    WorldModelTrainer(**QUICK, **UNMASKED, **option).fit(linear_dataset, small_mts3, tmp_path / "other")
    plain, other = weights(tmp_path / "plain"), weights(tmp_path / "other")
    for key in plain:
        torch.testing.assert_close(other[key], plain[key], atol=1e-4, rtol=1e-3)
    assert Checkpoint.from_pretrained(tmp_path / "other" / "last").metrics["step"] == 8


def test_an_ensemble_trains_like_any_model_and_comes_back_as_it_was(linear_dataset, tmp_path):
    def make(observation_dim: int, action_dim: int) -> Ensemble:
        return Ensemble(observation_dim, action_dim, "ProbabilisticMLP", 3, {"hidden": (8,)})

    checkpoint = WorldModelTrainer(**QUICK).fit(linear_dataset, make, tmp_path / "run")
    last = weights(tmp_path / "run")["stack.skeleton.network.mean_head.weight"]
    assert all((last[i] - last[j]).abs().max() > 1e-3 for i in range(3) for j in range(i))
    prediction = checkpoint.physical_model().filter(torch.randn(2, 4, 1), torch.randn(2, 4, 1))[1]
    assert prediction.epistemic_variance.min() > 0
    for option in ({"truncation": 5}, {"recompute_every": 5}):
        with pytest.raises(ConfigurationError, match=r"Ensemble does not.*microbatch"):
            WorldModelTrainer(**QUICK, **option).fit(linear_dataset, make, tmp_path / "refused")


def test_patience_stops_early_and_the_clock_too(linear_dataset, small_mts3, tmp_path):
    long = {**QUICK, "max_updates": 100_000, "validation_interval": 2}
    WorldModelTrainer(**long, patience=2, learning_rate=0.0).fit(linear_dataset, small_mts3, tmp_path / "patience")
    assert Checkpoint.from_pretrained(tmp_path / "patience" / "last").metrics["step"] == 6
    WorldModelTrainer(**{**long, "validation_interval": 100_000}, max_seconds=2.0).fit(
        linear_dataset, small_mts3, tmp_path / "clock"
    )
    assert 0 < Checkpoint.from_pretrained(tmp_path / "clock" / "last").metrics["step"] < 100_000


def test_bad_input_is_refused_before_training(linear_dataset, short_dataset, small_mts3, tmp_path):
    with pytest.raises(EpisodeTooShortError, match="20 steps"):
        WorldModelTrainer(**QUICK).fit(short_dataset, small_mts3, tmp_path / "x")
    with pytest.raises(ConfigurationError, match="multiple"):
        WorldModelTrainer(**QUICK, truncation=7).fit(linear_dataset, small_mts3, tmp_path / "x")
    with pytest.raises(ConfigurationError, match="one length"):
        WorldModelTrainer(**QUICK, truncation=5, recompute_every=10).fit(linear_dataset, small_mts3, tmp_path / "x")
    with pytest.raises(ConfigurationError, match="divide"):
        WorldModelTrainer(**QUICK, microbatch=5)
    with pytest.raises(CheckpointError, match="nothing to resume"):
        WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, tmp_path / "x", resume=tmp_path / "none")
    with pytest.raises(ConfigurationError, match="unknown logger"):
        WorldModelTrainer(**QUICK, loggers=("paper",)).fit(linear_dataset, small_mts3, tmp_path / "x")
    with pytest.raises(ConfigurationError, match=r"beta=1.5: expected 0"):
        WorldModelTrainer(beta=1.5)
    with pytest.raises(ConfigurationError, match="validation_context"):
        WorldModelTrainer(**{**QUICK, "validation_context": 20})
    assert not (tmp_path / "x" / "best").exists()


def test_entries_that_are_not_learned_are_named(linear_dataset, small_mts3, tmp_path):
    """A column of white noise beside the state, which is predictable: only the noise is named."""
    generator = np.random.default_rng(0)
    episodes = []
    for episode in linear_dataset.episodes:
        columns = np.c_[episode.observations, generator.normal(size=len(episode.observations))]
        episodes.append(replace(episode, observations=columns.astype(np.float32)))
    space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    noisy = replace(
        linear_dataset,
        episodes=episodes,
        observation_space=space,
        selector=ObservationSelector.from_space(space),
    )
    options = {"max_updates": 120, "validation_interval": 60, "validation_windows": 200, "learning_rate": 0.01}
    trainer = WorldModelTrainer(**{**QUICK, **options})
    with pytest.warns(
        UserWarning, match=r"one step ahead, observation/1 of 2 entries are predicted hardly better"
    ) as warned:
        checkpoint = trainer.fit(noisy, small_mts3, tmp_path)
    assert sum("one step ahead" in str(one.message) for one in warned) == 1
    assert checkpoint.metrics["one_step/observation/0"] < 0.5 < 0.9 < checkpoint.metrics["one_step/observation/1"]
