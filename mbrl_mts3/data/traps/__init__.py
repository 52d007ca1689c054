"""Known traps of offline data: one pure function each, that tells what it finds.

A new trap is one file and one entry here. Traps of episodes see one episode after the other, traps of data sets see
the survey only.
"""

from collections.abc import Callable, Iterator

from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.action_bounds import action_bounds
from mbrl_mts3.data.traps.constant_dimensions import constant_dimensions
from mbrl_mts3.data.traps.dtypes import dtypes
from mbrl_mts3.data.traps.duplicated_episodes import duplicated_episodes
from mbrl_mts3.data.traps.episode_end import episode_end
from mbrl_mts3.data.traps.finding import Finding
from mbrl_mts3.data.traps.hidden_start import hidden_start
from mbrl_mts3.data.traps.kitchen_layout import kitchen_layout
from mbrl_mts3.data.traps.kitchen_rewards import kitchen_rewards
from mbrl_mts3.data.traps.layout import layout
from mbrl_mts3.data.traps.locomotion_rewards import locomotion_rewards
from mbrl_mts3.data.traps.non_finite import non_finite
from mbrl_mts3.data.traps.observation_jumps import observation_jumps
from mbrl_mts3.data.traps.reward_scale import reward_scale
from mbrl_mts3.data.traps.reward_timing import reward_timing
from mbrl_mts3.data.traps.stale_goal import stale_goal
from mbrl_mts3.data.traps.stale_observation import stale_observation
from mbrl_mts3.data.traps.success_radius import success_radius
from mbrl_mts3.data.traps.time_limit import time_limit

EpisodeTrap = Callable[[RawEpisode, Survey], Iterator[Finding]]
SurveyTrap = Callable[[Survey], Iterator[Finding]]

LAYOUT: EpisodeTrap = layout
"""Comes first: where it finds something, the other traps of episodes have nothing to stand on."""
EPISODE_TRAPS: tuple[EpisodeTrap, ...] = (
    non_finite,
    action_bounds,
    episode_end,
    time_limit,
    observation_jumps,
    hidden_start,
    reward_timing,
    stale_goal,
    stale_observation,
    success_radius,
    kitchen_rewards,
    locomotion_rewards,
)
SURVEY_TRAPS: tuple[SurveyTrap, ...] = (
    dtypes,
    constant_dimensions,
    duplicated_episodes,
    kitchen_layout,
    reward_scale,
)

__all__ = ["EPISODE_TRAPS", "LAYOUT", "SURVEY_TRAPS", "EpisodeTrap", "Finding", "SurveyTrap"]
