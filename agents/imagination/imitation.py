"""Imitation of the data by a policy, before it trains in imagination."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from torch import Tensor

from mbrl_mts3.agents.transitions import unscale_actions

# tanh never reaches the bounds of the actions, so their likelihood there would be infinite.
_INSIDE = 0.999


def imitate(
    algorithm: BaseAlgorithm, real: ReplayBuffer, steps: int, *, batch_size: int, learning_rate: float
) -> float:
    """Behaviour cloning: make the policy do what was done in the data.

    SAC and PPO learn the most likely distribution of the actions, TD3 their mean. Only the actor is trained, by an
    optimiser of its own.

    Args:
        algorithm: whose actor learns.
        real: actions in [-1, 1].
        steps: updates; 0 leaves all as it is.
        batch_size, learning_rate: of Adam; the rate falls to zero on a straight line.

    Returns:
        Mean loss of the last tenth of the updates; NaN for no steps.
    """
    parameters = list(_actor(algorithm).parameters())
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    losses = []
    algorithm.policy.set_training_mode(True)
    for step in range(steps):
        # Down to zero: what remains of the noise of the last updates makes a cloned policy stumble.
        optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
        batch = real.sample(batch_size)
        loss = _loss(algorithm, batch.observations, batch.actions)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 10.0)
        optimizer.step()
        losses.append(loss.detach())
    algorithm.policy.zero_grad(set_to_none=True)
    target = getattr(algorithm.policy, "actor_target", None)
    if target is not None:
        target.load_state_dict(_actor(algorithm).state_dict())
    tail = losses[-max(1, steps // 10) :]
    return float(torch.stack(tail).mean()) if tail else float("nan")


@contextmanager
def frozen_actor(algorithm: BaseAlgorithm) -> Iterator[None]:
    """Inside, `algorithm.train` leaves the actor as it is: critics learn what the present policy is worth.

    SAC's weight of the entropy stays, too: it would grow or shrink without end, as the actor cannot answer.
    """
    parameters = _acting_parameters(algorithm)
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        with _held_entropy(algorithm) if isinstance(algorithm, SAC) else nullcontext():
            yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _acting_parameters(algorithm: BaseAlgorithm) -> list[torch.nn.Parameter]:
    policy: Any = algorithm.policy
    if not isinstance(algorithm, OnPolicyAlgorithm):
        return list(policy.actor.parameters())
    return [*policy.mlp_extractor.policy_net.parameters(), *policy.action_net.parameters(), policy.log_std]


@contextmanager
def _held_entropy(algorithm: SAC) -> Iterator[None]:
    optimizer, logarithm = algorithm.ent_coef_optimizer, algorithm.log_ent_coef
    if optimizer is None or logarithm is None:
        yield
        return
    # As if the weight were a given number.
    algorithm.ent_coef_optimizer, algorithm.ent_coef_tensor = None, logarithm.detach().exp()
    try:
        yield
    finally:
        algorithm.ent_coef_optimizer = optimizer
        del algorithm.ent_coef_tensor


def _actor(algorithm: BaseAlgorithm) -> torch.nn.Module:
    policy: Any = algorithm.policy
    actor: torch.nn.Module = policy if isinstance(algorithm, OnPolicyAlgorithm) else policy.actor
    return actor


def _loss(algorithm: BaseAlgorithm, observation: Any, action: Tensor) -> Tensor:
    if isinstance(algorithm, OnPolicyAlgorithm):
        space: Any = algorithm.action_space
        # It acts in the environment's own units.
        return -algorithm.policy.evaluate_actions(observation, unscale_actions(action, space))[1].mean()
    if isinstance(algorithm, SAC):
        actor: Any = algorithm.actor
        mean, log_std, _ = actor.get_action_dist_params(observation)
        distribution = actor.action_dist.proba_distribution(mean, log_std)
        likelihood: Tensor = distribution.log_prob(action.clamp(-_INSIDE, _INSIDE))
        return -likelihood.mean()
    chosen: Tensor = _actor(algorithm)(observation)
    return (chosen - action).square().mean()
