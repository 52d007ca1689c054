"""Imagined episodes are those of the environment of the data, with its options and its time limit."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection import collect_dataset
from mbrl_mts3.data import load_minari
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.world_model import load_dynamics
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models import GRU
from mbrl_mts3.training import Checkpoint, WorldModelTrainer

ID = "mine/rope-v0"


class Rope(gymnasium.Env[Any, Any]):
    """Its options change what is seen and how far actions reach."""

    def __init__(self, knots: int = 2, reach: float = 1.0) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (knots,), np.float32)
        self.action_space = spaces.Box(-reach, reach, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.place = self.np_random.normal(size=self.observation_space.shape)
        return self.place.astype(np.float32), {}

    def step(self, action: Any) -> Any:
        self.place = 0.8 * self.place + 0.1 * float(action[0])
        return self.place.astype(np.float32), float(self.place[0]), False, False, {}


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.delitem(gymnasium.registry, "Rope-v0", raising=False)
    gymnasium.register("Rope-v0", Rope, max_episode_steps=90)
    make = partial(make_environment, "Rope-v0", knots=3, reach=2.5)
    collect_dataset(make, RandomBehaviour, 120, ID, max_episode_steps=24, progress=False)
    trainer = WorldModelTrainer(
        length=8, batch_size=4, max_updates=1, validation_length=12, validation_context=4, progress=False, loggers=()
    )
    trainer.fit(load_minari(ID), partial(GRU, width=4), tmp_path / "run")
    return Checkpoint.from_pretrained(tmp_path / "run" / "best")


def test_options_and_time_limit_are_those_of_the_data(checkpoint: Checkpoint, tmp_path: Path):
    assert dict(checkpoint.env_options) == {"knots": 3, "reach": 2.5, "max_episode_steps": 24}
    assert load_minari(ID, memory_map=True, cache=tmp_path / "cache").env_options == checkpoint.env_options
    env: Any = gymnasium.make("mbrl_mts3/WorldModel-v0", checkpoint=checkpoint, dataset=ID, context=4)
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[3] for _ in range(24)]
    assert ends == [False] * 23 + [True]


def test_given_options_go_before(checkpoint: Checkpoint):
    dynamics = load_dynamics(checkpoint, ID, environment_options={"max_episode_steps": 7}, context=4)
    assert dynamics.max_episode_steps == 7
    with pytest.raises(ConfigurationError, match=r"with knots=3, reach=2.5, max_episode_steps=24, no=1"):
        load_dynamics(checkpoint, ID, environment_options={"no": 1}, env_id="Rope-v0", context=4)


def test_an_environment_that_is_unknown_here_is_not_needed_for_a_learned_reward(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delitem(gymnasium.registry, "Rope-v0")
    with pytest.warns(UserWarning, match=r"without the real environment.*'Rope-v0'"):
        dynamics = load_dynamics(checkpoint, ID, context=4)
    assert dynamics.max_episode_steps == 24
    assert dynamics.action_space == checkpoint.action_space
    with pytest.raises(ConfigurationError, match="unknown environment 'Rope-v0'"):
        load_dynamics(checkpoint, ID, env_id="Rope-v0", context=4)
