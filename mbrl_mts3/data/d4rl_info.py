"""What is known of one D4RL data set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class D4RLInfo:
    """A row of `D4RL_DATASETS`."""

    name: str
    """Such as "halfcheetah-medium-v2"; `dataset_id` puts "d4rl/" before it."""
    url: str
    max_episode_steps: int
    """Step limit of D4RL's environment."""
    reference_scores: tuple[float, float]
    """Returns of a random policy and of an expert, in that order."""
    env_id: str | None = None
    """Gymnasium's environment of the same spaces; None where there is none."""
    goal: tuple[float, float] | None = None
    """Of a maze, in the coordinates of its observations: what the rewards are about."""
    rewards_of_observations: bool = False
    """Whether rewards[t] was computed from observations[t], where the environment would pay it for arriving there."""
    ends_marked: bool = False
    """Whether each episode's last row is terminal, so that the step limit tells nothing of the rows."""
    sha256: str | None = None
    """Of the file; None where it is not known."""

    @property
    def dataset_id(self) -> str:
        """The id that loads it: "d4rl/halfcheetah-medium-v2"."""
        return f"d4rl/{self.name}"

    @property
    def file_name(self) -> str:
        """In the cache folder: the last part of the URL, as D4RL has it."""
        return self.url.rsplit("/", 1)[-1]

    def normalized_score(self, episode_return: float) -> float:
        """(return - random) / (expert - random), as D4RL defines it; papers print it times 100."""
        low, high = self.reference_scores
        return (episode_return - low) / (high - low)
