"""A slow level of MTS3, and its cells: groups of time steps that are one step of the slow level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mbrl_mts3.gaussian import DenseMap, Evidence, FactorisedGaussian, LinearMap, aggregate, condition, noise_belief
from mbrl_mts3.models.state_space.belief import LevelBelief
from mbrl_mts3.networks import GaussianEncoder, Link, ProcessNoise, make_transition


@dataclass(frozen=True)
class SlowLevelMaps:
    """The matrices of one slow level, built once per call."""

    transition: LinearMap
    action: DenseMap | None
    parent: DenseMap | None
    noise: FactorisedGaussian


@dataclass(frozen=True)
class SlowLevelRun:
    """Result of a slow level along a sequence of T steps, and its belief at the end."""

    cause: FactorisedGaussian
    """(B, T): what the next faster level is conditioned on at each step."""
    belief: LevelBelief


CELL_RATE = 1.0
"""Typical decay rate of slow latents per cell at the start.

With the small rate of the fast level, a slow latent would go on accumulating inputs and variance for many more cells
than a training sequence has, and in a long open loop get far from all that the decoder was trained on.
"""

PriorAt = Callable[[int], FactorisedGaussian]
"""The belief of a level's running cell before its observations, at a step of that cell."""


class SlowLevel(nn.Module):
    """x_k = X x_{k-1} + Y alpha_k + C parent + eps, one latent per cell of `period` steps.

    A cell's observations are a set of encoded [o_t; phase] that conditions x_k; its actions are aggregated from
    encoded [a_t; phase] under the prior N(0, I) (MTS3, arXiv 2310.18534).

    Args:
        period: steps per cell.
        observation_dim, action_dim: sizes; action_dim 0 leaves Y alpha out.
        latent_dim: n.
        has_parent: whether a slower level stands above.
        transition: name of the transition X.
        window_hidden, action_hidden: hidden sizes of the two set encoders.
        causal: aggregate the actions up to each step; otherwise all of the cell's.
        smoothing: condition the faster level on the posterior of the whole cell instead of the prior.
    """

    def __init__(
        self,
        period: int,
        observation_dim: int,
        action_dim: int,
        latent_dim: int,
        *,
        has_parent: bool,
        transition: str,
        window_hidden: Sequence[int],
        action_hidden: Sequence[int],
        causal: bool,
        smoothing: bool,
    ) -> None:
        super().__init__()
        self.period = period
        self.causal = causal
        self.smoothing = smoothing
        self.latent_dim = latent_dim
        self.transition = make_transition(transition, latent_dim, CELL_RATE)
        self.observation_encoder = GaussianEncoder(observation_dim + 1, latent_dim, window_hidden)
        self.action_encoder = GaussianEncoder(action_dim + 1, 2 * latent_dim, action_hidden) if action_dim else None
        self.action_map = Link(latent_dim) if action_dim else None
        self.parent_map = Link(latent_dim) if has_parent else None
        self.noise = ProcessNoise(latent_dim)

    def maps(self) -> SlowLevelMaps:
        """Build the matrices; once per call of the model."""
        return SlowLevelMaps(
            self.transition(),
            self.action_map() if self.action_map is not None else None,
            self.parent_map() if self.parent_map is not None else None,
            noise_belief(self.noise()),
        )

    def initial_belief(self, batch_size: int, variance: float, like: Tensor) -> LevelBelief:
        """The belief before any observation or action."""
        n = self.latent_dim
        state = FactorisedGaussian.isotropic(batch_size, n, variance, like)
        return LevelBelief(state, Evidence.none(batch_size, n, like), Evidence.none(batch_size, 2 * n, like))

    def observation_evidence(self, observations: Tensor, step: Tensor, mask: Tensor | None) -> Evidence:
        """Evidence (..., n) of observations (..., obs) made at `step` (int, of a shape that broadcasts to ...)."""
        evidence: Evidence = self.observation_encoder(self._with_phase(observations, step), mask)
        return evidence

    def action_evidence(self, actions: Tensor, step: Tensor) -> Evidence:
        """Evidence (..., 2n) of actions (..., act) executed at `step`."""
        if self.action_encoder is None:
            zeros = actions.new_zeros(*actions.shape[:-1], 2 * self.latent_dim)
            return Evidence(zeros, zeros)
        evidence: Evidence = self.action_encoder(self._with_phase(actions, step))
        return evidence

    def drive(self, maps: SlowLevelMaps, acted: Evidence, parent: FactorisedGaussian | None) -> FactorisedGaussian:
        """The input Y alpha + C parent + eps of a cell as one belief."""
        total = maps.noise
        if maps.action is not None:
            total = maps.action.apply(aggregate(acted)) + total
        if maps.parent is not None and parent is not None:
            total = maps.parent.apply(parent) + total
        return total

    def run(
        self,
        maps: SlowLevelMaps,
        belief: LevelBelief,
        cells: Cells,
        observed: Evidence | None,
        acted: Evidence,
        parent: FactorisedGaussian | None,
        noise: Tensor | None = None,
    ) -> SlowLevelRun:
        """Run along T steps; only the recursion over cells is sequential.

        Args:
            cells: how the steps fall into cells.
            observed: (B, T, n) evidence of the observations, None where none was made.
            acted: (B, T, 2n) evidence of the actions.
            parent: (B, T) cause from the slower level.
            noise: (B, cells, 2n) standard normal; where given, each cell's latent is sampled.
        """
        acted = _carry(acted, belief.acted)
        observed_total = self._observed_total(cells, belief, observed)
        drive = self._drive_along(maps, cells, acted, parent)
        # Unbound at once: the gradient of each single slice would be a whole sequence, mostly of zeros.
        last = torch.tensor([end - 1 for end in cells.ends], device=drive.mean.device)
        inputs = zip(*(tensor[:, last].unbind(1) for tensor in drive.tensors()), strict=True)
        seen = zip(*(tensor.unbind(1) for tensor in observed_total.tensors()), strict=True)
        state, bases, posteriors = belief.state, [], []
        for k, (entered, sums) in enumerate(zip(inputs, seen, strict=True)):
            base = maps.transition.apply(state)
            posterior = condition(base + FactorisedGaussian(*entered), Evidence(*sums))
            posterior = posterior if noise is None else posterior.sample(noise[:, k])
            bases.append(base)
            posteriors.append(posterior)
            if k + 1 < cells.count or cells.last_is_complete:
                state = posterior
        if self.smoothing:
            cause = _stack(posteriors).map(cells.to_steps)
        else:
            cause = _stack(bases).map(cells.to_steps) + drive
            cause = cause if noise is None else cause.sample(cells.to_steps(noise))
        return SlowLevelRun(cause, self._end(cells, belief, state, observed_total, acted))

    def run_mean(
        self,
        maps: SlowLevelMaps,
        belief: LevelBelief,
        cells: Cells,
        acted: Evidence,
        parent: tuple[Tensor, PriorAt] | None,
    ) -> tuple[Tensor, PriorAt]:
        """Means of the cause in an open loop (B, T, 2n), from priors, and the level's prior inside the first cell.

        A covariance is needed once: where the running cell ends, to weigh what was observed in it.
        """
        acted = self._acted_along(cells, _carry(acted, belief.acted))
        base = maps.transition.apply(belief.state)

        def prior_at(step: int) -> FactorisedGaussian:
            return base + self.drive(maps, acted[:, step], None if parent is None else parent[1](step))

        drive = torch.zeros_like(acted.information)
        if maps.action is not None:
            drive = maps.action.apply_mean(acted.information / (1 + acted.precision))
        if maps.parent is not None and parent is not None:
            drive = drive + maps.parent.apply_mean(parent[0])
        means = [base.mean]
        for k, end in enumerate(cells.ends[:-1]):
            closed = means[-1] + drive[:, end - 1] if k else condition(prior_at(end - 1), belief.observed).mean
            means.append(maps.transition.apply_mean(closed))
        return cells.to_steps(torch.stack(means, dim=1)) + drive, prior_at

    def complete(self, belief: LevelBelief, prior: FactorisedGaussian, done: Tensor) -> LevelBelief:
        """Close the cell where `done` (B,): its latent is updated with what was observed, and a new cell begins."""
        closed = LevelBelief(
            condition(prior, belief.observed), belief.observed.map(torch.zeros_like), belief.acted.map(torch.zeros_like)
        )
        return closed.where(done, belief)

    def _drive_along(
        self, maps: SlowLevelMaps, cells: Cells, acted: Evidence, parent: FactorisedGaussian | None
    ) -> FactorisedGaussian:
        drive = self.drive(maps, self._acted_along(cells, acted), parent)
        batch = acted.precision.shape[:2]
        return drive.map(lambda tensor: tensor.expand(*batch, tensor.shape[-1]))

    def _acted_along(self, cells: Cells, acted: Evidence) -> Evidence:
        """The evidence of each step's abstract action."""
        return acted.map(cells.running) if self.causal else acted.map(cells.total).map(cells.to_steps)

    def _observed_total(self, cells: Cells, belief: LevelBelief, observed: Evidence | None) -> Evidence:
        if observed is not None:
            return _carry(observed, belief.observed).map(cells.total)
        rest = cells.count - 1
        return belief.observed.map(lambda tensor: torch.nn.functional.pad(tensor[:, None], (0, 0, 0, rest)))

    def _end(
        self, cells: Cells, belief: LevelBelief, state: FactorisedGaussian, observed: Evidence, acted: Evidence
    ) -> LevelBelief:
        if cells.last_is_complete:
            return LevelBelief(state, belief.observed.map(torch.zeros_like), belief.acted.map(torch.zeros_like))
        return LevelBelief(state, observed[:, -1], acted.map(cells.total)[:, -1])

    def _with_phase(self, inputs: Tensor, step: Tensor) -> Tensor:
        phase = (step % self.period).to(inputs.dtype) / self.period
        return torch.cat([inputs, phase.expand(inputs.shape[:-1]).unsqueeze(-1)], dim=-1)


def _carry(evidence: Evidence, earlier: Evidence) -> Evidence:
    """Add the evidence that the running cell had before the sequence to that of the first step."""
    first = evidence[:, 0] + earlier
    return Evidence(
        torch.cat([first.precision[:, None], evidence.precision[:, 1:]], dim=1),
        torch.cat([first.information[:, None], evidence.information[:, 1:]], dim=1),
    )


def _stack(beliefs: list[FactorisedGaussian]) -> FactorisedGaussian:
    return FactorisedGaussian(
        torch.stack([belief.mean for belief in beliefs], dim=1),
        torch.stack([belief.covariance for belief in beliefs], dim=1),
    )


@dataclass(frozen=True)
class Cells:
    """The division of `length` steps, the first at `offset` inside its cell, into cells of `period` steps.

    The first and the last cell may be cut; a cell is complete when its last step is in the sequence.
    """

    period: int
    offset: int
    length: int

    @property
    def count(self) -> int:
        """Number of cells that the sequence touches."""
        return (self.offset + self.length - 1) // self.period + 1

    @property
    def ends(self) -> list[int]:
        """For each cell, the sequence index just past its last step in the sequence."""
        return [min((k + 1) * self.period - self.offset, self.length) for k in range(self.count)]

    @property
    def last_is_complete(self) -> bool:
        """Whether the sequence ends where a cell ends."""
        return (self.offset + self.length) % self.period == 0

    def to_steps(self, per_cell: Tensor) -> Tensor:
        """Repeat (B, cells, ...) to (B, length, ...): every step gets its cell's value."""
        repeated = per_cell.repeat_interleave(self.period, dim=1)
        return repeated[:, self.offset : self.offset + self.length]

    def total(self, per_step: Tensor) -> Tensor:
        """Sums over each cell's steps: (B, length, ...) -> (B, cells, ...)."""
        return self._split(per_step).sum(dim=2)

    def running(self, per_step: Tensor) -> Tensor:
        """Sums over the steps of the own cell up to and including each step; (B, length, ...) both ways."""
        sums = self._split(per_step).cumsum(dim=2).flatten(1, 2)
        return sums[:, self.offset : self.offset + self.length]

    def _split(self, per_step: Tensor) -> Tensor:
        after = self.count * self.period - self.offset - self.length
        # Sequences mostly begin and end with a cell; padding by nothing would still copy them.
        padded = torch.nn.functional.pad(per_step, (0, 0, self.offset, after)) if self.offset or after else per_step
        return padded.reshape(len(padded), self.count, self.period, -1)
