"""What predictions and beliefs of every world model must do."""

from __future__ import annotations

import pytest
import torch
from world_model_case import ACT, OBS, WorldModelCase, assert_equal, join

from mbrl_mts3.errors import CausalityError, ShapeError
from mbrl_mts3.models import WorldModel


class PredictionContract(WorldModelCase):
    """Masks, causality, batches, streaming, imagination."""

    def test_shapes_and_positive_variances(self, model: WorldModel) -> None:
        for batch, steps in ((1, 1), (1, 11), (2, 3), (3, 16)):
            prediction = model(*self.sequence(batch, steps))
            assert prediction.mean.shape == prediction.variance.shape == (batch, steps, OBS)
            assert prediction.reward_mean is not None
            assert prediction.reward_mean.shape == (batch, steps)
            assert (prediction.variance > 0).all()

    def test_a_batch_of_one_equals_one_of_a_batch(self, model: WorldModel) -> None:
        observations, actions, mask = self.sequence(3)
        assert_equal(model(observations, actions, mask)[1:2], model(observations[1:2], actions[1:2], mask[1:2]))

    def test_masked_observations_change_nothing_whatever_they_hold(self, model: WorldModel) -> None:
        observations, actions, mask = self.sequence()
        spoiled = torch.where(mask[..., None], observations, torch.full_like(observations, torch.nan))
        assert_equal(model(observations, actions, mask), model(spoiled, actions, mask))

    def test_shown_observations_change_the_prediction(self, model: WorldModel) -> None:
        observations, actions, mask = self.sequence()
        other = model(observations + mask[..., None], actions, mask)
        assert (other.mean - model(observations, actions, mask).mean).abs().max() > 1e-3

    def test_predictions_do_not_depend_on_later_observations(self, model: WorldModel) -> None:
        observations, actions, _ = self.sequence()
        observations.requires_grad_()
        for t in (0, 4, 9):
            step = model(observations, actions)[:, t]
            (gradient,) = torch.autograd.grad(step.mean.sum() + step.variance.sum(), observations)
            assert (gradient[:, t + 1 :] == 0).all()
            assert (gradient[:, t] != 0).any()

    def test_sequences_of_different_lengths_in_one_batch_equal_each_alone(self, model: WorldModel) -> None:
        """Shorter ones are padded: observations masked, actions anything."""
        lengths = (1, 5, 11) if model.causal else (model.period, 2 * model.period, 3 * model.period)
        observations, actions, mask = self.sequence(3, lengths[-1])
        for i, length in enumerate(lengths):
            mask[i, length:] = False
            observations[i, length:] = torch.nan
        together = model(observations, actions, mask)
        for i, length in enumerate(lengths):
            cut = (slice(i, i + 1), slice(length))
            assert_equal(together[cut], model(observations[cut], actions[cut], mask[cut]))

    def test_a_causal_model_does_not_depend_on_later_actions(self, model: WorldModel, uses_actions: bool) -> None:
        if not model.causal:
            pytest.skip("not a causal model")
        observations, actions, mask = self.sequence()
        actions.requires_grad_()
        for t in (0, 4, 9):
            step = model(observations, actions, mask)[:, t]
            goal = step.mean.sum() + step.variance.sum()
            (gradient,) = torch.autograd.grad(goal, actions, allow_unused=True, materialize_grads=True)
            assert (gradient[:, t + 1 :] == 0).all()
            assert (gradient[:, t] != 0).any() == uses_actions

    def test_streaming_equals_the_whole_sequence(self, model: WorldModel) -> None:
        if not model.causal:
            pytest.skip("not a causal model")
        observations, actions, mask = self.sequence(2, 17)
        offline = model(observations, actions, mask)
        belief = model.initial_belief(2)
        for t in range(17):
            belief = model.observe(belief, observations[:, t], actions[:, t - 1] if t else None, mask[:, t])
            assert_equal(model.imagine(belief, actions[:, t : t + 1]), offline[:, t : t + 1], tolerance=1e-5)

    def test_a_sequence_may_be_cut_at_windows(self, model: WorldModel) -> None:
        observations, actions, mask = self.sequence(2, 3 * model.period + 2)
        cut = 2 * model.period
        belief, first = model.filter(observations[:, :cut], actions[:, :cut], mask[:, :cut])
        _, second = model.filter(observations[:, cut:], actions[:, cut:], mask[:, cut:], belief)
        whole = model(observations, actions, mask)
        assert_equal(whole[:, :cut], first)
        assert_equal(whole[:, cut:], second)

    def test_imagining_equals_filtering_a_masked_future(self, model: WorldModel) -> None:
        observations, actions, mask = self.sequence(2, 3 * model.period + 2)
        cut = 2 * model.period
        belief, _ = model.filter(observations[:, :cut], actions[:, :cut], mask[:, :cut])
        mask[:, cut:] = False
        assert_equal(model.imagine(belief, actions[:, cut:]), model(observations, actions, mask)[:, cut:])

    def test_stepping_equals_imagining(self, model: WorldModel) -> None:
        observations, actions, _ = self.sequence(2, 17)
        belief = model.initial_belief(2)
        if not model.causal:
            with pytest.raises(CausalityError, match="one action at a time"):
                model.step(belief, actions[:, 0])
            return
        belief = model.observe(belief, observations[:, 0])
        whole = model.imagine(belief, actions)
        for t in range(17):
            belief, step = model.step(belief, actions[:, t])
            assert_equal(step, whole[:, t : t + 1])

    def test_elements_at_different_steps_are_kept_apart(self, model: WorldModel) -> None:
        if not model.causal:
            pytest.skip("not a causal model")
        observations, actions, _ = self.sequence(1, 12)
        early, _ = model.filter(observations[:, :3], actions[:, :3])
        late, _ = model.filter(observations[:, :7], actions[:, :7])
        both = join(early, late)
        plan = actions.expand(2, -1, -1)
        together = model.imagine(both, plan)
        assert_equal(together[:1], model.imagine(early, actions))
        assert_equal(together[1:], model.imagine(late, actions))
        after, step = model.step(both, plan[:, 0])
        assert_equal(step, together[:, :1])
        assert_equal(model.imagine(after, plan[:, 1:]), together[:, 1:])

    def test_many_candidates_equal_each_alone(self, model: WorldModel) -> None:
        observations, actions, _ = self.sequence(2, 6)
        belief, _ = model.filter(observations, actions)
        plans = torch.randn(2, 5, 8, ACT, dtype=torch.float64)
        together = model.imagine(belief, plans)
        assert together.mean.shape == (2, 5, 8, OBS)
        for candidate in range(5):
            assert_equal(together[:, candidate], model.imagine(belief, plans[:, candidate]))

    def test_means_alone_equal_the_means_of_the_whole(self, model: WorldModel) -> None:
        for observed in (5, 8, 2 * model.period):
            observations, actions, _ = self.sequence(2, observed)
            belief, _ = model.filter(observations, actions)
            plans = torch.randn(2, 3, 2 * model.period + 3, ACT, dtype=torch.float64)
            whole, means = model.imagine(belief, plans), model.imagine_mean(belief, plans)
            torch.testing.assert_close(means.mean, whole.mean, atol=1e-9, rtol=1e-9)
            torch.testing.assert_close(means.reward_mean, whole.reward_mean, atol=1e-9, rtol=1e-9)

    def test_beliefs_are_left_as_they_were(self, model: WorldModel) -> None:
        observations, actions, _ = self.sequence(2, 6)
        belief, _ = model.filter(observations, actions)
        before = [tensor.clone() for tensor in belief.tensors()]
        model.imagine(belief, actions)
        model.sample(belief, actions, 2)
        if model.causal:
            model.observe(belief, observations[:, 0], actions[:, 0])
            model.step(belief, actions[:, 0])
            model.sample_step(model.start_sampling(belief), actions[:, 0])
        assert all(torch.equal(a, b) for a, b in zip(before, belief.tensors(), strict=True))

    def test_1000_blind_steps_are_finite(self, model: WorldModel) -> None:
        observations, actions, _ = self.sequence(2, 6)
        single = model.float()
        belief, _ = single.filter(observations.float(), actions.float())
        future = single.imagine(belief, torch.randn(2, 1000, ACT))
        assert torch.isfinite(future.mean).all()
        assert torch.isfinite(future.variance).all()

    def test_wrong_shapes_are_refused(self, model: WorldModel) -> None:
        observations, actions, mask = self.sequence()
        belief = model.initial_belief(2)
        with pytest.raises(ShapeError, match="observations"):
            model(observations[..., :2], actions, mask)
        with pytest.raises(ShapeError, match="actions"):
            model(observations, actions[:, :5], mask)
        with pytest.raises(ShapeError, match="mask"):
            model(observations, actions, mask[:1])
        with pytest.raises(ShapeError, match="actions"):
            model.imagine(belief, actions[:1])
        with pytest.raises(ShapeError, match="observation"):
            model.observe(belief, observations[:, 0, :1])
        with pytest.raises(ShapeError, match="belief is of 2 sequences and the observations are of 1"):
            model.filter(observations[:1], actions[:1], mask[:1], belief)
        with pytest.raises(ShapeError, match="mask"):
            model.observe(belief, observations[:, 0], mask=torch.ones(1, dtype=torch.bool))
        for call in (
            lambda: model.observe(belief, observations[:, 0], mask=torch.ones(2)),
            lambda: model(observations, actions, mask.float()),
        ):
            with pytest.raises(ShapeError, match="mask: expected bool"):
                call()
