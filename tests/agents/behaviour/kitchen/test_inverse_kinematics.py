"""Judged by SciPy, by least squares on the stacked system and by the closed solution of a planar arm."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mbrl_mts3.agents.behaviour.kitchen.inverse_kinematics import (
    DoubleArray,
    bounded_step,
    damped_least_squares,
    null_space_step,
    rotation_about,
    rotation_error,
    shortened,
)

RANDOM = np.random.default_rng(0)
WIDE = np.full(7, 10.0)


@pytest.mark.parametrize("damping", [0.01, 0.3, 2.0])
@pytest.mark.parametrize("shape", [(6, 7), (3, 7), (6, 4)])
def test_damped_step_minimises_error_and_length(shape: tuple[int, int], damping: float) -> None:
    jacobian, error = RANDOM.normal(size=shape), RANDOM.normal(size=shape[0])
    stacked = np.concatenate([jacobian, damping * np.eye(shape[1])])
    expected = np.linalg.lstsq(stacked, np.concatenate([error, np.zeros(shape[1])]), rcond=None)[0]
    np.testing.assert_allclose(damped_least_squares(jacobian, error, damping), expected, atol=1e-9)


def test_step_without_damping_is_the_shortest_that_does_the_task() -> None:
    jacobian, error = RANDOM.normal(size=(6, 7)), RANDOM.normal(size=6)
    np.testing.assert_allclose(damped_least_squares(jacobian, error, 0), np.linalg.pinv(jacobian) @ error, atol=1e-9)


def test_damped_step_is_finite_at_a_singular_pose() -> None:
    step = damped_least_squares(np.zeros((3, 7)), np.ones(3), 0.1)
    np.testing.assert_array_equal(step, np.zeros(7))


def test_null_space_step_leaves_the_task_alone() -> None:
    jacobian, wish = RANDOM.normal(size=(3, 7)), RANDOM.normal(size=7)
    step = null_space_step(jacobian, wish, 0.0)
    np.testing.assert_allclose(jacobian @ step, 0, atol=1e-9)
    np.testing.assert_allclose(null_space_step(jacobian, step, 0.0), step, atol=1e-9)
    # The nearest to the wish: what is missing is orthogonal to every step that leaves the task alone.
    assert step @ (wish - step) == pytest.approx(0, abs=1e-9)


class TestBoundedStep:
    def test_wide_bounds_change_nothing(self) -> None:
        jacobian, error, wish = RANDOM.normal(size=(3, 7)), RANDOM.normal(size=3), RANDOM.normal(size=7)
        expected = damped_least_squares(jacobian, error, 0.1) + null_space_step(jacobian, wish, 0.2)
        np.testing.assert_allclose(bounded_step(jacobian, error, wish, -WIDE, WIDE, 0.1, 0.2), expected, atol=1e-12)

    def test_other_joints_do_the_work_of_a_bound_one(self) -> None:
        jacobian, error = RANDOM.normal(size=(3, 7)), RANDOM.normal(size=3)
        unbounded = damped_least_squares(jacobian, error, 0)
        high = WIDE.copy()
        high[2] = max(unbounded[2] - 0.3, 0.0) if unbounded[2] > 0 else 10.0
        low = -WIDE
        low[2] = min(unbounded[2] + 0.3, 0.0) if unbounded[2] < 0 else -10.0
        step = bounded_step(jacobian, error, np.zeros(7), low, high, 0.0, 0.0)
        assert step[2] in (low[2], high[2])
        np.testing.assert_allclose(jacobian @ step, error, atol=1e-9)

    def test_bounds_hold_where_the_task_is_beyond_them(self) -> None:
        for _ in range(50):
            jacobian, error, wish = RANDOM.normal(size=(6, 7)), RANDOM.normal(size=6), RANDOM.normal(size=7)
            low, high = -RANDOM.uniform(0, 0.2, 7), RANDOM.uniform(0, 0.2, 7)
            step = bounded_step(jacobian, error, wish, low, high, 0.1, 0.1)
            assert np.all(step >= low)
            assert np.all(step <= high)


def planar(angles: DoubleArray) -> DoubleArray:
    """End (2,) of an arm of two links, 1 m and 0.7 m."""
    shoulder, elbow = angles
    return np.array([np.cos(shoulder), np.sin(shoulder)]) + 0.7 * np.array(
        [np.cos(shoulder + elbow), np.sin(shoulder + elbow)]
    )


def test_steps_lead_a_planar_arm_to_the_closed_solution() -> None:
    goal, angles = np.array([0.6, 0.9]), np.array([0.2, 0.5])
    for _ in range(60):
        columns = [(planar(angles + h) - planar(angles - h)) / 2e-6 for h in 1e-6 * np.eye(2)]
        angles = angles + damped_least_squares(np.stack(columns, axis=1), shortened(goal - planar(angles), 0.1), 0.02)
    elbow = np.arccos((goal @ goal - 1 - 0.7**2) / (2 * 0.7))
    shoulder = np.arctan2(goal[1], goal[0]) - np.arctan2(0.7 * np.sin(elbow), 1 + 0.7 * np.cos(elbow))
    np.testing.assert_allclose(angles, [shoulder, elbow], atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 1e-7, 0.4, 3.0, np.pi])
def test_rotation_error_is_the_rotation_between_both(angle: float) -> None:
    for axis in (*np.eye(3), *(v / np.linalg.norm(v) for v in RANDOM.normal(size=(5, 3)))):
        current = Rotation.random(rng=1).as_matrix()
        desired = Rotation.from_rotvec(angle * axis).as_matrix() @ current
        error = rotation_error(current, desired)
        assert np.linalg.norm(error) == pytest.approx(angle, abs=1e-6)
        np.testing.assert_allclose(Rotation.from_rotvec(error).as_matrix() @ current, desired, atol=1e-6)


def test_rotation_about_an_axis() -> None:
    for axis, angle in zip(RANDOM.normal(size=(5, 3)), RANDOM.uniform(-4, 4, 5), strict=True):
        axis /= np.linalg.norm(axis)
        np.testing.assert_allclose(
            rotation_about(axis, angle), Rotation.from_rotvec(angle * axis).as_matrix(), atol=1e-12
        )


def test_only_long_vectors_are_shortened() -> None:
    np.testing.assert_allclose(shortened(np.array([3.0, 4.0]), 1.0), [0.6, 0.8])
    np.testing.assert_array_equal(shortened(np.array([0.3, 0.4]), 1.0), [0.3, 0.4])
