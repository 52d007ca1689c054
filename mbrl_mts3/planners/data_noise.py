"""Noise of action sequences that moves as the actions of the data do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from mbrl_mts3.array_types import Array
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners.action_noise import Generators

# Added to the variances, so that the covariance of actions without any noise of their own can be factorised.
_JITTER = 1e-6


class DataNoise:
    """Gaussian noise with the autocovariance that the actions of the data have.

    Sequences of L steps have the covariance R(s - t) between steps s and t, all entries of an action with all others,
    where R(k) = 1/T sum_t (a_{t+k} - m)(a_t - m)' over the T steps of all episodes, and m is their mean: the estimate
    of time series analysis that is always a valid covariance (Brockwell and Davis, 1991, chapter 7). So entries that
    the data moves together, slowly or hardly at all are moved so in the candidates.

    Args:
        actions: (T, act) of each episode, in physical units.

    Raises:
        ConfigurationError: there are no actions, or they never change.

    Attributes:
        std: (act,), standard deviation of each entry in the data, in physical units.
    """

    def __init__(self, actions: Sequence[Array]) -> None:
        lengths = [len(episode) for episode in actions]
        if sum(lengths) == 0:
            raise ConfigurationError("noise=data needs actions, the data has none: choose noise=null")
        mean = sum(torch.as_tensor(episode).double().sum(dim=0) for episode in actions) / sum(lengths)
        self._centred = [torch.as_tensor(episode).double() - mean for episode in actions]
        self.std = self._autocovariance(0).diagonal().sqrt().float()
        if not bool((self.std > 0).any()):
            raise ConfigurationError(
                "noise=data follows the actions of the data, which never change: choose noise=null"
            )
        self._factor = cache(self._make_factor)

    def sample(self, count: int, horizon: int, generator: Generators = None) -> Tensor:
        """Sample sequences (count, horizon, act) in units of `std`; (B, count, horizon, act) with B generators."""
        if isinstance(generator, Sequence):
            return torch.stack([self.sample(count, horizon, one) for one in generator])
        device = generator.device if generator is not None else torch.device("cpu")
        factor = self._factor(horizon).to(device)
        white = torch.randn(count, len(factor), generator=generator, device=device)
        return (white @ factor.T).reshape(count, horizon, -1)

    def correlation(self, horizon: int) -> Tensor:
        """Correlation (L act, L act), float64, of sequences of L steps: entry i of step t is number t act + i."""
        size = len(self.std)
        scale = self.std.double().clamp(min=torch.finfo(torch.float32).tiny)
        lags = [self._autocovariance(lag) / scale[:, None] / scale for lag in range(horizon)]
        blocks = [[lags[s - t] if s >= t else lags[t - s].T for t in range(horizon)] for s in range(horizon)]
        found = torch.stack([torch.cat(row, dim=1) for row in blocks]).reshape(horizon * size, horizon * size)
        return found

    def _autocovariance(self, lag: int) -> Tensor:
        """R(lag), (act, act)."""
        pairs = [episode[lag:].T @ episode[: len(episode) - lag] for episode in self._centred if len(episode) > lag]
        total = sum(len(episode) for episode in self._centred)
        size = self._centred[0].shape[1]
        return sum(pairs, start=torch.zeros(size, size, dtype=torch.float64)) / total

    def _make_factor(self, horizon: int) -> Tensor:
        """L with L L' = `correlation`, float32."""
        found = self.correlation(horizon)
        factor: Tensor = torch.linalg.cholesky(found + _JITTER * torch.eye(len(found), dtype=found.dtype))
        return factor.float()
