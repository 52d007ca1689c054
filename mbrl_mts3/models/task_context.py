"""What the first steps of a sequence tell of its task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from mbrl_mts3.gaussian import Evidence
from mbrl_mts3.models.hip_rssm_belief import TaskBelief
from mbrl_mts3.networks import GaussianEncoder


class TaskContext(nn.Module):
    """Evidence of a latent task from the set of triples (o_{t-1}, a_{t-1}, o_t) with 1 <= t <= `length`.

    A triple counts only if both of its observations were shown, and from the moment on that the second one is taken in.

    Args:
        observation_dim, action_dim: sizes.
        latent_dim: n; the task has 2n dimensions.
        length: steps of the context.
        hidden: hidden sizes of the encoder of triples.
    """

    def __init__(
        self, observation_dim: int, action_dim: int, latent_dim: int, *, length: int, hidden: Sequence[int]
    ) -> None:
        super().__init__()
        self.observation_dim = observation_dim
        self.action_dim = action_dim
        self.latent_dim = latent_dim
        self.length = length
        self.encoder = GaussianEncoder(2 * observation_dim + action_dim, 2 * latent_dim, hidden)

    def initial_belief(self, batch_size: int, like: Tensor) -> TaskBelief:
        """Nothing known, on the device and of the dtype of `like`."""
        never = torch.zeros(batch_size, dtype=torch.bool, device=like.device)
        return TaskBelief(
            Evidence.none(batch_size, 2 * self.latent_dim, like),
            like.new_zeros(batch_size, self.observation_dim + self.action_dim),
            never,
            like.new_zeros(batch_size, self.observation_dim),
            never,
        )

    def take_in(self, belief: TaskBelief, observation: Tensor, shown: Tensor, step: Tensor) -> TaskBelief:
        """Once o_t (B, obs) is known where `shown` (B,), at step t (B,)."""
        complete = belief.origin_shown & shown
        return replace(
            belief,
            evidence=belief.evidence + self._triples(belief.origin, observation, complete, step),
            observation=torch.where(shown[:, None], observation, belief.observation),
            shown=belief.shown | shown,
        )

    def advance(self, belief: TaskBelief, action: Tensor) -> TaskBelief:
        """After a_t (B, act): what was this step's observation is where the next triple begins."""
        return TaskBelief(
            belief.evidence,
            torch.cat([belief.observation, action], dim=-1),
            belief.shown,
            torch.zeros_like(belief.observation),
            torch.zeros_like(belief.shown),
        )

    def along(
        self, start: TaskBelief, observations: Tensor, actions: Tensor, shown: Tensor, step: Tensor
    ) -> tuple[Evidence, TaskBelief]:
        """`take_in` and `advance` in turn for t = 0..T-1, batched over time.

        Args:
            observations, actions, shown: (B, T, obs), (B, T, act) and (B, T) bool; what is not shown may hold anything.
            step: (B,), of the first of them.

        Returns:
            The evidence (B, T, 2n) at each step, its observation taken in, and the belief at step T.
        """
        seen = torch.where(shown.unsqueeze(-1), observations, torch.zeros_like(observations))
        # The first observation may be known already.
        first = torch.where(shown[:, :1], seen[:, 0], start.observation)
        known = torch.cat([shown[:, :1] | start.shown[:, None], shown[:, 1:]], dim=1)
        begins = torch.cat([torch.cat([first[:, None], seen[:, 1:]], dim=1), actions], dim=-1)
        origins = torch.cat([start.origin[:, None], begins], dim=1)
        origins_shown = torch.cat([start.origin_shown[:, None], known], dim=1)
        steps = step[:, None] + torch.arange(actions.shape[1], device=step.device)
        triples = self._triples(origins[:, :-1], observations, origins_shown[:, :-1] & shown, steps)
        evidence = triples.cumsum(1) + start.evidence[:, None]
        nothing, never = torch.zeros_like(start.observation), torch.zeros_like(start.shown)
        return evidence, TaskBelief(evidence[:, -1], origins[:, -1], origins_shown[:, -1], nothing, never)

    def _triples(self, origin: Tensor, observation: Tensor, complete: Tensor, step: Tensor) -> Evidence:
        inputs = torch.cat([origin, observation], dim=-1)
        evidence: Evidence = self.encoder(inputs, complete & (step <= self.length))
        return evidence
