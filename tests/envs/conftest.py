"""Environments that the tests of this folder share."""

from collections.abc import Iterator
from typing import Any

import gymnasium
import pytest


@pytest.fixture(scope="module")
def u_maze() -> Iterator[gymnasium.Env[Any, Any]]:
    from mbrl_mts3.envs import make_environment

    environment = make_environment("PointMaze_UMaze-v3", continuing_task=False)
    yield environment
    environment.close()
