import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from mbrl_mts3.data import Normalizer
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.metrics import LEVELS, evaluate_open_loop
from mbrl_mts3.models import MTS3

CONTEXT, HORIZON = 4, 10
LENGTH = CONTEXT + HORIZON - 1


@pytest.fixture
def episodes(world):
    """A long one, one that is a single window, one shorter than a window, one too short for any open-loop step."""
    return [world.episode(steps, seed=steps, number=i) for i, steps in enumerate((41, LENGTH, 8, CONTEXT - 1))]


@pytest.fixture
def normalizer() -> Normalizer:
    vectors = [[0.2, -0.3], [2.0, 0.4], [0.0, 0.0], [1.0, 1.0]]
    return Normalizer(*map(torch.tensor, vectors), torch.tensor(0.4), torch.tensor(3.0))


def pieces(episodes, stride):
    """Every window by hand: (observations, actions, rewards), the last one of each episode reaching its end."""
    for episode in episodes:
        last = max(0, len(episode) - LENGTH)
        if len(episode) >= CONTEXT:
            for start in sorted({*range(0, last + 1, stride), last}):
                end = min(start + LENGTH, len(episode))
                yield episode.observations[start : end + 1], episode.actions[start:end], episode.rewards[start:end]


def oracle(world, normalizer, episodes, stride):
    """Rows (horizon, mean, variance, target, last observation, reward mean, reward variance, reward), normalised."""
    centre, scale = normalizer.observation_mean.numpy(), normalizer.observation_scale.numpy()
    for observations, actions, rewards in pieces(episodes, stride):
        seen = (observations - centre) / scale
        mean, variance = world.forecast(seen, actions, CONTEXT)
        reward = (rewards[CONTEXT - 1 :] - 0.4) / 3.0
        for h, (m, v) in enumerate(zip(mean, variance, strict=True)):
            yield h, m, v, seen[CONTEXT + h], seen[CONTEXT - 1], m.sum(), reward[h]


def crps(mean, deviation, target) -> float:
    """Mean of the integral over all quantiles of their pinball losses, which is half the CRPS."""
    levels = (np.arange(1000) + 0.5) / 1000
    quantiles = stats.norm.ppf(levels, mean[..., None], deviation[..., None])
    below = target[..., None] < quantiles
    return float(2 * ((below - levels) * (quantiles - target[..., None])).mean())


@pytest.mark.parametrize("stride", [1, 5])
@pytest.mark.parametrize("batch_size", [1, 64])
def test_every_number_equals_dense_numpy(world, make_model: Callable, normalizer, episodes, stride, batch_size) -> None:
    result = evaluate_open_loop(
        make_model(), normalizer, episodes, context=CONTEXT, horizon=HORIZON, stride=stride, batch_size=batch_size
    )
    rows = list(oracle(world, normalizer, episodes, stride))
    scale = normalizer.observation_scale.numpy().astype(float)
    for h in range(HORIZON):
        _, mean, variance, target, last, reward_mean, reward = (
            np.array(column, dtype=float) for column in zip(*(row for row in rows if row[0] == h), strict=True)
        )
        assert result.model.count[h] == len(mean)
        squared = (mean - target) ** 2
        close = {"rel": 1e-3}
        assert float(result.model.nrmse[h]) == pytest.approx(np.sqrt(squared.mean()), **close)
        assert float(result.model.rmse[h]) == pytest.approx(np.sqrt((squared * scale**2).mean()), **close)
        by_dimension = np.sqrt(squared.mean(0)) * scale
        np.testing.assert_allclose(result.model.rmse_by_dimension[h], by_dimension, rtol=1e-3)
        nll = -stats.norm.logpdf(target, mean, np.sqrt(variance)).sum(1).mean()
        assert float(result.model.nll[h]) == pytest.approx(nll, abs=1e-3)
        physical = -stats.norm.logpdf(target * scale, mean * scale, np.sqrt(variance) * scale).sum(1).mean()
        assert float(result.model.nll_original[h]) == pytest.approx(physical, abs=1e-3)
        each = -stats.norm.logpdf(target, mean, np.sqrt(variance)).sum(1)
        assert float(result.model.nll_trimmed[h]) == pytest.approx(stats.trim_mean(each, 0.05), abs=1e-3)
        of_windows = np.sort(np.sqrt(squared.mean(1)))
        for share, found in ((0.5, result.model.nrmse_median), (0.9, result.model.nrmse_p90)):
            # The smallest error that at least this share of the windows does not exceed.
            assert float(found[h]) == pytest.approx(of_windows[math.ceil(share * len(of_windows)) - 1], **close)
        half = stats.norm.interval(0.8)[1] * np.sqrt(variance)
        assert float(result.model.coverage_at(0.8)[h]) == pytest.approx((np.abs(target - mean) <= half).mean())
        assert float(result.persistence.nrmse[h]) == pytest.approx(np.sqrt(((last - target) ** 2).mean()), **close)
        assert float(result.training_mean.nrmse[h]) == pytest.approx(np.sqrt((target**2).mean()), **close)
        error = float(result.model.coverage_error(0.8)[h])
        assert error == pytest.approx((np.abs(target - mean) <= half).mean() - 0.8)
        assert float(result.model.crps[h]) == pytest.approx(crps(mean, np.sqrt(variance), target), rel=5e-3)
        assert float(result.persistence.crps[h]) == pytest.approx(np.abs(last - target).mean(), **close)
        unit = -stats.norm.logpdf(target).sum(1).mean()
        assert float(result.training_mean.nll[h]) == pytest.approx(unit, abs=1e-4)
        assert float(result.reward.rmse[h]) == pytest.approx(3 * np.sqrt(((reward_mean - reward) ** 2).mean()), **close)
        assert float(result.reward_training_mean.nrmse[h]) == pytest.approx(np.sqrt((reward**2).mean()), **close)
    assert len(result.windows) == sum(row[0] == 0 for row in rows)
    assert result.skipped_episodes == 1
    assert result.invalid_predictions == 0


def test_the_last_step_of_every_episode_counts(world, make_model: Callable, identity, episodes) -> None:
    before = evaluate_open_loop(make_model(), identity, episodes, context=CONTEXT, horizon=HORIZON, stride=7)
    for number, horizon in ((0, HORIZON - 1), (1, HORIZON - 1), (2, 8 - CONTEXT)):
        moved = list(episodes)
        observations = episodes[number].observations.copy()
        observations[-1] += 100
        moved[number] = replace(episodes[number], observations=observations)
        after = evaluate_open_loop(make_model(), identity, moved, context=CONTEXT, horizon=HORIZON, stride=7)
        changed = (after.model.nrmse != before.model.nrmse).nonzero()[:, 0].tolist()
        assert changed == [horizon]


def test_the_exact_model_is_calibrated_and_beats_the_references(world, make_model: Callable) -> None:
    episodes = [world.episode(60, seed=100 + i) for i in range(120)]
    result = evaluate_open_loop(make_model(), Normalizer.identity(2, 2), episodes, context=10, horizon=20)
    assert result.stride == 5
    # A few thousand correlated windows: the statistical error stays well below 0.03.
    assert float(result.calibration_error.max()) < 0.03
    for level in (0.5, 0.8, 0.95):
        assert float(result.model.coverage_error(level).abs().max()) < 0.04
    assert bool((result.model.crps < result.persistence.crps).all())
    assert bool((result.model.crps < result.training_mean.crps).all())
    assert bool((result.model.nrmse < result.persistence.nrmse).all())
    assert bool((result.model.nrmse < result.training_mean.nrmse).all())
    assert bool((result.model.nll < result.training_mean.nll).all())


def test_the_typical_window_is_the_median_one(world, make_model: Callable, identity, episodes) -> None:
    result = evaluate_open_loop(make_model(), identity, episodes[:1], context=CONTEXT, horizon=HORIZON, stride=1)
    observations, actions, _ = list(pieces(episodes[:1], 1))[result.typical_window]
    mean, _ = world.forecast(observations, actions, CONTEXT)
    error = np.sqrt(((mean - observations[CONTEXT:]) ** 2).mean())
    assert error == pytest.approx(np.sort(result.window_nrmse)[(len(result.windows) - 1) // 2], rel=1e-3)


def spoiled(value: float, field: str) -> Callable:
    """The model's forecast of horizon 3 (entry 1 of what it imagines) gets `value` in one sequence."""

    def spoil(prediction):
        tensor = getattr(prediction, field).clone()
        if tensor.shape[1] > CONTEXT:
            tensor[0, 1, 0] = value
        return replace(prediction, **{field: tensor})

    return spoil


@pytest.mark.parametrize(
    ("value", "field"),
    [(np.nan, "mean"), (np.inf, "mean"), (np.nan, "variance"), (0.0, "variance"), (-1.0, "variance")],
)
def test_invalid_predictions_are_counted_and_never_dropped(world, make_model, identity, episodes, value, field) -> None:
    model = make_model(spoil=spoiled(value, field))
    result = evaluate_open_loop(model, identity, episodes[:1], context=CONTEXT, horizon=HORIZON, stride=1)
    assert result.invalid_predictions == 1
    assert result.model.invalid.nonzero().tolist() == [[2]]
    assert torch.isinf(result.model.nll[2])
    assert torch.isinf(result.model.crps[2])
    assert bool(torch.isfinite(result.model.crps[3:]).all())
    assert torch.isinf(result.model.nrmse[2]) == (field == "mean")
    assert bool(torch.isfinite(result.model.nrmse[3:]).all())
    # One broken window of many moves neither the median nor the trimmed mean.
    assert bool(torch.isfinite(result.model.nrmse_median).all())
    assert bool(torch.isfinite(result.model.nll_trimmed).all()) == (0.05 * float(result.model.count[2]) >= 1)
    written = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert written["predictors"]["model"]["nll"][2] is None
    assert written["invalid_predictions"] == 1


def test_json_and_sliding_windows(world, make_model: Callable, identity, episodes) -> None:
    result = evaluate_open_loop(make_model(), identity, episodes, context=CONTEXT, horizon=HORIZON)
    written = json.loads(json.dumps(result.to_json(sliding_window=4, sliding_stride=4), allow_nan=False))
    sliding = written["predictors"]["model"]["sliding"]
    assert sliding["first_horizon"] == [1, 5, 7]
    counts, nrmse = result.model.count.numpy(), result.model.nrmse.numpy()
    expected = np.sqrt(np.average(nrmse[6:] ** 2, weights=counts[6:]))
    assert sliding["nrmse"][-1] == pytest.approx(expected)
    assert sliding["nll"][0] == pytest.approx(np.average(result.model.nll[:4], weights=counts[:4]))
    assert "nll" not in written["predictors"]["persistence"]["sliding"]
    assert written["predictors"]["model"]["levels"] == list(LEVELS)
    error = written["predictors"]["model"]["coverage_error"]
    assert list(error) == ["0.5", "0.8", "0.95"]
    np.testing.assert_allclose(error["0.8"], result.model.coverage_at(0.8) - 0.8)
    assert written["predictors"]["persistence"]["coverage_error"] is None
    assert len(written["predictors"]["reward"]["crps"]) == HORIZON


def test_a_limit_spreads_the_windows_evenly(world, make_model: Callable, identity, episodes) -> None:
    result = evaluate_open_loop(
        make_model(), identity, episodes[:1], context=CONTEXT, horizon=HORIZON, stride=1, max_windows=3
    )
    assert result.windows.tolist() == [0, 14, 28]
    assert result.available_windows == 29


def test_a_model_without_a_reward_head(world, make_model: Callable, identity, episodes) -> None:
    result = evaluate_open_loop(make_model(reward=False), identity, episodes, context=CONTEXT, horizon=HORIZON)
    assert result.reward is None
    assert "reward" not in result.to_json()["predictors"]


@pytest.mark.parametrize("aggregation", ["causal", "window"])
def test_padding_never_enters_a_prediction(world, identity, episodes, aggregation: str) -> None:
    model = MTS3(2, 2, time_scales=(4,), latent_dim=4, aggregation=aggregation)
    options = {"context": CONTEXT, "horizon": HORIZON, "stride": 1}
    together = evaluate_open_loop(model, identity, episodes[:3], **options)
    alone = evaluate_open_loop(model, identity, [episodes[2]], **{**options, "horizon": 8 - CONTEXT + 1})
    np.testing.assert_allclose(together.window_nrmse[-1], alone.window_nrmse[0], rtol=1e-5)


def test_horizons_to_report(world, make_model: Callable, identity, episodes) -> None:
    result = evaluate_open_loop(make_model(), identity, episodes, context=CONTEXT, horizon=HORIZON)
    assert result.horizons() == (1, 5)
    assert result.horizons((1, 99)) == (1, HORIZON)


def test_episodes_without_a_whole_window_are_refused(world, make_model: Callable, identity, episodes) -> None:
    with pytest.raises(EpisodeTooShortError, match="ask for a horizon of 38 or less"):
        evaluate_open_loop(make_model(), identity, episodes, context=CONTEXT, horizon=39)
    with pytest.raises(EpisodeTooShortError, match="a shorter context"):
        evaluate_open_loop(make_model(), identity, episodes, context=99, horizon=1)


@pytest.mark.parametrize(
    "wrong",
    [{"context": 0}, {"horizon": 0}, {"stride": 0}, {"batch_size": 0}, {"max_windows": 0}, {"levels": (0.5, 1.0)}],
)
def test_options_out_of_range_are_refused(world, make_model: Callable, identity, episodes, wrong: dict) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        evaluate_open_loop(make_model(), identity, episodes, **{"context": CONTEXT, "horizon": HORIZON, **wrong})


def test_unmeasured_level_is_refused(world, make_model: Callable, identity, episodes) -> None:
    result = evaluate_open_loop(make_model(), identity, episodes, context=CONTEXT, horizon=HORIZON, levels=(0.5,))
    with pytest.raises(ConfigurationError, match=r"no coverage at 0\.95"):
        result.model.coverage_at(0.95)
    assert list(result.model.to_json()["coverage_error"]) == ["0.5"]
    with pytest.raises(ConfigurationError):
        result.persistence.coverage_at(0.5)
