"""The probabilistic one-step MLP of PETS (Chua et al., 2018), with a belief of particles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.models.batching import all_true, in_chunks
from mbrl_mts3.models.readout import OutputColumns
from mbrl_mts3.networks import GaussianMLP
from mbrl_mts3.predictions import MeanPrediction, Prediction, Trajectories, mix_means, mix_predictions
from mbrl_mts3.tensor_record import TensorRecord

PROPAGATIONS = ("mean", "particles")
# Outside of its data a network's predictions are arbitrary, and rollouts that are fed with them can diverge. Ten
# standard deviations lie far outside of any data, so the bound does not change realistic predictions.
BOUND = 10.0
ROWS_AT_ONCE = 512
NOISE_STEPS = 256
"""The noise of the particles repeats after so many steps."""

Noise = Callable[[int], Tensor | None]
"""Step of a rollout -> standard normal noise (B, P, obs); None feeds means back."""
ResultT = TypeVar("ResultT", bound=TensorRecord)


class ProbabilisticMLP(WorldModel):
    """One-step model o_{t+1} = o_t + N(mean(o_t, a_t), variance(o_t, a_t)) of PETS (Chua et al., arXiv 1805.12114).

    Its only memory is an estimate of o_t: an observation replaces it, and without one it is the model's own prediction,
    fed back within bounds. So velocities that are not observed cannot be inferred.

    In training mode `filter` feeds means back as constants: no gradient flows through an estimate into the step that
    predicted it. The gradients of long rollouts explode; without them an update is cheaper and, measured on
    HalfCheetah, better.

    Args:
        propagation: what is fed back. "particles": samples, whose variance is part of the predicted variance. Their
            noise is the same at every call, so predictions are reproducible and candidate plans are compared under
            the same noise. "mean": the predicted mean, cheaper by the number of particles; variances are then those
            of one step, too small at long horizons.
        particles: how many samples; "mean" needs none.
        hidden: sizes of the hidden layers.
    """

    noise: Tensor

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        *,
        propagation: str = "particles",
        particles: int = 20,
        hidden: Sequence[int] = (240, 240, 240),
        predict_reward: bool = True,
        predict_termination: bool = False,
    ) -> None:
        super().__init__(
            observation_dim, action_dim, predict_reward=predict_reward, predict_termination=predict_termination
        )
        if propagation not in PROPAGATIONS:
            raise ConfigurationError(f"propagation={propagation!r} is unknown: choose one of {', '.join(PROPAGATIONS)}")
        if particles < 2:
            raise ConfigurationError(
                f"particles={particles}: expected at least 2, for a variance; propagation='mean' needs none"
            )
        self.propagation = propagation
        self.particles = particles
        self.hidden = tuple(hidden)
        self.columns = OutputColumns(observation_dim, predict_reward, predict_termination)
        self.network = GaussianMLP(
            observation_dim + action_dim, self.columns.means, self.columns.variances, self.hidden
        )
        count = particles if propagation == "particles" else 1
        self.register_buffer("noise", common_random_numbers(count, observation_dim), persistent=False)

    # --- the contract ---------------------------------------------------------------------------------------------

    @property
    def causal(self) -> bool:
        return True

    def arguments(self) -> dict[str, object]:
        return {
            **super().arguments(),
            "propagation": self.propagation,
            "particles": self.particles,
            "hidden": self.hidden,
        }

    def initial_belief(self, batch_size: int) -> ParticleBelief:
        # Normalised data have mean 0 and variance 1; no more is known before the first observation.
        states = self.noise[-1].expand(batch_size, *self.noise.shape[1:]).clone()
        return ParticleBelief(states, torch.zeros(batch_size, dtype=torch.int64, device=states.device))

    def observe(
        self, belief: TensorRecord, observation: Tensor, action: Tensor | None = None, mask: Tensor | None = None
    ) -> ParticleBelief:
        known = self._checked(belief)
        if action is not None:
            self.check_actions(action.unsqueeze(1), len(known.step))
            known = ParticleBelief(self._roll(known, action.unsqueeze(1))[0], known.step + 1)
        self.check_observation(observation, len(known.step), mask)
        return replace(known, states=_replace_observed(known.states, observation, mask))

    def observe_sample(self, belief: TensorRecord, observation: Tensor) -> ParticleBelief:
        return self.observe(belief, observation.clamp(-BOUND, BOUND))

    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[ParticleBelief, Prediction]:
        start = self.initial_belief(len(observations)) if belief is None else self._checked(belief)
        self.check_sequence(observations, actions, mask, len(start.step))
        shown, last = mask is None or all_true(mask), actions.shape[1] - 1
        if shown or self.training:
            states = observations.unsqueeze(2) if shown else self._estimates(start, observations, actions, mask)
            features = self._features(states, actions)
            noise = None if self.training else self._common_noise_from(start.step)(last)
            after = self._next(states[:, -1], features[:, -1], noise).expand_as(start.states)
        else:
            after, states, features = self._roll(start, actions, observations, mask)
        return ParticleBelief(after, start.step + actions.shape[1]), self._read(states, features)

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        def rollout(rows: ParticleBelief, plans: Tensor) -> Prediction:
            return self._read(*self._roll(rows, plans)[1:])

        return self._imagine(rollout, belief, actions)

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        def rollout(rows: ParticleBelief, plans: Tensor) -> MeanPrediction:
            return self._read_means(*self._roll(rows, plans)[1:])

        return self._imagine(rollout, belief, actions)

    def step(self, belief: TensorRecord, action: Tensor) -> tuple[ParticleBelief, Prediction]:
        known, actions = self._checked(belief), action.unsqueeze(1)
        self.check_actions(actions, len(known.step))
        after, states, features = self._roll(known, actions)
        return ParticleBelief(after, known.step + 1), self._read(states, features)

    def sample(
        self, belief: TensorRecord, actions: Tensor, num_samples: int, generator: torch.Generator | None = None
    ) -> Trajectories:
        known = self._checked(belief)
        self.check_actions(actions, len(known.step))
        batch, particles, _ = known.states.shape

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, dtype=actions.dtype, device=actions.device, generator=generator)

        chosen = torch.randint(particles, (batch, num_samples), device=actions.device, generator=generator)
        rows = torch.arange(batch, device=actions.device).unsqueeze(-1)
        start = replace(known, states=known.states[rows, chosen])
        after, states, features = self._roll(
            start, actions, noise=lambda _: normal(batch, num_samples, self.observation_dim)
        )
        outputs, variances = self.network.mean(features), self.network.variance(features)
        observations = torch.cat([states[:, 1:], after.unsqueeze(1)], dim=1)
        sampled = self.columns.trajectories(
            observations, outputs, variances.sqrt() * normal(*variances.shape), generator
        )
        return sampled.map(lambda tensor: tensor.transpose(1, 2))

    # --- along a sequence -----------------------------------------------------------------------------------------

    def _roll(
        self,
        start: ParticleBelief,
        actions: Tensor,
        observations: Tensor | None = None,
        mask: Tensor | None = None,
        noise: Noise | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run step by step: states after the last step, states (B, T, P, obs) before each step, and their features."""
        noise = self._common_noise_from(start.step) if noise is None else noise
        states, before, found = start.states, [], []
        for t, action in enumerate(actions.unbind(1)):
            if observations is not None and mask is not None:
                states = _replace_observed(states, observations[:, t], mask[:, t])
            features = self._features(states, action)
            before.append(states)
            found.append(features)
            states = self._next(states, features, noise(t))
        return states, torch.stack(before, dim=1), torch.stack(found, dim=1)

    @torch.no_grad()
    def _estimates(self, start: ParticleBelief, observations: Tensor, actions: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, 1, obs): o_t where it is shown, else the mean that is fed back, for training."""
        mean = replace(start, states=start.states.mean(dim=1, keepdim=True))
        return self._roll(mean, actions, observations, mask, noise=lambda _: None)[1]

    def _features(self, states: Tensor, actions: Tensor) -> Tensor:
        """Features of states (..., P, obs) under actions (..., act)."""
        repeated = actions.unsqueeze(-2).expand(*states.shape[:-1], actions.shape[-1])
        return self.network.features(torch.cat([states, repeated], dim=-1))

    def _next(self, states: Tensor, features: Tensor, noise: Tensor | None) -> Tensor:
        """What is fed back: a sample of the next state, or its mean where there is no noise."""
        after = states + self.network.mean(features)[..., : self.observation_dim]
        if noise is not None:
            after = after + noise * self.network.variance(features)[..., : self.observation_dim].sqrt()
        return after.clamp(-BOUND, BOUND)

    def _common_noise_from(self, step: Tensor) -> Noise:
        """Noise by the step of the episode, so that predictions do not depend on where a sequence was cut."""
        if self.propagation == "mean":
            return lambda _: None
        return lambda t: self.noise[(step + t) % NOISE_STEPS]

    def _read(self, states: Tensor, features: Tensor) -> Prediction:
        """The prediction of particles (B, T, P, ...): mean and variance over all of them."""
        outputs = self.network.mean(features)
        observations = states + outputs[..., : self.observation_dim]
        parts = self.columns.prediction(observations, outputs, self.network.variance(features))
        return replace(mix_predictions(parts, dim=2), epistemic_variance=None)

    def _read_means(self, states: Tensor, features: Tensor) -> MeanPrediction:
        outputs = self.network.mean(features)
        return mix_means(self.columns.mean_prediction(states + outputs[..., : self.observation_dim], outputs), dim=2)

    def _imagine(
        self, rollout: Callable[[ParticleBelief, Tensor], ResultT], belief: TensorRecord, actions: Tensor
    ) -> ResultT:
        start, shape = self._checked(belief), tuple(actions.shape[:-2])
        self.check_actions(actions, len(start.step))
        if actions.ndim == 4:
            start, actions = start.repeat_interleave(shape[1]), actions.flatten(0, 1)
        rows = ROWS_AT_ONCE // start.states.shape[1]
        return in_chunks(rollout, start, actions, steps=rows * actions.shape[1]).reshape_batch(shape)

    def _checked(self, belief: TensorRecord) -> ParticleBelief:
        if not isinstance(belief, ParticleBelief) or belief.states.shape[1:] != self.noise.shape[1:]:
            raise ShapeError(f"expected a belief of this model (see initial_belief), got {belief!r}")
        return belief


def _replace_observed(states: Tensor, observation: Tensor, mask: Tensor | None) -> Tensor:
    """Set all particles to the observation where one is shown."""
    observed = observation.unsqueeze(1).expand_as(states)
    return observed if mask is None else torch.where(mask[:, None, None], observed, states)


@dataclass(frozen=True, repr=False)
class ParticleBelief(TensorRecord):
    """The belief at step t, of batch size B; elements may be at different steps of different episodes."""

    states: Tensor
    """(B, P, obs): P equally likely particles of o_t; all of them o_t itself where it was observed."""
    step: Tensor
    """(B,) int64: t, the number of actions executed since the start."""


def common_random_numbers(particles: int, size: int) -> Tensor:
    """Common random numbers (NOISE_STEPS, particles, size) of a fixed seed, standard normal.

    Over the particles of a step they have mean 0 and variance 1 exactly, so that the moments of one step carry no
    sampling error. One particle alone has no noise.
    """
    if particles == 1:
        return torch.zeros(NOISE_STEPS, 1, size)
    noise = torch.randn(NOISE_STEPS, particles, size, generator=torch.Generator().manual_seed(0))
    variance, mean = torch.var_mean(noise, dim=1, correction=0, keepdim=True)
    return (noise - mean) * variance.rsqrt()
