"""Differential inverse kinematics of a redundant arm: pure functions of Jacobians and poses."""

from __future__ import annotations

import numpy as np

from mbrl_mts3.array_types import DoubleArray


def damped_least_squares(jacobian: DoubleArray, error: DoubleArray, damping: float) -> DoubleArray:
    """Joint step (joints,) that minimises |J q - e|^2 + damping^2 |q|^2.

    q = J^T (J J^T + damping^2 I)^-1 e (Wampler, 1986): finite at singular poses, where the pseudo-inverse is not.

    Args:
        jacobian: J, (task, joints).
        error: e, (task,).
        damping: in the units of J; 0 gives the pseudo-inverse's step where J has full row rank.
    """
    gram = jacobian @ jacobian.T + damping**2 * np.eye(len(jacobian))
    return jacobian.T @ np.linalg.solve(gram, error)


def null_space_step(jacobian: DoubleArray, wish: DoubleArray, damping: float) -> DoubleArray:
    """The part of a wished joint step (joints,) that leaves the task alone: w - J^# J w, J^# the damped inverse."""
    return wish - damped_least_squares(jacobian, jacobian @ wish, damping)


def bounded_step(
    jacobian: DoubleArray,
    error: DoubleArray,
    wish: DoubleArray,
    low: DoubleArray,
    high: DoubleArray,
    damping: float,
    null_damping: float,
) -> DoubleArray:
    """Damped least-squares step plus null-space wish within bounds: joints at theirs leave the work to the others.

    Joints are bound one after the other, the worst first, and the step of the remaining ones is found anew.

    Args:
        jacobian: (task, joints).
        error: (task,).
        wish: joint step that is preferred among those that do the task, (joints,).
        low, high: bounds of the step, (joints,); 0 lies between them.
        damping: of the task's step, as in `damped_least_squares`.
        null_damping: of the wish's projection; the larger, the more of the wish goes at the task's cost near singular
            poses, which helps out of them.
    """
    step, free = np.zeros_like(wish), np.ones(len(wish), bool)
    while free.any():
        rest = error - jacobian[:, ~free] @ step[~free]
        part = jacobian[:, free]
        step[free] = damped_least_squares(part, rest, damping) + null_space_step(part, wish[free], null_damping)
        excess = np.where(free, np.maximum(low - step, step - high), 0.0)
        worst = int(np.argmax(excess))
        if excess[worst] <= 0:
            break
        step[worst] = np.clip(step[worst], low[worst], high[worst])
        free[worst] = False
    return step


def rotation_error(current: DoubleArray, desired: DoubleArray) -> DoubleArray:
    """Rotation vector (3,), rad in world axes, that turns one rotation matrix (3, 3) into another.

    Its length is the angle between both, at most pi.
    """
    difference = desired @ current.T
    vector = np.array(
        [difference[2, 1] - difference[1, 2], difference[0, 2] - difference[2, 0], difference[1, 0] - difference[0, 1]]
    )
    sine, cosine = np.linalg.norm(vector) / 2, (np.trace(difference) - 1) / 2
    if sine < 1e-9:
        return vector / 2 if cosine > 0 else _half_turn(difference)
    return vector * (float(np.arctan2(sine, cosine)) / (2 * float(sine)))


def _half_turn(rotation: DoubleArray) -> DoubleArray:
    """R = 2 a a^T - I: the axis is the largest column of R + I."""
    columns = rotation + np.eye(3)
    axis = columns[:, np.argmax(np.linalg.norm(columns, axis=0))]
    return np.asarray(np.pi * axis / np.linalg.norm(axis))


def shortened(vector: DoubleArray, longest: float) -> DoubleArray:
    """The vector, or its direction with length `longest` where it is longer."""
    length = float(np.linalg.norm(vector))
    return vector if length <= longest else vector * (longest / length)


def rotation_about(axis: DoubleArray, angle: float) -> DoubleArray:
    """Rotation matrix (3, 3) by an angle, rad, about a unit vector (3,), by Rodrigues' formula."""
    x, y, z = axis.tolist()
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
