import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import norm

from mbrl_mts3.data import Normalizer
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError, NonFiniteError
from mbrl_mts3.metrics import evaluate_open_loop, fit_recalibration
from mbrl_mts3.metrics.recalibration import RULES, _smooth
from mbrl_mts3.models import RecalibratedModel

CONTEXT, HORIZON = 4, 12
OPTIONS = {"context": CONTEXT, "horizon": HORIZON}


def wrong_by(observation: list[float], reward: float) -> Callable:
    """Divides the true variances by known factors."""

    def spoil(prediction):
        return replace(
            prediction,
            variance=prediction.variance / torch.tensor(observation),
            reward_variance=prediction.reward_variance / reward,
        )

    return spoil


@pytest.fixture(scope="module")
def episodes(world):
    return [world.episode(80, seed=i) for i in range(60)]


@pytest.fixture(scope="module")
def others(world):
    return [world.episode(80, seed=1000 + i) for i in range(60)]


@pytest.mark.parametrize("rule", RULES)
def test_it_undoes_a_known_error(make_model: Callable, identity, episodes, rule: str) -> None:
    model = make_model(spoil=wrong_by([4.0, 0.25], 9.0))
    fitted = fit_recalibration(model, identity, episodes, rule=rule, stride=4, **OPTIONS)
    assert fitted.observation.shape == (HORIZON, 2)
    assert fitted.reward.shape == (HORIZON,)
    # About 1,000 windows that overlap; a factor is known to a tenth.
    np.testing.assert_allclose(fitted.observation, np.broadcast_to([4.0, 0.25], (HORIZON, 2)), rtol=0.25)
    np.testing.assert_allclose(fitted.reward, np.full(HORIZON, 9.0), rtol=0.25)
    assert abs(float(fitted.observation[:, 0].log().mean()) - np.log(4)) < 0.1


def test_intervals_of_other_episodes_hold_after_it_and_do_not_before(make_model, identity, episodes, others) -> None:
    model = make_model(spoil=wrong_by([4.0, 0.25], 9.0))
    fitted = fit_recalibration(model, identity, episodes, stride=4, **OPTIONS)
    before = evaluate_open_loop(model, identity, others, stride=4, **OPTIONS)
    after = evaluate_open_loop(RecalibratedModel(model, fitted), identity, others, stride=4, **OPTIONS)
    for level in (0.5, 0.8, 0.95):
        assert float(after.model.coverage_error(level).abs().max()) < 0.05
        assert float(after.reward.coverage_error(level).abs().max()) < 0.08
    assert float(before.reward.coverage_error(0.95).abs().min()) > 0.3
    assert bool((after.model.nll < before.model.nll).all())
    np.testing.assert_array_equal(after.model.nrmse, before.model.nrmse)


def test_the_factors_are_the_rules_of_the_errors(world, make_model, identity) -> None:
    """By hand, at the horizons that nothing is averaged for and at one that is."""
    long, short = world.episode(30, seed=1), world.episode(9, seed=2)
    windows = [(long, start) for start in (0, 7, 14, 15)] + [(short, 0)]
    errors: dict[int, list[np.ndarray]] = {h: [] for h in range(HORIZON)}
    for episode, start in windows:
        observations, actions = episode.observations[start : start + 16], episode.actions[start : start + 15]
        mean, variance = world.forecast(observations, actions, CONTEXT)
        for h, z in enumerate((observations[CONTEXT:] - mean) / np.sqrt(variance)):
            errors[h].append(z)
    fit = {
        rule: fit_recalibration(make_model(), identity, [long, short], rule=rule, stride=7, **OPTIONS) for rule in RULES
    }
    square = [np.mean(np.square(errors[h]), axis=0) for h in range(HORIZON)]
    quantile = [(np.quantile(np.abs(errors[h]), 0.95, axis=0) / 1.959963984540054) ** 2 for h in range(HORIZON)]
    assert [len(errors[h]) for h in (0, 5, 6)] == [5, 5, 4]
    for values, rule in ((square, "mean_square"), (quantile, "quantile")):
        for h in (0, 1):
            np.testing.assert_allclose(fit[rule].observation[h], values[h], rtol=2e-3)
        # Horizon 8 is averaged with 6 (8 / 1.25 = 6.4) to 10.
        neighbours = np.exp(np.mean(np.log(values[5:10]), axis=0))
        np.testing.assert_allclose(fit[rule].observation[7], neighbours, rtol=2e-3)


@pytest.mark.parametrize(("rule", "is_worse"), [("quantile", True), ("mean_square", False)])
def test_factors_that_make_their_own_episodes_less_likely_are_told(
    make_model, identity, episodes, rule: str, is_worse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few large errors among small ones, of variance four: the rule of the quantile sees the small ones only."""
    rng = np.random.default_rng(0)
    errors = np.where(rng.random((50, HORIZON, 3)) < 0.03, 11.4, 0.2) * rng.choice([-1, 1], (50, HORIZON, 3))
    monkeypatch.setattr(
        "mbrl_mts3.metrics.recalibration._standardised_errors", lambda *_: torch.from_numpy(errors).float()
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = fit_recalibration(make_model(), identity, episodes[:1], rule=rule, stride=80, **OPTIONS)
    scale = np.sqrt(np.column_stack([found.observation, found.reward]))
    less_likely = float(np.mean(norm.logpdf(errors) - norm.logpdf(errors, scale=scale)))
    assert (less_likely > 0) == is_worse
    lines = [str(one.message) for one in told if "less likely" in str(one.message)]
    assert bool(lines) == is_worse
    if lines:
        assert f"by {less_likely:.3g} nats" in lines[0]
        assert "rule=mean_square" in lines[0]


def test_smoothing_keeps_a_constant_and_has_no_gaps() -> None:
    assert torch.equal(_smooth(torch.full((330, 3), 2.0)), torch.full((330, 3), 2.0))
    impulse = torch.zeros(330, 1)
    impulse[99] = 1.0
    reached = _smooth(impulse)[:, 0].nonzero()[:, 0] + 1
    assert (int(reached[0]), int(reached[-1])) == (80, 125)
    assert len(reached) == 46


def test_it_does_not_matter_in_which_unit_the_data_is(world, make_model: Callable, episodes) -> None:
    """The normaliser only changes what the model sees; a factor has no unit."""
    scaled = replace(
        Normalizer.identity(2, 2), observation_scale=torch.tensor([2.0, 2.0]), reward_scale=torch.tensor(2.0)
    )
    doubled = [
        replace(episode, observations=2 * episode.observations, rewards=2 * episode.rewards) for episode in episodes[:5]
    ]
    one = fit_recalibration(make_model(), Normalizer.identity(2, 2), episodes[:5], **OPTIONS)
    other = fit_recalibration(make_model(), scaled, doubled, **OPTIONS)
    np.testing.assert_allclose(one.observation, other.observation, rtol=1e-4)
    np.testing.assert_allclose(one.reward, other.reward, rtol=1e-4)


def test_batches_change_nothing_and_the_mode_stays(make_model, identity, episodes) -> None:
    model = make_model().train()
    one = fit_recalibration(model, identity, episodes[:2], batch_size=1, **OPTIONS)
    other = fit_recalibration(model, identity, episodes[:2], batch_size=64, **OPTIONS)
    np.testing.assert_allclose(one.observation, other.observation, rtol=1e-4)
    assert model.training


def test_a_model_without_rewards_gets_no_factors_for_them(make_model, identity, episodes) -> None:
    assert fit_recalibration(make_model(reward=False), identity, episodes[:3], **OPTIONS).reward is None


@pytest.mark.parametrize(("field", "value"), [("mean", torch.nan), ("variance", 0.0), ("reward_variance", torch.inf)])
def test_bad_predictions_are_refused(make_model, identity, episodes, field: str, value: float) -> None:
    def spoil(prediction):
        tensor = getattr(prediction, field).clone()
        tensor[0, -1] = value
        return replace(prediction, **{field: tensor})

    with pytest.raises(NonFiniteError, match="predictions are not finite"):
        fit_recalibration(make_model(spoil=spoil), identity, episodes[:3], **OPTIONS)


def test_bad_options_are_refused(make_model, identity, episodes) -> None:
    with pytest.raises(ConfigurationError, match="mean_square, quantile"):
        fit_recalibration(make_model(), identity, episodes, rule="median", **OPTIONS)
    with pytest.raises(EpisodeTooShortError):
        fit_recalibration(make_model(), identity, episodes, context=4, horizon=99)
    with pytest.raises(ConfigurationError, match="stride"):
        fit_recalibration(make_model(), identity, episodes, stride=0, **OPTIONS)
