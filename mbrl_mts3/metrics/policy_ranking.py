"""How well estimated values of policies put the policies in order."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import stats

from mbrl_mts3.errors import ConfigurationError


@dataclass(frozen=True)
class PolicyRanking:
    """Estimated against true values of K policies, as in DOPE (Fu et al., ICLR 2021, arXiv 2103.16596)."""

    rank_correlation: float
    """Spearman's, from -1 to 1; NaN where all estimates, or all values, are equal."""
    correlation: float
    """Pearson's."""
    regret: float
    """What is lost by taking the policy of the highest estimate (regret@1), in units of value."""
    normalised_regret: float
    """The same, as a share of the way from the worst to the best policy; 0 where all are equally good."""
    mean_absolute_error: float
    """In units of value."""

    @classmethod
    def of(cls, estimates: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> PolicyRanking:
        """Compare estimates (K,) with true values (K,).

        Raises:
            ConfigurationError: of different lengths, fewer than two, or not finite.
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
            # SciPy warns of constant input, for which NaN says all.
            warnings.simplefilter("ignore", stats.ConstantInputWarning)
            rank = float(stats.spearmanr(estimated, true).statistic)
            linear = float(stats.pearsonr(estimated, true).statistic)
        return cls(rank, linear, regret, regret / span if span else 0.0, float(np.abs(estimated - true).mean()))

    def to_json(self) -> dict[str, float]:
        """The numbers by name."""
        return asdict(self)
