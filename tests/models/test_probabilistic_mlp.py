"""The one-step model: what it feeds back, and what it learns."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models import ProbabilisticMLP
from mbrl_mts3.models.probabilistic_mlp import BOUND

OBS, ACT = 3, 2


def small(**options) -> ProbabilisticMLP:
    torch.manual_seed(1)
    return ProbabilisticMLP(OBS, ACT, **{"hidden": (12, 12), **options}).double().eval()


def sequence(batch=2, steps=9):
    generator = torch.Generator().manual_seed(2)
    observations = torch.randn(batch, steps, OBS, generator=generator, dtype=torch.float64)
    return observations, torch.randn(batch, steps, ACT, generator=generator, dtype=torch.float64)


def linear(drift: float, noise: float, **options) -> ProbabilisticMLP:
    """o' = (1 + drift) o + N(0, noise^2), without a network's help."""
    model = small(**{"propagation": "mean", "hidden": (), **options})
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    model.network.mean_head.weight.data[:OBS, :OBS] = drift * torch.eye(OBS)
    model.network.variance_head.bias.data.fill_(torch.tensor(noise**2 - 1e-4).expm1().log().item())
    return model


@pytest.mark.parametrize("propagation", ["mean", "particles"])
def test_with_all_shown_time_is_one_batch_and_nothing_changes(propagation):
    """The parallel way against the one over single steps, which any masked entry asks for."""
    model, (observations, actions) = small(propagation=propagation, particles=3), sequence()
    shown = torch.ones(2, 9, dtype=torch.bool)
    shown[1, 8] = False
    whole_belief, whole = model.filter(observations, actions)
    belief, prediction = model.filter(observations, actions, shown)
    for a, b in zip(whole[:1].tensors(), prediction[:1].tensors(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(whole_belief.states[:1], belief.states[:1], atol=1e-12, rtol=1e-12)


def test_a_masked_observation_is_replaced_by_the_model_s_own_prediction():
    model, (observations, actions) = small(propagation="mean"), sequence()
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[:, 4:6] = False
    prediction = model(observations, actions, mask)
    guess = observations.clone()
    guess[:, 4] = prediction.mean[:, 3]
    guess[:, 5] = prediction.mean[:, 4]
    torch.testing.assert_close(model(guess, actions).mean, prediction.mean)


def test_particles_follow_the_variance_that_a_linear_model_has():
    """For o' = a o + eps the variance after t open-loop steps is noise^2 (1 + a^2 + ... + a^(2 t - 2))."""
    a, noise, steps = 0.9, 0.3, 25
    model = linear(a - 1, noise, propagation="particles", particles=2000)
    belief = model.observe(model.initial_belief(1), torch.full((1, OBS), 2.0).double())
    future = model.imagine(belief, torch.zeros(1, steps, ACT).double())
    powers = a ** torch.arange(1, steps + 1).double()
    torch.testing.assert_close(future.mean[0, :, 0], 2 * powers, atol=0.03, rtol=0)
    expected = noise**2 * (1 - powers.square()) / (1 - a**2)
    torch.testing.assert_close(future.variance[0].mean(-1), expected, atol=0, rtol=0.05)


def test_without_particles_the_variance_is_that_of_one_step():
    model = linear(-0.1, 0.3)
    future = model.imagine(model.initial_belief(1), torch.zeros(1, 5, ACT).double())
    torch.testing.assert_close(future.variance, torch.full_like(future.variance, 0.09))


@pytest.mark.parametrize("propagation", ["mean", "particles"])
def test_training_takes_guesses_as_given(propagation):
    """The same predictions as with means fed back, but an action moves only what follows at once."""
    model, (observations, actions) = small(propagation=propagation, particles=3), sequence()
    mask = torch.arange(9).expand(2, -1) < 2
    actions.requires_grad_()
    fed_back = small(propagation="mean")
    fed_back.load_state_dict(model.state_dict())
    expected, found = fed_back(observations, actions, mask), model.train()(observations, actions, mask)
    for a, b in zip(found.tensors(), expected.tensors(), strict=True):
        torch.testing.assert_close(a, b)
    (given,), (followed,) = (torch.autograd.grad(p.mean[:, 6].sum(), actions) for p in (found, expected))
    torch.testing.assert_close(given[:, 6], followed[:, 6])
    assert (given[:, :6] == 0).all()
    assert (followed[:, 2:6] != 0).any()


@pytest.mark.parametrize("propagation", ["mean", "particles"])
def test_what_is_fed_back_stays_within_bounds(propagation):
    """A model that doubles its guess at each step would leave the numbers of single precision after 130."""
    model = linear(1.0, 0.1, propagation=propagation, particles=3).float()
    belief = model.observe(model.initial_belief(1), torch.ones(1, OBS))
    future = model.imagine(belief, torch.zeros(1, 1000, ACT))
    assert future.mean.abs().max() <= 2 * BOUND
    sampled = model.sample(belief, torch.zeros(1, 1000, ACT), 4)
    assert sampled.observations.abs().max() <= BOUND


def test_samples_have_the_moments_that_are_predicted():
    model, (observations, actions) = small(), sequence(1)
    belief, _ = model.filter(observations, actions)
    belief = model.observe(belief, observations[:, 0])
    one = model.imagine(belief, actions[:, :1])
    sampled = model.sample(belief, actions[:, :1], 40_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(sampled.observations[0, :, 0].mean(0), one.mean[0, 0], atol=0.02, rtol=0)
    torch.testing.assert_close(sampled.observations[0, :, 0].var(0), one.variance[0, 0], atol=0, rtol=0.03)
    torch.testing.assert_close(sampled.rewards[0, :, 0].var(), one.reward_variance[0, 0], atol=0, rtol=0.03)


def test_it_learns_a_linear_system_to_its_noise():
    """The best possible NLL is that of the noise itself."""
    torch.manual_seed(0)
    model = ProbabilisticMLP(OBS, ACT, hidden=(32,), predict_reward=False)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    matrix, push, noise = 0.9 * torch.eye(OBS), 0.5 * torch.randn(ACT, OBS), 0.2
    for _ in range(300):
        before, action = torch.randn(128, 1, OBS), torch.randn(128, 1, ACT)
        after = before @ matrix + action @ push + noise * torch.randn(128, 1, OBS)
        prediction = model(before, action)
        loss = 0.5 * ((after - prediction.mean).square() / prediction.variance + prediction.variance.log()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    best = 0.5 * (1 + 2 * torch.tensor(noise).log())
    assert loss.item() < best + 0.15


OPTIONS = {
    "propagation": "mean",
    "particles": 5,
    "hidden": (13,),
    "predict_reward": False,
    "predict_termination": True,
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_changes_an_output(option):
    observations, actions = sequence()
    mask = torch.zeros(2, 9, dtype=torch.bool)
    plain = small()(observations, actions, mask).tensors()
    other = small(**{option: OPTIONS[option]})(observations, actions, mask).tensors()
    assert len(plain) != len(other) or any((a - b).abs().max() > 1e-6 for a, b in zip(plain, other, strict=True))


@pytest.mark.parametrize(
    ("options", "message"), [({"propagation": "x"}, "mean, particles"), ({"particles": 1}, "expected at least 2")]
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        small(**options)
