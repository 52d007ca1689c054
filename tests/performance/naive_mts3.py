"""MTS3 as one would first write it: a loop over steps, everything computed where it is needed.

Encoders are called once per step and matrices are squared once per step, as in the equations. Two levels, causal
aggregation. The parameters are those of the model under test, so both compute the same function.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_mts3.gaussian import DenseMap, Evidence, FactorisedGaussian, aggregate, condition, marginalize
from mbrl_mts3.models import MTS3, MTS3Belief, Prediction


def naive_run(
    model: MTS3, belief: MTS3Belief, actions: Tensor, observations: Tensor | None = None, mask: Tensor | None = None
) -> Prediction:
    """Predictions along actions (B, T, act), with observations taken in where they are given and not masked."""
    level, n = model.slow_levels[0], model.options.latent_dim
    fast, state = belief.fast, belief.levels[0].state
    observed, acted = belief.levels[0].observed, belief.levels[0].acted
    begin, parts = int(belief.step[0]), []
    for t in range(actions.shape[1]):
        step = torch.tensor(begin + t, device=actions.device)
        if observations is not None:
            shown = None if mask is None else mask[:, t]
            fast = condition(fast, model.observation_encoder(observations[:, t], shown))
            observed = observed + level.observation_evidence(observations[:, t], step, shown)
        acted = acted + level.action_evidence(actions[:, t], step)
        assert level.action_map is not None
        assert model.cause_map is not None
        assert model.control is not None
        prior = marginalize(
            [(DenseMap(level.transition().to_dense()), state), (DenseMap(level.action_map.weight), aggregate(acted))],
            level.noise(),
        )
        moved = marginalize(
            [(DenseMap(model.transition().to_dense()), fast), (DenseMap(model.cause_map.weight), prior)],
            model.noise(),
            model.control(actions[:, t]),
        )
        fast = moved
        if (begin + t + 1) % level.period == 0:
            state = condition(prior, observed)
            observed, acted = Evidence.none(len(actions), n, actions), Evidence.none(len(actions), 2 * n, actions)
        means, variances = model.readout.decoder(FactorisedGaussian(fast.mean, fast.covariance))
        parts.append((means, variances))
    means, variances = (torch.stack(column, dim=1) for column in zip(*parts, strict=True))
    size = model.observation_dim
    return Prediction(means[..., :size], variances[..., :size], means[..., size], variances[..., size])
