"""What every world model must do, as one suite: subclass it and say how to build the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces
from linear_system import LinearSystem, divergence
from one_float_dtype import OneFloatDtype
from torch import Tensor

from mbrl_mts3.data import Normalizer, ObservationSelector
from mbrl_mts3.errors import CausalityError, ShapeError
from mbrl_mts3.gaussian import negative_log_likelihood
from mbrl_mts3.models import MODELS, Prediction, WorldModel

OBS, ACT = 3, 2
TRIED_ELSEWHERE = {"observation_dim", "action_dim", "predict_reward", "predict_termination"}
"""Arguments of every model: sizes, and heads that have tests of their own."""


@dataclass(frozen=True)
class Learning:
    """How a model learns `LinearSystem`, and how close to the best possible predictions it must get."""

    updates: int = 150
    learning_rate: float = 0.02
    batch: int = 64
    steps: int = 20
    nats: float = 0.1
    """What a prediction of one observation may lose on average, over 10 blind steps."""


class Together(dict[str, object]):
    """Arguments of a constructor that only change together."""


class WorldModelContract:
    """Subclasses give the fixture `make`, and override the other three where what they say does not hold."""

    @pytest.fixture
    def make(self) -> Callable[..., WorldModel]:
        """Builds the model with OBS and ACT; keyword arguments go to the model's constructor."""
        raise NotImplementedError

    @pytest.fixture
    def uses_actions(self) -> bool:
        """False for models that are given actions but ignore them."""
        return True

    @pytest.fixture
    def alternatives(self) -> Mapping[str, object] | None:
        """Another value for each option of the constructor, or several arguments `Together`.

        None where the same class is tried in another form.
        """
        return {}

    @pytest.fixture
    def learning(self) -> Learning | None:
        """None where the same class learns in another form."""
        return Learning()

    @pytest.fixture
    def model(self, make: Callable[..., WorldModel]) -> WorldModel:
        torch.manual_seed(0)
        return make().double().eval()

    def sequence(self, batch: int = 2, steps: int = 11) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(3)
        observations = torch.randn(batch, steps, OBS, generator=generator, dtype=torch.float64)
        actions = torch.randn(batch, steps, ACT, generator=generator, dtype=torch.float64)
        mask = torch.rand(batch, steps, generator=generator) < 0.7
        return observations, actions, mask

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
            pytest.skip("latents are drawn, of which the variance head knows nothing")
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

    def test_drawn_observations_move_the_future(self, model: WorldModel) -> None:
        if not model.causal:
            pytest.skip("not a causal model")
        observations, actions, _ = self.sequence(1, 6)
        belief, _ = model.filter(observations, actions)
        first = model.observe_drawn(belief, observations[:, 0])
        second = model.observe_drawn(belief, observations[:, 0] + 1)
        moved = model.imagine(first, actions).mean - model.imagine(second, actions).mean
        assert moved.abs().max() > 1e-4

    def test_1000_blind_steps_are_finite(self, model: WorldModel) -> None:
        observations, actions, _ = self.sequence(2, 6)
        single = model.float()
        belief, _ = single.filter(observations.float(), actions.float())
        future = single.imagine(belief, torch.randn(2, 1000, ACT))
        assert torch.isfinite(future.mean).all()
        assert torch.isfinite(future.variance).all()

    def test_gradients_reach_every_parameter(self, model: WorldModel) -> None:
        prediction = model(*self.sequence(2, 3 * model.period + 2))
        loss = sum(t.square().mean() for t in prediction.tensors())
        loss.backward()
        lost = [name for name, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
        assert not lost
        still = [name for name, p in model.named_parameters() if p.grad is not None and not p.grad.abs().any()]
        assert not still

    def test_dtypes_follow_the_model(self, model: WorldModel) -> None:
        observations, actions, mask = self.sequence()
        in_double = model(observations, actions, mask)
        in_single = model.to(torch.float32)(observations.float(), actions.float(), mask)
        assert in_double.mean.dtype == torch.float64
        assert in_single.mean.dtype == torch.float32
        torch.testing.assert_close(in_single.mean.double(), in_double.mean, atol=1e-4, rtol=1e-4)
        back = model.to(torch.float64).to("cpu")(observations, actions, mask)
        torch.testing.assert_close(back.mean, in_double.mean, atol=1e-4, rtol=1e-4)

    def test_no_tensor_of_another_float_type_is_made(self, make: Callable[..., WorldModel]) -> None:
        """What is made on the way must ask for the model's type, not for the default one."""
        model = make(predict_termination=True).double().train()
        observations, actions, mask = self.sequence()
        with OneFloatDtype(torch.float64) as watch:
            belief, prediction = model.filter(observations, actions, mask)
            prediction.mean.sum().backward()
            model.imagine(belief, actions)
            model.imagine_mean(belief, actions)
            model.sample(belief, actions, 2)
            if model.causal:
                model.step(model.observe(belief, observations[:, 0], actions[:, 0], mask[:, 0]), actions[:, 0])
        assert not watch.strangers

    def test_tensors_are_made_where_the_model_is(self, make: Callable[..., WorldModel]) -> None:
        """With a default device that holds no data, a tensor made without asking for the model's spoils the result."""
        model = make(predict_termination=True).double().eval()
        observations, actions, mask = self.sequence()
        generator = torch.Generator().manual_seed(0)
        with torch.device("meta"):
            belief, prediction = model.filter(observations, actions, mask)
            found = [belief, prediction, model.initial_belief(2), model.filter(observations, actions)[1]]
            found += [model.imagine(belief, actions), model.imagine_mean(belief, actions)]
            found.append(model.sample(belief, actions, 2, generator))
            if model.causal:
                both = join(belief[:1], model.observe(model.initial_belief(1), observations[:1, 0]))
                found += [model.imagine(both, actions), model.sample(both, actions, 2, generator)]
                seen = model.observe(both, observations[:, 0], actions[:, 0], mask[:, 0])
                found += [seen, *model.step(seen, actions[:, 0])]
        assert {tensor.device.type for record in found for tensor in record.tensors()} == {"cpu"}

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
    def test_a_gpu_gives_the_same(self, model: WorldModel) -> None:
        observations, actions, mask = self.sequence(2, 3 * model.period + 2)
        belief, prediction = model.filter(observations, actions, mask)
        expected = [prediction, model.imagine(belief, actions)]
        model = model.to("cuda")
        observations, actions, mask = observations.cuda(), actions.cuda(), mask.cuda()
        moved, prediction = model.filter(observations, actions, mask)
        assert {tensor.device.type for tensor in moved.tensors()} == {"cuda"}
        found = [prediction, model.imagine(belief.to("cuda"), actions)]
        for ours, theirs in zip(found, expected, strict=True):
            assert_equal(ours.to("cpu"), theirs, tolerance=1e-7)
        model.sample(moved, actions, 2, torch.Generator("cuda").manual_seed(0))
        if model.causal:
            model.step(model.observe(moved, observations[:, 0], actions[:, 0], mask[:, 0]), actions[:, 0])

    def test_its_arguments_build_it_again(self, model: WorldModel) -> None:
        twin = MODELS[type(model).__name__](**model.arguments()).double().eval()  # type: ignore[arg-type]
        twin.load_state_dict(model.state_dict())
        assert_equal(model(*self.sequence()), twin(*self.sequence()))

    def test_a_checkpoint_brings_it_back(self, model: WorldModel, tmp_path: Path) -> None:
        from mbrl_mts3.training import Checkpoint

        model = model.float()
        space = spaces.Box(-np.inf, np.inf, (OBS,))
        checkpoint = Checkpoint(
            model,
            Normalizer(*(torch.rand(shape) + 0.5 for shape in ((OBS,), (OBS,), (ACT,), (ACT,), (), ()))),
            ObservationSelector.from_space(space),
            space,
            spaces.Box(-1, 1, (ACT,)),
            dataset_id="tests/none-v0",
            content_hash="0",
        )
        twin = Checkpoint.from_pretrained(checkpoint.save_pretrained(tmp_path / "model")).model
        assert type(twin) is type(model)
        assert twin.arguments() == model.arguments()
        observations, actions, mask = self.sequence()
        belief, prediction = model.filter(observations.float(), actions.float(), mask)
        assert_equal(twin(observations.float(), actions.float(), mask), prediction, tolerance=0.0)
        assert_equal(twin.imagine(belief, actions.float()), model.imagine(belief, actions.float()), tolerance=0.0)

    def test_every_option_changes_an_output(
        self, make: Callable[..., WorldModel], alternatives: Mapping[str, object] | None
    ) -> None:
        if alternatives is None:
            pytest.skip("options are tried with another form of the model")

        def outputs(model: WorldModel, weights: WorldModel) -> list[Tensor]:
            # Where the option leaves the parameters as they are, it must do something of its own.
            if shapes(model) == shapes(weights):
                model.load_state_dict(weights.state_dict())
            torch.manual_seed(1)
            return [
                tensor
                for mode in (True, False)
                for tensor in model.double().train(mode)(*self.sequence(2, 3 * model.period + 2)).tensors()
            ]

        plain = make()
        options = {name: value for name, value in plain.arguments().items() if name not in TRIED_ELSEWHERE}
        assert set(options) == set(alternatives), "the fixture `alternatives` lists one for each option"
        before, idle = outputs(plain, plain), []
        for name, value in alternatives.items():
            other = make(**(value if isinstance(value, Together) else {name: value}))
            assert other.arguments()[name] != options[name], f"another value for {name}"
            after = outputs(other, plain)
            if len(after) == len(before) and all(map(torch.equal, before, after)):
                idle.append(name)
        assert not idle

    def test_it_learns_a_linear_system_almost_perfectly(
        self, make: Callable[..., WorldModel], uses_actions: bool, learning: Learning | None
    ) -> None:
        if learning is None:
            pytest.skip("another form of the model learns")
        torch.manual_seed(0)
        generator, system = torch.Generator().manual_seed(0), LinearSystem(driven=uses_actions)
        model = make().train()
        optimizer = torch.optim.Adam(model.parameters())
        for update in range(learning.updates):
            for group in optimizer.param_groups:
                group["lr"] = learning.learning_rate * (1 - update / learning.updates)
            observations, actions, rewards = system.draw(learning.batch, learning.steps, generator)
            context = torch.randint(3, learning.steps, (learning.batch, 1), generator=generator)
            prediction = model(observations[:, :-1], actions, torch.arange(learning.steps) < context)
            assert prediction.reward_mean is not None
            assert prediction.reward_variance is not None
            loss = negative_log_likelihood(prediction.mean, prediction.variance, observations[:, 1:]).sum(-1).mean()
            loss = loss + negative_log_likelihood(prediction.reward_mean, prediction.reward_variance, rewards).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
        lost = lost_nats(model.eval(), system, generator)
        assert lost < learning.nats

    def test_a_termination_head_can_be_had(self, make: Callable[..., WorldModel]) -> None:
        model = make(predict_termination=True, predict_reward=False).double()
        observations, actions, mask = self.sequence()
        belief, prediction = model.filter(observations, actions, mask)
        assert prediction.reward_mean is None
        assert prediction.termination_logit is not None
        assert prediction.termination_logit.shape == mask.shape
        drawn = model.sample(belief, actions, 3)
        assert drawn.terminations is not None
        assert drawn.terminations.dtype == torch.bool

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


def shapes(model: WorldModel) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def lost_nats(model: WorldModel, system: LinearSystem, generator: torch.Generator) -> float:
    """How much worse than the best possible prediction of an observation, over 10 steps behind a context of 9."""
    observations, actions, _ = system.draw(256, 20, generator)
    with torch.no_grad():
        shown = torch.arange(20) < 10
        future = model(observations[:, :-1], actions, shown.expand(256, -1))[:, 9:19]
    exact = system.open_loop(observations[:, 9], actions[:, 9:19])
    return divergence(*exact, future.mean, future.variance).mean().item()


def join(first, second):
    """Two beliefs of batch size one as one of batch size two."""
    columns = iter([torch.cat(pair) for pair in zip(first.tensors(), second.tensors(), strict=True)])
    return first.map(lambda _: next(columns))


def assert_equal(first: Prediction, second: Prediction, tolerance: float = 1e-9) -> None:
    for a, b in zip(first.tensors(), second.tensors(), strict=True):
        torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


def _assert_same_moments(first: Tensor, second: Tensor) -> None:
    """Of thousands of samples each, along the first dimension."""
    spread = second.var(0).sqrt()
    assert ((first.mean(0) - second.mean(0)) / spread).abs().max() < 0.1
    assert (first.var(0).sqrt() / spread - 1).abs().max() < 0.1
