"""MTS3 against a dense step-by-step oracle, and what its options promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from beliefs import is_valid
from dense_mts3 import DenseMTS3
from world_model_case import SMALL_MTS3

from mbrl_mts3.errors import CausalityError, ConfigurationError
from mbrl_mts3.models import MTS3

SMALL = {**SMALL_MTS3, "latent_dim": 5}


def small(time_scales=(4,), action_dim=2, **options) -> MTS3:
    torch.manual_seed(1)
    return MTS3(3, action_dim, time_scales, **{**SMALL, **options}).double().eval()


def sequence(steps=14, action_dim=2, batch=1):
    generator = torch.Generator().manual_seed(2)
    observations = torch.randn(batch, steps, 3, generator=generator, dtype=torch.float64)
    actions = torch.randn(batch, steps, action_dim, generator=generator, dtype=torch.float64)
    return observations, actions, torch.rand(batch, steps, generator=generator) < 0.6


SLOW_OPTIONS = [
    {"aggregation": aggregation, "conditioning": conditioning}
    for aggregation in ("causal", "window")
    for conditioning in ("prior", "posterior")
]
FORMS = [
    ((), {}),
    ((), {"actuated": False}),
    *[(scales, options) for scales in [(4,), (2, 6), (2, 4, 8)] for options in SLOW_OPTIONS],
    ((2, 6), {"actuated": False}),
    ((2, 6), {"abstract_actions": False}),
    *[(scales, {"gated": True}) for scales in [(), (4,), (2, 6)]],
    *[(scales, {"slow_latent_dim": n, "gated": True}) for scales, n in [((4,), 2), ((2, 6), 3), ((4,), 8)]],
    ((4,), {"slow_latent_dim": 2, "conditioning": "posterior", "aggregation": "window"}),
    *[(scales, {"slow_initial_variance": 0.5}) for scales in [(4,), (2, 6)]],
    ((4,), {"gated": True, "actuated": False}),
    ((4,), {"gated": True, "aggregation": "window"}),
]


@pytest.mark.parametrize(("time_scales", "options"), FORMS)
@pytest.mark.parametrize("steps", [1, 3, 14])
def test_it_equals_dense_algebra_step_by_step(time_scales, options, steps):
    """One level is Ac-RKN; 3 steps are less than a window, 14 no multiple of any."""
    model = small(time_scales, **options)
    observations, actions, mask = sequence(steps)
    expected = DenseMTS3(model).predict(observations[0].numpy(), actions[0].numpy(), mask[0].numpy())
    with torch.no_grad():
        prediction = model(observations, actions, mask)
        for cut in range(1, steps + 1):
            if not model.causal:
                cut = steps
            belief, _ = model.filter(observations[:, :cut], actions[:, :cut], mask[:, :cut])
            np.testing.assert_allclose(belief.fast.mean[0].numpy(), expected[cut - 1][0], rtol=1e-8, atol=1e-8)
            np.testing.assert_allclose(belief.fast.to_dense()[0].numpy(), expected[cut - 1][1], rtol=1e-8, atol=1e-8)
        means = torch.tensor(np.stack([mean for mean, _ in expected]))
        decoded = model.readout.decoder.mean(means)[:, :3]
    torch.testing.assert_close(prediction.mean[0], decoded, rtol=1e-8, atol=1e-8)


def test_without_actions_it_is_a_time_series_model():
    model = small((2, 4), action_dim=0)
    observations, actions, mask = sequence(action_dim=0)
    expected = DenseMTS3(model).predict(observations[0].numpy(), actions[0].numpy(), mask[0].numpy())
    belief, prediction = model.filter(observations, actions, mask)
    np.testing.assert_allclose(belief.fast.mean[0].detach().numpy(), expected[-1][0], rtol=1e-8, atol=1e-8)
    assert model.causal
    assert prediction.mean.shape == (1, 14, 3)


def test_ignored_actions_leave_no_trace():
    observations, actions, mask = sequence()
    other = actions + torch.randn_like(actions)
    model = small(actuated=False)
    assert torch.equal(model(observations, actions, mask).mean, model(observations, other, mask).mean)
    # Without abstract actions they do not reach the slow level, but the fast one still.
    model = small(abstract_actions=False)
    first, second = (model.filter(observations, a, mask) for a in (actions, other))
    slow = zip(first[0].levels[0].tensors(), second[0].levels[0].tensors(), strict=True)
    assert all(torch.equal(a, b) for a, b in slow)
    assert (first[1].mean - second[1].mean).abs().max() > 1e-3


def test_the_slow_covariance_grows_with_the_abstract_action_s():
    model = small()
    level, maps = model.slow_levels[0], model.slow_levels[0].maps()
    evidence = level.action_evidence(torch.randn(1, 2).double(), torch.zeros(1, dtype=torch.int64))
    surer = level.drive(maps, evidence + evidence, None)
    unsure = level.drive(maps, evidence, None)
    none = level.drive(maps, evidence.map(torch.zeros_like), None)
    assert (surer.covariance[:, :10] < unsure.covariance[:, :10]).all()
    assert (unsure.covariance[:, :10] < none.covariance[:, :10]).all()


@pytest.mark.parametrize("options", [{"aggregation": "window"}, {"conditioning": "posterior"}])
def test_a_model_that_needs_the_future_cannot_be_stepped_and_says_so(options):
    model = small(**options)
    assert not model.causal
    with pytest.raises(CausalityError, match="aggregation='causal'"):
        model.observe(model.initial_belief(1), torch.zeros(1, 3).double(), torch.zeros(1, 2).double())


def test_within_a_window_the_plan_s_later_actions_matter_only_to_window_aggregation():
    observations, actions, mask = sequence(8)
    changed = actions.clone()
    changed[:, 3] += 1
    for aggregation, moves in (("causal", False), ("window", True)):
        model = small(aggregation=aggregation)
        first = (model(observations, actions, mask).mean - model(observations, changed, mask).mean)[:, 0]
        assert bool(first.abs().max() > 1e-9) == moves


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transition": "cubic"}, "dense, banded, diagonal, locally_linear"),
        ({"aggregation": "none"}, "causal, window"),
        ({"conditioning": "x"}, "prior, posterior"),
        ({"time_scales": (1,)}, "multiple"),
        ({"time_scales": (4, 6)}, "multiple"),
        ({"time_scales": (4, 4)}, "multiple"),
        ({"latent_dim": 0}, "positive"),
        ({"initial_variance": 0.0}, "positive"),
        *[
            ({name: value}, name)
            for name in ("initial_variance", "slow_initial_variance")
            for value in (math.nan, math.inf)
        ],
        ({"encoder_hidden": (0,)}, r"hidden layers of the sizes \[0\]: expected at least 1"),
        ({"decoder_hidden": (8, -1)}, "hidden layers"),
        ({"action_dim": -1}, "action_dim=-1"),
        ({"slow_initial_variance": 0.0}, "slow_initial_variance=0.0: expected more"),
        ({"time_scales": (), "slow_initial_variance": 1.0}, "slow_initial_variance=1.0 and time_scales=.. clash"),
        ({"slow_latent_dim": 0}, "slow_latent_dim=0: expected null"),
        ({"slow_latent_dim": 4, "shared_latent": "exact"}, "'exact' and slow_latent_dim=4 clash"),
        ({"time_scales": (), "slow_latent_dim": 4}, "slow_latent_dim=4 and time_scales=.. clash"),
        ({"shared_latent": "exact", "transition": "locally_linear"}, "'exact' and transition='locally_linear' clash"),
        ({"shared_latent": "exact", "transition": "banded_locally_linear"}, "not locally linear"),
        ({"time_scales": (), "abstract_actions": False}, "abstract_actions=False and time_scales=.. clash"),
        ({"time_scales": (), "shared_latent": "exact"}, "shared_latent='exact' and time_scales=.. clash"),
        ({"time_scales": (), "aggregation": "window"}, "aggregation='window' and time_scales=.. clash"),
        ({"time_scales": (), "conditioning": "posterior"}, "conditioning='posterior' and time_scales=.. clash"),
        ({"aggregation": "window", "actuated": False}, "aggregation='window' and actuated=False clash"),
        ({"aggregation": "window", "abstract_actions": False}, "aggregation='window' and abstract_actions=False"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        small(**options)


def linear_readout(model: MTS3) -> None:
    """Let the model show its first three latents, with next to no emission noise."""
    decoder = model.readout.decoder
    decoder.mean = torch.nn.Linear(10, 4).double()
    torch.nn.init.zeros_(decoder.mean.weight)
    torch.nn.init.zeros_(decoder.mean.bias)
    decoder.mean.weight.data[:3, :3] = torch.eye(3)
    torch.nn.init.zeros_(decoder.variance[-1].weight)
    torch.nn.init.constant_(decoder.variance[-1].bias, -30.0)


class ExactVariance(torch.nn.Module):
    """Variances of the first three latents and of their observation, as the softplus in the decoder wants it."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        variance = features[..., :3].exp() + 0.3
        return torch.cat([variance, variance[..., :1]], dim=-1).expm1().log()


@pytest.mark.parametrize("steps", [1, 5])
def test_of_an_exact_model_sampled_observations_have_the_exact_moments(steps, monkeypatch):
    """One level that loses nothing, observed with a noise that it knows: a Kalman filter, trusted fully."""
    monkeypatch.setattr("mbrl_mts3.models.state_space.scan.SAMPLE_EVIDENCE_WEIGHT", 1.0)
    model = small((), transition="diagonal", predict_reward=False)
    model.control = None
    linear_readout(model)
    model.readout.decoder.variance = ExactVariance()
    # The first three latents are observed as they are; the evidence of the others is next to nothing.
    encoder = torch.nn.Linear(3, 10).double()
    torch.nn.init.zeros_(encoder.weight)
    encoder.weight.data[:3, :3] = torch.eye(3)
    encoder.bias.data[:] = torch.tensor([0.0] * 5 + [np.log(np.expm1(0.3))] * 3 + [1e9] * 2)
    model.observation_encoder.network = encoder
    observations, actions, _ = sequence(6)
    with torch.no_grad():
        belief, _ = model.filter(observations, actions[:, :6])
        plan = torch.zeros(1, steps, 2, dtype=torch.float64)
        expected = model.imagine(belief, plan)
        sampled = model.sample(belief, plan, 40_000, torch.Generator().manual_seed(0)).observations[0, :, -1]
    torch.testing.assert_close(sampled.mean(0), expected.mean[0, -1], atol=0.03, rtol=0.02)
    torch.testing.assert_close(sampled.var(0), expected.variance[0, -1], atol=0, rtol=0.03)


@pytest.mark.parametrize("phase", [0, 2])
def test_sampled_paths_have_the_exact_moments_inside_a_window(phase):
    """With a diagonal transition the projection loses nothing beside C, which is made diagonal here."""
    model = small((8,), transition="diagonal", aggregation="window", shared_latent="exact")
    eye = torch.eye(5).double()
    for level in model.slow_levels:
        level.action_map.weight.data *= torch.tile(eye, (2, 2))
    model.cause_map.weight.data *= torch.tile(eye, (2, 2)) * 3
    linear_readout(model)
    observations, actions, _ = sequence(8 + phase)
    with torch.no_grad():
        belief, _ = model.filter(observations[:, : 8 + phase], actions)
        plan = torch.randn(1, 8 - phase, 2, dtype=torch.float64)
        # Inside a window the slow latent's past draws are already in z; from a window's start nothing is hidden.
        expected, _ = model.filter(
            torch.zeros(1, 8 - phase, 3).double(), plan, torch.zeros(1, 8 - phase, dtype=torch.bool), belief
        )
        sampled = model.sample(belief, plan, 40_000, torch.Generator().manual_seed(0)).observations[0, :, -1]
    torch.testing.assert_close(sampled.mean(0), expected.fast.mean[0, :3], atol=0.08, rtol=0.02)
    if phase == 0:
        torch.testing.assert_close(sampled.var(0), expected.fast.covariance[0, :3], atol=0, rtol=0.05)


def test_exact_treatment_is_less_sure_than_adding_the_slow_latent_anew():
    observations, actions, _ = sequence(8)
    model, exact = small((8,)), small((8,), shared_latent="exact")
    exact.load_state_dict(model.state_dict())
    unobserved = torch.zeros(1, 8, dtype=torch.bool)
    unobserved[:, 0] = True
    independent, shared = (m.filter(observations, actions, unobserved)[0].fast for m in (model, exact))
    torch.testing.assert_close(independent.mean, shared.mean)
    assert shared.covariance[:, :10].mean() > independent.covariance[:, :10].mean()
    assert is_valid(shared).all()
