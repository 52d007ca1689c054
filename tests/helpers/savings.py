"""A toy with linear dynamics whose best possible return is known, for real and as an exact world model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from mbrl_mts3.data import Episode, Normalizer, ObservationSelector, OfflineDataset
from mbrl_mts3.models import Prediction, WorldModel
from mbrl_mts3.tensor_record import TensorRecord

ENV_ID, STEPS = "Savings-v0", 20
KEEP, INTEREST, PRICE, NOISE, EDGE = 0.7, 0.5, 0.25, 0.05, 3.0


class Savings(gymnasium.Env[Any, np.ndarray]):
    """Steer to 0, and pay now for what comes in later.

        position' = position + a_0 + noise,   money' = 0.7 money + a_1 + noise
        reward = 0.5 money - 0.25 a_1^2 - position'^2,   the end where |position'| > 3

    The actions' ranges are neither equal nor around zero, and the dict is not in the order of its space: what mixes up
    scales or entries acts badly here.
    """

    observation_space = spaces.Dict({key: spaces.Box(-np.inf, np.inf, (1,)) for key in ("money", "position")})
    action_space = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 5.0], np.float32))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        super().reset(seed=seed)
        self.money, self.position = 0.0, float(self.np_random.uniform(-1.5, 1.5))
        return self._shown(), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        steer, save = np.clip(action, self.action_space.low, self.action_space.high).astype(float)
        income = INTEREST * self.money
        self.position += steer + NOISE * self.np_random.normal()
        self.money = KEEP * self.money + save + NOISE * self.np_random.normal()
        reward = income - PRICE * save**2 - self.position**2
        return self._shown(), float(reward), abs(self.position) > EDGE, False, {}

    def _shown(self) -> dict[str, np.ndarray]:
        return {"position": np.array([self.position], np.float32), "money": np.array([self.money], np.float32)}


def savings_data(episodes: int = 30) -> OfflineDataset:
    """What somebody did who steers half-heartedly and saves at random."""
    environment = gymnasium.make(ENV_ID)
    selector = ObservationSelector.from_space(environment.observation_space, ENV_ID)
    rng = np.random.default_rng(0)
    played = tuple(_play(environment, selector, rng, number) for number in range(episodes))
    environment.close()
    return OfflineDataset(
        played, "mine/savings-v0", "0", selector, Savings.observation_space, Savings.action_space, ENV_ID
    )


def best_saving(discount: float) -> float:
    """What is best to save in every step of an endless episode, its rewards so discounted.

    A unit brings in 0.5 in the next step, 0.35 in the one after it, and so on.
    """
    return INTEREST * discount / (1 - discount * KEEP) / (2 * PRICE)


def best_return(discount: float) -> float:
    """Expected undiscounted return of the best policy under that discount: it cancels the position at once."""
    worth = INTEREST * (1 - KEEP ** np.arange(STEPS)) / (1 - KEEP)
    saving = best_saving(discount)
    return float((worth * saving - PRICE * saving**2 - NOISE**2).sum())


@dataclass(frozen=True, repr=False)
class Known(TensorRecord):
    """All that there is to know."""

    observation: Tensor
    """(B, 2), normalised."""


class ExactSavings(WorldModel):
    """`Savings` as it is, noise included, with its reward and its end; in the units of a normaliser."""

    def __init__(self, normalizer: Normalizer) -> None:
        super().__init__(2, 2, predict_reward=True, predict_termination=True)
        self.normalizer = normalizer

    @property
    def causal(self) -> bool:
        return True

    def initial_belief(self, batch_size: int) -> Known:
        return Known(torch.zeros(batch_size, 2))

    def observe(self, belief: Any, observation: Tensor, action: Tensor | None = None, mask: Any = None) -> Known:
        return Known(observation)

    def filter(self, observations: Tensor, actions: Tensor, mask: Any = None, belief: Any = None) -> Any:
        prediction = self._predicted(observations, actions)
        return Known(prediction.mean[:, -1]), prediction

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        raise NotImplementedError("an environment takes one step after the other")

    def step(self, belief: Any, action: Tensor) -> tuple[Known, Prediction]:
        prediction = self._predicted(belief.observation[:, None], action[:, None])
        return Known(prediction.mean[:, 0]), prediction

    def _predicted(self, observations: Tensor, actions: Tensor) -> Prediction:
        known = self.normalizer
        money, position = known.denormalize_observation(observations).unbind(-1)
        steer, save = (actions * known.action_scale + known.action_mean).unbind(-1)
        later, place = KEEP * money + save, position + steer
        reward = INTEREST * money - PRICE * save**2 - place**2 - NOISE**2
        return Prediction(
            mean=known.normalize_observation(torch.stack([later, place], dim=-1)),
            variance=(NOISE / known.observation_scale).square().expand_as(observations),
            reward_mean=known.normalize_reward(reward),
            termination_logit=1e3 * (place.abs() - EDGE),
        )


def _play(environment: Any, selector: ObservationSelector, rng: np.random.Generator, seed: int) -> Episode:
    observation, _ = environment.reset(seed=seed)
    observations, actions, rewards, ends, cuts = [selector(observation)], [], [], [], []
    while not ends or not (ends[-1] or cuts[-1]):
        steer = np.clip(-0.3 * observation["position"][0] + 0.6 * rng.normal(), -2, 2)
        actions.append(np.array([steer, rng.uniform(0, 3)], np.float32))
        observation, reward, terminated, truncated, _ = environment.step(actions[-1])
        observations.append(selector(observation))
        rewards.append(reward)
        ends.append(terminated)
        cuts.append(truncated)
    return Episode(
        np.stack(observations),
        np.stack(actions),
        np.array(rewards, np.float32),
        np.array(ends),
        np.array(cuts),
        episode_id=seed,
    )
