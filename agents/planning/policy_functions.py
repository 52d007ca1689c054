"""Policies and critics of Stable-Baselines3 as functions of imagined observations, for planners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from mbrl_mts3.agents.nested_observations import fit_policy_space
from mbrl_mts3.agents.policy_files import load_policy, read_policy_facts
from mbrl_mts3.agents.transitions import unscale_actions
from mbrl_mts3.data.nested import list_leaves, space_leaves
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.observations import observation_leaves
from mbrl_mts3.data.spaces import check_spaces_match
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.envs.world_model.raw_observations import RawObservationBuilder
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError
from mbrl_mts3.planners.data_graph import ValueFunction
from mbrl_mts3.planners.proposal import ActionFunction, PolicyProposal
from mbrl_mts3.training.checkpoint import Checkpoint

_GOAL = "desired_goal"


def load_policy_proposal(
    checkpoint: Checkpoint,
    path: str | Path | None,
    *,
    scale: float = 0.1,
    algorithm: str = "auto",
    trust_pickle: bool = False,
) -> StoredPolicy:
    """A policy that candidates deviate from, read from a file.

    Args:
        checkpoint: of the model that the policy is to act in.
        path, algorithm, trust_pickle: see `load_policy`.
        scale: the largest deviation, in units of half the range of an action.

    Raises:
        ConfigurationError: as `load_policy` does, or a scale that is not above 0.
        SpaceMismatchError: the policy was trained in other spaces than the model.
    """
    if not scale > 0:
        raise ConfigurationError(f"proposal.scale={scale}: expected more than 0, the policy alone needs no planner")
    return StoredPolicy(_load(checkpoint, path, algorithm, trust_pickle), checkpoint.observation_space, scale)


def load_critic_value(
    checkpoint: Checkpoint, path: str | Path | None, *, algorithm: str = "auto", trust_pickle: bool = False
) -> StoredCritic:
    """The critic of a policy as terminal value, read from the policy's file.

    Args:
        checkpoint, path, algorithm, trust_pickle: see `load_policy_proposal`.

    Raises:
        ConfigurationError: as `load_policy` does, or the file holds no critic that was trained.
        SpaceMismatchError: the policy was trained in other spaces than the model.
    """
    model = _load(checkpoint, path, algorithm, trust_pickle)
    facts = read_policy_facts(Path(path or ""))
    if facts.get("alpha") == 0:
        raise ConfigurationError(
            f"the policy {str(path)!r} was cloned (alpha=0), so its critic never learned and values nothing: name the "
            "policy of offline_algorithm=td3_bc, or leave the value out"
        )
    return StoredCritic(model, checkpoint.observation_space, float(facts["gamma"]))


def _load(checkpoint: Checkpoint, path: str | Path | None, algorithm: str, trust_pickle: bool) -> BaseAlgorithm:
    device = str(checkpoint.normalizer.observation_scale.device)
    model = load_policy(path, algorithm=algorithm, trust_pickle=trust_pickle, device=device)
    trained = fit_policy_space(model.observation_space, checkpoint.observation_space), model.action_space
    found = checkpoint.observation_space, checkpoint.action_space
    try:
        check_spaces_match(trained, found, f"the checkpoint ({checkpoint.dataset_id})", "data set")
    except SpaceMismatchError as error:
        raise SpaceMismatchError(f"policy {path}: {error}") from error
    model.policy.set_training_mode(False)
    return model


@dataclass(frozen=True, eq=False, repr=False)
class _Stored:
    """A policy file of Stable-Baselines3 for an environment.

    Args:
        algorithm: as `load_policy` reads it.
        observation_space: raw one of the environment.
    """

    algorithm: BaseAlgorithm
    observation_space: spaces.Space[Any]

    def check(self, task: Task, selector: ObservationSelector) -> None:
        """Raise SpaceMismatchError unless what the model observes and the task gives is all that the policy sees."""
        self._view(None, task, selector)

    def _view(self, raw: Any, task: Task, selector: ObservationSelector) -> _View:
        return _View(self.algorithm, self.observation_space, task, selector, raw)


@dataclass(frozen=True, eq=False, repr=False)
class StoredPolicy(_Stored):
    """A policy of Stable-Baselines3 that acts in imagined rollouts: its most likely actions.

    Args:
        algorithm: as `load_policy` reads it.
        observation_space: raw one of the environment.
        scale: the largest deviation that a planner may search, in units of half the range of an action.
    """

    scale: float = 0.1

    def at(self, raw: Any, task: Task, selector: ObservationSelector) -> PolicyProposal:
        """The policy with the goals of raw observations (B, d), bounded to its action space.

        Raises:
            SpaceMismatchError: see `check`.
        """
        act = _policy_function(self.algorithm, self._view(raw, task, selector))
        space: Any = self.algorithm.action_space
        bounds = (torch.as_tensor(bound, dtype=torch.float32) for bound in (space.low, space.high))
        low, high = (bound.to(self.algorithm.device) for bound in bounds)
        return PolicyProposal(act, low, high)


@dataclass(frozen=True, eq=False, repr=False)
class StoredCritic(_Stored):
    """A critic of Stable-Baselines3 as terminal value, Q(o, pi(o)): the smaller one where there are two.

    Its unit is that of the rewards that the policy was trained with, summed with the discount `discount`; that of SAC
    holds the bonus for entropy as well. PPO's and A2C's is V(o).

    Args:
        algorithm, observation_space: see `StoredPolicy`.
        discount: of the returns that the critic predicts.
    """

    discount: float

    def at(self, raw: Any, task: Task, selector: ObservationSelector) -> ValueFunction:
        """The values of observations under the goals of raw ones, as `StoredPolicy.at` takes them."""
        view, policy = self._view(raw, task, selector), _policy(self.algorithm)

        def value(observation: Tensor) -> Tensor:
            rows = view(observation)
            if not hasattr(policy, "critic"):
                found: Tensor = policy.predict_values(rows)
            else:
                found = torch.cat(policy.critic(rows, policy._predict(rows, deterministic=True)), dim=1)
            return found.min(dim=1).values.reshape(observation.shape[:-1])

        return value


def _policy(algorithm: BaseAlgorithm) -> Any:
    """Its networks; critics and `_predict` are of no type that they share."""
    return algorithm.policy


def _policy_function(algorithm: BaseAlgorithm, view: _View) -> ActionFunction:
    policy = _policy(algorithm)
    space: Any = algorithm.action_space

    def act(observation: Tensor) -> Tensor:
        chosen: Tensor = policy._predict(view(observation), deterministic=True)
        # As `predict` does it, but without NumPy in between.
        physical = unscale_actions(chosen, space) if policy.squash_output else chosen
        return physical.reshape(*observation.shape[:-1], -1)

    return act


class _View:
    """Shows selected observations (B, ..., obs) as the rows that a policy was trained on.

    The goals are those of the present raw observation; all else is observed by the model or given by the task.
    """

    def __init__(
        self,
        algorithm: BaseAlgorithm,
        space: spaces.Space[Any],
        task: Task,
        selector: ObservationSelector,
        raw: Any = None,
    ) -> None:
        self._task, self._selector = task, selector
        self._flat = isinstance(space, spaces.Dict) and not isinstance(algorithm.observation_space, spaces.Dict)
        self._goals = _goals(raw, algorithm.device)
        trial = torch.zeros(1, selector.dim)
        given = {name: entry.shape[-1] for name, entry in task.raw_entries(trial, None, selector).items()}
        goals = [(path, box) for path, box in space_leaves(space) if path[:1] == (_GOAL,)]
        sizes = {"/".join(path): int((box.shape or (0,))[0]) for path, box in goals}
        self._layout = RawObservationBuilder(space, selector, {**sizes, **given})

    def __call__(self, observation: Tensor) -> Any:
        rows = observation.flatten(0, -2)
        goals = {name: _spread(goal, observation) for name, goal in self._goals.items()}
        raw = self._layout(rows, {**goals, **self._task.raw_entries(rows, None, self._selector)})
        return torch.cat(list_leaves(raw), dim=-1) if self._flat else raw


def _goals(raw: Any, device: torch.device | str) -> dict[str, Tensor]:
    """The goals in a raw observation, by name."""
    if not isinstance(raw, Mapping) or _GOAL not in raw:
        return {}
    leaves = observation_leaves(raw[_GOAL], f"{_GOAL}/")
    return {name.rstrip("/"): torch.as_tensor(leaf, dtype=torch.float32, device=device) for name, leaf in leaves}


def _spread(goal: Tensor, observation: Tensor) -> Tensor:
    """Goals (B, g) for each row of observations (B, ..., obs)."""
    shape = observation.shape[:-1]
    return goal.reshape(len(goal), *(1,) * (len(shape) - 1), -1).expand(*shape, -1).flatten(0, -2)
