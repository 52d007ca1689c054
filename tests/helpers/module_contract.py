"""What every world model must do as a module of PyTorch that is configured, moved and stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces
from one_float_dtype import OneFloatDtype
from torch import Tensor
from world_model_case import ACT, OBS, Together, WorldModelCase, assert_equal, join

from mbrl_mts3.data import Normalizer, ObservationSelector
from mbrl_mts3.models import MODELS, WorldModel

TRIED_ELSEWHERE = {"observation_dim", "action_dim", "predict_reward", "predict_termination"}
"""Arguments of every model: sizes, and heads that have tests of their own."""


class ModuleContract(WorldModelCase):
    """Gradients, types, devices, arguments, checkpoints, options."""

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

    def test_a_termination_head_can_be_had(self, make: Callable[..., WorldModel]) -> None:
        model = make(predict_termination=True, predict_reward=False).double()
        observations, actions, mask = self.sequence()
        belief, prediction = model.filter(observations, actions, mask)
        assert prediction.reward_mean is None
        assert prediction.termination_logit is not None
        assert prediction.termination_logit.shape == mask.shape
        sampled = model.sample(belief, actions, 3)
        assert sampled.terminations is not None
        assert sampled.terminations.dtype == torch.bool


def shapes(model: WorldModel) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
