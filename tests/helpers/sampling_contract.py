"""What sampled futures of every world model must be."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from world_model_case import OBS, WorldModelCase

from mbrl_mts3.errors import CausalityError
from mbrl_mts3.models import WorldModel


class SamplingContract(WorldModelCase):
    """Seeds, moments, and agreement of drawing at once with drawing step by step."""

    def test_samples_are_seeded_differ_and_have_the_shapes(self, model: WorldModel) -> None:
        observations, actions, _ = self.sequence(2, 6)
        belief, _ = model.filter(observations, actions)

        def draw(seed: int) -> Tensor:
            return model.sample(belief, actions, 4, torch.Generator().manual_seed(seed)).observations

        assert draw(0).shape == (2, 4, 6, OBS)
        assert torch.equal(draw(0), draw(0))
        assert not torch.equal(draw(0), draw(1))
        assert (draw(0)[:, 0] - draw(0)[:, 1]).abs().min() > 0

    def test_sampling_step_by_step_agrees_with_sampling_at_once(self, model: WorldModel) -> None:
        observations, actions, _ = self.sequence(1, 6)
        belief, _ = model.filter(observations, actions)
        if not model.causal:
            with pytest.raises(CausalityError, match="one action at a time"):
                model.sample_step(model.start_sampling(belief), actions[:, 0])
            return
        count, steps, generator = 3000, 3, torch.Generator().manual_seed(0)
        with torch.no_grad():
            at_once = model.sample(belief, actions[:, :steps], count, generator)[0]
            state = model.start_sampling(belief.repeat_interleave(count), generator)
            for t in range(steps):
                state, step = model.sample_step(state, actions[:, t].expand(count, -1), generator)
                assert step.prediction.variance.shape == step.observation.shape == (count, OBS)
                assert step.reward is not None
                assert at_once.rewards is not None
                _assert_same_moments(step.observation, at_once.observations[:, t])
                _assert_same_moments(step.reward, at_once.rewards[:, t])

    def test_the_first_sampled_step_has_the_moments_of_the_prediction(self, model: WorldModel) -> None:
        if not model.causal:
            pytest.skip("latents are sampled, of which the variance head knows nothing")
        observations, actions, _ = self.sequence(1, 6)
        belief, _ = model.filter(observations, actions)
        rows, generator = belief.repeat_interleave(10_000), torch.Generator().manual_seed(0)
        with torch.no_grad():
            expected = model.imagine(belief, actions[:, :1])[0, 0]
            _, step = model.sample_step(
                model.start_sampling(rows, generator), actions[:, 0].expand(10_000, -1), generator
            )
        torch.testing.assert_close(step.prediction.variance[0], expected.variance, atol=1e-9, rtol=1e-6)
        torch.testing.assert_close(step.observation.var(0), expected.variance, atol=0, rtol=0.06)
        error = (step.observation.mean(0) - expected.mean) / expected.variance.sqrt()
        assert error.abs().max() < 0.04

    def test_sampled_observations_move_the_future(self, model: WorldModel) -> None:
        if not model.causal:
            pytest.skip("not a causal model")
        observations, actions, _ = self.sequence(1, 6)
        belief, _ = model.filter(observations, actions)
        first = model.observe_sample(belief, observations[:, 0])
        second = model.observe_sample(belief, observations[:, 0] + 1)
        moved = model.imagine(first, actions).mean - model.imagine(second, actions).mean
        assert moved.abs().max() > 1e-4


def _assert_same_moments(first: Tensor, second: Tensor) -> None:
    """Of thousands of samples each, along the first dimension."""
    spread = second.var(0).sqrt()
    assert ((first.mean(0) - second.mean(0)) / spread).abs().max() < 0.1
    assert (first.var(0).sqrt() / spread - 1).abs().max() < 0.1
