"""The uncertainty of imagined steps, with its penalty on the reward and its budget for an episode."""

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
    """The uncertainty of imagined steps, its penalty on the reward, and the budget of an episode.

    The uncertainty is a standard deviation of o_{t+1} in units of that of the data, averaged over the entries of the
    observation: for "aleatoric" that of the whole distribution from which o_{t+1} is sampled, for "epistemic" that of
    the members' means, which needs an ensemble (the penalties of MOPO, arXiv 2005.13239, and of MOReL, arXiv
    2005.05951). "calibrated" is "aleatoric" with variances multiplied by the factors that `mts3-calibrate` fitted on
    held-out data, so that a unit means the same for every model. In MTS3 the variance includes all latents, slow and
    fast.

    Raises:
        ConfigurationError: unknown kind, a number out of range, a penalty or budget without a kind, or "calibrated"
            without factors.
    """

    kind: str = "none"
    penalty: float = 0.0
    """Subtracted from the reward per unit of uncertainty."""
    budget: float | None = None
    """Episodes with a larger sum of uncertainty are truncated; None for no budget."""
    recalibration: Recalibration | None = None
    """Factors of the model's variances; only used for "calibrated"."""

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
                "a penalty or budget needs a kind of uncertainty: set uncertainty='aleatoric' (in commands "
                "uncertainty.kind=aleatoric), 'calibrated' after mts3-calibrate, or 'epistemic' for an ensemble"
            )
        if self.kind == "calibrated" and self.recalibration is None:
            raise ConfigurationError(
                "uncertainty='calibrated' needs factors of the predicted variances, and this checkpoint holds none: "
                "fit them with mts3-calibrate checkpoint=FOLDER, or set uncertainty='aleatoric' (in commands "
                "uncertainty.kind=aleatoric)"
            )

    @classmethod
    def every_kind(cls, prediction: Prediction, recalibration: Recalibration | None = None) -> dict[str, Uncertainty]:
        """All kinds of uncertainty that a model has, by name, without penalty and budget.

        Args:
            prediction: one of the model's.
            recalibration: the factors that `mts3-calibrate` fitted for it, if there are any.
        """
        missing = {
            "none": True,
            "epistemic": prediction.epistemic_variance is None,
            "calibrated": recalibration is None,
        }
        return {kind: cls(kind, recalibration=recalibration) for kind in KINDS if not missing.get(kind)}

    def measure(self, prediction: Prediction, scale: Tensor, horizon: Tensor) -> Tensor:
        """Uncertainty (B,) of a prediction (B, ...).

        Args:
            scale: (obs,), standard deviations of the data in the units of the prediction.
            horizon: (B,) int64, steps from the last observation, real or sampled, to the predicted one.

        Raises:
            ConfigurationError: epistemic uncertainty of a model that is no ensemble.
        """
        if self.kind == "none":
            return prediction.mean.new_zeros(len(prediction.mean))
        spread: Tensor = self._variance(prediction, horizon).sqrt() / scale
        return spread.mean(dim=-1)

    def exceeded(self, total: Tensor) -> Tensor:
        """Whether sums (B,) exceed the budget, (B,) bool."""
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
            "train an ensemble (model=ensemble_mts3), or set uncertainty='aleatoric' (in commands "
            "uncertainty.kind=aleatoric)"
        )
    return prediction.epistemic_variance
