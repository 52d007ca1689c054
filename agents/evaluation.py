"""Evaluation of agents in real environments."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.agents.base import Agent
from mbrl_mts3.agents.episode_draws import begin_episodes
from mbrl_mts3.data.masking import MissingObservations
from mbrl_mts3.data.observations import stack_observations
from mbrl_mts3.envs.checked import CheckedEnvironment
from mbrl_mts3.errors import ConfigurationError, NonFiniteError, ShapeError
from mbrl_mts3.metrics.confidence_intervals import (
    Interval,
    bootstrap_interval,
    interquartile_mean,
    mean_interval,
    wilson_interval,
)
from mbrl_mts3.seeds import check_seed
from mbrl_mts3.tensor_record import TensorRecord

Success = Callable[[Any, Mapping[str, Any]], bool | None]
DecisionListener = Callable[[Sequence[int | None], Any, Any], None]


def success_of_info(observation: Any, info: Mapping[str, Any]) -> bool | None:
    """What the environment says under "success"; None if it says nothing."""
    return None if info.get("success") is None else bool(info["success"])


def evaluate_agent(
    agent: Agent,
    make_environment: Callable[[], gymnasium.Env[Any, Any]],
    seeds: Sequence[int],
    *,
    max_episode_steps: int | None = None,
    num_envs: int = 1,
    success: Success = success_of_info,
    record: bool = False,
    on_episode: Callable[[EvaluatedEpisode], None] | None = None,
    on_decision: DecisionListener | None = None,
    missing: MissingObservations | None = None,
) -> EvaluationResult:
    """Run one episode for each seed, some of them side by side.

    Where an episode ends, that of the next seed begins in its environment, and when none is left the environment is
    left out. What an episode gives depends on the others by rounding alone: agents keep nothing between episodes, and
    those that sample are told the seeds.

    Args:
        agent: anything with Stable-Baselines3's `predict`; called with deterministic=True.
        make_environment: called `num_envs` times. An episode's seed goes to `reset`: same seed, same start and goal.
        seeds: one episode each, 0 to 2^32 - 1. An episode's result depends on its own seed alone, not on those beside
            and before it: a `SeededAgent` gets them, too.
        max_episode_steps: ends an episode earlier than the environment would.
        num_envs: environments that act together; an agent that plans in batches is faster so. Agents whose state is
            neither None nor a `TensorRecord`, nor a tuple of such, keep all environments to the end, the finished ones
            idle.
        success: of a raw observation and its info, see `Task.success`; an episode succeeds if any step does.
        record: keep the episodes in the result.
        on_episode: told of each finished episode, for progress.
        on_decision: told of each call of `predict`: for each environment the place of its episode among the seeds (None
            where it is idle), the observation (B, ...) and the state that the agent returned.
        missing: observations that the agent does not get, the same ones for an equal seed of an episode; None shows
            all. The agent is told by `shown` (B,) bool, an argument of `predict` that `MPCAgent` has.

    Raises:
        ShapeError, NonFiniteError: the agent's actions are of another shape, or hold NaN or infinity.
        ConfigurationError: no seeds or numbers that are none, fewer than one environment or step, or observations are
            missing and the agent's `predict` takes no `shown`.
    """
    if not seeds or num_envs < 1 or (max_episode_steps is not None and max_episode_steps < 1):
        raise ConfigurationError(
            f"expected at least one seed, environment and step, got seeds={list(seeds)}, num_envs={num_envs}, "
            f"max_episode_steps={max_episode_steps}"
        )
    # Integers of NumPy are taken, too.
    seeds = [seed.item() if isinstance(seed, np.generic) else seed for seed in seeds]
    for seed in seeds:
        check_seed(seed, "an episode's seed")
    if missing is not None and "shown" not in inspect.signature(agent.predict).parameters:
        raise ConfigurationError(
            f"{type(agent).__name__} cannot act where observations are missing: its predict takes no `shown`; "
            "use a planning agent, which has a belief"
        )
    with ExitStack() as opened:
        environments: list[gymnasium.Env[Any, Any]] = []
        for _ in range(min(num_envs, len(seeds))):
            environments.append(CheckedEnvironment(make_environment()))
            opened.callback(environments[-1].close)
        run = _Run(agent, environments, list(seeds), max_episode_steps, success, on_decision, missing)
        finished: dict[int, EvaluatedEpisode] = {}
        for place, episode in run.episodes():
            finished[place] = episode
            if on_episode is not None:
                on_episode(episode)
    episodes = tuple(finished[place] for place in range(len(seeds)))
    return _result(episodes, run, record)


class _Slot:
    """One environment and the episode that runs in it."""

    def __init__(
        self, environment: gymnasium.Env[Any, Any], success: Success, missing: MissingObservations | None
    ) -> None:
        self.environment = environment
        self.success = success
        self.missing = missing
        self.running = False
        self.started = False

    def start(self, place: int, seed: int) -> None:
        self.place, self.seed = place, seed
        self.observation, info = self.environment.reset(seed=seed)
        self.observations = [self.observation]
        self.actions: list[np.ndarray] = []
        self.rewards: list[float] = []
        self.reached = [self.success(self.observation, info)]
        self.shown = None if self.missing is None else self.missing.shown(seed)
        self.running = self.started = True

    def step(self, action: np.ndarray, max_episode_steps: int | None) -> bool:
        """Whether the episode goes on."""
        self.observation, reward, terminated, truncated, info = self.environment.step(action)
        self.observations.append(self.observation)
        self.actions.append(action)
        self.rewards.append(float(reward))
        self.reached.append(self.success(self.observation, info))
        self.started = False
        self.running = not (terminated or truncated or len(self.actions) == max_episode_steps)
        return self.running

    def episode(self) -> EvaluatedEpisode:
        known = [reached for reached in self.reached if reached is not None]
        return EvaluatedEpisode(
            seed=self.seed,
            observations=stack_observations(self.observations),
            actions=np.stack(self.actions),
            rewards=np.array(self.rewards),
            success=any(known) if known else None,
        )


class _Run:
    """Environments in lock step; one that finishes takes the next seed."""

    def __init__(
        self,
        agent: Agent,
        environments: list[gymnasium.Env[Any, Any]],
        seeds: list[int],
        max_episode_steps: int | None,
        success: Success,
        on_decision: DecisionListener | None,
        missing: MissingObservations | None,
    ) -> None:
        self.agent = agent
        self.slots = [_Slot(environment, success, missing) for environment in environments]
        self.waiting = list(enumerate(seeds))
        self.max_episode_steps = max_episode_steps
        self.on_decision = on_decision
        self.num_envs = len(environments)
        self.seconds: list[float] = []
        self.acting: list[int] = []

    def episodes(self) -> Iterator[tuple[int, EvaluatedEpisode]]:
        """Finished episodes and their places among the seeds, in the order in which they finish."""
        state: Any = None
        for slot in self.slots:
            slot.start(*self.waiting.pop(0))
        while any(slot.running for slot in self.slots):
            actions, state = self._decide(state)
            for slot, action in zip(self.slots, actions, strict=True):
                if slot.running and not slot.step(action, self.max_episode_steps):
                    yield slot.place, slot.episode()
                    if self.waiting:
                        slot.start(*self.waiting.pop(0))
            state = self._drop_idle(state)

    def _decide(self, state: Any) -> tuple[np.ndarray, Any]:
        observation = stack_observations([slot.observation for slot in self.slots])
        start = np.array([slot.started for slot in self.slots])
        shown = [next(slot.shown) for slot in self.slots if slot.shown is not None]
        known: dict[str, Any] = {"shown": np.array(shown)} if shown else {}
        began = time.perf_counter()
        state = begin_episodes(self.agent, state, [slot.seed for slot in self.slots], start)
        decided = self.agent.predict(observation, state, start, deterministic=True, **known)
        self._check_actions(decided[0])
        self.seconds.append(time.perf_counter() - began)
        places = [slot.place if slot.running else None for slot in self.slots]
        self.acting.append(sum(place is not None for place in places))
        if self.on_decision is not None:
            self.on_decision(places, observation, decided[1])
        return decided

    def _check_actions(self, actions: Any) -> None:
        """Refuse what no environment should be told: NaN, or other shapes than the actions'."""
        given = np.asarray(actions)
        expected = (len(self.slots), *(self.slots[0].environment.action_space.shape or ()))
        if given.shape != expected or given.dtype.kind not in "biuf":
            raise ShapeError(f"the agent's actions are {given.dtype} {given.shape}, expected numbers {expected}")
        if not np.isfinite(given).all():
            raise NonFiniteError("the agent's actions hold NaN or infinity: its observations may, or its weights")

    def _drop_idle(self, state: Any) -> Any:
        """Leave out finished environments where the agent's state can be indexed."""
        running = [index for index, slot in enumerate(self.slots) if slot.running]
        if not running or len(running) == len(self.slots) or not _can_pick(state):
            return state
        self.slots = [self.slots[index] for index in running]
        return _pick(state, running)


def _can_pick(state: Any) -> bool:
    if isinstance(state, tuple):
        return all(_can_pick(part) for part in state)
    return state is None or isinstance(state, TensorRecord)


def _pick(state: Any, rows: list[int]) -> Any:
    """The state of some of the environments."""
    if isinstance(state, tuple):
        return tuple(_pick(part, rows) for part in state)
    return None if state is None else state[rows]


def _result(episodes: tuple[EvaluatedEpisode, ...], run: _Run, record: bool) -> EvaluationResult:
    lengths = np.array([len(episode) for episode in episodes])
    successes = [episode.success for episode in episodes]
    return EvaluationResult(
        seeds=tuple(episode.seed for episode in episodes),
        returns=np.array([episode.rewards.sum() for episode in episodes]),
        lengths=lengths,
        successes=None if None in successes else np.array(successes, dtype=bool),
        seconds_per_action=sum(run.seconds) / int(lengths.sum()),
        seconds_per_decision=sum(run.seconds) / len(run.seconds),
        num_envs=run.num_envs,
        action_seconds=np.array(run.seconds) / np.array(run.acting),
        episodes=episodes if record else (),
    )


@dataclass(frozen=True, repr=False)
class EvaluationResult:
    """The result of E episodes, one for each seed and in the order of the seeds."""

    seeds: tuple[int, ...]
    """Imagined episodes share one."""
    returns: np.ndarray
    """(E,): sums of the environment's rewards."""
    lengths: np.ndarray
    """(E,): steps."""
    successes: np.ndarray | None
    """(E,) bool: goal reached at any step; None where the task has no goal."""
    seconds_per_action: float
    """Time in the agent by actions made; environments that act together share it."""
    seconds_per_decision: float
    """Time of one call of `predict`, whatever number of environments it is for."""
    num_envs: int
    """Environments that acted together at most."""
    action_seconds: np.ndarray | None = None
    """(decisions,): time of each call of `predict` by the actions made in it; None where it was not kept."""
    episodes: tuple[EvaluatedEpisode, ...] = ()
    """The episodes themselves, if they were recorded."""

    @property
    def mean_return(self) -> float:
        return float(self.returns.mean())

    def ms_per_action_quantile(self, quantile: float) -> float | None:
        """Milliseconds by action that this share of the decisions took at most; None where times were not kept."""
        return None if self.action_seconds is None else float(np.quantile(self.action_seconds, quantile)) * 1e3

    @property
    def return_interval(self) -> Interval:
        """95% confidence."""
        return mean_interval(self.returns)

    @property
    def interquartile_mean(self) -> float:
        """Of the returns, see `interquartile_mean`."""
        return float(interquartile_mean(self.returns))

    @property
    def success_rate(self) -> float | None:
        """None where the task has no goal."""
        return None if self.successes is None else float(self.successes.mean())

    @property
    def success_interval(self) -> Interval | None:
        """95% confidence (Wilson)."""
        if self.successes is None:
            return None
        return wilson_interval(int(self.successes.sum()), len(self.successes))

    def to_json(self) -> dict[str, Any]:
        """All but the recorded episodes."""
        return {
            "episodes": len(self.seeds),
            "seeds": list(self.seeds),
            "mean_return": self.mean_return,
            "return_interval": list(self.return_interval),
            "return_bootstrap_interval": list(bootstrap_interval(self.returns)),
            "interquartile_mean": self.interquartile_mean,
            "interquartile_mean_interval": list(bootstrap_interval(self.returns, interquartile_mean)),
            "success_rate": self.success_rate,
            "success_interval": None if self.success_interval is None else list(self.success_interval),
            "ms_per_action": self.seconds_per_action * 1e3,
            "ms_per_action_median": self.ms_per_action_quantile(0.5),
            "ms_per_action_p95": self.ms_per_action_quantile(0.95),
            "ms_per_decision": self.seconds_per_decision * 1e3,
            "num_envs": self.num_envs,
            "returns": self.returns.tolist(),
            "lengths": self.lengths.tolist(),
            "successes": None if self.successes is None else self.successes.tolist(),
        }

    def __repr__(self) -> str:
        return (
            f"EvaluationResult(episodes={len(self.seeds)}, mean_return={self.mean_return:.4g}, "
            f"success_rate={self.success_rate}, ms_per_action={self.seconds_per_action * 1e3:.3g})"
        )


@dataclass(frozen=True, repr=False)
class EvaluatedEpisode:
    """T steps of an agent in a real environment, raw as they came."""

    seed: int
    """Of the environment's reset."""
    observations: Any
    """Raw observations, T + 1 of them: an array (T + 1, d) or a dict of such."""
    actions: np.ndarray
    """(T, act)."""
    rewards: np.ndarray
    """(T,): the environment's own."""
    success: bool | None
    """Whether the goal was reached at any step; None where the task has none."""

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.actions)

    def __repr__(self) -> str:
        return f"EvaluatedEpisode(seed={self.seed}, steps={len(self)}, success={self.success})"
