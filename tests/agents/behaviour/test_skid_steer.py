from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mbrl_mts3.agents.behaviour import SkidSteerBehaviour
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError


@pytest.fixture(scope="module")
def robot() -> Iterator[Any]:
    environment = make_environment("mbrl_mts3/SkidSteer-v0", terrain_seed=0)
    yield environment
    environment.close()


def actions(behaviour: SkidSteerBehaviour, steps: int, seed: int = 0) -> np.ndarray[Any, Any]:
    behaviour.reset(seed)
    return np.stack([behaviour(None) for _ in range(steps)])


def test_equal_seeds_give_equal_torques_inside_the_box(robot: Any) -> None:
    behaviour = SkidSteerBehaviour(robot)
    first, again, other = (actions(behaviour, 200, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.1
    assert all(robot.action_space.contains(action) for action in first)
    assert np.abs(first).max() == 1.0


def test_commands_move_the_wheels_of_a_side_together(robot: Any) -> None:
    onward = actions(SkidSteerBehaviour(robot, turn=0.0, wheel=0.0), 50)
    np.testing.assert_allclose(onward, onward[:, :1].repeat(4, axis=1))
    turning = actions(SkidSteerBehaviour(robot, speed=0.0, forward=0.0, wheel=0.0), 50)
    np.testing.assert_allclose(turning * [-1, 1, -1, 1], turning[:, 1:2].repeat(4, axis=1))
    single = actions(SkidSteerBehaviour(robot, speed=0.0, forward=0.0, turn=0.0, wheel_steps=2.0), 2000)
    assert np.abs(np.corrcoef(single.T) - np.eye(4)).max() < 0.2


def test_the_noise_is_as_strong_and_as_slow_as_asked(robot: Any) -> None:
    behaviour = SkidSteerBehaviour(robot, 0.1, forward=0.2, turn=0.0, wheel=0.0, forward_steps=5.0)
    command = actions(behaviour, 6000)[:, 0]
    assert command.mean() == pytest.approx(0.1, abs=0.02)
    assert command.std() == pytest.approx(0.2, abs=0.02)
    assert np.corrcoef(command[5:], command[:-5])[0, 1] == pytest.approx(np.exp(-1), abs=0.05)


def test_the_robot_gets_about_and_turns(robot: Any) -> None:
    behaviour = SkidSteerBehaviour(robot)
    farthest, turned = [], []
    for seed in range(2):
        observation, _ = robot.reset(seed=seed)
        behaviour.reset(seed)
        seen = [observation]
        ended = False
        while not ended:
            observation, _, terminated, truncated, _ = robot.step(behaviour(observation))
            seen.append(observation)
            ended = terminated or truncated
        seen = np.stack(seen)
        farthest.append(np.linalg.norm(seen[:, :2] - seen[0, :2], axis=1).max())
        turned.append(np.ptp(np.unwrap(np.arctan2(seen[:, 5], seen[:, 8]))))
    assert np.mean(farthest) > 4.0
    assert np.mean(turned) > 0.7


def test_another_number_of_wheels_is_refused() -> None:
    cheetah = make_environment("HalfCheetah-v5")
    with pytest.raises(ConfigurationError, match=r"four wheels, not one with 6"):
        SkidSteerBehaviour(cheetah)
    cheetah.close()
