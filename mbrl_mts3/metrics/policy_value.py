"""Values of policies: discounted returns, estimated values, and how well estimates rank policies."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.confidence_intervals import Interval, bootstrap_interval


@dataclass(frozen=True, repr=False)
class PolicyValue:
    """Returns of one policy in imagined episodes and, where it was run there too, in the real environment.

    The 95% intervals cover random starts and random outcomes, not the error of the model.
    """

    name: str
    imagined: np.ndarray
    """(N,): returns of imagined episodes."""
    real: np.ndarray | None = None
    """(E,): returns of real episodes, over as many steps and with the same discount."""
    whole: np.ndarray | None = None
    """(E,): sums of the rewards of whole real episodes."""

    @property
    def estimate(self) -> float:
        """Mean imagined return."""
        return float(self.imagined.mean())

    @property
    def interval(self) -> Interval:
        """95% interval of the estimate."""
        return bootstrap_interval(self.imagined)

    @property
    def value(self) -> float | None:
        """Mean real return."""
        return None if self.real is None else float(self.real.mean())

    @property
    def value_interval(self) -> Interval | None:
        """95% interval of the value."""
        return None if self.real is None else bootstrap_interval(self.real)

    @property
    def whole_value(self) -> float | None:
        """Mean return of whole real episodes."""
        return None if self.whole is None else float(self.whole.mean())

    def to_json(self) -> dict[str, Any]:
        """Plain values by name, the returns of single episodes included."""
        return {
            "policy": self.name,
            "estimate": self.estimate,
            "interval": list(self.interval),
            "value": self.value,
            "value_interval": None if self.value_interval is None else list(self.value_interval),
            "whole_value": self.whole_value,
            "imagined_returns": self.imagined.tolist(),
            "real_returns": None if self.real is None else self.real.tolist(),
            "whole_returns": None if self.whole is None else self.whole.tolist(),
        }

    def __repr__(self) -> str:
        return f"PolicyValue({self.name!r}, estimate={self.estimate:.4g}, value={self.value})"


@dataclass(frozen=True)
class PolicyRanking:
    """Agreement of estimated and true values of K policies, as in DOPE (Fu et al., ICLR 2021, arXiv 2103.16596)."""

    rank_correlation: float
    """Spearman's rank correlation, from -1 to 1; NaN where all estimates, or all values, are equal."""
    correlation: float
    """Pearson's correlation."""
    regret: float
    """Value of the best policy less that of the policy with the highest estimate (regret@1)."""
    normalised_regret: float
    """The regret divided by the difference between the best and the worst policy; 0 where all are equally good."""
    mean_absolute_error: float
    """In units of value."""

    @classmethod
    def from_values(
        cls, estimates: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray
    ) -> PolicyRanking:
        """Compare estimates (K,) with true values (K,).

        Raises:
            ConfigurationError: the lengths differ, there are fewer than two values, or one is not finite.
        """
        estimated, true = np.asarray(estimates, np.float64), np.asarray(values, np.float64)
        if estimated.ndim != 1 or estimated.shape != true.shape or len(true) < 2:
            raise ConfigurationError(
                f"a ranking needs one estimate and one value of each of two or more policies, got {estimated.shape} "
                f"estimates and {true.shape} values"
            )
        if not (np.isfinite(estimated).all() and np.isfinite(true).all()):
            raise ConfigurationError(f"estimates {estimated} or values {true} are not finite: leave those policies out")
        regret = float(true.max() - true[estimated.argmax()])
        span = float(np.ptp(true))
        with warnings.catch_warnings():
            # SciPy warns about constant input; its result, NaN, is documented above.
            warnings.simplefilter("ignore", stats.ConstantInputWarning)
            rank = float(stats.spearmanr(estimated, true).statistic)
            linear = float(stats.pearsonr(estimated, true).statistic)
        return cls(rank, linear, regret, regret / span if span else 0.0, float(np.abs(estimated - true).mean()))

    def to_json(self) -> dict[str, float]:
        """The numbers by name."""
        return asdict(self)


def discounted_returns(rewards: np.ndarray, discount: float = 1.0, horizon: int | None = None) -> np.ndarray:
    """Discounted returns: the sum over t < horizon of discount^t r_t.

    Args:
        rewards: (..., T), 0 after the end of an episode.
        discount: 1 for plain sums.
        horizon: number of steps that count; None for all.

    Returns:
        (...), float64.
    """
    counted = np.asarray(rewards, np.float64)[..., :horizon]
    weights = discount ** np.arange(counted.shape[-1])
    return np.asarray(counted @ weights)
