"""Drawing one step."""

import torch

from mbrl_mts3.models import Prediction, SampledStep


def prediction(batch: int) -> Prediction:
    """Of one step, equal for all of a batch."""
    return Prediction(
        mean=torch.tensor([[[1.0, -2.0]]]).expand(batch, 1, 2),
        variance=torch.tensor([[[0.25, 4.0]]]).expand(batch, 1, 2),
        reward_mean=torch.full((batch, 1), 3.0),
        reward_variance=torch.full((batch, 1), 9.0),
        termination_logit=torch.full((batch, 1), -1.0),
    )


def test_draws_have_the_moments_of_the_prediction() -> None:
    step = SampledStep.sample(prediction(40_000), torch.Generator().manual_seed(0))
    torch.testing.assert_close(step.observation.mean(0), torch.tensor([1.0, -2.0]), atol=0.03, rtol=0)
    torch.testing.assert_close(step.observation.var(0), torch.tensor([0.25, 4.0]), atol=0, rtol=0.03)
    assert step.reward is not None
    torch.testing.assert_close(step.reward.mean(), torch.tensor(3.0), atol=0.06, rtol=0)
    torch.testing.assert_close(step.reward.var(), torch.tensor(9.0), atol=0, rtol=0.03)
    assert step.termination is not None
    torch.testing.assert_close(step.termination.float().mean(), torch.sigmoid(torch.tensor(-1.0)), atol=0.01, rtol=0)
    assert step.prediction.variance.shape == (40_000, 2)


def test_nothing_is_sampled_of_what_is_expected() -> None:
    step = SampledStep.expected(prediction(2))
    assert step.observation.tolist() == [[1.0, -2.0]] * 2
    assert step.reward is not None
    assert step.reward.tolist() == [3.0, 3.0]
    assert step.termination is not None
    assert step.termination.tolist() == [False, False]


def test_heads_that_a_model_lacks_stay_away() -> None:
    bare = Prediction(torch.zeros(3, 1, 2), torch.ones(3, 1, 2))
    for step in (SampledStep.sample(bare, None), SampledStep.expected(bare)):
        assert step.reward is None
        assert step.termination is None
