"""A recalibrated model keeps the contract, and scales each prediction by the factor of its horizon."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from world_model_contract import ACT, OBS, WorldModelContract

from mbrl_mts3.errors import ShapeError
from mbrl_mts3.models import MTS3, RecalibratedModel, Recalibration

SMALL = dict.fromkeys(("encoder_hidden", "window_hidden", "action_hidden", "control_hidden", "decoder_hidden"), (16,))
HORIZONS = 6


def recalibration(reward: bool = True) -> Recalibration:
    """The factor of horizon h is h + 10 times the column, of the reward 100 h."""
    steps = torch.arange(1.0, HORIZONS + 1)
    return Recalibration(steps[:, None] + 10 * torch.arange(OBS), 100 * steps if reward else None)


def build(**options) -> RecalibratedModel:
    model = MTS3(OBS, ACT, (5,), latent_dim=6, **{**SMALL, **options})
    return RecalibratedModel(model, recalibration(model.predict_reward))


class TestRecalibratedModelContract(WorldModelContract):
    @pytest.fixture(params=[{}, {"aggregation": "window"}], ids=["causal", "window"])
    def make(self, request):
        return partial(build, **request.param)

    @pytest.fixture
    def alternatives(self):
        """Its options are those of the model inside."""
        return None

    @pytest.fixture
    def learning(self):
        return None

    def test_a_checkpoint_brings_it_back(self, model) -> None:
        pytest.skip("a checkpoint keeps the model inside and the factors: tests/training/test_checkpoint.py")

    def test_its_arguments_build_it_again(self, model) -> None:
        """A checkpoint builds the model inside and wraps it anew."""
        twin = RecalibratedModel(MTS3(**model.arguments()), recalibration()).double()
        twin.load_state_dict(model.state_dict())
        sequence = self.sequence()
        torch.testing.assert_close(twin(*sequence).variance, model(*sequence).variance)

    def test_the_first_sampled_step_has_the_moments_of_the_prediction(self, model) -> None:
        """Of the model's own prediction: draws are not corrected, so what they are said to be sampled from is not."""
        if not model.causal:
            pytest.skip("not a causal model")
        observations, actions, _ = self.sequence()
        belief, _ = model.filter(observations, actions)
        state, step = model.sample_step(model.start_sampling(belief), actions[:, 0], torch.Generator().manual_seed(0))
        own, expected = model.model.sample_step(belief.belief, actions[:, 0], torch.Generator().manual_seed(0))
        for a, b in zip([*state.tensors(), *step.tensors()], [*own.tensors(), *expected.tensors()], strict=True):
            assert torch.equal(a, b)


@pytest.fixture
def model() -> RecalibratedModel:
    torch.manual_seed(0)
    return build().double().eval()


def horizons_in(scaled, plain) -> torch.Tensor:
    """The horizon whose factor each variance was multiplied by, read off all columns."""
    ratio = scaled.variance / plain.variance - 10 * torch.arange(OBS)
    reward = scaled.reward_variance / plain.reward_variance / 100
    assert torch.allclose(ratio, reward[..., None].expand_as(ratio))
    assert torch.equal(scaled.mean, plain.mean)
    return reward.round().long()


def test_horizons_count_from_the_last_observation(model) -> None:
    observations, actions = torch.randn(2, 8, OBS).double(), torch.randn(2, 8, ACT).double()
    mask = torch.tensor([[1, 1, 0, 0, 1, 0, 1, 1], [0, 0, 0, 1, 1, 1, 0, 0]]).bool()
    belief, scaled = model.filter(observations, actions, mask)
    inner, plain = model.model.filter(observations, actions, mask)
    assert horizons_in(scaled, plain).tolist() == [[1, 1, 2, 3, 1, 2, 1, 1], [1, 2, 3, 1, 1, 1, 2, 3]]
    # Filtering ends one step past the last observation, so the future begins at horizon 2, or further.
    future = horizons_in(model.imagine(belief, actions), model.model.imagine(inner, actions))
    assert future.tolist() == [[2, 3, 4, 5, 6, 6, 6, 6], [4, 5, 6, 6, 6, 6, 6, 6]]
    seen = model.observe(belief, observations[:, 0], mask=torch.tensor([True, False]))
    after, step = model.step(seen, actions[:, 0])
    _, plain_step = model.model.step(seen.belief, actions[:, 0])
    assert horizons_in(step, plain_step).tolist() == [[1], [4]]
    assert after.unobserved.tolist() == [1, 4]
    moved = model.observe(after, observations[:, 1], actions[:, 1], torch.tensor([False, True]))
    assert moved.unobserved.tolist() == [2, 0]


def test_a_filter_goes_on_where_it_was_cut(model) -> None:
    observations, actions = torch.randn(1, 10, OBS).double(), torch.randn(1, 10, ACT).double()
    mask = torch.tensor([[1, 0, 0, 0, 0, 0, 0, 1, 0, 0]]).bool()
    whole = model(observations, actions, mask)
    belief, _ = model.filter(observations[:, :5], actions[:, :5], mask[:, :5])
    _, rest = model.filter(observations[:, 5:], actions[:, 5:], mask[:, 5:], belief)
    torch.testing.assert_close(rest.variance, whole.variance[:, 5:])


def test_candidates_share_the_horizons_of_their_belief(model) -> None:
    belief, _ = model.filter(torch.randn(2, 3, OBS).double(), torch.randn(2, 3, ACT).double())
    plans = torch.randn(2, 4, 5, ACT).double()
    plain = model.model.imagine(belief.belief, plans)
    assert horizons_in(model.imagine(belief, plans), plain).tolist() == [[[2, 3, 4, 5, 6]] * 4] * 2


def test_means_and_samples_are_the_models_own(model) -> None:
    belief, _ = model.filter(torch.randn(2, 3, OBS).double(), torch.randn(2, 3, ACT).double())
    plan = torch.randn(2, 4, ACT).double()
    torch.testing.assert_close(model.imagine_mean(belief, plan).mean, model.model.imagine(belief.belief, plan).mean)
    draws = [m.sample(b, plan, 3, torch.Generator().manual_seed(1)) for m, b in
             ((model, belief), (model.model, belief.belief))]  # fmt: skip
    assert torch.equal(draws[0].observations, draws[1].observations)


def test_a_model_without_rewards() -> None:
    model = build(predict_reward=False)
    prediction = model(torch.randn(1, 3, OBS), torch.randn(1, 3, ACT))
    assert prediction.reward_variance is None
    assert model.recalibration.reward is None


def test_factors_move_with_the_model(model) -> None:
    assert model.recalibration.observation.dtype == torch.float64
    assert model.float().recalibration.observation.dtype == torch.float32
    assert len(model.recalibration) == HORIZONS


@pytest.mark.parametrize(
    ("observation", "reward", "message"),
    [
        (torch.ones(4, OBS + 1), torch.ones(4), rf"\(4, {OBS + 1}\)"),
        (torch.ones(0, OBS), torch.ones(0), "horizons"),
        (torch.ones(OBS), torch.ones(OBS), "horizons"),
        (torch.ones(4, OBS), None, "reward"),
        (torch.ones(4, OBS), torch.ones(3), "reward"),
        (-torch.ones(4, OBS), torch.ones(4), "positive"),
        (torch.ones(4, OBS), torch.full((4,), torch.nan), "positive"),
    ],
)
def test_factors_that_do_not_fit_are_refused(observation, reward, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        RecalibratedModel(MTS3(OBS, ACT, (5,), latent_dim=6, **SMALL), Recalibration(observation, reward))


def test_beliefs_of_the_model_inside_are_refused(model) -> None:
    with pytest.raises(ShapeError, match="belief of this model"):
        model.imagine(model.model.initial_belief(1), torch.zeros(1, 2, ACT).double())
