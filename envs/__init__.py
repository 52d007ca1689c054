"""Real environments, their rewards and tasks, and imagined environments."""

from mbrl_mts3.envs.make import (
    check_environment_spaces,
    episodic_options,
    is_goal_maze,
    make_environment,
    merge_options,
)
from mbrl_mts3.envs.registration import (
    HIDDEN_HALF_CHEETAH_ID,
    SKID_STEER_ID,
    WORLD_MODEL_ID,
    register_hidden_half_cheetah,
    register_skid_steer,
    register_world_model,
)

register_hidden_half_cheetah()
register_skid_steer()
register_world_model()

__all__ = [
    "HIDDEN_HALF_CHEETAH_ID",
    "SKID_STEER_ID",
    "WORLD_MODEL_ID",
    "check_environment_spaces",
    "episodic_options",
    "is_goal_maze",
    "make_environment",
    "merge_options",
]
