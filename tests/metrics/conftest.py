"""A linear Gaussian world whose exact predictions are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from mbrl_mts3.data import Episode, Normalizer
from mbrl_mts3.models import Prediction, Trajectories, WorldModel
from mbrl_mts3.tensor_record import TensorRecord

Transform = Callable[[Prediction], Prediction]


@dataclass(frozen=True)
class LinearWorld:
    """s' = A s + B a + w, o = C s + v, s_0 ~ N(0, P); a reward is the sum of the observation it leads to."""

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    q: np.ndarray
    r: np.ndarray
    p: np.ndarray

    @classmethod
    def make(cls) -> LinearWorld:
        return cls(
            a=np.array([[0.95, 0.2, 0.0], [-0.2, 0.95, 0.1], [0.0, 0.0, 0.9]]),
            b=np.array([[0.3, 0.0], [0.0, 0.2], [0.1, -0.4]]),
            c=np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]),
            q=np.diag([0.02, 0.01, 0.05]),
            r=np.diag([0.03, 0.06]),
            p=np.diag([1.0, 0.5, 0.7]),
        )

    def episode(self, steps: int, seed: int, number: int = 0) -> Episode:
        generator = np.random.default_rng(seed)
        actions = generator.normal(size=(steps, 2))
        state = generator.multivariate_normal(np.zeros(3), self.p)
        rows = []
        for t in range(steps + 1):
            rows.append(self.c @ state + generator.multivariate_normal(np.zeros(2), self.r))
            if t < steps:
                state = self.a @ state + self.b @ actions[t] + generator.multivariate_normal(np.zeros(3), self.q)
        observations = np.array(rows, dtype=np.float32)
        end = np.arange(steps) == steps - 1
        rewards = observations[1:].sum(axis=1)
        return Episode(observations, actions.astype(np.float32), rewards, end & False, end, episode_id=number)

    def forecast(self, observations: np.ndarray, actions: np.ndarray, context: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of each o_t, t >= context, given the first `context` ones, from the joint Gaussian."""
        steps = len(actions) + 1
        size, seen = 3 * steps, 2 * context
        lift = np.zeros((size, size))  # states = lift @ [s_0; w_1; ...] + drive
        drive, cause = np.zeros(size), np.zeros((size, size))
        for t in range(steps):
            now, before = slice(3 * t, 3 * t + 3), slice(3 * t - 3, 3 * t)
            lift[now, now] = np.eye(3)
            cause[now, now] = self.q if t else self.p
            if t:
                lift[now] += self.a @ lift[before]
                drive[now] = self.a @ drive[before] + self.b @ actions[t - 1]
        watch = np.kron(np.eye(steps), self.c)
        mean = watch @ drive
        joint = watch @ lift @ cause @ lift.T @ watch.T + np.kron(np.eye(steps), self.r)
        gain = joint[seen:, :seen] @ np.linalg.inv(joint[:seen, :seen])
        predicted = mean[seen:] + gain @ (observations[:context].reshape(-1) - mean[:seen])
        variance = np.diag(joint[seen:, seen:] - gain @ joint[:seen, seen:])
        return predicted.reshape(-1, 2), variance.reshape(-1, 2)


@dataclass(frozen=True, repr=False)
class KalmanBelief(TensorRecord):
    mean: Tensor
    covariance: Tensor


class LinearWorldModel(WorldModel):
    """The Kalman filter of a `LinearWorld`, through the contract; `spoil` may change what it predicts."""

    def __init__(self, world: LinearWorld, *, reward: bool = True, spoil: Transform = lambda prediction: prediction):
        super().__init__(2, 2, predict_reward=reward)
        for name in "abcqrp":
            self.register_buffer(name, torch.as_tensor(getattr(world, name), dtype=torch.float32))
        self.spoil = spoil
        self.modes: list[bool] = []

    @property
    def causal(self) -> bool:
        return True

    def initial_belief(self, batch_size: int) -> KalmanBelief:
        return KalmanBelief(torch.zeros(batch_size, 3), self.p.expand(batch_size, 3, 3))

    def observe(self, belief, observation, action=None, mask=None):
        if action is not None:
            belief = self._move(belief, action)
        gain = belief.covariance @ self.c.T @ torch.linalg.inv(self.c @ belief.covariance @ self.c.T + self.r)
        mean = belief.mean + (gain @ (observation - belief.mean @ self.c.T)[..., None])[..., 0]
        return KalmanBelief(mean, belief.covariance - gain @ self.c @ belief.covariance)

    def _move(self, belief, action):
        mean = belief.mean @ self.a.T + action @ self.b.T
        return KalmanBelief(mean, self.a @ belief.covariance @ self.a.T + self.q)

    def _read(self, belief):
        mean = belief.mean @ self.c.T
        full = self.c @ belief.covariance @ self.c.T + self.r
        variance = full.diagonal(dim1=-2, dim2=-1)
        reward = (mean.sum(-1), full.sum((-2, -1))) if self.predict_reward else (None, None)
        return Prediction(mean, variance, *reward).map(lambda tensor: tensor[:, None])

    def filter(self, observations, actions, mask=None, belief=None):
        self.check_sequence(observations, actions, mask)
        self.modes.append(self.training)
        belief = belief or self.initial_belief(len(observations))
        rows = []
        for t in range(actions.shape[1]):
            belief = self._move(self.observe(belief, observations[:, t]), actions[:, t])
            rows.append(self._read(belief))
        return belief, self.spoil(_join(rows))

    def imagine(self, belief, actions):
        rows = []
        for t in range(actions.shape[1]):
            belief = self._move(belief, actions[:, t])
            rows.append(self._read(belief))
        return self.spoil(_join(rows))

    def step(self, belief, action):
        belief = self._move(belief, action)
        return belief, self._read(belief)

    def sample(self, belief, actions, num_samples, generator=None) -> Trajectories:
        raise NotImplementedError


def _join(rows: list[Prediction]) -> Prediction:
    columns = iter([torch.cat(column, dim=1) for column in zip(*(row.tensors() for row in rows), strict=True)])
    return rows[0].map(lambda _: next(columns))


@pytest.fixture(scope="session")
def world() -> LinearWorld:
    return LinearWorld.make()


@pytest.fixture
def make_model(world: LinearWorld) -> Callable[..., LinearWorldModel]:
    return lambda **options: LinearWorldModel(world, **options)


@pytest.fixture
def identity() -> Normalizer:
    return Normalizer.identity(2, 2)
