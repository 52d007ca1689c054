import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from mbrl_mts3.data import Normalizer
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.metrics import ImputationResult, evaluate_imputation
from mbrl_mts3.models import MTS3, Prediction, WorldModel

CONTEXT, HORIZON = 3, 8
OPTIONS = {"context": CONTEXT, "horizon": HORIZON}
SMALL = dict.fromkeys(("encoder_hidden", "window_hidden", "action_hidden", "control_hidden", "decoder_hidden"), (8,))


class Recorder(WorldModel):
    """Predicts (observed value or 0) + action sum; keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__(2, 2, predict_reward=False)
        self.calls: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    causal = True
    initial_belief = observe = imagine = step = sample = None

    def filter(self, observations, actions, mask=None, belief=None):
        self.calls.append((observations, actions, mask))
        seen = torch.where(mask[..., None], observations, torch.zeros(()))
        mean = seen + actions.sum(-1, keepdim=True)
        return None, Prediction(mean, 1.0 + mask[..., None].float().expand_as(mean))


@pytest.fixture
def episodes(world):
    """Two whole windows and a rest, one window, a part of one, too short for any."""
    return [world.episode(steps, seed=steps, number=i) for i, steps in enumerate((23, 10, 6, 2))]


@pytest.fixture
def normalizer() -> Normalizer:
    vectors = [[0.2, -0.3], [2.0, 0.4], [0.0, 0.0], [1.0, 1.0]]
    return Normalizer(*map(torch.tensor, vectors), torch.tensor(0.4), torch.tensor(3.0))


def by_hand(model: Recorder, episodes, normalizer):
    """Every scored step of the recorded calls: (o_t shown, mean, variance, truth, last shown), normalised."""
    starts = {0: (0, 8, 13), 1: (0,), 2: (0,)}
    windows = [(episodes[i], start) for i, places in starts.items() for start in places]
    shown = [(o, a, m) for call in model.calls for o, a, m in zip(*call, strict=True)]
    centre, scale = normalizer.observation_mean.numpy(), normalizer.observation_scale.numpy()
    for seen, actions, mask in shown:
        length = len(actions)
        (place,) = [
            i
            for i, (e, s) in enumerate(windows)
            if min(s + CONTEXT + HORIZON - 1, len(e)) - s == length
            and np.allclose(e.actions[s : s + length], actions, atol=1e-6)
        ]
        episode, start = windows.pop(place)
        truth = (episode.observations[start : start + length + 1] - centre) / scale
        np.testing.assert_allclose(seen[mask], truth[:-1][mask.numpy()], atol=1e-5)
        assert seen[~mask].isnan().all()
        assert mask[:CONTEXT].all()
        for t in range(CONTEXT - 1, length):
            value = truth[t] if mask[t] else np.zeros(2)
            latest = max(s for s in range(t + 1) if mask[s])
            yield bool(mask[t]), value + actions[t].sum().numpy(), 1.0 + float(mask[t]), truth[t + 1], truth[latest]
    assert not windows


@pytest.mark.parametrize("batch_size", [1, 256])
def test_every_number_equals_plain_loops(episodes, normalizer, batch_size: int) -> None:
    model = Recorder()
    result = evaluate_imputation(model, normalizer, episodes, rate=0.5, seed=3, batch_size=batch_size, **OPTIONS)
    rows = list(by_hand(model, episodes, normalizer))
    assert result.windows == 5
    # Each step after the context is scored: 3 and 1 whole windows, and what is left of the third episode.
    assert len(rows) == 4 * HORIZON + 6 - CONTEXT + 1
    for flag, errors, repeated in (
        (True, result.shown, result.persistence_shown),
        (False, result.missing, result.persistence_missing),
    ):
        mean, variance, truth, last = (
            np.array(column, dtype=float) for column in list(zip(*(r for r in rows if r[0] == flag), strict=True))[1:]
        )
        assert int(errors.count) == len(mean) > 5
        assert float(errors.nrmse) == pytest.approx(np.sqrt(((mean - truth) ** 2).mean()), rel=1e-5)
        nll = -stats.norm.logpdf(truth, mean, np.sqrt(variance)[:, None]).sum(1).mean()
        assert float(errors.nll) == pytest.approx(nll, rel=1e-5)
        half = stats.norm.interval(0.8)[1] * np.sqrt(variance)[:, None]
        assert float(errors.coverage_at(0.8)) == pytest.approx((np.abs(truth - mean) <= half).mean())
        assert float(repeated.nrmse) == pytest.approx(np.sqrt(((last - truth) ** 2).mean()), rel=1e-5)


def test_masks_depend_on_the_seed_alone(episodes, normalizer) -> None:
    def masks(**options) -> list[list[bool]]:
        model = Recorder()
        evaluate_imputation(model, normalizer, episodes[:2], **OPTIONS, **options)
        return [row.tolist() for _, _, mask in model.calls for row in mask]

    assert masks(seed=1) == masks(seed=1, batch_size=2)
    assert masks(seed=1) != masks(seed=2)
    shown = np.mean([row[CONTEXT:] for row in masks(rate=0.9)])
    assert shown < np.mean([row[CONTEXT:] for row in masks(rate=0.1)])


def test_the_rate_is_kept(world, normalizer) -> None:
    result = evaluate_imputation(
        Recorder(), normalizer, [world.episode(2000, seed=0)], rate=0.3, context=1, horizon=100
    )
    missing, shown = float(result.missing.count), float(result.shown.count)
    # 2000 draws: a standard error of 0.01; the first step of each of 20 windows is always shown.
    assert missing / (missing + shown) == pytest.approx(0.3 * 0.99, abs=0.04)


def test_an_exact_model_is_calibrated_under_missing_data(world, make_model: Callable, identity) -> None:
    """The Kalman filter with masks: the contract's own form of an optimal imputer."""

    class Masked(type(make_model())):
        def filter(self, observations, actions, mask=None, belief=None):
            belief, rows = self.initial_belief(len(observations)), []
            for t in range(actions.shape[1]):
                seen = self.observe(belief, torch.nan_to_num(observations[:, t]))
                belief = seen if mask is None else seen.where(mask[:, t], belief)
                belief = self._move(belief, actions[:, t])
                rows.append(self._read(belief))
            return belief, rows[0].map(lambda tensor: tensor) if len(rows) == 1 else join(rows)

    def join(rows):
        columns = iter([torch.cat(c, dim=1) for c in zip(*(row.tensors() for row in rows), strict=True)])
        return rows[0].map(lambda _: next(columns))

    episodes = [world.episode(60, seed=100 + i) for i in range(60)]
    result = evaluate_imputation(Masked(world), identity, episodes, context=5, horizon=56)
    for errors in (result.shown, result.missing):
        for level in (0.5, 0.8, 0.95):
            assert abs(float(errors.coverage_error(level))) < 0.03
    assert result.shown.nrmse < result.missing.nrmse < result.persistence_missing.nrmse
    assert result.shown.nrmse < result.persistence_shown.nrmse


def test_json_repr_and_mode(episodes, normalizer) -> None:
    model = MTS3(2, 2, time_scales=(4,), latent_dim=4, **SMALL).train()
    result = evaluate_imputation(model, normalizer, episodes, max_windows=3, **OPTIONS)
    assert model.training
    assert isinstance(result, ImputationResult)
    written = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert written["windows"] == 3
    assert written["missing"]["steps"] == int(result.missing.count)
    assert written["missing"]["coverage"]["0.95"] == float(result.missing.coverage_at(0.95))
    assert written["persistence_shown"]["nll"] is None
    assert "missing=" in repr(result)


def test_invalid_predictions_are_counted(world, make_model: Callable, identity, episodes) -> None:
    model = Recorder()
    whole = model.filter

    def spoil(*arguments, **options):
        belief, prediction = whole(*arguments, **options)
        return belief, replace(prediction, variance=prediction.variance * 0)

    model.filter = spoil
    result = evaluate_imputation(model, identity, episodes, **OPTIONS)
    assert result.to_json()["shown"]["invalid"] == result.shown.count
    assert result.to_json()["shown"]["nll"] is None


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.5, 2.0])
def test_a_rate_that_is_none_is_refused(episodes, normalizer, rate: float) -> None:
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        evaluate_imputation(Recorder(), normalizer, episodes, rate=rate, **OPTIONS)


def test_too_little_data_is_refused(episodes, normalizer) -> None:
    with pytest.raises(ConfigurationError, match="nearer to"):
        evaluate_imputation(Recorder(), normalizer, episodes, rate=1e-9, **OPTIONS)
    with pytest.raises(EpisodeTooShortError):
        evaluate_imputation(Recorder(), normalizer, episodes, context=20, horizon=9)
