"""Many imagined environments at once behave as Gymnasium's own vector of single ones."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from mbrl_mts3.envs.world_model import WorldModelDynamics, WorldModelEnv, WorldModelVectorEnv
from mbrl_mts3.errors import ConfigurationError, ShapeError

Load = Callable[..., WorldModelDynamics]
MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]


def play(environment: Any, steps: int, seed: int = 0) -> list[Any]:
    environment.action_space.seed(seed)
    return [environment.reset(seed=seed)] + [environment.step(environment.action_space.sample()) for _ in range(steps)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("limit", [3, 1000])
def test_it_gives_what_single_environments_give(load_cheetah: Load, mode: AutoresetMode, limit: int) -> None:
    """Without chance, and with one moment to start from, both must agree in all they return."""
    options = {"deterministic": True, "num_start_states": 1, "max_episode_steps": limit, "uncertainty": "aleatoric"}
    dynamics = load_cheetah(**options)
    ours = WorldModelVectorEnv(dynamics, 3, mode)
    theirs = SyncVectorEnv([lambda: WorldModelEnv(dynamics) for _ in range(3)], autoreset_mode=mode)
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"] is mode
    for name in ("observation_space", "action_space", "single_observation_space", "single_action_space", "num_envs"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for mine, yours in zip(play(ours, 8), play(theirs, 8), strict=True):
        assert data_equivalence(mine, yours)


def staggered(dynamics: WorldModelDynamics, mode: AutoresetMode) -> WorldModelVectorEnv:
    """Three environments whose ages differ by one step each."""
    environment = WorldModelVectorEnv(dynamics, 3, AutoresetMode.DISABLED)
    environment.reset(seed=0)
    for mask in ([True, True, False], [True, False, False]):
        environment.step(np.zeros((3, 6), np.float32))
        environment.reset(options={"reset_mask": np.array(mask)})
    assert environment._batch.state.steps.tolist() == [0, 1, 2]
    environment.autoreset_mode = mode
    return environment


def test_each_environment_begins_anew_by_itself(load_cheetah: Load) -> None:
    environment = staggered(load_cheetah(max_episode_steps=3), AutoresetMode.NEXT_STEP)
    ages, truncated, paid = [], [], []
    for _ in range(5):
        _, rewards, _, truncations, infos = environment.step(np.ones((3, 6), np.float32))
        ages.append(environment._batch.state.steps.tolist())
        truncated.append(truncations.tolist())
        paid.append((rewards != 0).tolist())
        assert ("truncation" in infos) == truncations.any()
        if truncations.any():
            assert infos["_truncation"].tolist() == truncations.tolist()
            assert infos["truncation"].tolist() == [("time_limit" if late else None) for late in truncations]
    assert ages == [[1, 2, 3], [2, 3, 0], [3, 0, 1], [0, 1, 2], [1, 2, 3]]
    assert truncated == [[age == 3 for age in row] for row in ages]
    assert paid == [[age > 0 for age in row] for row in ages]


def test_the_last_observation_is_kept_where_episodes_begin_at_once(load_cheetah: Load) -> None:
    environment = staggered(load_cheetah(max_episode_steps=3), AutoresetMode.SAME_STEP)
    observations, rewards, _, truncations, infos = environment.step(np.ones((3, 6), np.float32))
    assert truncations.tolist() == [False, False, True]
    assert environment._batch.state.steps.tolist() == [1, 2, 0]
    assert (rewards != 0).all()
    last = infos["final_obs"]
    assert [value is None for value in last] == [True, True, False]
    assert last[2] in environment.single_observation_space
    assert not np.array_equal(last[2], observations[2])
    assert infos["final_info"]["truncation"].tolist() == [None, None, "time_limit"]


@pytest.mark.parametrize("mode", [*MODES, AutoresetMode.DISABLED])
def test_equal_seeds_give_equal_data(load_maze: Load, mode: AutoresetMode) -> None:
    steps = 2 if mode is AutoresetMode.DISABLED else 7
    first, second = (WorldModelVectorEnv(load_maze(max_episode_steps=3), 4, mode) for _ in range(2))
    assert data_equivalence(play(first, steps), play(second, steps), exact=True)
    assert data_equivalence(play(first, steps), play(second, steps), exact=True)
    assert not data_equivalence(play(first, steps), play(second, steps, seed=1))
    observation, _ = first.reset(seed=[1, 2, 3, 4])
    assert observation in first.observation_space
    assert data_equivalence(first.reset(seed=[1, 2, 3, 4])[0], second.reset(seed=[1, 2, 3, 4])[0], exact=True)


def test_episodes_of_one_batch_differ(load_cheetah: Load) -> None:
    environment = WorldModelVectorEnv(load_cheetah(num_start_states=1), 4)
    start, _ = environment.reset(seed=0)
    assert (start == start[0]).all()
    after = environment.step(np.zeros((4, 6), np.float32))[0]
    assert len({tuple(row) for row in after.tolist()}) == 4


def test_a_pickled_copy_goes_on_where_it_is(load_maze: Load) -> None:
    environment = WorldModelVectorEnv(load_maze(max_episode_steps=4), 3)
    play(environment, 5)
    copy, actions = pickle.loads(pickle.dumps(environment)), np.zeros((3, 2), np.float32)
    for _ in range(6):
        assert data_equivalence(environment.step(actions), copy.step(actions), exact=True)


def test_what_is_returned_is_never_changed_later(load_cheetah: Load) -> None:
    environment = WorldModelVectorEnv(load_cheetah(), 2)
    given = [environment.reset(seed=0)[0]] + [environment.step(np.zeros((2, 6), np.float32))[0] for _ in range(3)]
    assert len({array.ctypes.data for array in given}) == 4
    assert len({tuple(array[0]) for array in given}) == 4


def test_misuse_is_an_error_that_says_what_to_do(load_cheetah: Load) -> None:
    environment = WorldModelVectorEnv(load_cheetah(max_episode_steps=1), 2, AutoresetMode.DISABLED)
    with pytest.raises(ConfigurationError, match="reset"):
        environment.step(np.zeros((2, 6), np.float32))
    environment.reset()
    with pytest.raises(ShapeError, match=r"\(2, 6\), got \(6,\)"):
        environment.step(np.zeros(6, np.float32))
    environment.step(np.zeros((2, 6), np.float32))
    with pytest.raises(ConfigurationError, match=r"\[0, 1\] have ended.*reset_mask"):
        environment.step(np.zeros((2, 6), np.float32))
    for mask in (np.zeros(2, bool), np.ones(3, bool), np.ones(2, int), [True, False]):
        with pytest.raises(ConfigurationError, match="reset_mask"):
            environment.reset(options={"reset_mask": mask})
    with pytest.raises(ConfigurationError, match="at least one"):
        WorldModelVectorEnv(load_cheetah(), 0)


def test_wrappers_of_gymnasium_take_it(load_cheetah: Load) -> None:
    environment = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        WorldModelVectorEnv(load_cheetah(max_episode_steps=3), 2)
    )
    infos = play(environment, 3)[-1][4]
    assert infos["episode"]["l"].tolist() == [3, 3]
