"""Real environments, their rewards and tasks."""

from mbrl_mts3.envs.check_spaces import check_spaces
from mbrl_mts3.envs.make import episodic_options, is_goal_maze, make_environment

__all__ = ["check_spaces", "episodic_options", "is_goal_maze", "make_environment"]
