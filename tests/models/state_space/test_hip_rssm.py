"""HiP-RSSM passes the contract, equals dense algebra, and learns of its task from the context alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dense_hip_rssm import DenseHiPRSSM
from world_model_contract import ACT, OBS, Learning, WorldModelContract, each_form, in_forms, make_forms

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.gaussian import aggregate
from mbrl_mts3.models import MTS3, HiPRSSM

SMALL = {
    "latent_dim": 5,
    "context": 6,
    "encoder_hidden": (12,),
    "task_hidden": (12,),
    "control_hidden": (12,),
    "decoder_hidden": (12,),
}
FORMS = {
    "locally-linear": {},
    "dense": {"transition": "dense"},
    "delta": {"transition": "dense", "target": "delta"},
    "complementary": {"transition": "dense", "target": "complementary"},
    "deep": {"transition": "dense", "variance_hidden": (5,), "heteroscedastic": True},
}
ALTERNATIVES = {
    **{"context": 3, "latent_dim": 6, "transition": "dense", "target": "delta", "initial_variance": 1.0},
    **dict.fromkeys(("encoder_hidden", "task_hidden", "control_hidden", "decoder_hidden"), (13,)),
    **{"variance_hidden": (5,), "heteroscedastic": True},
}


class TestHiPRSSMContract(WorldModelContract):
    form = each_form(FORMS)
    make = make_forms(HiPRSSM, SMALL, FORMS)
    alternatives = in_forms(ALTERNATIVES, "locally-linear")
    learning = in_forms(Learning(), "dense")


def small(**options) -> HiPRSSM:
    torch.manual_seed(1)
    return HiPRSSM(OBS, ACT, **{**SMALL, **options}).double().eval()


def sequence(steps=14):
    generator = torch.Generator().manual_seed(2)
    observations = torch.randn(1, steps, OBS, generator=generator, dtype=torch.float64)
    actions = torch.randn(1, steps, ACT, generator=generator, dtype=torch.float64)
    return observations, actions, torch.rand(1, steps, generator=generator) < 0.75


def task_of(belief):
    return aggregate(belief.task.evidence)


@pytest.mark.parametrize("transition", ["dense", "locally_linear"])
@pytest.mark.parametrize("context", [1, 6, 30])
def test_it_equals_dense_algebra_step_by_step(transition, context):
    model = small(transition=transition, context=context)
    observations, actions, mask = sequence()
    expected = DenseHiPRSSM(model, context).predict(observations[0].numpy(), actions[0].numpy(), mask[0].numpy())
    with torch.no_grad():
        prediction = model(observations, actions, mask)
        for cut in range(1, 15):
            belief, _ = model.filter(observations[:, :cut], actions[:, :cut], mask[:, :cut])
            for ours, dense in zip((belief.fast, task_of(belief)), expected[cut - 1], strict=True):
                np.testing.assert_allclose(ours.mean[0].numpy(), dense[0], rtol=1e-8, atol=1e-8)
                np.testing.assert_allclose(ours.to_dense()[0].numpy(), dense[1], rtol=1e-8, atol=1e-8)
        means = torch.tensor(np.stack([mean for (mean, _), _ in expected]))
        decoded = model.readout.decoder.mean(means)[:, :OBS]
    torch.testing.assert_close(prediction.mean[0], decoded, rtol=1e-8, atol=1e-8)


def test_the_task_is_learned_from_complete_triples_of_the_context_only():
    """Which observations the task depends on, one by one: the masked one leaves both of its triples out."""
    model = small(context=4)
    observations, actions, _ = sequence(9)
    mask = torch.ones(1, 9, dtype=torch.bool)
    mask[:, 2] = False
    observations.requires_grad_()
    belief, _ = model.filter(observations, actions, mask)
    (gradient,) = torch.autograd.grad(task_of(belief).mean.square().sum(), observations)
    told = gradient[0].abs().sum(-1) > 0
    assert told.tolist() == [True, True, False, True, True, False, False, False, False]


def test_a_triple_counts_once_its_second_observation_is_taken_in():
    model = small()
    observations, actions, _ = sequence()
    belief = model.observe(model.initial_belief(1), observations[:, 0])
    waiting, _ = model.step(belief, actions[:, 0])
    assert (waiting.task.evidence.precision == 0).all()
    unobserved = model.observe(waiting, observations[:, 1], mask=torch.tensor([False]))
    assert (unobserved.task.evidence.precision == 0).all()
    assert (model.observe(waiting, observations[:, 1]).task.evidence.precision > 0).all()


def test_a_filter_goes_on_from_an_observation_that_is_known_already():
    model = small()
    observations, actions, mask = sequence()
    mask[:, 3:5] = True
    belief, _ = model.filter(observations[:, :3], actions[:, :3], mask[:, :3])
    belief = model.observe(belief, observations[:, 3])
    mask[:, 3] = False
    expected, _ = model.filter(observations[:, :5], actions[:, :5], mask[:, :5] | (torch.arange(5) == 3))
    found, _ = model.filter(observations[:, 3:5], actions[:, 3:5], mask[:, 3:5], belief)
    for a, b in zip(found.tensors(), expected.tensors(), strict=True):
        torch.testing.assert_close(a, b)


def test_what_the_model_draws_moves_the_state_and_tells_nothing_of_the_task():
    model = small(target="delta")
    observations, actions, _ = sequence()
    belief, _ = model.filter(observations[:, :3], actions[:, :3])
    sampled, seen = model.observe_sample(belief, observations[:, 3]), model.observe(belief, observations[:, 3])
    assert (sampled.fast.mean - belief.fast.mean).abs().max() > 1e-3
    assert torch.equal(sampled.reference, seen.reference)
    later, watched = (model.observe(known, observations[:, 4], actions[:, 3]) for known in (sampled, seen))
    torch.testing.assert_close(later.task.evidence.precision, belief.task.evidence.precision)
    assert (watched.task.evidence.precision > belief.task.evidence.precision).all()


def test_without_actions_it_is_a_time_series_model():
    model = HiPRSSM(OBS, 0, **SMALL)
    prediction = model(torch.randn(2, 9, OBS), torch.zeros(2, 9, 0))
    assert prediction.mean.shape == (2, 9, OBS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transition": "cubic"}, "dense, banded"),
        ({"target": "x"}, "absolute, delta, complementary"),
        ({"context": 0}, "must be positive and finite, got 0"),
        ({"latent_dim": 0}, "must be positive"),
        ({"initial_variance": 0.0}, "must be positive"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        small(**options)


def test_a_belief_of_another_model_is_refused():
    with pytest.raises(ShapeError, match="initial_belief"):
        small().imagine(MTS3(OBS, ACT).initial_belief(1), torch.zeros(1, 2, ACT))
