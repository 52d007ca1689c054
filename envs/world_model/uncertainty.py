"""The uncertainty of imagined steps, as a penalty on reward and a budget of episodes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models.wrappers.recalibration import Recalibration
from mbrl_mts3.predictions import Prediction

KINDS = ("none", "aleatoric", "epistemic", "calibrated")


@dataclass(frozen=True)
class Uncertainty:
    """The uncertainty of imagined steps: a number for each, its penalty, and the budget of an episode.

    The number is a standard deviation of o_{t+1} in units of the data's, averaged over the entries of the observation:
    for "aleatoric" that of the whole distribution which o_{t+1} is drawn from, for "epistemic" that of the members'
    means, which needs an ensemble (the penalties of MOPO, arXiv 2005.13239, and of MOReL, arXiv 2005.05951).
    "calibrated" is "aleatoric" with variances multiplied by what held-out data showed to be missing, so that a unit
    means the same for every model. In MTS3 the variance is of all its latents, slow and fast.

    Raises:
        ConfigurationError: unknown kind, a number out of range, a price for what is not measured, or "calibrated"
            without factors.
    """

    kind: str = "none"
    penalty: float = 0.0
    """Reward that one unit costs."""
    budget: float | None = None
    """Episodes whose sum exceeds it are truncated; None for no such end."""
    recalibration: Recalibration | None = None
    """Factors of the model's variances; used by "calibrated" alone."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigurationError(f"unknown uncertainty {self.kind!r}: expected one of {', '.join(KINDS)}")
        if self.penalty < 0 or (self.budget is not None and self.budget <= 0):
            raise ConfigurationError(
                "expected uncertainty_penalty >= 0 and uncertainty_budget > 0 or none, "
                f"got {self.penalty} and {self.budget}"
            )
        if self.kind == "none" and (self.penalty or self.budget is not None):
            raise ConfigurationError(
                "a penalty or budget needs to know of which uncertainty: set uncertainty='aleatoric', 'calibrated' "
                "after mts3-calibrate, or 'epistemic' for an ensemble"
            )
        if self.kind == "calibrated" and self.recalibration is None:
            raise ConfigurationError(
                "uncertainty='calibrated' needs factors of the predicted variances, and this checkpoint holds none: "
                "fit them with mts3-calibrate checkpoint=FOLDER, or set uncertainty='aleatoric'"
            )

    def measure(self, prediction: Prediction, scale: Tensor, horizon: Tensor) -> Tensor:
        """(B,), of a prediction (B, ...).

        Args:
            scale: (obs,), standard deviations of the data in the units of the prediction.
            horizon: (B,) int64, steps from the last observation, real or sampled, to what is predicted.

        Raises:
            ConfigurationError: epistemic uncertainty is asked of a model that has none.
        """
        if self.kind == "none":
            return prediction.mean.new_zeros(len(prediction.mean))
        spread: Tensor = self._variance(prediction, horizon).sqrt() / scale
        return spread.mean(dim=-1)

    def exceeded(self, total: Tensor) -> Tensor:
        """(B,) bool: whether sums (B,) are over the budget."""
        return torch.zeros_like(total, dtype=torch.bool) if self.budget is None else total > self.budget

    def _variance(self, prediction: Prediction, horizon: Tensor) -> Tensor:
        if self.kind == "epistemic":
            return _epistemic(prediction)
        if self.recalibration is None or self.kind != "calibrated":
            return prediction.variance
        return prediction.variance * self.recalibration.at(horizon).observation


def _epistemic(prediction: Prediction) -> Tensor:
    if prediction.epistemic_variance is None:
        raise ConfigurationError(
            "uncertainty='epistemic' needs an ensemble, whose members can disagree; this is a single model: "
            "train an ensemble, or set uncertainty='aleatoric'"
        )
    return prediction.epistemic_variance
