"""Returns of imagined rollouts, against sums written out by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models import PhysicalModel, Prediction, Trajectories, WorldModel
from mbrl_mts3.planners import RolloutObjective
from mbrl_mts3.tensor_record import TensorRecord

B, N, L = 2, 3, 4
OBSERVATION = torch.tensor([[1.0, -2.0], [0.5, 3.0]])


class _Nothing(TensorRecord):
    """No belief: the fake below predicts from actions alone."""


class Oracle(WorldModel):
    """Predicts o_{t+1} = (a, 2a), variance (0.04, 0.16), reward 3a, and termination with probability p."""

    def __init__(
        self, *, rewards: bool = True, termination: float | None = None, epistemic: float | None = None
    ) -> None:
        super().__init__(2, 1, predict_reward=rewards, predict_termination=termination is not None)
        self.termination = termination
        self.epistemic = epistemic

    @property
    def causal(self) -> bool:
        return True

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        mean = torch.cat([actions, 2 * actions], dim=-1)
        logit = (
            None if self.termination is None else torch.logit(torch.tensor(self.termination)).expand(mean.shape[:-1])
        )
        reward = 3 * actions[..., 0] if self.predict_reward else None
        apart = None if self.epistemic is None else torch.full_like(mean, self.epistemic)
        return Prediction(mean, torch.tensor([0.04, 0.16]).expand_as(mean), reward, reward, logit, apart)

    def initial_belief(self, batch_size: int) -> TensorRecord:
        return _Nothing()

    def observe(self, belief: TensorRecord, *args: Any, **kwargs: Any) -> TensorRecord:
        return belief

    def filter(self, *args: Any, **kwargs: Any) -> tuple[TensorRecord, Prediction]:
        raise NotImplementedError

    def step(self, *args: Any, **kwargs: Any) -> tuple[TensorRecord, Prediction]:
        raise NotImplementedError

    def sample(self, *args: Any, **kwargs: Any) -> Trajectories:
        raise NotImplementedError


def physical(model: WorldModel, scale: tuple[float, float] = (1.0, 1.0)) -> PhysicalModel:
    identity = Normalizer.identity(2, 1)
    return PhysicalModel(model, Normalizer(**{**vars(identity), "observation_scale": torch.tensor(scale)}))


@pytest.fixture
def actions() -> Tensor:
    return torch.randn(B, N, L, 1)


def test_without_a_reward_function_the_models_rewards_are_summed(actions: Tensor) -> None:
    objective = RolloutObjective(physical(Oracle()), _Nothing(), OBSERVATION)
    torch.testing.assert_close(objective(actions), 3 * actions.sum(dim=(-1, -2)))


def test_a_reward_function_sees_each_transition(actions: Tensor) -> None:
    def reward(observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        return observation[..., 1] + 10 * action[..., 0] + 100 * next_observation[..., 0]

    returns = RolloutObjective(physical(Oracle()), _Nothing(), OBSERVATION, reward)(actions)
    for b in range(B):
        for n in range(N):
            a = actions[b, n, :, 0]
            before = [OBSERVATION[b, 1], 2 * a[0], 2 * a[1], 2 * a[2]]
            expected = sum(o + 10 * x + 100 * x for o, x in zip(before, a, strict=True))
            torch.testing.assert_close(returns[b, n], expected)


def test_discount_weighs_later_steps_less(actions: Tensor) -> None:
    objective = RolloutObjective(physical(Oracle()), _Nothing(), OBSERVATION, discount=0.5)
    weights = torch.tensor([1.0, 0.5, 0.25, 0.125])
    torch.testing.assert_close(objective(actions), (3 * actions[..., 0] * weights).sum(dim=-1))


def test_uncertainty_costs_by_the_spread_in_units_of_the_data(actions: Tensor) -> None:
    free = RolloutObjective(physical(Oracle()), _Nothing(), OBSERVATION)(actions)
    # PhysicalModel multiplies the variance by the squared scale; in units of the data 0.2 and 0.4 are left of it.
    model = physical(Oracle(), scale=(5.0, 7.0))
    dear = RolloutObjective(model, _Nothing(), OBSERVATION, uncertainty_penalty=2.0)(actions)
    torch.testing.assert_close(dear, free - 2.0 * L * (0.2 + 0.4) / 2)


def test_disagreement_costs_where_it_is_asked_for(actions: Tensor) -> None:
    model = physical(Oracle(epistemic=0.09), scale=(5.0, 7.0))
    free = RolloutObjective(model, _Nothing(), OBSERVATION)(actions)
    dear = RolloutObjective(model, _Nothing(), OBSERVATION, uncertainty="epistemic", uncertainty_penalty=2.0)(actions)
    torch.testing.assert_close(dear, free - 2.0 * L * 0.3)
    single = RolloutObjective(
        physical(Oracle()), _Nothing(), OBSERVATION, uncertainty="epistemic", uncertainty_penalty=1.0
    )
    with pytest.raises(ConfigurationError, match="ensemble"):
        single(actions)


def test_rewards_after_a_termination_do_not_count(actions: Tensor) -> None:
    objective = RolloutObjective(physical(Oracle(termination=0.25)), _Nothing(), OBSERVATION)
    weights = torch.tensor([1.0, 0.75, 0.75**2, 0.75**3])
    torch.testing.assert_close(objective(actions), (3 * actions[..., 0] * weights).sum(dim=-1))


@pytest.mark.parametrize("termination", [None, 0.25])
def test_the_value_of_the_last_state_is_the_reward_of_one_more_step(actions: Tensor, termination: float | None) -> None:
    def value(observation: Tensor) -> Tensor:
        return observation[..., 0] - 5 * observation[..., 1]

    options = {"discount": 0.5}
    plain = RolloutObjective(physical(Oracle(termination=termination)), _Nothing(), OBSERVATION, **options)
    valued = RolloutObjective(
        physical(Oracle(termination=termination)), _Nothing(), OBSERVATION, value=value, **options
    )
    alive = 1.0 if termination is None else 0.75**L
    last = actions[:, :, -1, 0]
    torch.testing.assert_close(valued(actions), plain(actions) + 0.5**L * alive * (last - 10 * last))


def test_no_reward_at_all_is_refused(actions: Tensor) -> None:
    with pytest.raises(ConfigurationError, match="reward head"):
        RolloutObjective(physical(Oracle(rewards=False)), _Nothing(), OBSERVATION)(actions)


@pytest.mark.parametrize(
    "option", [{"discount": 0.0}, {"discount": 1.1}, {"uncertainty_penalty": -1.0}, {"uncertainty": "doubt"}]
)
def test_options_out_of_range_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        RolloutObjective(physical(Oracle()), _Nothing(), OBSERVATION, **option)
