"""How unsure a model is of what it imagines."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models.prediction import Prediction

KINDS = ("none", "aleatoric", "epistemic")


@dataclass(frozen=True)
class Uncertainty:
    """A number for each imagined step, what it costs, and how much of it an episode may gather.

    The number is a standard deviation of o_{t+1} in units of the data's, averaged over the entries of the observation:
    for "aleatoric" that of the whole distribution which o_{t+1} is drawn from, for "epistemic" that of the members'
    means, which needs an ensemble (the penalties of MOPO, arXiv 2005.13239, and of MOReL, arXiv 2005.05951).

    Raises:
        ConfigurationError: unknown kind, a number out of range, or a price for what is not measured.
    """

    kind: str = "none"
    penalty: float = 0.0
    """Reward that one unit costs."""
    budget: float | None = None
    """Episodes whose sum exceeds it are truncated; None for no such end."""

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
                "a penalty or budget needs to know of which uncertainty: set uncertainty='aleatoric', or 'epistemic' "
                "for an ensemble"
            )

    def of(self, prediction: Prediction, scale: Tensor) -> Tensor:
        """(B,), of a prediction (B, ...).

        Args:
            scale: (obs,), standard deviations of the data in the units of the prediction.

        Raises:
            ConfigurationError: epistemic uncertainty is asked of a model that has none.
        """
        if self.kind == "none":
            return prediction.mean.new_zeros(len(prediction.mean))
        variance = prediction.variance if self.kind == "aleatoric" else _epistemic(prediction)
        spread: Tensor = variance.sqrt() / scale
        return spread.mean(dim=-1)

    def exceeded(self, total: Tensor) -> Tensor:
        """(B,) bool: whether sums (B,) are over the budget."""
        return torch.zeros_like(total, dtype=torch.bool) if self.budget is None else total > self.budget


def _epistemic(prediction: Prediction) -> Tensor:
    if prediction.epistemic_variance is None:
        raise ConfigurationError(
            "uncertainty='epistemic' needs an ensemble, whose members can disagree; this is a single model: "
            "train an ensemble, or set uncertainty='aleatoric'"
        )
    return prediction.epistemic_variance
