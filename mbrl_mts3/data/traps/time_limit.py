"""Time limits that are taken for terminal states, or were passed over."""

from __future__ import annotations

from collections.abc import Iterator

from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding


def time_limit(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """A terminal state has no future reward, a time limit does: values learned from mixed up flags are wrong."""
    limit, steps = survey.dataset.max_episode_steps, len(episode)
    terminated = bool(episode.terminations.reshape(-1)[-1])
    truncated = bool(episode.truncations.reshape(-1)[-1])
    if limit is not None and steps > limit:
        yield Finding(
            "error",
            "beyond-limit",
            f"an episode has {steps} steps, the environment cuts at {limit}: it may be several episodes in one",
            "Look for the hidden boundary and cut there",
            episode.episode_id,
            limit,
        )
    if not terminated:
        return
    if _never_terminates(survey):
        yield Finding(
            "error",
            "impossible-termination",
            f"an episode of {steps} steps is flagged as terminated, {survey.dataset.env_id} never terminates",
            "Move the flag to truncations",
            episode.episode_id,
            steps - 1,
        )
    elif steps == limit and not truncated:
        yield Finding(
            "warning",
            "limit-as-termination",
            f"an episode ends at the time limit ({limit} steps) and is flagged as terminated, not as truncated",
            "Move the flag to truncations unless the last state is terminal",
            episode.episode_id,
            steps - 1,
        )


def _never_terminates(survey: Survey) -> bool:
    env_id, options = survey.dataset.env_id or "", survey.dataset.env_options
    return "HalfCheetah" in env_id or ("PointMaze" in env_id and options.get("continuing_task", False) is True)
