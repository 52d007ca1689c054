"""A model against the true simulator: the same actions from the same states, by who chooses the actions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from mbrl_mts3.agents.base import Agent
from mbrl_mts3.agents.baselines import RandomAgent
from mbrl_mts3.array_types import Array, FloatArray
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.simulator_rollouts import SimulatedRollouts, simulate_actions, simulate_policy
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.raw_observations import RawObservationBuilder
from mbrl_mts3.envs.world_model.start_states import StartStates, choose_steps
from mbrl_mts3.envs.world_model.state import ImaginedState
from mbrl_mts3.envs.world_model.uncertainty import Uncertainty
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError
from mbrl_mts3.metrics.diagnosis.model_diagnosis import ALL, BEHAVIOUR, RANDOM, ModelDiagnosis
from mbrl_mts3.metrics.diagnosis.rollout_errors import RolloutErrors
from mbrl_mts3.metrics.diagnosis.uncertainty_ranking import QUANTILES, check_quantiles
from mbrl_mts3.models.wrappers.recalibration import Recalibration


@dataclass(frozen=True, repr=False)
class RecordedStarts:
    """N moments of recorded episodes, with what was done and seen in the H steps from there on; physical units."""

    states: StartStates
    """The model's beliefs and observations there."""
    whole: FloatArray
    """(N, all): all entries of the main observation, of which the model may see a part."""
    whole_selector: ObservationSelector
    """Says which entries these are."""
    actions: FloatArray
    """(N, H, act)."""
    followed: FloatArray
    """(N, H, obs): the recorded o_{t+1}, as the model sees them."""

    @classmethod
    def from_episodes(
        cls,
        dynamics: WorldModelDynamics,
        episodes: Sequence[Episode],
        *,
        context: int,
        horizon: int,
        size: int = 256,
        seed: int = 0,
        whole: tuple[ObservationSelector, Sequence[Episode]] | None = None,
    ) -> RecordedStarts:
        """Choose moments at random and filter the steps before them.

        Args:
            dynamics: with the model.
            episodes: as the model sees them, held out from its training by preference.
            context: steps that the model observes before each moment.
            horizon: H, recorded steps that each moment has to be followed by.
            size: N; all moments if there are fewer.
            seed: of the choice.
            whole: the same episodes with all entries of the main observation, where the model does not see all.

        Raises:
            ConfigurationError: a number out of range.
            EpisodeTooShortError: no episode is as long as context and horizon.
        """
        if context < 0 or horizon < 1 or size < 1:
            raise ConfigurationError(
                f"expected context >= 0, horizon >= 1 and num_start_states >= 1, got {context}, {horizon} and {size}"
            )
        steps = choose_steps(episodes, context, size, seed, following=horizon)
        selector, complete = whole or (dynamics.selector, episodes)
        return cls(
            StartStates.from_steps(dynamics.model, episodes, steps, context=context, device=dynamics.device),
            np.stack([complete[e].observations[t] for e, t in steps]),
            selector,
            np.stack([episodes[e].actions[t : t + horizon] for e, t in steps]),
            np.stack([episodes[e].observations[t + 1 : t + 1 + horizon] for e, t in steps]),
        )


@dataclass
class PartTimes:
    """Seconds of the parts of a diagnosis."""

    imagining: float = 0.0
    """Model and policies."""
    simulating: float = 0.0


@dataclass(frozen=True, repr=False)
class _Imagined:
    """What the model imagined under the actions of one source; arrays (N, H, ...)."""

    actions: FloatArray
    observations: FloatArray
    rewards: Array
    uncertainties: dict[str, Array]


class _Choices:
    """The actions of an agent in N rollouts side by side, by its mode and within bounds; called once a step."""

    def __init__(self, agent: Agent, space: spaces.Box, count: int) -> None:
        self.agent, self.space = agent, space
        self._memory: Any = None
        self._begins = np.ones(count, np.bool_)

    def __call__(self, observation: Any) -> FloatArray:
        chosen, self._memory = self.agent.predict(observation, self._memory, self._begins, deterministic=True)
        self._begins = np.zeros_like(self._begins)
        return np.asarray(np.clip(chosen, self.space.low, self.space.high), np.float32)


@dataclass(frozen=True)
class ModelDiagnoser:
    """Compares a model with the simulator of its environment.

    Args:
        dynamics: of the imagined episodes, with the rewards that count there.
        environment: the real one, whose simulator can be set (see `find_state_setter`).
        starts: where all rollouts begin. Goals are sampled once and stay as they are.
        recalibration: factors of the model's variances, for "calibrated" uncertainty.
        task_rewards: true rewards are the task's on true observations where it has a reward function, not what the
            environment pays.
        seed: of goals, random actions, and samples where the dynamics take any.
    """

    dynamics: WorldModelDynamics
    environment: gymnasium.Env[Any, Any]
    starts: RecordedStarts
    recalibration: Recalibration | None = None
    task_rewards: bool = False
    seed: int = 0
    times: PartTimes = field(default_factory=PartTimes)

    def diagnose(
        self, policies: Mapping[str, Agent], *, random: bool = True, quantiles: Sequence[float] = QUANTILES
    ) -> ModelDiagnosis:
        """Roll out under the data's actions, every policy's and random ones.

        Policies act on what is imagined, by their mode; the simulator gets the actions that this leads to. What they
        earn where they act on what the simulator shows is measured beside.

        Args:
            policies: by name; they act on what the dynamics show.
            random: add uniformly random actions.
            quantiles: see `ModelDiagnosis`.

        Raises:
            ConfigurationError: a policy has the name of another source; the quantiles are not rising numbers between
                0 and 1; the simulator cannot be set.
            NonFiniteError: what is imagined is NaN or infinite.
        """
        check_quantiles(tuple(quantiles))
        taken = [name for name in policies if name in (BEHAVIOUR, RANDOM, ALL)]
        if taken:
            raise ConfigurationError(
                f"a policy is called {taken[0]!r}, as other actions of the report are: name it in another way, "
                "policies={NAME: FILE}"
            )
        sources: dict[str, Agent | None] = {BEHAVIOUR: None, **policies}
        if random:
            sources[RANDOM] = RandomAgent(self.dynamics.action_space, self.seed)
        found = {name: self._compare(agent) for name, agent in sources.items()}
        return ModelDiagnosis(found, self._replay_error(found[BEHAVIOUR]), tuple(quantiles))

    def _compare(self, agent: Agent | None) -> RolloutErrors:
        generator = torch.Generator(self.dynamics.device).manual_seed(self.seed)
        began = time.perf_counter()
        start = self.dynamics.begin_at(self.starts.states, generator)
        imagined = self._imagine(start, agent, generator)
        between = time.perf_counter()
        raw, selector = self._raw(start), self.dynamics.selector
        true = simulate_actions(self.environment, raw, imagined.actions, selector)
        by_task = self._task_rewards(start, imagined.actions, true)
        errors = RolloutErrors(
            starts=start.observation.cpu().numpy(),
            imagined=imagined.observations,
            true=true.observations,
            imagined_rewards=imagined.rewards,
            true_rewards=by_task if self.task_rewards and by_task is not None else true.rewards,
            running=true.running,
            scale=self.dynamics.model.normalizer.observation_scale.cpu().numpy(),
            uncertainties=imagined.uncertainties,
            function_rewards=None if self.task_rewards else by_task,
            closed_loop_returns=None if agent is None else self._closed_loop_returns(start, raw, agent),
        )
        self.times.imagining += between - began
        self.times.simulating += time.perf_counter() - between
        return errors

    def _closed_loop_returns(self, start: ImaginedState, raw: Any, agent: Agent) -> Array:
        """Sums of true rewards (N,) where an agent acts on what the simulator shows, from the same states."""
        choices = _Choices(agent, self.dynamics.action_space, len(self.starts.actions))
        steps = self.starts.actions.shape[1]
        true, actions = simulate_policy(self.environment, raw, choices, steps, self.dynamics.selector)
        by_task = self._task_rewards(start, actions, true)
        rewards = by_task if self.task_rewards and by_task is not None else true.rewards
        return np.asarray(np.where(true.running, rewards, 0.0).sum(axis=1, dtype=np.float64))

    @torch.no_grad()
    def _imagine(self, state: ImaginedState, agent: Agent | None, generator: torch.Generator) -> _Imagined:
        """H steps of the model; without an agent under the recorded actions."""
        space, recorded = self.dynamics.action_space, self.starts.actions
        choices = None if agent is None else _Choices(agent, space, len(recorded))
        actions, observations, rewards = [], [], []
        uncertainties: dict[str, list[Tensor]] = {}
        for step in range(recorded.shape[1]):
            if choices is None:
                actions.append(np.clip(recorded[:, step], space.low, space.high))
            else:
                actions.append(choices(self.dynamics.observation_arrays(state)))
            done = torch.as_tensor(actions[-1], device=self.dynamics.device)
            after, prediction = self.dynamics.predict_transition(state, done, generator)
            # A goal that is reached stays, in the simulator too: where it goes next would be chance.
            after = replace(after, goal=state.goal)
            rewards.append(self.dynamics.reward(state, done, after))
            for kind, uncertainty in Uncertainty.every_kind(prediction, self.recalibration).items():
                uncertainties.setdefault(kind, []).append(self.dynamics.measure(uncertainty, state, prediction))
            observations.append(after.observation)
            state = after
        return _Imagined(
            np.stack(actions, axis=1),
            torch.stack(observations, dim=1).cpu().numpy(),
            torch.stack(rewards, dim=1).cpu().numpy(),
            {kind: torch.stack(values, dim=1).cpu().numpy() for kind, values in uncertainties.items()},
        )

    def _raw(self, start: ImaginedState) -> Any:
        """Raw observations of the states that are started from, with the goals that were sampled for them."""
        selector = self.starts.whole_selector
        whole = torch.as_tensor(self.starts.whole)
        goal = None if start.goal is None else start.goal.cpu()
        entries = self.dynamics.task.raw_entries(whole, goal, selector)
        sizes = {key: entry.shape[-1] for key, entry in entries.items()}
        try:
            layout = RawObservationBuilder(self.environment.observation_space, selector, sizes)
        except SpaceMismatchError as error:
            raise ConfigurationError(
                f"the states of {self.environment} cannot be put together from the data: {error}"
            ) from error
        return layout.to_numpy(layout(whole, entries))

    def _task_rewards(self, start: ImaginedState, actions: FloatArray, true: SimulatedRollouts) -> Array | None:
        """The task's rewards (N, H) of the true transitions; None for a task that has no reward function."""
        function = self.dynamics.reward_function(start)
        if function is None:
            return None
        observed = torch.as_tensor(true.observations, device=self.dynamics.device)
        done = torch.as_tensor(actions, device=self.dynamics.device)
        before = torch.cat([start.observation[:, None], observed[:, :-1]], dim=1)
        steps = [function(before[:, t], done[:, t], observed[:, t]) for t in range(done.shape[1])]
        return np.asarray(torch.stack(steps, dim=1).cpu())

    def _replay_error(self, behaviour: RolloutErrors) -> Array:
        recorded = replace(behaviour, imagined=self.starts.followed, uncertainties={})
        return recorded.by_step().state_middle
