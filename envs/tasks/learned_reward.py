"""The task that a data set's rewards describe."""

from __future__ import annotations

from typing import Any

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.tasks.task import Task


class LearnedRewardTask(Task):
    """Collect the reward that the model learned from its data, whatever it is, until its termination head says stop."""

    name = "the learned reward"

    def reward_function(self, observation: Any, selector: ObservationSelector) -> None:
        return None
