"""Blind predictions of one batch of windows, scored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from mbrl_mts3.data.window_batch import WindowBatch
from mbrl_mts3.metrics.blind_prediction import evaluate_blind
from mbrl_mts3.metrics.error_sums import ErrorSums
from mbrl_mts3.models.prediction import Prediction
from mbrl_mts3.models.world_model import WorldModel


@dataclass(frozen=True, repr=False)
class WindowScores:
    """Errors in normalised units: summed over windows by horizon, and averaged over horizons by window."""

    sums: dict[str, ErrorSums]
    """By predictor: model, persistence, training_mean and, with a reward head, reward, reward_training_mean."""
    squared_error: Tensor
    """(W,): the model's mean squared error in each window, float64, on the CPU."""

    @classmethod
    def of(cls, model: WorldModel, batch: WindowBatch, context: int, levels: Tensor) -> Self:
        """Score windows in normalised units that lie on the model's device; padding is left out."""
        sums: dict[str, ErrorSums] = {}
        squared = torch.zeros(len(batch.valid), dtype=torch.float64)
        for rows, windows in batch.by_length():
            prediction = evaluate_blind(model, windows.observations[:, :-1], windows.actions, context)
            sums = add_sums(sums, _score(prediction, windows, context, levels))
            error = (prediction.mean.double() - windows.observations[:, context:].double()).square()
            squared[rows] = torch.nan_to_num(error, nan=math.inf, posinf=math.inf).mean(dim=(1, 2)).cpu()
        return cls(sums, squared)

    def __add__(self, other: Self) -> Self:
        """The windows of both, one after the other."""
        squared = torch.cat([self.squared_error, other.squared_error])
        return type(self)(add_sums(self.sums, other.sums), squared)


def add_sums(some: dict[str, ErrorSums], others: dict[str, ErrorSums]) -> dict[str, ErrorSums]:
    """Add predictor by predictor; an empty mapping adds nothing."""
    if not some:
        return others
    return {name: part + others[name] for name, part in some.items()}


def _score(prediction: Prediction, windows: WindowBatch, context: int, levels: Tensor) -> dict[str, ErrorSums]:
    target = windows.observations[:, context:]
    last = windows.observations[:, context - 1 : context].expand_as(target)
    sums = {
        "model": ErrorSums.of(prediction.mean, prediction.variance, target, levels),
        "persistence": ErrorSums.of(last, None, target, levels),
        "training_mean": ErrorSums.of(torch.zeros_like(target), torch.ones_like(target), target, levels),
    }
    if prediction.reward_mean is None:
        return sums
    mean, variance = prediction.reward_mean[..., None], prediction.reward_variance
    reward = windows.rewards[:, context - 1 :, None]
    sums["reward"] = ErrorSums.of(mean, None if variance is None else variance[..., None], reward, levels)
    sums["reward_training_mean"] = ErrorSums.of(torch.zeros_like(reward), torch.ones_like(reward), reward, levels)
    return sums
