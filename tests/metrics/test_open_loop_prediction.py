from collections.abc import Callable

import numpy as np
import pytest
import torch

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics import OpenLoopWindow, predict_open_loop, predict_open_loop_no_grad
from mbrl_mts3.models import MTS3


@pytest.mark.parametrize(("context", "steps"), [(1, 1), (1, 9), (4, 4), (5, 14)])
def test_equals_the_joint_gaussian(world, make_model: Callable, context: int, steps: int) -> None:
    episode = world.episode(steps, seed=5)
    observations, actions = torch.tensor(episode.observations)[None], torch.tensor(episode.actions)[None]
    prediction = predict_open_loop(make_model(), observations, actions, context)
    mean, variance = world.forecast(episode.observations, episode.actions, context)
    assert prediction.mean.shape == (1, steps - context + 1, 2)
    np.testing.assert_allclose(prediction.mean[0], mean, atol=1e-4)
    np.testing.assert_allclose(prediction.variance[0], variance, rtol=1e-4)


def test_no_blind_observation_is_read(world, make_model: Callable) -> None:
    episode = world.episode(12, seed=1)
    observations, actions = torch.tensor(episode.observations)[None], torch.tensor(episode.actions)[None]
    hidden = observations.clone()
    hidden[:, 5:] = torch.nan
    for model in (make_model(), MTS3(2, 2, time_scales=(5,), latent_dim=4).eval()):
        seen = predict_open_loop(model, observations, actions, 5)
        unseen = predict_open_loop(model, hidden, actions, 5)
        assert torch.equal(seen.mean, unseen.mean)


@pytest.mark.parametrize("context", [0, 13])
def test_context_without_a_blind_step_is_refused(world, make_model: Callable, context: int) -> None:
    episode = world.episode(12, seed=1)
    with pytest.raises(ConfigurationError, match="context"):
        predict_open_loop(
            make_model(), torch.tensor(episode.observations)[None], torch.tensor(episode.actions)[None], context
        )


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_put_back_and_no_gradient_taken(world, make_model: Callable, training: bool) -> None:
    model = make_model().train(training)
    observations = torch.zeros(1, 5, 2, requires_grad=True)
    prediction = predict_open_loop_no_grad(model, observations, torch.zeros(1, 5, 2), 3)
    assert model.training is training
    assert model.modes == [False]
    assert not prediction.mean.requires_grad
    with pytest.raises(ConfigurationError):
        predict_open_loop_no_grad(model, observations, torch.zeros(1, 5, 2), 9)
    assert model.training is training


def test_window_for_a_figure_is_in_physical_units(world, make_model: Callable, identity) -> None:
    scaled = type(identity)(
        torch.tensor([1.0, -2.0]),
        torch.tensor([2.0, 0.5]),
        torch.zeros(2),
        torch.ones(2),
        torch.zeros(()),
        torch.ones(()),
    )
    episodes = [world.episode(20, seed=2), world.episode(6, seed=3)]
    window = OpenLoopWindow.predict(make_model(), scaled, episodes, 4, context=3, horizon=8)
    part = slice(4, 4 + 11)
    normalised = (episodes[0].observations[part] - [1, -2]) / [2, 0.5]
    mean, variance = world.forecast(normalised, episodes[0].actions[4:14], 3)
    assert window.context == 3
    np.testing.assert_array_equal(window.observations, episodes[0].observations[part])
    np.testing.assert_allclose(window.mean, mean * [2, 0.5] + [1, -2], atol=1e-4)
    np.testing.assert_allclose(window.variance, variance * [4, 0.25], rtol=1e-4)
    short = OpenLoopWindow.predict(make_model(), scaled, episodes, 11, context=3, horizon=8)
    assert short.observations.shape == (7, 2)
    assert short.mean.shape == (4, 2)
