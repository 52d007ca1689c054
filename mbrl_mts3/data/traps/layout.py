"""Rows that do not fit each other or the spaces."""

from __future__ import annotations

from collections.abc import Iterator

from mbrl_mts3.data.observation_leaves import leaf_shapes, observation_leaves, space_shapes
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding

_ADVICE = "Write the episode anew, or drop it"


def layout(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """T actions need T + 1 observations, T rewards and flags, each of the shape that its space has."""
    steps = len(episode)
    if steps == 0:
        advice = "It is left out when the data is loaded; drop it"
        yield Finding("warning", "empty-episode", "an episode holds no step", advice, episode.episode_id)
        return
    rows = {name: len(leaf) for name, leaf in observation_leaves(episode.observations)}
    wrong = [f"{count} rows of {name}" for name, count in rows.items() if count != steps + 1]
    for name in ("rewards", "terminations", "truncations"):
        count = getattr(episode, name).size
        wrong += [f"{count} {name}"] if count != steps else []
    if wrong:
        message = f"{steps} actions need {steps + 1} observations, {steps} rewards and flags; found {', '.join(wrong)}"
        yield Finding("error", "unequal-lengths", message, _ADVICE, episode.episode_id)
        return
    expected = space_shapes(survey.dataset.observation_space) | {"actions": survey.dataset.action_space.shape}
    found = leaf_shapes(episode.observations) | {"actions": episode.actions.shape[1:]}
    if found != expected:
        message = f"arrays have the shapes {found}, the spaces {expected}"
        yield Finding("error", "wrong-shape", message, _ADVICE, episode.episode_id)
