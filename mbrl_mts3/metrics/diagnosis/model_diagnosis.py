"""The diagnosis of a model under the actions of several sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mbrl_mts3.array_types import DoubleArray
from mbrl_mts3.files import to_jsonable
from mbrl_mts3.metrics.diagnosis.rollout_errors import RolloutErrors
from mbrl_mts3.metrics.diagnosis.uncertainty_ranking import (
    QUANTILES,
    Cut,
    RankCorrelation,
    check_quantiles,
    cut_rollouts,
    measure_cut,
)

BEHAVIOUR, RANDOM, ALL = "behaviour", "random", "all"
"""The actions of the data, uniformly random ones, and all sources together; other sources are policies."""


@dataclass(frozen=True)
class Suggestion:
    """Where rollouts may go on and where they should stop, by one kind of uncertainty."""

    kind: str
    quantile: float | None
    """The largest of the quantiles at which what is kept of every policy's rollouts errs as little as all of the data's
    own, in the mean over steps of the error of states; 1 where nothing has to be cut, None where no quantile does."""
    threshold: float | None
    """The uncertainty of one step at that quantile; None at 1."""
    needless: bool
    """Whether nothing has to be cut."""

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True, repr=False)
class ModelDiagnosis:
    """Errors of a model under the actions of several sources, and how well its uncertainties tell them.

    Raises:
        ConfigurationError: the quantiles are not rising numbers between 0 and 1.
    """

    sources: Mapping[str, RolloutErrors]
    """By name; all from the same N states over H steps. `BEHAVIOUR` is there."""
    replay_error: DoubleArray
    """(H,): `StepErrors.state_middle` of the recording against the simulator under the data's actions. It is near 0
    where the simulator is that of the data and its states can be set; what it grows to is chaos."""
    quantiles: tuple[float, ...] = QUANTILES
    """Of the uncertainty of the steps under the data's actions, where rollouts are stopped."""

    def __post_init__(self) -> None:
        check_quantiles(self.quantiles)

    @property
    def horizon(self) -> int:
        """H."""
        return self.sources[BEHAVIOUR].horizon

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of uncertainty that the model has."""
        return tuple(self.sources[BEHAVIOUR].uncertainties)

    @property
    def policies(self) -> tuple[str, ...]:
        """The sources that a learner is like: policies, or random actions where there is none."""
        named = tuple(name for name in self.sources if name not in (BEHAVIOUR, RANDOM))
        return named or tuple(name for name in self.sources if name == RANDOM)

    def usable_steps(self, source: str) -> int:
        """Steps before the first one whose error of states is above all that the data's actions lead to within H.

        Both are means over the rollouts.
        """
        allowed = np.nanmax(self.sources[BEHAVIOUR].by_step().state_mean)
        wrong = self.sources[source].by_step().state_mean > allowed
        return int(np.argmax(wrong)) if wrong.any() else self.horizon

    def rank_correlations(self) -> dict[str, dict[str, dict[str, RankCorrelation]]]:
        """By kind of uncertainty, by source (and `ALL`), by error: "state" and "reward"."""
        return {kind: self._ranks(kind) for kind in self.kinds}

    def thresholds(self, kind: str) -> dict[float, float]:
        """The uncertainty of one step under the data's actions, by quantile."""
        seen = self.sources[BEHAVIOUR].counted_uncertainties[kind]
        values = np.quantile(seen[~np.isnan(seen)], self.quantiles)
        return dict(zip(self.quantiles, values.tolist(), strict=True))

    def cuts(self, kind: str) -> dict[float, dict[str, Cut]]:
        """What is left of rollouts that stop at a quantile of the uncertainty: by quantile (1: no stop), by source."""
        limits = {**self.thresholds(kind), 1.0: np.inf}
        return {
            quantile: {name: _cut(errors, kind, limit) for name, errors in self.sources.items()}
            for quantile, limit in limits.items()
        }

    def suggest(self, kind: str) -> Suggestion | None:
        """The largest quantile at which policies' rollouts are as right as the data's; None without policies."""
        cuts, thresholds = self.cuts(kind), self.thresholds(kind)
        allowed = cuts[1.0][BEHAVIOUR].state_error
        if not self.policies or allowed is None:
            return None
        fit = [
            quantile
            for quantile, found in cuts.items()
            if all(_is_within(found[name].state_error, allowed) for name in self.policies)
        ]
        best = max(fit, default=None)
        return Suggestion(kind, best, None if best is None else thresholds.get(best), needless=best == 1.0)

    def to_json(self) -> dict[str, Any]:
        """All numbers, in types that JSON has."""
        found: dict[str, Any] = {
            "horizon": self.horizon,
            "sources": {
                name: {**errors.to_json(), "usable_steps": self.usable_steps(name)}
                for name, errors in self.sources.items()
            },
            "replay_error": self.replay_error.tolist(),
            "uncertainties": {kind: self._kind_to_json(kind) for kind in self.kinds},
        }
        jsonable: dict[str, Any] = to_jsonable(found)
        return jsonable

    def _kind_to_json(self, kind: str) -> dict[str, Any]:
        ranks = {
            source: {error: rank.to_json() for error, rank in both.items()}
            for source, both in self._ranks(kind).items()
        }
        thresholds = self.thresholds(kind)
        cuts = [
            {
                "quantile": quantile,
                "threshold": thresholds.get(quantile),
                "sources": {name: cut.to_json() for name, cut in left.items()},
            }
            for quantile, left in self.cuts(kind).items()
        ]
        suggestion = self.suggest(kind)
        told = None if suggestion is None else suggestion.to_json()
        return {"rank_correlations": ranks, "cuts": cuts, "suggestion": told}

    def _ranks(self, kind: str) -> dict[str, dict[str, RankCorrelation]]:
        arrays = {
            name: (errors.counted_uncertainties[kind], errors.state_errors, np.abs(errors.reward_errors))
            for name, errors in self.sources.items()
        }
        together = tuple(np.concatenate(parts) for parts in zip(*arrays.values(), strict=True))
        return {
            name: {
                "state": RankCorrelation.from_values(uncertainty, state),
                "reward": RankCorrelation.from_values(uncertainty, reward),
            }
            for name, (uncertainty, state, reward) in {**arrays, ALL: together}.items()
        }


def _cut(errors: RolloutErrors, kind: str, threshold: float) -> Cut:
    kept = cut_rollouts(errors.uncertainties[kind], threshold)
    return measure_cut(kept, errors.state_errors, errors.reward_errors)


def _is_within(error: float | None, allowed: float) -> bool:
    return error is not None and error <= allowed
