"""Bodies differ from episode to episode, and MuJoCo says how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

from mbrl_mts3.envs import HIDDEN_HALF_CHEETAH_ID, make_environment
from mbrl_mts3.envs.hidden_dynamics import HiddenDynamics
from mbrl_mts3.errors import ConfigurationError

ACTIONS = np.random.default_rng(0).uniform(-1, 1, (40, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def hidden() -> Iterator[Any]:
    environment = make_environment(HIDDEN_HALF_CHEETAH_ID)
    yield environment
    environment.close()


def path_of(environment: Any, seed: int, actions: Any = ACTIONS) -> tuple[np.ndarray[Any, Any], list[dict[str, float]]]:
    """Observations, and the factors behind each."""
    observation, info = environment.reset(seed=seed)
    observations, factors = [observation], [info["hidden"]]
    for action in actions:
        observation, _, _, _, info = environment.step(action)
        observations.append(observation)
        factors.append(info["hidden"])
    return np.stack(observations), factors


@pytest.mark.filterwarnings("ignore:.*Box observation space")
def test_both_checkers_pass() -> None:
    with make_environment(HIDDEN_HALF_CHEETAH_ID) as environment:
        check_env(environment.unwrapped, skip_render_check=True)
        check_env_of_sb3(environment)


def test_it_has_half_cheetah_s_time_limit(hidden: Any) -> None:
    hidden.reset(seed=0)
    ends = [hidden.step(ACTIONS[0])[2:4] for _ in range(1000)]
    assert ends == [(False, False)] * 999 + [(False, True)]


def test_a_body_whose_values_are_set_by_hand_moves_alike(hidden: Any) -> None:
    found, factors = path_of(hidden, seed=3)
    assert set(factors[0]) == {"strength", "mass"}
    with gymnasium.make("HalfCheetah-v5") as plain:
        model: Any = plain.unwrapped.model
        model.actuator_gear[:] *= factors[0]["strength"]
        model.body_mass[:] *= factors[0]["mass"]
        model.body_inertia[:] *= factors[0]["mass"]
        observation, _ = plain.reset(seed=3)
        expected = [observation, *(plain.step(action)[0] for action in ACTIONS)]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-12)


def test_a_seed_gives_the_same_body_whatever_came_before(hidden: Any) -> None:
    first = path_of(hidden, seed=5)
    other = path_of(hidden, seed=6)
    again = path_of(hidden, seed=5)
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1] == again[1]
    assert other[1][0] != first[1][0]


def test_without_a_seed_the_next_body_is_another_one(hidden: Any) -> None:
    hidden.reset(seed=5)
    bodies = [tuple(hidden.reset()[1]["hidden"].values()) for _ in range(20)]
    assert len(set(bodies)) == 20


def test_factors_spread_over_their_range(hidden: Any) -> None:
    strengths = [hidden.reset(seed=seed)[1]["hidden"]["strength"] for seed in range(200)]
    assert min(strengths) >= 0.6
    assert max(strengths) <= 1.2
    # The logarithm is uniform: half of all factors lie below the geometric mean.
    assert np.mean(np.array(strengths) < np.sqrt(0.6 * 1.2)) == pytest.approx(0.5, abs=0.12)


def test_a_range_of_one_is_half_cheetah_itself() -> None:
    with make_environment(HIDDEN_HALF_CHEETAH_ID, strength=(1, 1), mass=(1, 1)) as same:
        found, _ = path_of(same, seed=0)
    with gymnasium.make("HalfCheetah-v5") as plain:
        observation, _ = plain.reset(seed=0)
        expected = [observation, *(plain.step(action)[0] for action in ACTIONS)]
    np.testing.assert_array_equal(found, np.stack(expected))


def test_bodies_change_within_an_episode_when_asked_to() -> None:
    with make_environment(HIDDEN_HALF_CHEETAH_ID, change_every=15) as changing:
        _, factors = path_of(changing, seed=0)
    # The first entry stands before the first step.
    kinds = [tuple(found.values()) for found in factors[1:]]
    assert [kinds[t] != kinds[t - 1] for t in range(1, 40)] == [t in (15, 30) for t in range(1, 40)]


def test_gravity_and_damping_are_scaled_too() -> None:
    with gymnasium.make("HalfCheetah-v5") as plain:
        damping = plain.unwrapped.model.dof_damping.copy()  # type: ignore[attr-defined]
        wrapped = HiddenDynamics(plain, ranges={"gravity": (0.5, 0.5), "damping": (2, 2)})
        wrapped.reset(seed=0)
        model: Any = wrapped.unwrapped.model  # type: ignore[attr-defined]
        np.testing.assert_allclose(model.opt.gravity, [0, 0, -9.81 / 2])
        np.testing.assert_allclose(model.dof_damping, 2 * damping)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"ranges": {"colour": (1, 2)}},
            "unknown property 'colour': expected some of strength, mass, damping, gravity",
        ),
        ({"ranges": {"mass": (0, 2)}}, r"mass=\[0, 2\]: expected the lowest and the highest factor"),
        ({"ranges": {"mass": (2, 1)}}, r"mass=\[2, 1\]: expected the lowest and the highest factor"),
        ({"ranges": {}, "change_every": 0}, "change_every=0: expected at least 1 step"),
    ],
)
def test_bad_options_are_told(options: Any, message: str) -> None:
    with gymnasium.make("HalfCheetah-v5") as plain, pytest.raises(ConfigurationError, match=message):
        HiddenDynamics(plain, **options)


def test_an_environment_without_mujoco_is_told() -> None:
    with gymnasium.make("CartPole-v1") as poles, pytest.raises(ConfigurationError, match="has no MuJoCo model"):
        HiddenDynamics(poles, ranges={"mass": (1, 2)})
