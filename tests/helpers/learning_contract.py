"""How well every world model must learn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from linear_system import LinearSystem, divergence
from world_model_case import Learning, WorldModelCase

from mbrl_mts3.gaussian import negative_log_likelihood
from mbrl_mts3.models import WorldModel


class LearningContract(WorldModelCase):
    """A toy whose best possible predictions are known."""

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


def lost_nats(model: WorldModel, system: LinearSystem, generator: torch.Generator) -> float:
    """How much worse than the best possible prediction of an observation, over 10 steps behind a context of 9."""
    observations, actions, _ = system.draw(256, 20, generator)
    with torch.no_grad():
        shown = torch.arange(20) < 10
        future = model(observations[:, :-1], actions, shown.expand(256, -1))[:, 9:19]
    exact = system.open_loop(observations[:, 9], actions[:, 9:19])
    return divergence(*exact, future.mean, future.variance).mean().item()
