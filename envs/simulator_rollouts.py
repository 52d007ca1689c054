"""Real simulators set to recorded states, and what they do from there under given actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.array_types import BoolArray, DoubleArray, FloatArray
from mbrl_mts3.data.observation_selector import MAIN_KEY, ObservationSelector
from mbrl_mts3.data.observations import copy_observation, index_observation, observation_leaves, stack_observations
from mbrl_mts3.envs.hidden_dynamics import HiddenDynamics
from mbrl_mts3.errors import ConfigurationError, ShapeError

StateSetter = Callable[[Any], None]
"""Sets a simulator to the state that one raw observation shows."""

OWN_METHOD = "set_observed_state"
"""What an environment of one's own is asked for: a method that takes a raw observation."""


def find_state_setter(environment: gymnasium.Env[Any, Any]) -> StateSetter:
    """The function that sets an environment to the state that a raw observation shows.

    HalfCheetah, Hopper and Walker2d observe all but the place along x, on which nothing depends (the latter two show
    velocities of 10 at most, faster states are lost); PointMaze observes position and velocity, and the goal, which
    then stays where it is even if the maze would draw a new one. An environment of your own takes part by a method
    `set_observed_state(observation)` (of the environment inside all wrappers), called after each `reset`.

    Raises:
        ConfigurationError: the observation of this environment does not hold its state.
    """
    simulator: Any = environment.unwrapped
    if isinstance(getattr(simulator, OWN_METHOD, None), Callable):  # type: ignore[arg-type]
        own: StateSetter = getattr(simulator, OWN_METHOD)
        return own
    name = environment.spec.id if environment.spec is not None else type(simulator).__name__
    if _is_wrapped_in(environment, HiddenDynamics):
        raise _refused(name, "its hidden parameters are not in the observation")
    kinds = {kind.__name__ for kind in type(simulator).__mro__}
    for kind, setter in _SETTERS.items():
        if kind in kinds:
            return lambda observation: setter(simulator, observation)
    raise _refused(name, "its observation does not hold the whole state")


def _set_planar(simulator: Any, observation: Any) -> None:
    """Positions, without that along x where it is not observed, then velocities."""
    values = np.asarray(observation, np.float64)
    positions, velocities = simulator.model.nq, simulator.model.nv
    place = np.zeros(positions + velocities - len(values))
    state = np.concatenate([place, values])
    simulator.set_state(state[:positions], state[positions:])


def _set_point_maze(simulator: Any, observation: Any) -> None:
    """Position and velocity of the ball, and the goal."""
    values = np.asarray(observation[MAIN_KEY], np.float64)
    simulator.goal = np.asarray(observation["desired_goal"], np.float64).copy()
    simulator.reset_target = False
    simulator.update_target_site_pos()
    simulator.point_env.set_state(values[:2], values[2:])


_SETTERS: Mapping[str, Callable[[Any, Any], None]] = {
    "HalfCheetahEnv": _set_planar,
    "HopperEnv": _set_planar,
    "Walker2dEnv": _set_planar,
    "PointMazeEnv": _set_point_maze,
}
"""By the class of the environment inside all wrappers, or of one of its bases."""


def _is_wrapped_in(environment: gymnasium.Env[Any, Any], kind: type[gymnasium.Wrapper[Any, Any, Any, Any]]) -> bool:
    while isinstance(environment, gymnasium.Wrapper):
        if isinstance(environment, kind):
            return True
        environment = environment.env
    return False


def _refused(name: str, reason: str) -> ConfigurationError:
    able = ", ".join(kind.removesuffix("Env") for kind in _SETTERS)
    return ConfigurationError(
        f"{name} cannot be set to a recorded state: {reason}. This can be done with {able}, and with an environment of "
        f"your own that has a method {OWN_METHOD}(observation)"
    )


@dataclass(frozen=True, repr=False)
class SimulatedRollouts:
    """What a simulator does from N states under H actions each."""

    observations: FloatArray
    """(N, H, obs): selected entries of o_{t+1}, physical units."""
    rewards: DoubleArray
    """(N, H): as the environment pays them."""
    running: BoolArray
    """(N, H): whether the episode had not terminated before this step. Steps beyond that are simulated none the less,
    time limits do not count."""


def simulate_actions(
    environment: gymnasium.Env[Any, Any], starts: Any, actions: FloatArray, selector: ObservationSelector
) -> SimulatedRollouts:
    """Set a real environment to recorded states one by one, and execute actions from each.

    Before each state the environment is reset with one seed, so that nothing of one rollout reaches the next.

    Args:
        environment: is left at the end of the last rollout, open.
        starts: raw observations of N states, an array (N, d) or a (nested) dict of such.
        actions: (N, H, act), in physical units.
        selector: of the entries to return.

    Raises:
        ConfigurationError: as `find_state_setter` does.
        ShapeError: there is no state or no action.
    """
    set_state = find_state_setter(environment)
    found = _Recorder.of_shape(len(actions), actions.shape[1], selector)
    for place in range(len(actions)):
        environment.reset(seed=0)
        set_state(index_observation(starts, place))
        for step in range(actions.shape[1]):
            found.step(environment, place, step, actions[place, step])
    return found.rollouts


def simulate_policy(
    environment: gymnasium.Env[Any, Any],
    starts: Any,
    choose: Callable[[Any], FloatArray],
    steps: int,
    selector: ObservationSelector,
) -> tuple[SimulatedRollouts, FloatArray]:
    """Let a policy act from recorded states, on what the simulator shows.

    All rollouts go on side by side, so that the policy is asked once a step: the environment is set to each state in
    turn, which it can be, because what it shows holds its state.

    Args:
        environment, starts, selector: see `simulate_actions`.
        choose: actions (N, act) for raw observations of N states; called once a step, in their order.
        steps: H.

    Returns:
        The rollouts, and the actions (N, H, act).

    Raises:
        ConfigurationError, ShapeError: as `simulate_actions` does.
    """
    set_state = find_state_setter(environment)
    seen, chosen = starts, []
    count = len(next(iter(observation_leaves(starts)))[1])
    found = _Recorder.of_shape(count, steps, selector)
    for step in range(steps):
        chosen.append(choose(seen))
        after = []
        for place in range(count):
            environment.reset(seed=0)
            set_state(index_observation(seen, place))
            after.append(found.step(environment, place, step, chosen[-1][place]))
        seen = stack_observations(after)
    return found.rollouts, np.stack(chosen, axis=1)


@dataclass(frozen=True)
class _Recorder:
    """Writes what an environment answers into rollouts."""

    rollouts: SimulatedRollouts
    selector: ObservationSelector

    @classmethod
    def of_shape(cls, count: int, steps: int, selector: ObservationSelector) -> _Recorder:
        if not count or not steps:
            raise ShapeError(f"expected at least one rollout and one step, got {count} rollouts of {steps} steps")
        shape = (count, steps)
        empty = np.empty((*shape, selector.dim), np.float32)
        return cls(SimulatedRollouts(empty, np.empty(shape), np.ones(shape, np.bool_)), selector)

    def step(self, environment: gymnasium.Env[Any, Any], place: int, step: int, action: FloatArray) -> Any:
        """Execute one action of one rollout; returns the raw observation."""
        seen, reward, terminated, _, _ = environment.step(action)
        self.rollouts.observations[place, step] = self.selector(seen)
        self.rollouts.rewards[place, step] = float(reward)
        if terminated:
            self.rollouts.running[place, step + 1 :] = False
        return copy_observation(seen)
