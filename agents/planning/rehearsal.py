"""A few decisions before the first episode, so that what cannot be planned is refused before any work."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from typing import Any

import gymnasium

from mbrl_mts3.agents.planning.mpc import MPCAgent, MPCState
from mbrl_mts3.data.observations import stack_observations
from mbrl_mts3.envs.checked import CheckedEnvironment
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners.base import Plan

_TRIES = 3


def rehearse_planning(
    agent: MPCAgent, environment: gymnasium.Env[Any, Any], *, seed: int = 0, num_envs: int = 1
) -> None:
    """Decide what to do in the first observation of an episode, and check the planner's budget; nothing is executed.

    Args:
        environment: reset once with `seed`, never stepped.
        num_envs: environments that will be planned for together.

    Raises:
        ConfigurationError: there is neither a reward nor a reward head, no goal for a value that leads to one, no
            gradient for a planner that follows it, or the planner's budget is too short for one iteration.
        MTS3Error: as `MPCAgent.predict` does.
    """
    observation, _ = CheckedEnvironment(environment).reset(seed=seed)
    raw = stack_observations([observation] * num_envs)
    # The agent's own planner warns of its budget once: not now.
    trial = dataclasses.replace(agent, planner=copy.copy(agent.planner))
    plans: list[Plan] = []
    state: MPCState | None = None
    # The first decision may be slow for reasons of its own, such as memory that is asked for.
    while len(plans) < _TRIES and not (plans and _in_time(plans[-1], agent.planner.budget_ms)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, state = trial.predict(raw, state)
        assert state.plan is not None
        plans.append(state.plan)
    if not _in_time(plans[-1], agent.planner.budget_ms):
        fastest = min(float(plan.milliseconds[0]) for plan in plans)
        together = f" for {num_envs} environments at once" if num_envs > 1 else ""
        raise ConfigurationError(
            f"budget_ms={agent.planner.budget_ms} is too short: one iteration of {type(agent.planner).__name__} with "
            f"{agent.planner.candidates} candidates and horizon {agent.planner.horizon} takes {fastest:.1f} ms here"
            f"{together}; allow more time, or lower candidates, horizon or the number of environments"
        )


def _in_time(plan: Plan, budget_ms: float | None) -> bool:
    return budget_ms is None or int(plan.iterations[0]) > 1 or float(plan.milliseconds[0]) <= budget_ms
