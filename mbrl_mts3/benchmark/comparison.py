"""Comparison of all benchmark runs on one data set, summarised over seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mbrl_mts3.benchmark.record import RunRecord
from mbrl_mts3.errors import ResultError
from mbrl_mts3.metrics import REPORTED_HORIZONS
from mbrl_mts3.metrics.confidence_intervals import mean_interval

Row = tuple[str, int | None, str, int | None, float]
"""Model, seed, metric, horizon, value; a reference predictor has no seed, a number of a whole run no horizon."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """The benchmark records of all models on one data set.

    Raises:
        ResultError: there are no records, or they were made under different conditions.
    """

    records: tuple[RunRecord, ...]
    """By label, then by seed."""

    def __post_init__(self) -> None:
        if not self.records:
            raise ResultError("there is no result to compare: run mts3-benchmark first")
        for first, other in itertools.combinations(self.records, 2):
            # All pairs, not only neighbours: an option that an old record lacks agrees with any value.
            parts = ("data", "evaluation", *(("model", "training") if first.label == other.label else ()))
            conflicts = first.options.conflicts(other.options, parts)
            if conflicts:
                raise ResultError(
                    f"{_name(first)} and {_name(other)} were made under different conditions and cannot share a table: "
                    f"{'; '.join(conflicts)}. Make one of them anew (overwrite=true), or move its file elsewhere"
                )

    @classmethod
    def read(cls, folder: Path) -> Comparison:
        """Load all records below `folder`, which is ROOT/runs/DATASET."""
        records = [RunRecord.load(path) for path in folder.glob("*/seed_*.json")]
        return cls(tuple(sorted(records, key=lambda record: (record.label, record.seed))))

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return self.records[0].dataset

    @property
    def labels(self) -> tuple[str, ...]:
        """The variants, in alphabetical order."""
        return tuple(dict.fromkeys(record.label for record in self.records))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric by horizon that any record has."""
        return tuple(dict.fromkeys(name for record in self.records for name in record.curves))

    @property
    def horizons(self) -> tuple[int, ...]:
        """The reported horizons that the data reach; if these are fewer than two, the last horizon too."""
        last = self.records[0].horizon
        reached = [horizon for horizon in REPORTED_HORIZONS if horizon <= last]
        return tuple(reached) if len(reached) > 1 else tuple(sorted({*reached, last}))

    def runs_of(self, label: str) -> tuple[RunRecord, ...]:
        """The runs of one variant, by seed."""
        return tuple(record for record in self.records if record.label == label)

    def curves(self, label: str, metric: str) -> NDArray[np.float64]:
        """A metric by horizon, (seeds, L); no rows if the variant lacks it."""
        found = [record.curves[metric] for record in self.runs_of(label) if metric in record.curves]
        return np.array(found, dtype=np.float64).reshape(len(found), self.records[0].horizon)

    def at(self, label: str, metric: str, horizon: int) -> SeedSummary:
        """A metric at one horizon over the seeds."""
        curves = self.curves(label, metric)
        return SeedSummary.from_values(curves[:, horizon - 1] if len(curves) else [])

    def sliding(self, label: str, metric: str, place: int) -> SeedSummary:
        """A metric of the sliding window with index `place`, over the seeds."""
        found = [record.sliding[metric] for record in self.runs_of(label) if metric in record.sliding]
        return SeedSummary.from_values([values[place] for values in found])

    def scalar(self, label: str, name: str) -> SeedSummary:
        """A number of whole runs over the seeds."""
        return SeedSummary.from_values(
            [record.scalars[name] for record in self.runs_of(label) if name in record.scalars]
        )

    def rows(self) -> Iterator[Row]:
        """All numbers in long form: curves at the reported horizons, sliding windows by their first horizon."""
        for record in self.records:
            yield from self._curve_rows(record.label, record.seed, record.curves)
            starts = [int(start) for start in record.sliding["first_horizon"]]
            for metric, values in record.sliding.items():
                if metric != "first_horizon":
                    pairs = zip(starts, values, strict=True)
                    yield from (
                        (record.label, record.seed, f"sliding_{metric}", start, value) for start, value in pairs
                    )
            yield from ((record.label, record.seed, name, None, value) for name, value in record.scalars.items())
        for name, curves in self.records[0].references.items():
            yield from self._curve_rows(name, None, curves)

    def _curve_rows(self, name: str, seed: int | None, curves: dict[str, tuple[float, ...]]) -> Iterator[Row]:
        for metric, values in curves.items():
            yield from ((name, seed, metric, horizon, values[horizon - 1]) for horizon in self.horizons)


def best_value(summaries: Sequence[SeedSummary]) -> int | None:
    """Position of the lowest mean; None where none is finite."""
    means = np.array([summary.mean for summary in summaries])
    return int(np.nanargmin(means)) if np.isfinite(means).any() else None


def _name(record: RunRecord) -> str:
    return f"{record.label} seed {record.seed}"


@dataclass(frozen=True)
class SeedSummary:
    """Mean over seeds with Student's interval; a bootstrap of only three values would be meaningless."""

    mean: float
    """NaN where a seed's number is not finite."""
    half_width: float
    """Half of the 95% interval of the mean; NaN for a single seed."""
    seeds: int

    @classmethod
    def from_values(cls, values: Sequence[float] | np.ndarray) -> SeedSummary:
        """Summarise one number per seed."""
        array = np.asarray(values, dtype=np.float64)
        if len(array) == 0 or not np.isfinite(array).all():
            return cls(math.nan, math.nan, len(array))
        low, high = mean_interval(array)
        return cls(float(array.mean()), (high - low) / 2, len(array))

    def __str__(self) -> str:
        if not math.isfinite(self.mean):
            return "not finite" if self.seeds else "-"
        # Rounding gives equal numbers a tiny interval.
        varies = self.half_width > 1e-9 * abs(self.mean)
        return _digits(self.mean, 3) + (f" ±{_digits(self.half_width, 2)}" if varies else "")

    def scaled(self, factor: float) -> SeedSummary:
        """The same in another unit."""
        return SeedSummary(factor * self.mean, factor * self.half_width, self.seeds)


def _digits(value: float, digits: int) -> str:
    """Format with `digits` significant digits; whole and large numbers in full."""
    if value == round(value) or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:#.{digits}g}"
