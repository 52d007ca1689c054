"""A model that needs no training: the equations of motion of PointMaze's ball, walls left out."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor


@pytest.fixture(scope="module")
def point_mass() -> Callable[..., Any]:
    """Builds the `PhysicalModel` of the ball: point_mass(causal=True)."""
    from mbrl_mts3.data.normalizer import Normalizer
    from mbrl_mts3.models import PhysicalModel, Prediction, Trajectories, WorldModel
    from mbrl_mts3.tensor_record import TensorRecord

    mass, step = 1000 * 4 / 3 * math.pi * 0.1**3, 0.01

    @dataclass(frozen=True, repr=False)
    class Ball(TensorRecord):
        state: Tensor
        """(B, 4): x, y, vx, vy."""
        steps: Tensor
        """(B,): how often it was moved."""

    class PointMass(WorldModel):
        def __init__(self, causal: bool) -> None:
            super().__init__(4, 2, predict_reward=False)
            self._causal = causal

        @property
        def causal(self) -> bool:
            return self._causal

        def initial_belief(self, batch_size: int) -> TensorRecord:
            return Ball(torch.zeros(batch_size, 4), torch.zeros(batch_size, dtype=torch.int64))

        def observe(
            self, belief: Any, observation: Tensor, action: Tensor | None = None, mask: Tensor | None = None
        ) -> TensorRecord:
            if mask is not None:
                observation = torch.where(mask[:, None], observation, self.step(belief, action)[0].state)
            return Ball(observation, belief.steps if action is None else belief.steps + 1)

        def imagine(self, belief: Any, actions: Tensor) -> Prediction:
            state = belief.state.reshape(len(belief.state), *(1,) * (actions.ndim - 3), 4)
            position, velocity = state[..., :2], state[..., 2:]
            states = []
            for action in actions.unbind(dim=-2):
                velocity = velocity.clamp(-5, 5)
                velocity = velocity + step * (100 * action - velocity) / (mass + step)
                position = position + step * velocity
                states.append(torch.cat([position, velocity], dim=-1))
            mean = torch.stack(states, dim=-2)
            return Prediction(mean, torch.full_like(mean, 1e-4))

        def step(self, belief: Any, action: Tensor) -> tuple[TensorRecord, Prediction]:
            prediction = self.imagine(belief, action[:, None])
            return replace(belief, state=prediction.mean[:, 0]), prediction

        def filter(self, *args: Any, **kwargs: Any) -> tuple[TensorRecord, Prediction]:
            raise NotImplementedError

        def sample(self, *args: Any, **kwargs: Any) -> Trajectories:
            raise NotImplementedError

    def build(causal: bool = True) -> PhysicalModel:
        return PhysicalModel(PointMass(causal), Normalizer.identity(4, 2))

    return build
