"""What stands in for missing observations, what is fed back, and what options of sequence models do."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.models import GRU, LSTM, AutoregressiveTransformer, MultiStepTransformer, SequenceModel

OBS, ACT = 3, 2
RECURRENT = {"width": 8, "decoder_hidden": (12,)}
ATTENTIVE = {**RECURRENT, "layers": 2, "heads": 2, "feedforward": 12, "context": 4}
ALL = [(GRU, RECURRENT), (LSTM, RECURRENT), (AutoregressiveTransformer, ATTENTIVE), (MultiStepTransformer, ATTENTIVE)]
EACH = pytest.mark.parametrize(("kind", "sizes"), ALL, ids=[kind.__name__ for kind, _ in ALL])


def small(kind: type[SequenceModel], **options) -> SequenceModel:
    torch.manual_seed(1)
    return kind(OBS, ACT, **options).double().eval()


def sequence(steps=9, batch=2):
    generator = torch.Generator().manual_seed(2)
    observations = torch.randn(batch, steps, OBS, generator=generator, dtype=torch.float64)
    actions = torch.randn(batch, steps, ACT, generator=generator, dtype=torch.float64)
    mask = torch.rand(batch, steps, generator=generator) < 0.6
    return observations, actions, mask


@EACH
@pytest.mark.parametrize("target", ["absolute", "delta"])
def test_missing_observations_are_replaced_as_promised(kind, sizes, target):
    """Token by token, each time with the whole past anew."""
    model = small(kind, **sizes, target=target)
    observations, actions, mask = sequence()
    prediction = model(observations, actions, mask)
    for row in range(2):
        tokens, guess = [], torch.zeros(OBS, dtype=torch.float64)
        for t in range(9):
            shown = bool(mask[row, t])
            guess = observations[row, t] if shown else guess
            kept = guess if shown or kind is AutoregressiveTransformer else torch.zeros_like(guess)
            tokens.append(torch.cat([kept, torch.tensor([float(shown)]).double(), actions[row, t]]))
            features, _ = model.core.advance(model.core.initial_state(1), torch.stack(tokens)[None])
            mean = model.heads.mean(features[0, -1])[:OBS]
            guess = guess + mean if target == "delta" else mean
            torch.testing.assert_close(prediction.mean[row, t], guess, atol=1e-9, rtol=1e-9)


@EACH
def test_nan_where_nothing_was_observed_reaches_no_gradient(kind, sizes):
    model = small(kind, **sizes)
    observations, actions, mask = sequence()
    spoiled = torch.where(mask[..., None], observations, torch.nan)
    belief, prediction = model.filter(spoiled[:, :5], actions[:, :5], mask[:, :5])
    _, later = model.filter(spoiled[:, 5:], actions[:, 5:], mask[:, 5:], belief)
    total = sum(p.mean.sum() + p.variance.sum() + p.reward_mean.sum() for p in (prediction, later))
    for gradient in torch.autograd.grad(total, list(model.parameters()), allow_unused=True):
        assert gradient is None or gradient.isfinite().all()


@EACH
def test_plans_are_differentiated_exactly(kind, sizes):
    model = small(kind, **sizes)
    observations, actions, _ = sequence(4, batch=1)
    belief, _ = model.filter(observations, actions)
    belief = belief.detach()
    plan = actions.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda a: model.imagine(belief, a).mean, plan)


@EACH
def test_sampled_observations_are_read_as_if_observed(kind, sizes):
    """Next to no variance leaves one path: that of the means, each of them observed."""
    model = small(kind, **sizes)
    torch.nn.init.zeros_(model.heads.variance_network[-1].weight)
    torch.nn.init.constant_(model.heads.variance_network[-1].bias, -50.0)
    observations, actions, _ = sequence()
    with torch.no_grad():
        belief, _ = model.filter(observations, actions)
        sampled = model.sample(belief, actions, 3, torch.Generator().manual_seed(0))
        for t in range(9):
            belief, step = model.step(belief, actions[:, t])
            belief = model.observe(belief, step.mean[:, 0])
            torch.testing.assert_close(sampled.observations[:, 1, t], step.mean[:, 0], atol=0.1, rtol=0)
            torch.testing.assert_close(sampled.rewards[:, 1, t], step.reward_mean[:, 0], atol=0.1, rtol=0)


@EACH
def test_first_samples_have_the_predicted_moments(kind, sizes):
    model = small(kind, **sizes, predict_termination=True)
    observations, actions, _ = sequence()
    with torch.no_grad():
        belief, _ = model.filter(observations, actions)
        expected = model.imagine(belief, actions[:, :1])
        sampled = model.sample(belief, actions[:, :1], 20_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(sampled.observations.mean(dim=1), expected.mean, atol=0.03, rtol=0)
    torch.testing.assert_close(sampled.observations.var(dim=1), expected.variance, atol=0, rtol=0.05)
    torch.testing.assert_close(sampled.rewards.mean(dim=1), expected.reward_mean, atol=0.03, rtol=0)
    torch.testing.assert_close(sampled.rewards.var(dim=1), expected.reward_variance, atol=0, rtol=0.05)
    chance = torch.sigmoid(expected.termination_logit)
    torch.testing.assert_close(sampled.terminations.double().mean(dim=1), chance, atol=0.02, rtol=0)


@EACH
def test_models_side_by_side_under_vmap_equal_each_alone(kind, sizes):
    models = [kind(OBS, ACT, **sizes).double() for _ in range(3)]
    parameters, buffers = stack_module_state(models)

    def means(own, fixed, *inputs):
        prediction = functional_call(models[0], (own, fixed), inputs)
        return prediction.mean, prediction.variance

    inputs = tuple(torch.stack(three) for three in zip(*(sequence() for _ in range(3)), strict=True))
    with warnings.catch_warnings():
        # PyTorch runs its fused attention member by member there, and says so.
        warnings.simplefilter("ignore", UserWarning)
        together = vmap(means)(parameters, buffers, *inputs)
    for index, model in enumerate(models):
        alone = model(*(tensor[index] for tensor in inputs))
        torch.testing.assert_close(together[0][index], alone.mean, atol=1e-10, rtol=1e-10)
        torch.testing.assert_close(together[1][index], alone.variance, atol=1e-10, rtol=1e-10)


@EACH
def test_half_precision_stays_close(kind, sizes):
    model = small(kind, **sizes).float()
    observations, actions, mask = sequence()
    exact = model(observations.float(), actions.float(), mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model(observations.float(), actions.float(), mask)
    torch.testing.assert_close(mixed.mean.float(), exact.mean, atol=0.05, rtol=0.05)


OPTIONS = {
    "width": 16,
    "layers": 1,
    "heads": 4,
    "feedforward": 16,
    "context": 3,
    "decoder_hidden": (13,),
    "variance_hidden": (13,),
    "target": "delta",
    "predict_reward": False,
    "predict_termination": True,
}


@EACH
def test_every_option_changes_an_output(kind, sizes):
    observations, actions, mask = sequence()
    plain = small(kind, **sizes)
    before = plain(observations, actions, mask)
    for option in set(plain.arguments()) - {"observation_dim", "action_dim"}:
        after = small(kind, **{**sizes, option: OPTIONS[option]})(observations, actions, mask)
        pairs = list(zip(before.tensors(), after.tensors(), strict=False))
        same_kind = len(before.tensors()) == len(after.tensors())
        assert not same_kind or max((a - b).abs().max() for a, b in pairs) > 1e-6, option


@EACH
def test_impossible_options_are_refused(kind, sizes):
    with pytest.raises(ConfigurationError, match="absolute, delta"):
        small(kind, **{**sizes, "target": "ratio"})
    with pytest.raises(ConfigurationError, match="decoder_hidden"):
        small(kind, **{**sizes, "decoder_hidden": (8, 0)})
    with pytest.raises(ConfigurationError, match="variance_hidden"):
        small(kind, **{**sizes, "variance_hidden": (0,)})
    with pytest.raises(ConfigurationError, match="width=0"):
        small(kind, **{**sizes, "width": 0})


def test_a_foreign_belief_is_refused():
    gru, transformer = small(GRU, **RECURRENT), small(MultiStepTransformer, **ATTENTIVE)
    with pytest.raises(ShapeError, match="initial_state"):
        transformer.imagine(gru.initial_belief(1), torch.zeros(1, 2, ACT).double())
    with pytest.raises(ShapeError, match="initial_belief"):
        gru.imagine(gru.initial_belief(1).state, torch.zeros(1, 2, ACT).double())
