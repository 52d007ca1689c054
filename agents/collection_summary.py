"""What came out of a collection."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_mts3.agents.episode_recorder import EpisodeRecorder


@dataclass(frozen=True)
class CollectionSummary:
    """Counts and times of one collected data set."""

    dataset_id: str
    episodes: int
    steps: int
    mean_return: float
    """Sum of rewards, mean over episodes."""
    seconds: float
    """All work included."""

    @classmethod
    def of(cls, recorder: EpisodeRecorder, dataset_id: str, seconds: float) -> CollectionSummary:
        """Of a recorder that has passed all its episodes on."""
        mean_return = recorder.total_return / max(recorder.episodes, 1)
        return cls(dataset_id, recorder.episodes, recorder.steps, mean_return, seconds)
