"""Reference returns of random and expert policies, which normalise scores to 0 and 100."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbrl_mts3.data.formats.joined import split_ids
from mbrl_mts3.data.formats.minari_reader import stored_reference_scores

_D4RL = {
    "halfcheetah-": (-280.178953, 12135.0),
    "maze2d-umaze-dense-": (68.537689, 193.66285642381482),
    "maze2d-medium-dense-": (44.264742, 297.4552547777125),
    "maze2d-large-dense-": (30.569041, 303.4857382709002),
    "maze2d-umaze-": (23.85, 161.86),
    "maze2d-medium-": (13.13, 277.39),
    "maze2d-large-": (6.7, 273.99),
    "kitchen-": (0.0, 4.0),
}
# Environments whose returns compare with those of D4RL. Mazes do not: their episodes, radius and rewards differ.
_LIKE_D4RL = {"HalfCheetah": "halfcheetah-", "FrankaKitchen": "kitchen-"}


@dataclass(frozen=True)
class ReferenceScores:
    """The returns of a random policy and of an expert, between which scores are measured."""

    low: float
    """Return of a random policy: score 0."""
    high: float
    """Return of an expert: score 100."""
    source: str
    """Where the two returns are from."""

    @classmethod
    def find(cls, dataset_id: str | None = None, env_id: str | None = None) -> ReferenceScores | None:
        """Find the scores of a data set or an environment; None where there are none.

        In this order: those that the Minari data set holds, D4RL's for a data set of that name, D4RL's for a similar
        environment.

        Args:
            dataset_id: of a Minari data set on disk, or such as "d4rl/halfcheetah-medium-v2".
            env_id: such as "HalfCheetah-v5".

        Raises:
            UnknownDatasetError, DataError: the Minari data set cannot be read.
        """
        # Of several data sets: they are of one environment, which the scores are about.
        dataset_id = None if dataset_id is None else split_ids(dataset_id)[0]
        if dataset_id is not None and dataset_id.startswith("d4rl/"):
            return cls._of_d4rl(dataset_id.removeprefix("d4rl/"), f"D4RL's for {dataset_id}")
        stored = None if dataset_id is None else stored_reference_scores(dataset_id)
        if stored is not None:
            return cls(*stored, f"those of the data set {dataset_id}")
        name = (env_id or "").split("/")[-1].split(":")[-1]
        for prefix, like in _LIKE_D4RL.items():
            if name.startswith(prefix):
                return cls(*_D4RL[like], f"D4RL's {like.rstrip('-')}, an analogy: {env_id} is not its environment")
        return None

    @classmethod
    def _of_d4rl(cls, name: str, source: str) -> ReferenceScores | None:
        for prefix, scores in _D4RL.items():
            if name.startswith(prefix):
                return cls(*scores, source)
        return None

    def score(self, returns: float | np.ndarray) -> float | np.ndarray:
        """The normalised score of returns; below 0 and above 100 are possible."""
        return 100 * (returns - self.low) / (self.high - self.low)
