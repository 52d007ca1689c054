"""The fast level along a sequence: the only recursion over single steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.gaussian import (
    DenseMap,
    Evidence,
    FactorisedGaussian,
    LinearMap,
    SharedCovariance,
    SharedMaps,
    condition,
    shared_condition,
)
from mbrl_mts3.models.fused_scan import fused_scan
from mbrl_mts3.models.interaction_along import InteractionAlong


@dataclass(frozen=True)
class SharedCause:
    """What the exact treatment of the slow latent inside a cell needs along T steps."""

    maps: SharedMaps
    cause: FactorisedGaussian
    """(B, T): belief of the slow latent at each step."""
    start: SharedCovariance
    """At the first step."""
    begins: list[bool]
    """Whether step t is the first of a cell, where a new slow latent replaces the old one."""


def fast_scan(
    transition: LinearMap,
    start: FactorisedGaussian,
    drive: FactorisedGaussian,
    evidence: Evidence | None,
    shared: SharedCause | None = None,
    interaction: InteractionAlong | None = None,
) -> tuple[FactorisedGaussian, SharedCovariance | None]:
    """Condition on step t's evidence, then predict z_{t+1} = A z_t + drive_t, for t = 0..T-1.

    Args:
        transition: A.
        start: (B,) belief of z_0, its observation not yet taken in.
        drive: (B, T): b(a_t) + C l + eps as one belief.
        evidence: (B, T, n), None for an open loop.
        shared: treat the slow latent of a cell as the one variable that it is.
        interaction: what else is added to each predicted mean.

    Returns:
        The predicted beliefs of z_1..z_T, (B, T), and the covariance with the shared cause at the end.
    """
    if shared is None and isinstance(transition, DenseMap) and transition.weight.ndim == 2:
        weights = None if interaction is None else interaction.interaction
        return FactorisedGaussian(
            *fused_scan(
                transition.weight,
                transition.covariance_weight,
                start.mean,
                start.covariance,
                drive.mean,
                drive.covariance,
                None if evidence is None else evidence.precision,
                None if evidence is None else evidence.information,
                None if weights is None else weights.state_weight,
                None if weights is None else weights.out_weight,
                None if interaction is None else interaction.inputs,
            )
        ), None
    return plain_scan(transition, start, drive, evidence, shared, interaction)


def plain_scan(
    transition: LinearMap,
    start: FactorisedGaussian,
    drive: FactorisedGaussian,
    evidence: Evidence | None,
    shared: SharedCause | None = None,
    interaction: InteractionAlong | None = None,
) -> tuple[FactorisedGaussian, SharedCovariance | None]:
    """`fast_scan` in the words of the belief algebra, for any transition; the reference of every faster path."""
    inputs = list(zip(drive.mean.unbind(1), drive.covariance.unbind(1), strict=True))
    seen = (
        None
        if evidence is None
        else list(zip(evidence.precision.unbind(1), evidence.information.unbind(1), strict=True))
    )
    tracked = None if shared is None else shared.start
    belief, means, covariances = start, [], []
    for t, (mean, covariance) in enumerate(inputs):
        if seen is not None:
            step_evidence = Evidence(*seen[t])
            if tracked is not None:
                tracked = shared_condition(tracked, belief, step_evidence)
            belief = condition(belief, step_evidence)
        if shared is not None and tracked is not None:
            tracked, gain = shared_step(shared.maps, tracked, shared.cause[:, t], shared.begins[t])
            covariance = covariance + gain
        moved = transition.apply(belief)
        if interaction is not None:
            mean = mean + interaction.effect(t, belief.mean)
        belief = FactorisedGaussian(moved.mean + mean, moved.covariance + covariance)
        means.append(belief.mean)
        covariances.append(belief.covariance)
    return FactorisedGaussian(torch.stack(means, dim=1), torch.stack(covariances, dim=1)), tracked


def shared_step(
    maps: SharedMaps, tracked: SharedCovariance, cause: FactorisedGaussian, begins: bool | Tensor
) -> tuple[SharedCovariance, Tensor]:
    """The new covariance with the shared cause, and what the step's covariance gains from the old one.

    Args:
        begins: whether a new cell begins here; (B,) where the elements differ.
    """
    fresh = tracked.map(torch.zeros_like)
    if isinstance(begins, Tensor):
        tracked = fresh.where(begins, tracked)
    elif begins:
        tracked = fresh
    return maps.advance(tracked, cause), maps.covariance_gain(tracked, cause)


def mean_scan(
    transition: LinearMap, start: Tensor, inputs: Tensor, interaction: InteractionAlong | None = None
) -> Tensor:
    """z_{t+1} = A z_t + inputs_t, and what else is added, of known states: (B, 2n) to z_1..z_T (B, T, 2n)."""
    state, states = start, []
    for t, step in enumerate(inputs.unbind(1)):
        added = step if interaction is None else step + interaction.effect(t, state)
        state = transition.apply_mean(state) + added
        states.append(state)
    return torch.stack(states, dim=1)


def fast_sample(
    transition: LinearMap,
    start: Tensor,
    drive: FactorisedGaussian,
    noise: Tensor,
    interaction: InteractionAlong | None = None,
) -> Tensor:
    """One path of z per row: z_{t+1} = A z_t + a draw of drive_t.

    Args:
        start: (B, 2n), a draw of z_0.
        drive: (B, T): belief of the input at each step; only process noise is left in its covariance.
        noise: (B, T, 2n), standard normal.
        interaction: what else is added to each step.

    Returns:
        (B, T, 2n): z_1..z_T.
    """
    return mean_scan(transition, start, drive.draw(noise).mean, interaction)
