"""One step of MTS3, every element of the batch at a phase of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mbrl_mts3.gaussian import Evidence, FactorisedGaussian, condition, shared_condition
from mbrl_mts3.models.fast_scan import shared_step
from mbrl_mts3.models.mts3_belief import LevelBelief, MTS3Belief
from mbrl_mts3.models.mts3_maps import MTS3Maps

if TYPE_CHECKING:
    from mbrl_mts3.models.mts3 import MTS3


def take_in(
    model: MTS3, belief: MTS3Belief, observation: Tensor, mask: Tensor | None, trust: float = 1.0
) -> MTS3Belief:
    """The belief once o_t (B, obs) is known, where the mask (B,) shows it; its evidence counts `trust` times."""
    evidence: Evidence = model.observation_encoder(observation, mask).tempered(trust)
    levels = tuple(
        LevelBelief(
            known.state,
            known.observed + level.observation_evidence(observation, belief.step, mask).tempered(trust),
            known.acted,
        )
        for level, known in zip(model.slow_levels, belief.levels, strict=True)
    )
    shared = None if belief.shared is None else shared_condition(belief.shared, belief.fast, evidence)
    reference = belief.reference
    if reference is not None:
        reference = observation if mask is None else torch.where(mask[:, None], observation, reference)
    return MTS3Belief(condition(belief.fast, evidence), levels, belief.step, reference, shared)


def advance(model: MTS3, maps: MTS3Maps, belief: MTS3Belief, action: Tensor) -> MTS3Belief:
    """The belief after a_t (B, act), nothing observed."""
    cause: FactorisedGaussian | None = None
    levels: list[LevelBelief] = []
    for level, level_maps, known in reversed(list(zip(model.slow_levels, maps.levels, belief.levels, strict=True))):
        acted = LevelBelief(known.state, known.observed, known.acted + level.action_evidence(action, belief.step))
        cause = level_maps.transition.apply(known.state) + level.drive(level_maps, acted.acted, cause)
        levels.insert(0, level.complete(acted, cause, (belief.step + 1) % level.period == 0))
    drive = maps.drive((len(action),), model.control_effect(action), cause)
    predicted = maps.transition.apply(belief.fast) + drive
    together = model.interaction_along(maps, action[:, None], cause.mean[:, None] if cause is not None else None)
    if together is not None:
        predicted = FactorisedGaussian(predicted.mean + together.effect(0, belief.fast.mean), predicted.covariance)
    shared = belief.shared
    if maps.shared is not None and shared is not None and cause is not None:
        begins = belief.step % model.options.time_scales[0] == 0
        shared, gain = shared_step(maps.shared, shared, cause, begins)
        predicted = FactorisedGaussian(predicted.mean, predicted.covariance + gain)
    reference = belief.reference
    if reference is not None:
        reference = reference + model.readout.change(predicted.mean)
    return MTS3Belief(predicted, tuple(levels), belief.step + 1, reference, shared)
