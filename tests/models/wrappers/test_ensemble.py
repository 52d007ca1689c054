"""An ensemble equals its members, one by one; and they disagree where there were no data."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from world_model_case import SMALL_MTS3

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.models import SINGLE_MODELS, Ensemble

OBS, ACT, COUNT = 3, 2, 3
FORMS = {
    # Every model as it comes, those of tomorrow too; then the ways that one of them may take.
    **{name: (name, {}) for name in SINGLE_MODELS},
    "three-levels": ("MTS3", {"time_scales": (2, 4), **SMALL_MTS3}),
    "one-level": ("MTS3", {"time_scales": (), **SMALL_MTS3}),
    "window": ("MTS3", {"time_scales": (5,), "aggregation": "window", **SMALL_MTS3}),
    "smoothing": ("MTS3", {"time_scales": (5,), "conditioning": "posterior", **SMALL_MTS3}),
    "exact": ("MTS3", {"time_scales": (5,), "shared_latent": "exact", **SMALL_MTS3}),
    "delta": ("MTS3", {"time_scales": (5,), "target": "delta", **SMALL_MTS3}),
    "complementary": ("MTS3", {"time_scales": (5,), "target": "complementary", **SMALL_MTS3}),
    "complementary-gru": ("GRU", {"target": "complementary"}),
    "diagonal": ("MTS3", {"time_scales": (5,), "transition": "diagonal", **SMALL_MTS3}),
    "banded": ("MTS3", {"time_scales": (5,), "transition": "banded", **SMALL_MTS3}),
    "locally-linear": ("MTS3", {"time_scales": (5,), "transition": "locally_linear", **SMALL_MTS3}),
    "one-step": ("ProbabilisticMLP", {"hidden": (8, 8), "propagation": "mean"}),
}


@pytest.fixture(params=FORMS)
def ensemble(request):
    name, options = FORMS[request.param]
    return Ensemble(OBS, ACT, name, COUNT, options, predict_termination=True).double().eval()


def singles(ensemble: Ensemble):
    """The members as models of their own, from slices of the stacked parameters."""
    arguments = ensemble.arguments()
    name, options = arguments.pop("member"), arguments.pop("options")
    assert arguments.pop("members") == COUNT
    found = []
    for e in range(COUNT):
        member = SINGLE_MODELS[name](**arguments, **options).double().train(ensemble.training)
        states = {key.removeprefix("stack.skeleton."): value for key, value in ensemble.state_dict().items()}
        member.load_state_dict({key: value[e] for key, value in states.items()})
        found.append(member)
    return found


def sequence(batch=4, steps=17):
    generator = torch.Generator().manual_seed(1)
    observations = torch.randn(batch, steps, OBS, generator=generator, dtype=torch.float64)
    actions = torch.randn(batch, steps, ACT, generator=generator, dtype=torch.float64)
    mask = torch.rand(batch, steps, generator=generator) < 0.6
    return torch.where(mask[..., None], observations, torch.nan), actions, mask


def assert_is_the_mixture(found, parts):
    """Moments of the mixture by NumPy, from their definitions."""
    means, variances = (np.stack([getattr(p, n).detach().numpy() for p in parts]) for n in ("mean", "variance"))
    second = variances + means**2
    close(found.mean, means.mean(0))
    close(found.variance, second.mean(0) - means.mean(0) ** 2)
    close(found.epistemic_variance, means.var(0))
    rewards = np.stack([p.reward_mean.detach().numpy() for p in parts])
    close(found.reward_mean, rewards.mean(0))
    spread = np.stack([p.reward_variance.detach().numpy() for p in parts]).mean(0) + rewards.var(0)
    close(found.reward_variance, spread)
    chances = np.stack([1 / (1 + np.exp(-p.termination_logit.detach().numpy())) for p in parts])
    close(1 / (1 + np.exp(-found.termination_logit.detach().numpy())), chances.mean(0))


def close(found, expected):
    np.testing.assert_allclose(found if isinstance(found, np.ndarray) else found.detach().numpy(), expected, atol=1e-9)


def test_it_is_the_mixture_of_its_members(ensemble):
    members, (observations, actions, mask), plans = singles(ensemble), sequence(), torch.randn(4, 2, 7, ACT).double()
    belief, filtered = ensemble.filter(observations, actions, mask)
    alone = [member.filter(observations, actions, mask) for member in members]
    assert_is_the_mixture(filtered, [prediction for _, prediction in alone])
    beliefs = [known for known, _ in alone]
    assert_is_the_mixture(
        ensemble.imagine(belief, plans), [m.imagine(b, plans) for m, b in zip(members, beliefs, strict=True)]
    )
    if not ensemble.causal:
        return
    observation, action, shown = observations[:, 3], actions[:, 3], mask[:, 3]
    belief = ensemble.observe(belief, observation, action, shown)
    beliefs = [m.observe(b, observation, action, shown) for m, b in zip(members, beliefs, strict=True)]
    belief, step = ensemble.step(belief, action)
    stepped = [m.step(b, action) for m, b in zip(members, beliefs, strict=True)]
    assert_is_the_mixture(step, [prediction for _, prediction in stepped])
    for e, (known, _) in enumerate(stepped):
        for all_of_them, its_own in zip(belief.members.tensors(), known.tensors(), strict=True):
            close(all_of_them[:, e] if its_own.is_floating_point() else all_of_them, its_own.detach().numpy())


def test_members_run_together_not_one_after_the_other(ensemble, monkeypatch):
    """What a call goes through in Python, it goes through as often as for a single model."""
    alone, (observations, actions, mask), plans = singles(ensemble)[0], sequence(), torch.randn(4, 7, ACT).double()
    entered = Counter()

    def watch(name):
        original = getattr(type(alone), name)

        def watched(self, *arguments, **named):
            entered[name] += self is not ensemble
            return original(self, *arguments, **named)

        monkeypatch.setattr(type(alone), name, watched)

    for name in ("initial_belief", "observe", "observe_sample", "filter", "imagine", "imagine_mean", "sample", "step"):
        watch(name)

    def run(model):
        entered.clear()
        belief, _ = model.filter(observations, actions, mask)
        model.imagine(belief, plans)
        model.imagine_mean(belief, plans)
        model.sample(belief, plans, COUNT)
        if model.causal:
            belief = model.observe(model.initial_belief(4), torch.nan_to_num(observations[:, 0]))
            model.step(model.observe_sample(belief, torch.nan_to_num(observations[:, 1])), actions[:, 1])
        model.train()(observations, actions, mask)
        return Counter(entered)

    expected = run(alone)
    assert {"filter", "imagine", "sample"} <= set(expected)
    assert run(ensemble) == expected


def test_training_deals_a_batch_out_row_by_row(ensemble):
    """Values and gradients, of a batch that is no multiple of the members."""
    check_dealing(ensemble.train(), 8)


@pytest.mark.parametrize("batch", [2, 6])
def test_a_batch_may_be_a_multiple_of_the_members_or_smaller(batch):
    check_dealing(Ensemble(OBS, ACT, "ProbabilisticMLP", COUNT, {"hidden": (8,)}).double(), batch)


def check_dealing(ensemble, batch):
    members, (observations, actions, mask) = singles(ensemble), sequence(batch)
    dealt = ensemble(observations, actions, mask)
    assert dealt.epistemic_variance is None
    sum(tensor.square().sum() for tensor in dealt.tensors()).backward()
    for i in range(batch):
        alone = members[i % COUNT](observations[i : i + 1], actions[i : i + 1], mask[i : i + 1])
        for found, expected in zip(dealt.tensors(), alone.tensors(), strict=True):
            close(found[i : i + 1], expected.detach().numpy())
        sum(tensor.square().sum() for tensor in alone.tensors()).backward()
    for name, parameter in ensemble.named_parameters():
        for e, member in enumerate(members):
            own = member.get_parameter(name.removeprefix("stack.skeleton.")).grad
            torch.testing.assert_close(
                parameter.grad[e], torch.zeros_like(parameter[e]) if own is None else own, atol=1e-8, rtol=1e-8
            )


def counting() -> Ensemble:
    """Members that each say their own number, for sure and whatever they are told, cannot be mixed up unseen."""
    ensemble = Ensemble(OBS, ACT, "ProbabilisticMLP", COUNT, {"hidden": ()}).double()
    network = ensemble.stack.skeleton.network
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    network.variance_head.bias.data.fill_(-40.0)
    network.mean_head.bias.data += torch.arange(COUNT)[:, None]
    return ensemble


def test_each_sample_follows_one_member():
    ensemble = counting()
    belief = ensemble.observe(ensemble.initial_belief(2), torch.zeros(2, OBS).double())
    sampled = ensemble.sample(belief, torch.zeros(2, 3, ACT).double(), 7, torch.Generator().manual_seed(0))
    assert sampled.observations.shape == (2, 7, 3, OBS)
    member = torch.arange(7) % COUNT
    expected = member[:, None].double() * torch.arange(1, 4)
    torch.testing.assert_close(sampled.observations, expected[None, :, :, None].expand(2, 7, 3, OBS), atol=0.1, rtol=0)


def test_members_start_apart():
    ensemble = Ensemble(OBS, ACT, "MTS3", COUNT, {"time_scales": (5,), **SMALL_MTS3})
    for name, parameter in ensemble.named_parameters():
        if name.endswith("weight") and "norm" not in name and parameter.ndim == 3:
            assert (parameter[0] - parameter[1]).abs().max() > 1e-3, name
    assert ensemble.period == 5


def test_they_disagree_off_the_data_more_than_on_it():
    """One dimension, o' = sin(3 o), learned from observations between -1 and 1."""
    ensemble = Ensemble(1, 0, "ProbabilisticMLP", 4, {"hidden": (32, 32)}, predict_reward=False)
    optimizer = torch.optim.Adam(ensemble.parameters(), 1e-2)
    for _ in range(150):
        seen = torch.rand(64, 1, 1) * 2 - 1
        prediction, target = ensemble(seen, seen[..., :0]), (3 * seen).sin()
        loss = (prediction.mean - target).square() / prediction.variance + prediction.variance.log()
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
    ensemble.eval()
    with torch.no_grad():
        inside, outside = torch.linspace(-0.9, 0.9, 50), torch.linspace(2.5, 4, 50)
        on, off = (ensemble(x[:, None, None], x[:, None, None, None][..., :0, 0]) for x in (inside, outside))
    assert (on.mean.flatten() - (3 * inside).sin()).abs().mean() < 0.1
    assert off.epistemic_variance.mean() > 20 * on.epistemic_variance.mean()


def test_batches_in_pieces_equal_the_whole(monkeypatch):
    ensemble = Ensemble(OBS, ACT, "MTS3", COUNT, {"time_scales": (5,), **SMALL_MTS3}).double().eval()
    observations, actions, mask = sequence(7)
    with torch.no_grad():
        belief, filtered = ensemble.filter(observations, actions, mask)
        plans = torch.randn(7, 2, 4, ACT).double()
        whole = [*belief.tensors(), *filtered.tensors(), *ensemble.imagine(belief, plans).tensors()]
        monkeypatch.setattr("mbrl_mts3.models.wrappers.ensemble.STEPS_AT_ONCE", 1)
        monkeypatch.setattr("mbrl_mts3.models.batching.ROWS_AT_LEAST", 3)
        belief, filtered = ensemble.filter(observations, actions, mask)
        pieces = [*belief.tensors(), *filtered.tensors(), *ensemble.imagine(belief, plans).tensors()]
    for a, b in zip(whole, pieces, strict=True):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"member": "MTS4"}, "no model 'MTS4'.*MTS3, .*ProbabilisticMLP"),
        ({"member": "Ensemble"}, "one larger ensemble"),
        ({"members": 1}, "at least 2"),
        ({"options": {"latents": 3}}, "no option latents.*latent_dim"),
        ({"options": {"predict_reward": False}}, "no option predict_reward"),
    ],
)
def test_impossible_ensembles_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        Ensemble(OBS, ACT, **{"member": "MTS3", **arguments})


def test_a_belief_of_another_model_is_refused():
    ensemble = Ensemble(OBS, ACT, "ProbabilisticMLP", COUNT, {"hidden": (8,)})
    alone = SINGLE_MODELS["ProbabilisticMLP"](OBS, ACT)
    with pytest.raises(ShapeError, match="initial_belief"):
        ensemble.imagine(alone.initial_belief(1), torch.zeros(1, 3, ACT))


def test_step_by_step_each_future_follows_one_member_too():
    ensemble = counting()
    belief = ensemble.observe(ensemble.initial_belief(20), torch.zeros(20, OBS).double())
    state = ensemble.start_sampling(belief, torch.Generator().manual_seed(0))
    chosen = state.member.clone()
    assert set(chosen.tolist()) == set(range(COUNT))
    for t in range(1, 4):
        state, step = ensemble.sample_step(state, torch.zeros(20, ACT).double(), torch.Generator().manual_seed(t))
        torch.testing.assert_close(step.observation[:, 0], t * chosen.double(), atol=0.1, rtol=0)
        spread = torch.arange(COUNT).double().var(correction=0).expand(20)
        torch.testing.assert_close(step.prediction.epistemic_variance[:, 0], spread, atol=1e-6, rtol=0)
    with pytest.raises(ShapeError, match="start_sampling"):
        ensemble.sample_step(belief, torch.zeros(20, ACT).double())
