"""Agents where observations are missing: the belief goes on by the actions, and nothing hidden is read."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from mbrl_mts3.agents import MPCAgent, RandomAgent, evaluate_agent
from mbrl_mts3.agents.baselines import HoldLastObservation
from mbrl_mts3.agents.planning.policy_functions import StoredPolicy
from mbrl_mts3.data.masking import MissingObservations
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.tasks import PointMazeTask
from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.models import MTS3, PhysicalModel
from mbrl_mts3.planners import ICEM
from mbrl_mts3.planners.proposal import PolicyProposal

Build = Callable[..., Any]
BOX = partial(spaces.Box, -np.inf, np.inf)
SPACE = spaces.Dict({"observation": BOX((4,)), "achieved_goal": BOX((2,)), "desired_goal": BOX((2,))})
SELECTOR = ObservationSelector.from_space(SPACE, "PointMaze_UMaze-v3")
MAKE = partial(make_environment, "PointMaze_UMaze-v3", continuing_task=False)
GOALS = np.array([[0.5, 0.2], [-0.4, 0.6], [0.1, -0.8]])


def agent(model: PhysicalModel, **options: Any) -> MPCAgent:
    planner = ICEM([-1.0, -1.0], [1.0, 1.0], horizon=8, candidates=30, elites=5)
    return MPCAgent(model, planner, PointMazeTask("straight"), SELECTOR, **options)


def raw(state: np.ndarray, hidden: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """What environments show of the states (3, 4); where `hidden` (3,), nothing but the goals."""
    if hidden is not None:
        state = np.where(hidden[:, None], np.nan, state)
    return {"observation": state, "achieved_goal": state[:, :2], "desired_goal": GOALS}


def test_with_the_true_model_nothing_is_lost_when_observations_are_missing(point_mass: Build) -> None:
    """The model is the world here, so that the belief without observations is the state itself."""
    model, acting = point_mass(), agent(point_mass())
    truth = np.zeros((3, 4))
    full = blind = None
    for step in range(12):
        shown = np.array([step == 0, step % 3 == 0, True])
        expected, full = acting.predict(raw(truth), full)
        found, blind = acting.predict(raw(truth, ~shown), blind, shown=shown)
        np.testing.assert_allclose(found, expected, atol=1e-4)
        np.testing.assert_allclose(blind.seen, truth, atol=1e-4)
        belief = model.observe(model.initial_belief(3), torch.tensor(truth, dtype=torch.float32))
        truth = model.step(belief, torch.as_tensor(expected))[1].mean[:, 0].double().numpy()
    assert np.abs(truth).max() > 0.1


@pytest.fixture(scope="module")
def mts3() -> PhysicalModel:
    torch.manual_seed(0)
    hidden = {f"{part}_hidden": (8,) for part in ("encoder", "window", "action", "control", "decoder")}
    return PhysicalModel(MTS3(4, 2, latent_dim=4, **hidden), Normalizer.identity(4, 2))


def test_nothing_hidden_is_read_but_goals_and_policies_see_the_prediction(mts3: PhysicalModel) -> None:
    seen: list[torch.Tensor] = []

    class Policy(StoredPolicy):
        def __init__(self) -> None: ...

        def check(self, *_: Any) -> None: ...

        def at(self, *_: Any) -> PolicyProposal:
            low = -torch.ones(2)
            return PolicyProposal(lambda o: seen.append(o) or 0.1 * o[..., :2], low, -low)  # type: ignore[func-returns-value]

    acting: Any = agent(mts3, proposal=Policy())
    states = np.random.default_rng(0).normal(size=(4, 3, 4))
    shown = np.array([True, False, True])
    found = []
    for hidden in (~shown, None):
        state = None
        for number, place in enumerate(states):
            mask = None if number == 0 else shown
            action, state = acting.predict(raw(place, None if mask is None else hidden), state, shown=mask)
        found.append(action)
        assert np.isfinite(action).all()
        predicted, at_end = seen[-1][1], states[-1, 1]
        assert not np.allclose(predicted, at_end, atol=0.05)
        np.testing.assert_allclose(seen[-1][[0, 2]], states[-1][[0, 2]], atol=1e-6)
    np.testing.assert_array_equal(*found)


def test_the_first_observation_has_to_be_shown(point_mass: Build) -> None:
    acting = agent(point_mass())
    with pytest.raises(ConfigurationError, match=r"environments \[1\] is missing"):
        acting.predict(raw(np.zeros((3, 4))), shown=np.array([True, False, True]))
    with pytest.raises(ShapeError, match=r"shown has the shape \(2,\), expected \(3,\)"):
        acting.predict(raw(np.zeros((3, 4))), shown=np.array([True, True]))


class Listener:
    """Remembers what it was shown in each episode: they are told apart by their goals."""

    def __init__(self) -> None:
        self.shown: dict[bytes, list[bool]] = {}

    def predict(
        self, observation: Any, state: Any = None, start: Any = None, deterministic: bool = False, shown: Any = None
    ) -> Any:
        for goal, flag in zip(observation["desired_goal"], shown, strict=True):
            self.shown.setdefault(goal.tobytes(), []).append(bool(flag))
        return np.zeros((len(shown), 2), np.float32), None


def test_an_episode_misses_the_same_observations_alone_and_beside_others() -> None:
    missing = MissingObservations(0.5, 4)
    heard = []
    for num_envs in (1, 3):
        listener = Listener()
        evaluate_agent(listener, MAKE, [3, 5, 9], num_envs=num_envs, max_episode_steps=40, missing=missing)
        heard.append(listener.shown)
    assert heard[0] == heard[1]
    streams = [missing.shown(seed) for seed in (3, 5, 9)]
    assert list(heard[0].values()) == [[next(stream) for _ in range(40)] for stream in streams]


def test_agents_without_a_belief_hold_the_last_observation() -> None:
    seen: list[np.ndarray] = []

    class Acting:
        def predict(self, observation: Any, state: Any = None, start: Any = None, deterministic: bool = False) -> Any:
            seen.append(observation["observation"].copy())
            return np.ones((len(observation["observation"]), 2), np.float32), None

    missing = MissingObservations(0.5)
    with pytest.raises(ConfigurationError, match="Acting cannot act where observations are missing"):
        evaluate_agent(Acting(), MAKE, [0], max_episode_steps=5, missing=missing)
    result = evaluate_agent(
        HoldLastObservation(Acting()), MAKE, [0, 1], num_envs=2, max_episode_steps=30, missing=missing, record=True
    )
    for place, episode in enumerate(result.episodes):
        shown, held = missing.shown(episode.seed), None
        for step in range(30):
            held = episode.observations["observation"][step] if next(shown) else held
            np.testing.assert_array_equal(seen[step][place], held)
    full = evaluate_agent(RandomAgent(spaces.Box(-1, 1, (2,))), MAKE, [0], max_episode_steps=5)
    assert full.lengths.tolist() == [5]
