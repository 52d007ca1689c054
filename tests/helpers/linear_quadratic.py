"""A linear system with a quadratic cost, whose best plan is known in closed form."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

STEP = 0.3
TRANSITION = np.array([[1.0, STEP], [0.0, 1.0]])
CONTROL = np.array([[0.5 * STEP**2], [STEP]])
STATE_COST = np.diag([1.0, 0.1])
CONTROL_COST = np.array([[0.3]])
STARTS = np.array([[0.8, 0.0], [-0.5, 0.4], [0.3, -0.6]])


def move(state: Tensor, action: Tensor) -> Tensor:
    """The state (..., 2) after one step: position and velocity of a mass of 1 that is pushed by (..., 1)."""
    return state @ torch.as_tensor(TRANSITION.T).to(state) + action @ torch.as_tensor(CONTROL.T).to(state)


def cost(state: Tensor, action: Tensor) -> Tensor:
    """Cost (...) of the state (..., 2) that an action (..., 1) led to."""
    control, held = (torch.as_tensor(matrix).to(state) for matrix in (CONTROL_COST, STATE_COST))
    return ((state @ held) * state).sum(-1) + ((action @ control) * action).sum(-1)


def returns(start: Tensor, actions: Tensor) -> Tensor:
    """Minus the cost (...) of sequences (..., L, 1) that begin at states which broadcast to (..., 2)."""
    state, total = start.expand(*actions.shape[:-2], 2), torch.zeros(actions.shape[:-2], dtype=actions.dtype)
    for action in actions.unbind(dim=-2):
        state = move(state, action)
        total = total - cost(state, action)
    return total


def best_plan(start: np.ndarray, horizon: int, added_cost: np.ndarray | None = None) -> np.ndarray:
    """The optimum (L,) without bounds, from the normal equations of the stacked problem.

    Args:
        added_cost: (L, L), P in a further cost of u' P u.
    """
    free = np.concatenate([np.linalg.matrix_power(TRANSITION, t + 1) @ start for t in range(horizon)])
    forced = np.zeros((2 * horizon, horizon))
    for t in range(horizon):
        for s in range(t + 1):
            forced[2 * t : 2 * t + 2, s : s + 1] = np.linalg.matrix_power(TRANSITION, t - s) @ CONTROL
    weights = np.kron(np.eye(horizon), STATE_COST)
    hessian = forced.T @ weights @ forced + CONTROL_COST[0, 0] * np.eye(horizon)
    hessian += 0 if added_cost is None else added_cost
    plan: np.ndarray = -np.linalg.solve(hessian, forced.T @ weights @ free)
    return plan


def first_feedback(horizon: int) -> np.ndarray:
    """K (1, 2) of the best first action u_0 = -K x_0, by the Riccati recursion of the LQR."""
    value = STATE_COST.copy()
    for step in range(horizon):
        inner = CONTROL_COST + CONTROL.T @ value @ CONTROL
        gain: np.ndarray = np.linalg.solve(inner, CONTROL.T @ value @ TRANSITION)
        value = TRANSITION.T @ value @ (TRANSITION - CONTROL @ gain)
        value = value + STATE_COST if step < horizon - 1 else value
    return gain
