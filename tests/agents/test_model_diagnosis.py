"""The simulator itself as a model is without error, and planted errors are found where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from imagined_worlds import checkpoint_of, checkpoint_with, dataset_of
from torch import Tensor

from mbrl_mts3.agents.model_diagnosis import ModelDiagnoser, RecordedStarts
from mbrl_mts3.data import Normalizer, ObservationSelector, OfflineDataset
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.simulator_rollouts import simulate_actions
from mbrl_mts3.envs.tasks import HalfCheetahTask, LearnedRewardTask, PointMazeTask, Task
from mbrl_mts3.envs.world_model import load_dynamics
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.metrics.diagnosis import ModelDiagnosis
from mbrl_mts3.models import Prediction, Recalibration, WorldModel
from mbrl_mts3.tensor_record import TensorRecord

CHEETAH, HORIZON = "HalfCheetah-v5", 8


@dataclass(frozen=True, repr=False)
class Known(TensorRecord):
    """The whole state of a cheetah but its place."""

    state: Tensor
    """(B, 17), float64, physical units."""


class SimulatedCheetah(WorldModel):
    """MuJoCo's cheetah as a model, by the simulator's own calls; what is told of it may be wrong.

    Args:
        doubt: of each step the height is told too high by this, times the first action plus 1; it says so.
        bonus: rewards are told too high by this.
    """

    def __init__(self, normalizer: Normalizer, doubt: float = 0.0, bonus: float = 0.0) -> None:
        super().__init__(17, 6, predict_reward=True, predict_termination=False)
        self.normalizer, self.doubt, self.bonus = normalizer, doubt, bonus
        self.simulator: Any = make_environment(CHEETAH).unwrapped
        self.simulator.reset(seed=1)

    @property
    def causal(self) -> bool:
        return True

    def initial_belief(self, batch_size: int) -> Known:
        return Known(torch.zeros(batch_size, 17, dtype=torch.float64))

    def observe(self, belief: Any, observation: Tensor, action: Tensor | None = None, mask: Any = None) -> Known:
        return Known(self.normalizer.denormalize_observation(observation).double())

    def filter(self, observations: Tensor, actions: Tensor, mask: Any = None, belief: Any = None) -> Any:
        # What comes next replaces the belief.
        return self.initial_belief(len(observations)), Prediction(observations, torch.ones_like(observations))

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        raise NotImplementedError("an environment takes one step after the other")

    def step(self, belief: Any, action: Tensor) -> tuple[Known, Prediction]:
        done = (action * self.normalizer.action_scale + self.normalizer.action_mean).double()
        states, rewards = zip(*map(self._simulate, belief.state.numpy(), done.numpy()), strict=True)
        after, paid = torch.as_tensor(np.stack(states)), torch.tensor(rewards)
        told, wrong = after.float(), self.doubt * (1 + done[:, 0].float())
        told[:, 0] += wrong
        deviation = (wrong[:, None] / self.normalizer.observation_scale).expand_as(told)
        prediction = Prediction(
            mean=self.normalizer.normalize_observation(told)[:, None],
            variance=(deviation + 1e-6).square()[:, None],
            reward_mean=self.normalizer.normalize_reward(paid.float() + self.bonus)[:, None],
            reward_variance=torch.ones(len(told), 1),
        )
        return Known(after), prediction

    def _simulate(self, state: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, float]:
        simulator = self.simulator
        simulator.data.qacc_warmstart[:] = 0.0
        simulator.set_state(np.concatenate([[3.0], state[:8]]), state[8:])
        seen, reward, *_ = simulator.step(action)
        return seen, float(reward)


class Tilting:
    """A policy by what it sees, with the number of its calls as its memory."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def predict(self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False):
        assert deterministic
        assert bool(np.all(episode_start)) == (state is None)
        self.seen.append(np.array(observation))
        return np.tanh(2 * observation[:, 8:14]), (state or 0) + 1


@pytest.fixture(scope="module")
def data() -> OfflineDataset:
    return dataset_of(CHEETAH, episodes=3, steps=60)


@pytest.fixture(scope="module")
def environment() -> Iterator[Any]:
    environment = make_environment(CHEETAH)
    yield environment
    environment.close()


def diagnoser(
    data: OfflineDataset, environment: Any, task: Task | None = None, *, size: int = 24, seed: int = 0, **planted: float
) -> ModelDiagnoser:
    model = SimulatedCheetah(Normalizer.fit(data.episodes), **planted)
    dynamics = load_dynamics(
        checkpoint_with(model, data),
        data,
        task or LearnedRewardTask(),
        context=0,
        num_start_states=1,
        deterministic=True,
    )
    starts = RecordedStarts.from_episodes(dynamics, data.episodes, context=2, horizon=HORIZON, size=size, seed=seed)
    return ModelDiagnoser(dynamics, environment, starts, task_rewards=True, seed=seed)


def diagnose(*args: Any, policies: Any = None, **options: Any) -> ModelDiagnosis:
    return diagnoser(*args, **options).diagnose({"tilting": Tilting()} if policies is None else policies)


def test_a_perfect_model_has_no_error_at_any_step(data: OfflineDataset, environment: Any) -> None:
    found = diagnose(data, environment)
    assert list(found.sources) == ["behaviour", "tilting", "random"]
    for name, errors in found.sources.items():
        by_step = errors.by_step()
        assert by_step.count.tolist() == [24] * HORIZON
        assert by_step.state_mean.max() < 1e-3, name
        assert by_step.reward.max() < 1e-3, name
        # The truth moves, and not alike for all.
        assert by_step.state_unchanged.min() > 0.1, name
        assert errors.true_rewards.std() > 0.1, name
        if name != "behaviour":
            # Who sees the same acts the same.
            np.testing.assert_allclose(errors.closed_loop_returns, errors.returns()[0], atol=0.02)
    assert found.replay_error.max() < 1e-3
    paths = [errors.true[:, -1] for errors in found.sources.values()]
    assert min(np.abs(one - other).mean() for one, other in ((paths[0], paths[1]), (paths[1], paths[2]))) > 0.1


def test_behaviour_is_what_was_recorded(data: OfflineDataset, environment: Any) -> None:
    asked = diagnoser(data, environment)
    found = asked.diagnose({}, random=False).sources["behaviour"]
    windows = {
        episode.observations[t].tobytes(): (
            episode.observations[t + 1 : t + 1 + HORIZON],
            episode.rewards[t : t + HORIZON],
        )
        for episode in data.episodes
        for t in range(2, len(episode) - HORIZON + 1)
    }
    for start, true, rewards in zip(found.starts, found.true, found.true_rewards, strict=True):
        observations, paid = windows[start.tobytes()]
        np.testing.assert_allclose(true, observations, atol=2e-3, rtol=2e-3)
        np.testing.assert_allclose(rewards, paid, atol=2e-3)


def test_policies_act_on_what_is_imagined(data: OfflineDataset, environment: Any) -> None:
    policy = Tilting()
    errors = diagnose(data, environment, policies={"tilting": policy}, doubt=0.5).sources["tilting"]
    # Then it acts on what the simulator shows.
    assert len(policy.seen) == 2 * HORIZON
    np.testing.assert_allclose(policy.seen[0], errors.starts)
    for step in range(1, HORIZON):
        np.testing.assert_allclose(policy.seen[step], errors.imagined[:, step - 1], rtol=1e-6)
    np.testing.assert_allclose(policy.seen[HORIZON], errors.starts)
    shown = simulate_actions(environment, errors.starts, np.tanh(2 * errors.starts[:, None, 8:14]), data.selector)
    np.testing.assert_allclose(policy.seen[HORIZON + 1], shown.observations[:, 0], atol=1e-4, rtol=1e-4)


def test_a_planted_error_is_found_and_its_uncertainty_ranks_it(data: OfflineDataset, environment: Any) -> None:
    """The height is told too high in proportion to what the model says of its uncertainty: rank correlation 1."""
    found = diagnose(data, environment, doubt=0.2, bonus=0.75)
    scale = float(Normalizer.fit(data.episodes).observation_scale[0])
    for errors in found.sources.values():
        expected = errors.imagined[..., 0] - errors.true[..., 0]
        assert np.abs(expected).max() > 0.2
        np.testing.assert_allclose(errors.state_errors, np.abs(expected) / scale / 17, atol=5e-3)
        np.testing.assert_allclose(errors.by_step().state_median, 0, atol=2e-3)
        np.testing.assert_allclose(errors.by_step().reward_bias, 0.75, atol=2e-3)
    assert found.kinds == ("aleatoric",)
    for ranks in found.rank_correlations()["aleatoric"].values():
        assert ranks["state"].over_all == pytest.approx(1.0, abs=0.02)
        assert ranks["state"].within_steps == pytest.approx(1.0, abs=0.02)


def test_rewards_of_a_function_err_as_much_as_the_function_does(data: OfflineDataset, environment: Any) -> None:
    """The cheetah is paid for its mean velocity in a step, of which the function knows the last one only."""
    asked = diagnoser(data, environment, HalfCheetahTask())
    for errors in (asked.diagnose({}, random=False).sources["behaviour"],):
        # Against the task's own rewards of the true states a perfect model is right.
        assert errors.by_step().reward.max() < 1e-3
        assert errors.function_rewards is None
    by_environment = ModelDiagnoser(asked.dynamics, environment, asked.starts).diagnose({}, random=False)
    errors = by_environment.sources["behaviour"]
    velocity, cost = errors.true[..., 8], 0.1 * np.square(asked.starts.actions).sum(axis=-1)
    assert errors.by_step().reward.min() > 0.05
    np.testing.assert_allclose(errors.function_rewards, velocity - cost, atol=1e-4)
    np.testing.assert_allclose(errors.by_step().reward, errors.by_step().reward_function, atol=1e-3)


class RestlessMaze(PointMazeTask):
    """Its goals in imagination move at every step."""

    def prepare(self, environment: Any) -> PointMazeTask:
        made = super().prepare(environment)
        return RestlessMaze(made.kind, made.maze, made.goals)

    def next_goals(self, goal: Tensor, *args: Any) -> Tensor:
        return goal + 1


def test_goals_are_the_same_in_the_model_and_in_the_simulator() -> None:
    env_id = "PointMaze_UMaze-v3"
    data = dataset_of(env_id, episodes=4, steps=40)
    environment = make_environment(env_id, continuing_task=True, reset_target=True)
    dynamics = load_dynamics(
        checkpoint_of(data),
        data,
        RestlessMaze("sparse"),
        context=4,
        num_start_states=1,
        environment_options={"continuing_task": True},
    )
    starts = RecordedStarts.from_episodes(dynamics, data.episodes, context=4, horizon=30, size=40)
    goals = []

    class Straight:
        """Goes where the goal was at first, seen from the start."""

        def predict(self, observation: Any, state: Any = None, *args: Any, **named: Any) -> tuple[np.ndarray, Any]:
            goals.append(observation["desired_goal"])
            way = goals[-1] - observation["achieved_goal"] if state is None else state
            return np.clip(3 * way, -1, 1), way

    errors = ModelDiagnoser(dynamics, environment, starts).diagnose({"straight": Straight()}).sources["straight"]
    environment.close()
    np.testing.assert_array_equal(np.stack(goals), np.broadcast_to(goals[0], (60, *goals[0].shape)))
    distance = np.linalg.norm(errors.true[..., :2] - goals[0][:, None], axis=-1)
    # Some get there well before the end, where the maze would draw another goal.
    assert (errors.true_rewards[:, :-5].sum(axis=1) > 0).any()
    assert errors.running.all()
    clear = np.abs(distance - 0.45) > 1e-3
    np.testing.assert_array_equal(errors.true_rewards[clear], (distance <= 0.45)[clear].astype(float))


def test_a_model_that_sees_positions_only_is_compared_in_these(environment: Any) -> None:
    whole = dataset_of(CHEETAH, episodes=3, steps=40)
    data = dataset_of(CHEETAH, "positions", episodes=3, steps=40)
    dynamics = load_dynamics(
        checkpoint_of(data), data, LearnedRewardTask(), context=4, num_start_states=1, observation="selected"
    )
    starts = RecordedStarts.from_episodes(
        dynamics, data.episodes, context=4, horizon=5, size=10, whole=(whole.selector, whole.episodes)
    )
    errors = ModelDiagnoser(dynamics, environment, starts).diagnose({}).sources["behaviour"]
    assert errors.true.shape == (10, 5, 8)
    np.testing.assert_allclose(errors.true, starts.followed, atol=2e-3, rtol=2e-3)
    blind = RecordedStarts.from_episodes(dynamics, data.episodes, context=4, horizon=5, size=10)
    with pytest.raises(ConfigurationError, match="cannot be put together"):
        ModelDiagnoser(dynamics, environment, blind).diagnose({})


def test_calibrated_variances_are_by_step_and_samples_by_one(data: OfflineDataset, environment: Any) -> None:
    factors = Recalibration(torch.ones(HORIZON, 17) * torch.arange(1.0, HORIZON + 1)[:, None].square())
    for deterministic, expected in ((True, np.arange(1.0, HORIZON + 1)), (False, np.ones(HORIZON))):
        dynamics = load_dynamics(checkpoint_of(data), data, context=4, num_start_states=1, deterministic=deterministic)
        starts = RecordedStarts.from_episodes(dynamics, data.episodes, context=4, horizon=HORIZON, size=10)
        errors = ModelDiagnoser(dynamics, environment, starts, factors).diagnose({}).sources["behaviour"]
        assert list(errors.uncertainties) == ["aleatoric", "calibrated"]
        ratio = errors.uncertainties["calibrated"] / errors.uncertainties["aleatoric"]
        np.testing.assert_allclose(ratio, np.broadcast_to(expected, ratio.shape), rtol=1e-4)


def test_seeds_decide(data: OfflineDataset, environment: Any) -> None:
    def states(seed: int) -> np.ndarray:
        return diagnose(data, environment, size=6, seed=seed).sources["random"].true

    np.testing.assert_array_equal(states(0), states(0))
    assert not np.allclose(states(0), states(1))


def test_what_cannot_be_is_refused(data: OfflineDataset, environment: Any) -> None:
    asked = diagnoser(data, environment, size=2)
    for name in ("behaviour", "random", "all"):
        with pytest.raises(ConfigurationError, match=f"called '{name}'"):
            asked.diagnose({name: Tilting()})
    with pytest.raises(ConfigurationError, match="rising numbers"):
        asked.diagnose({}, quantiles=[0.9, 0.5])
    for wrong in ({"horizon": 0}, {"context": -1}, {"size": 0}):
        with pytest.raises(ConfigurationError, match="num_start_states >= 1"):
            RecordedStarts.from_episodes(asked.dynamics, data.episodes, **{"context": 2, "horizon": 3, **wrong})
    with pytest.raises(EpisodeTooShortError, match=r"40 steps and 30 steps after it.*at least 70.*or horizon"):
        RecordedStarts.from_episodes(asked.dynamics, data.episodes, context=40, horizon=30)


def test_the_choice_needs_no_selector_of_its_own(data: OfflineDataset, environment: Any) -> None:
    starts = diagnoser(data, environment, size=2).starts
    assert isinstance(starts.whole_selector, ObservationSelector)
    assert starts.whole_selector.names == data.selector.names
