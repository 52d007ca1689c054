"""The MPC agent, which replans at every step with a world model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.agents.base import batch_size
from mbrl_mts3.agents.planning.policy_functions import StoredCritic, StoredPolicy
from mbrl_mts3.argument_kinds import check_arguments
from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.observations import stack_observations
from mbrl_mts3.envs.make import check_environment_spaces
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.envs.tasks.default import planning_task
from mbrl_mts3.errors import CausalityError, ConfigurationError, NonFiniteError, ShapeError
from mbrl_mts3.models.wrappers.physical import PhysicalModel
from mbrl_mts3.planners.action_noise import Generators
from mbrl_mts3.planners.base import Plan, Planner, PlannerState
from mbrl_mts3.planners.data_graph import DataGraph, GoalValues, ValueFunction
from mbrl_mts3.planners.data_noise import DataNoise
from mbrl_mts3.planners.objective import RolloutObjective
from mbrl_mts3.planners.proposal import PolicyProposal
from mbrl_mts3.tensor_record import TensorRecord
from mbrl_mts3.training.checkpoint import Checkpoint
from mbrl_mts3.training.checkpoint_data import checkpoint_dataset, has_changed


@dataclass(eq=False, repr=False)
class MPCAgent:
    """Model predictive control: at each step observe, plan ahead, execute the first action. Implements `Agent`.

    All environments of a batch are planned for at once. Nothing but `state` is remembered, and the randomness of a
    decision depends on the seed and on how many came before it in its episode: an episode is the same alone, after
    others and beside others.

    Args:
        model: a causal world model in physical units.
        planner: searches within the bounds of the environment's actions.
        task: says what to plan for; prepared with the environment (`Task.prepare`).
        selector: what the model sees of a raw observation.
        value: terminal values, of goals or by a critic; None adds nothing at the end of a plan.
        proposal: a policy that acts in the imagined rollouts and here, and that the planner searches deviations from;
            None searches actions.
        discount, uncertainty, uncertainty_penalty: see `RolloutObjective`.
        seed: of the search.

    Raises:
        CausalityError: the model cannot be advanced one action at a time.
        UnknownObservationError: the model does not see what the task's reward needs.
        ShapeError: the planner's actions are not the model's.
        ConfigurationError: terminal values for a task without a goal, values from a graph for a planner that follows
            gradients, or a critic of another discount.
        SpaceMismatchError: policy or critic need what neither the model observes nor the task gives.
    """

    model: PhysicalModel
    planner: Planner
    task: Task
    selector: ObservationSelector
    _: KW_ONLY
    value: GoalValues | StoredCritic | None = None
    proposal: StoredPolicy | None = None
    discount: float = 1.0
    uncertainty: str = "aleatoric"
    uncertainty_penalty: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.model.causal:
            raise CausalityError(
                "acting needs a causal model, this one needs the actions of a whole window at once: "
                "train one with causal abstract actions"
            )
        if self.model.model.action_dim != self.planner.action_dim:
            raise ShapeError(
                f"the model was trained with actions of size {self.model.model.action_dim}, "
                f"the planner searches actions of size {self.planner.action_dim}"
            )
        self.task.columns(self.selector)
        if self.planner.differentiates and isinstance(self.value, GoalValues):
            raise ConfigurationError(
                f"{type(self.planner).__name__} follows gradients, and the value from a graph over the data has none: "
                "leave the value out, or choose a planner that samples (icem)"
            )
        if self.proposal is not None:
            self.proposal.check(self.task, self.selector)
        if isinstance(self.value, StoredCritic):
            self.value.check(self.task, self.selector)
            if self.value.discount != self.discount:
                raise ConfigurationError(
                    f"the critic's values are returns discounted by {self.value.discount}, the plan's by "
                    f"{self.discount}: set discount={self.value.discount}, or train a policy with that gamma"
                )

    def predict(
        self,
        observation: Any,
        state: MPCState | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
        shown: np.ndarray | None = None,
    ) -> tuple[np.ndarray, MPCState]:
        """Plan; see `Agent.predict`. There is no stochastic mode.

        Args:
            observation, state, episode_start, deterministic: see `Agent.predict`.
            shown: (B,) bool, False where the observation is missing: the belief then follows the last action alone, and
                rewards and policies see what the model predicts. Of a missing observation only the goals are read. None
                means that all are shown.

        Raises:
            ShapeError: the observation or `shown` does not fit the selector or the state.
            ConfigurationError: the first observation of an episode is missing.
            NonFiniteError: every return that the model imagined for an environment is NaN or infinite.
        """
        batch = batch_size(observation)
        raw = observation if batch is not None else stack_observations([observation])
        # Inference mode is faster, but what is made in it cannot be differentiated later.
        with torch.inference_mode(not self.planner.differentiates), torch.no_grad():
            after = self._decide(raw, state, episode_start, shown)
        actions = after.action.cpu().numpy()
        return (actions if batch is not None else actions[0]), after

    def _decide(
        self, raw: Any, state: MPCState | None, episode_start: np.ndarray | None, shown: np.ndarray | None
    ) -> MPCState:
        seen = self.see(raw)
        start = _starts(len(seen), state, episode_start).to(seen.device)
        state = self._observe(*self._complete(seen, state, start, shown), state, start)
        seen = state.seen
        plan = self._plan(raw, seen, state)
        proposal = self._proposal(raw)
        action = plan.action if proposal is None else proposal.actions(seen, plan.action)
        return MPCState(state.belief, plan.state, action, state.decisions + 1, seen, plan)

    def _complete(
        self, seen: Tensor, state: MPCState | None, start: Tensor, shown: np.ndarray | None
    ) -> tuple[Tensor, Tensor | None]:
        """Observations (B, obs), predicted ones in place of those that are missing, and the mask (B,) of the shown."""
        if shown is None:
            return seen, None
        mask = _flags(shown, len(seen), "shown").to(seen.device)
        unknown = (start & ~mask).nonzero().flatten().tolist()
        if unknown or state is None:
            if unknown:
                raise ConfigurationError(
                    f"the first observation of the episodes in the environments {unknown} is missing: show it, nothing "
                    "else tells where they start"
                )
            return seen, None
        if mask.all():
            return seen, None
        predicted = self.model.step(state.belief, state.action)[1].mean[:, 0]
        return torch.where(mask[:, None], seen, predicted), mask

    def _observe(self, seen: Tensor, mask: Tensor | None, state: MPCState | None, start: Tensor) -> MPCState:
        """Take o_t in: after the last action where an episode goes on, as the first where one starts."""
        if state is None:
            return self._start(seen)
        told = () if mask is None else (mask,)
        belief = self.model.observe(state.belief, seen, state.action, *told)
        going_on = MPCState(belief, state.planner, state.action, state.decisions, seen)
        if not start.any():
            return going_on
        fresh = self._start(seen)
        return MPCState(
            fresh.belief.where(start, belief),
            fresh.planner.where(start, state.planner),
            fresh.action.where(start[:, None], state.action),
            fresh.decisions.where(start, state.decisions),
            seen,
        )

    def _start(self, seen: Tensor) -> MPCState:
        size = len(seen)
        return MPCState(
            self.model.observe(self.model.initial_belief(size), seen),
            self.planner.initial_state(size),
            seen.new_zeros(size, self.planner.action_dim),
            torch.zeros(size, dtype=torch.int64, device=seen.device),
            seen,
        )

    def see(self, raw: Any) -> Tensor:
        """What the model sees (B, obs) of raw observations, where it is planned."""
        return torch.as_tensor(self.selector(raw)).to(self.planner.low.device)

    def objective(self, raw: Any, seen: Tensor, belief: TensorRecord) -> RolloutObjective:
        """What plans of B environments are worth.

        Args:
            raw: observations, batched.
            seen: (B, obs), what the model sees of them.
            belief: updated with them.

        Raises:
            ConfigurationError: terminal values for a task without a goal.
        """
        return RolloutObjective(
            self.model,
            belief,
            seen,
            self.task.reward_function(raw, self.selector),
            value=self._value(raw, len(seen)),
            proposal=self._proposal(raw),
            discount=self.discount,
            uncertainty=self.uncertainty,
            uncertainty_penalty=self.uncertainty_penalty,
        )

    def _plan(self, raw: Any, seen: Tensor, state: MPCState) -> Plan:
        objective = self.objective(raw, seen, state.belief)
        plan = self.planner.plan(objective, state.planner, self._generators(state.decisions))
        lost = (~plan.value.isfinite()).nonzero().flatten().tolist()
        if lost:
            raise NonFiniteError(
                f"all imagined returns of the environments {lost} (of {len(seen)}) are NaN or infinite: "
                "the observation lies far from the model's data, or the model is broken"
            )
        return plan

    def _proposal(self, raw: Any) -> PolicyProposal | None:
        return None if self.proposal is None else self.proposal.at(raw, self.task, self.selector)

    def _value(self, raw: Any, batch_size: int) -> ValueFunction | None:
        if not isinstance(self.value, GoalValues):
            return None if self.value is None else self.value.at(raw, self.task, self.selector)
        reached = self.task.success_function(raw, self.selector)
        if reached is None:
            raise ConfigurationError(
                f"the task {self.task.name} has no goal, so a graph over the data leads nowhere: leave the value "
                "out, or choose a task with a goal"
            )
        return self.value.value(reached, batch_size)

    def _generators(self, decisions: Tensor) -> Generators:
        """One for all environments where they are equally far, else one for each, which is slower."""
        made = [torch.Generator(decisions.device).manual_seed(_mix(self.seed, count)) for count in decisions.tolist()]
        return made[0] if bool((decisions == decisions[0]).all()) else made


def _starts(size: int, state: MPCState | None, episode_start: np.ndarray | None) -> Tensor:
    """(B,) bool."""
    if state is not None and len(state.action) != size:
        raise ShapeError(
            f"the state is of {len(state.action)} environments, the observation of {size}: "
            "start with state=None, or index the state"
        )
    if episode_start is None:
        return torch.full((size,), state is None)
    return _flags(episode_start, size, "episode_start")


def _flags(given: np.ndarray, size: int, name: str) -> Tensor:
    """A flag for each environment, (B,) bool."""
    flags = torch.as_tensor(np.atleast_1d(given), dtype=torch.bool)
    if flags.shape != (size,):
        raise ShapeError(f"{name} has the shape {tuple(flags.shape)}, expected ({size},)")
    return flags


def _mix(seed: int, decision: int) -> int:
    """One seed of two; neighbouring pairs give unrelated streams."""
    return int(np.random.SeedSequence((seed, decision)).generate_state(1, np.uint64)[0] >> np.uint64(1))


@dataclass(frozen=True, repr=False)
class MPCState(TensorRecord):
    """Of B environments."""

    belief: TensorRecord
    """The belief, updated with the last observation, but not with the last action yet."""
    planner: PlannerState
    """Where the next search starts."""
    action: Tensor
    """(B, act): the last action, in physical units, the policy's share included where there is one."""
    decisions: Tensor
    """(B,) int64: decisions of the episode so far."""
    seen: Tensor
    """(B, obs): the last observation, or what was predicted of it where it was missing; physical units."""
    plan: Plan | None = None
    """The plan that `action` begins; it starts at `belief`."""


def load_mpc(
    environment: gymnasium.Env[Any, Any],
    checkpoint: Checkpoint | str | Path | None,
    planner: Callable[..., Planner],
    task: Task | None = None,
    *,
    precision: str = "float32",
    device: str = "cpu",
    uncertainty: Mapping[str, Any] | None = None,
    value: Callable[[Checkpoint], GoalValues | StoredCritic] | None = None,
    proposal: Callable[[Checkpoint], StoredPolicy] | None = None,
    noise: Callable[[Checkpoint], DataNoise] | None = None,
    **options: Any,
) -> MPCAgent:
    """Put together what a planning agent needs.

    Args:
        environment: where it is to act; the task is prepared with it, and fitted to the checkpoint's data if it learns.
        checkpoint: a trained model, or the folder that it lies in.
        planner: makes the planner from the bounds of what it searches: actions, or deviations from a policy.
        task: what to plan for; None takes `planning_task` of the environment.
        precision: see `PhysicalModel`.
        device: where it is planned.
        uncertainty: its `kind`, and the `penalty` of one unit; None costs nothing.
        value: makes terminal values from the checkpoint, such as `load_goal_values` or `load_critic_value`; None adds
            none.
        proposal: makes the policy to deviate from, such as `load_policy_proposal`; None searches actions.
        noise: makes the planner's noise, such as `load_data_noise`; None takes that of the planner's own options.
        options: further ones of `MPCAgent`.

    Raises:
        CheckpointError: there is no such checkpoint.
        SpaceMismatchError: the model was trained for another environment.
        UnknownDatasetError: the planner needs the data, which is not on disk.
        ConfigurationError: the planner needs the data, which has changed, or it cannot be joined with the proposal.
        MTS3Error: as `MPCAgent` and `Task.prepare` do.
    """
    if checkpoint is None:
        raise ConfigurationError("no checkpoint is named: set checkpoint to the folder of a trained model")
    check_arguments(MPCAgent, options)
    loaded = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint.from_pretrained(checkpoint, device)
    check_environment_spaces(loaded.observation_space, loaded.action_space, environment)
    space = loaded.action_space
    low, high = (torch.as_tensor(bound, device=device) for bound in (space.low, space.high))
    if noise is not None and proposal is not None:
        raise ConfigurationError(
            "noise=data is noise of actions, but with proposal=policy the planner searches deviations: leave one of "
            "the two out"
        )
    policy = None if proposal is None else proposal(loaded)
    if policy is not None:
        largest = policy.scale * (high - low) / 2
        low, high = -largest, largest
    chosen = task or planning_task(_id_of(environment))
    cost, prepared = uncertainty or {}, chosen.prepare(environment)
    searching = planner(low, high, **({} if noise is None else {"noise": noise(loaded)}))
    if searching.uses_data:
        if policy is not None:
            raise ConfigurationError(
                f"{type(searching).__name__} walks over actions of the data, but with proposal=policy the planner "
                "searches deviations: leave the proposal out, or choose another planner"
            )
        searching = searching.fit(_own_dataset(loaded).episodes, loaded.normalizer.observation_scale)
    return MPCAgent(
        loaded.physical_model(precision),
        searching,
        prepared.fit(checkpoint_dataset(loaded).episodes) if chosen.learns else prepared,
        loaded.selector,
        value=None if value is None else value(loaded),
        proposal=policy,
        uncertainty=cost.get("kind", "aleatoric"),
        uncertainty_penalty=cost.get("penalty", 0.0),
        **options,
    )


def load_data_noise(checkpoint: Checkpoint) -> DataNoise:
    """Noise that moves as the actions of the data do that a model was trained on.

    Raises:
        UnknownDatasetError: the data is not on disk.
        ConfigurationError: its actions never change.
    """
    return DataNoise([episode.actions for episode in checkpoint_dataset(checkpoint).episodes])


def _own_dataset(checkpoint: Checkpoint) -> OfflineDataset:
    """The data that a model was trained on, as it was then."""
    dataset = checkpoint_dataset(checkpoint)
    if has_changed(checkpoint, dataset):
        raise ConfigurationError(
            f"{checkpoint.dataset_id} holds other data than the model was trained on: its content hash is "
            f"{dataset.content_hash}, the model's is {checkpoint.content_hash}; train anew, or restore the data"
        )
    return dataset


def _id_of(environment: gymnasium.Env[Any, Any]) -> str | None:
    return None if environment.spec is None else environment.spec.id


def load_goal_values(
    checkpoint: Checkpoint,
    *,
    units: Mapping[str, float] | None = None,
    longest: float = 1000.0,
    **options: Any,
) -> GoalValues:
    """Build the graph over the data that a model was trained on.

    Args:
        checkpoint: names the data, and what is seen of it.
        units: by the name of an entry, what counts as one unit of distance; others take the data's deviation.
        longest: see `StepsToGoal`.
        options: `stride`, `neighbours`, `radius` and `jump_cost` of `DataGraph`.

    Raises:
        UnknownDatasetError: the data is not on disk.
        UnknownObservationError: `units` names an entry that the model does not see.
        ConfigurationError: the data has changed since the training, or an option is out of range.
    """
    dataset = _own_dataset(checkpoint)
    scale = checkpoint.normalizer.observation_scale.clone()
    for name, unit in (units or {}).items():
        if unit <= 0:
            raise ConfigurationError(f"units.{name}={unit}: expected more than 0")
        scale[list(checkpoint.selector.require([name], "the distance in the graph"))] = unit
    return GoalValues(DataGraph(dataset.episodes, scale, **options), longest)
