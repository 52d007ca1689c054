"""From an episode as it is stored to one as a model sees it."""

from __future__ import annotations

import numpy as np

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.raw_episode import Array, RawEpisode


def select_episode(raw: RawEpisode, selector: ObservationSelector) -> Episode:
    """Selected observations and float32, with the infos that have a row for each transition or observation.

    Raises:
        NonFiniteDataError: NaN or infinity in the selected data; episode and step are named.
        DataError: lengths that do not fit, or no step.
    """
    steps = len(raw.rewards)
    return Episode(
        observations=selector(raw.observations),
        actions=np.asarray(raw.actions, np.float32),
        rewards=np.asarray(raw.rewards, np.float32).reshape(steps),
        terminations=np.asarray(raw.terminations, np.bool_).reshape(steps),
        truncations=np.asarray(raw.truncations, np.bool_).reshape(steps),
        infos=rowwise_infos(raw),
        episode_id=raw.episode_id,
    )


def rowwise_infos(raw: RawEpisode) -> dict[str, Array]:
    """Those that have a row for each transition or each observation."""
    steps = len(raw.rewards)
    return {name: array for name, array in raw.infos.items() if len(array) in (steps, steps + 1)}
