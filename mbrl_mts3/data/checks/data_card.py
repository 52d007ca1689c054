"""The data card: size, spaces, returns, checks and provenance of a data set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.checks.finding import Finding
from mbrl_mts3.data.checks.registry import run_checks
from mbrl_mts3.data.checks.rewards import describe_rewards
from mbrl_mts3.data.checks.statistics import DatasetStatistics, compute_statistics
from mbrl_mts3.data.dataset import StreamedDataset
from mbrl_mts3.data.normalizer import RunningMoments
from mbrl_mts3.data.observation_names import known_names
from mbrl_mts3.data.observation_selector import MAIN_KEY
from mbrl_mts3.data.spaces import space_to_json
from mbrl_mts3.errors import DataError

FORMAT_VERSION = 1
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class DataCard:
    """Statistics of a data set, the findings of its checks, and what its rewards mean."""

    statistics: DatasetStatistics
    findings: tuple[Finding, ...]
    rewards: Mapping[str, str]
    """See `describe_rewards`."""

    @classmethod
    def from_dataset(cls, dataset: StreamedDataset) -> DataCard:
        """Make the card of a data set, which is read several times.

        Raises:
            DataError: a damaged file, or no episodes.
        """
        found = compute_statistics(dataset)
        if len(found.lengths) == 0:
            raise DataError(f"data set {dataset.dataset_id!r} holds no episode, so it has no card")
        return cls(found, run_checks(found), describe_rewards(found))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that make results wrong."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def to_json(self) -> dict[str, Any]:
        """The card as plain values; None replaces numbers that are not finite."""
        facts, dataset = self.statistics, self.statistics.dataset
        unmarked = ~facts.terminated & ~facts.truncated
        card = {
            "format_version": FORMAT_VERSION,
            "dataset_id": dataset.dataset_id,
            "content_hash": facts.content_hash,
            "env_id": dataset.env_id,
            "env_options": dict(dataset.env_options),
            "max_episode_steps": dataset.max_episode_steps,
            "metadata": dict(dataset.metadata),
            "observation_space": _space(dataset.observation_space),
            "action_space": _space(dataset.action_space),
            "episodes": len(facts.lengths),
            "total_steps": facts.total_steps,
            "lengths": _spread(facts.lengths),
            "returns": _spread(facts.returns),
            "terminated_episodes": int(facts.terminated.sum()),
            "truncated_episodes": int(facts.truncated.sum()),
            "unmarked_episodes": int(unmarked.sum()),
            "duplicated_episodes": len(facts.hashes) - len(set(facts.hashes)),
            "rewards": {**_columns("reward", None, facts.rewards)[0], **self.rewards},
            "actions": [
                {**column, "at_bounds": share}
                for column, share in zip(
                    _columns("actions", None, facts.actions), _padded(facts.saturation, facts.actions), strict=True
                )
            ],
            "observations": {
                leaf: _columns(leaf, self._names(leaf, moments), moments)
                for leaf, moments in facts.observations.items()
            },
            "non_finite_rows": {
                "actions": facts.actions.non_finite,
                "rewards": facts.rewards.non_finite,
                **{leaf: moments.non_finite for leaf, moments in facts.observations.items()},
            },
            "dtypes": {name: list(found) for name, found in facts.dtypes.items()},
            "findings": [finding.to_json() for finding in self.findings],
        }
        plain: dict[str, Any] = _plain(card)
        return plain

    def _names(self, leaf: str, moments: RunningMoments) -> tuple[str, ...] | None:
        return known_names(self.statistics.dataset.env_id, int(np.size(moments.mean))) if leaf == MAIN_KEY else None


def _space(space: spaces.Space[Any]) -> Any:
    try:
        return space_to_json(space)
    except DataError:
        return str(space)


def _spread(values: Array) -> dict[str, Any]:
    values = np.asarray(values, np.float64)
    return {
        "mean": values.mean(),
        "sd": values.std(),
        "quantiles": {
            f"{share:g}": value for share, value in zip(_QUANTILES, np.quantile(values, _QUANTILES), strict=True)
        },
    }


def _columns(leaf: str, names: tuple[str, ...] | None, moments: RunningMoments) -> list[dict[str, Any]]:
    """Statistics of each entry."""
    columns = [np.ravel(values) for values in (moments.mean, moments.deviation, moments.low, moments.high)]
    count = len(columns[0])
    called = names or [f"{leaf}/{place}" for place in range(count)]
    if leaf == "reward":
        called = ["reward"] * count
    return [
        {"name": name, "mean": mean, "sd": sd, "min": low, "max": high, "constant": bool(low == high)}
        for name, mean, sd, low, high in zip(called, *columns, strict=True)
    ]


def _padded(shares: Array, moments: RunningMoments) -> list[float | None]:
    """One share for each action; None where the action space has no bounds."""
    count = np.size(moments.mean)
    return [float(share) for share in shares] if len(shares) == count else [None] * count


def _plain(value: Any) -> Any:
    """The value in types that JSON has; None replaces numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
