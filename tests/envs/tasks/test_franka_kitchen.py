"""The kitchen's task, step by step beside the real environment."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.wrappers import FlattenObservation
from gymnasium_robotics.envs.franka_kitchen import kitchen_env
from imagined_worlds import checkpoint_of, dataset_of
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from mbrl_mts3.data import ObservationSelector
from mbrl_mts3.data.observation_names import known_names
from mbrl_mts3.data.observations import index_observation
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.rewards import KITCHEN_GOALS, KITCHEN_RADIUS
from mbrl_mts3.envs.tasks import FrankaKitchenTask, default_task
from mbrl_mts3.envs.terminations import NeverTerminates
from mbrl_mts3.envs.world_model import WorldModelDynamics, WorldModelEnv, load_dynamics
from mbrl_mts3.errors import ConfigurationError, UnknownObservationError

KITCHEN = "FrankaKitchen-v1"
SOME = ["kettle", "microwave", "slide cabinet"]


def selector(environment: gymnasium.Env[Any, Any], select: Any = "all") -> ObservationSelector:
    return ObservationSelector.from_space(environment.observation_space, KITCHEN, select)


@pytest.fixture(scope="module")
def dynamics() -> WorldModelDynamics:
    data = dataset_of(KITCHEN, episodes=1, steps=14)
    return load_dynamics(checkpoint_of(data), data, context=0, max_episode_steps=12)


@pytest.fixture(scope="module")
def kitchen() -> Iterator[Any]:
    environment = make_environment(KITCHEN, tasks_to_complete=SOME)
    yield environment
    environment.close()


def test_goals_and_places_are_the_environment_s() -> None:
    names = known_names(KITCHEN, 59)
    assert names is not None
    assert set(KITCHEN_GOALS) == set(kitchen_env.OBS_ELEMENT_GOALS)
    assert kitchen_env.BONUS_THRESH == KITCHEN_RADIUS
    for task, goal in kitchen_env.OBS_ELEMENT_GOALS.items():
        assert list(KITCHEN_GOALS[task].values()) == goal.tolist()
        # Its own indices count in the simulator's positions, which lack the robot's nine velocities.
        places = [names.index(joint) - 9 for joint in KITCHEN_GOALS[task]]
        assert places == kitchen_env.OBS_ELEMENT_INDICES[task].tolist()


def shaken(environment: Any, rng: np.random.Generator) -> None:
    """Put some objects near their goals, inside and outside of the radius, and others where they began."""
    robot = environment.unwrapped.robot_env
    position = robot.init_qpos.copy()
    for task, places in kitchen_env.OBS_ELEMENT_INDICES.items():
        if rng.random() < 0.35:
            way = rng.normal(size=len(places))
            if task == "kettle":
                way[3:] = 0.0
            distance = rng.uniform(0.0, 0.6)
            position[places] = kitchen_env.OBS_ELEMENT_GOALS[task] + distance * way / np.linalg.norm(way)
    robot.set_state(position, np.zeros(robot.model.nv))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"remove_task_when_completed": False},
        {"terminate_on_tasks_completed": False},
        {"tasks_to_complete": ["light switch", "bottom burner", "kettle"]},
    ],
    ids=["once", "each step", "endless", "three tasks"],
)
def test_rewards_ends_and_successes_are_the_environment_s(options: dict[str, Any]) -> None:
    environment: Any = make_environment(KITCHEN, object_noise_ratio=0.0, max_episode_steps=1000, **options)
    environment.unwrapped.robot_env.init_qpos = environment.unwrapped.robot_env.init_qpos.copy()
    task = FrankaKitchenTask().prepare(environment)
    seen, rng = selector(environment), np.random.default_rng(0)
    observation, _ = environment.reset(seed=0)
    before = torch.as_tensor(seen(observation))[None]
    goal, action = task.sample_goals(before, seen, None), np.zeros(9)
    assert not goal.any()
    paid, ended = [], False
    for _ in range(60):
        shaken(environment, rng)
        observation, reward, terminated, _, info = environment.step(action)
        after = torch.as_tensor(seen(observation))[None]
        goal = task.next_goals(goal, before, seen, None)
        view = {"finished_tasks": goal}
        ours = task.reward_function(view, seen)(before, torch.zeros(1, 9), after)
        assert ours.item() == reward
        assert bool(task.termination_function(view, seen)(after)) == terminated
        assert bool(task.success_function(view, seen)(after)) == task.success(observation, info)
        paid.append(reward)
        before, ended = after, terminated
        if terminated:
            break
    environment.close()
    assert sum(paid) >= len(task.chosen), "too few tasks were finished for a comparison"
    assert ended == (options.get("terminate_on_tasks_completed", True) and task.success(observation, info))


def test_plans_pay_each_step_of_each_candidate(kitchen: Any) -> None:
    task, seen = FrankaKitchenTask().prepare(kitchen), selector(kitchen)
    start = torch.as_tensor(seen(kitchen.reset(seed=0)[0]))
    done = start.clone()
    done[seen.require(["microwave"], "a test")[0]] = -0.7
    plan = torch.stack([start, done, done]).expand(2, 4, 3, 59)
    before = torch.stack([start, start, done]).expand(2, 4, 3, 59)
    raw = {"finished_tasks": torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])}
    rewards = task.reward_function(raw, seen)(before, torch.zeros(2, 4, 3, 9), plan)
    assert rewards[0].tolist() == [[0.0, 1.0, 0.0]] * 4
    assert rewards[1].tolist() == [[0.0, 0.0, 0.0]] * 4
    assert task.reward_function({}, seen)(before, torch.zeros(2, 4, 3, 9), plan)[1].tolist() == [[0.0, 1.0, 0.0]] * 4
    ends = task.success_function({"finished_tasks": torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])}, seen)(plan)
    assert ends[0].tolist() == [[False, True, True]] * 4
    assert not ends[1].any()


def test_imagined_kitchens_pass_the_checkers(dynamics: WorldModelDynamics) -> None:
    environment = WorldModelEnv(dynamics)
    real = make_environment(KITCHEN)
    assert environment.observation_space == real.observation_space
    assert environment.action_space == real.action_space
    observation, _ = environment.reset(seed=0)
    expected, _ = real.reset(seed=0)
    for key in ("desired_goal", "achieved_goal"):
        assert set(observation[key]) == set(expected[key])
    assert data_equivalence(observation["desired_goal"], expected["desired_goal"])
    np.testing.assert_allclose(observation["achieved_goal"]["kettle"], observation["observation"][32:39])
    np.testing.assert_allclose(expected["achieved_goal"]["kettle"], expected["observation"][32:39], atol=0.01)
    real.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*Box observation space.*infinity")
        warnings.filterwarnings("ignore", message=".*not having a spec")
        warnings.filterwarnings("ignore", message=".*float64.*float32")
        check_env(environment)


def test_stable_baselines_gets_it_as_one_box() -> None:
    """It knows no dicts within dicts."""
    data = dataset_of(KITCHEN, episodes=1, steps=14)
    flat = load_dynamics(checkpoint_of(data), data, context=0, observation="selected", max_episode_steps=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_for_sb3(WorldModelEnv(flat))
    state = flat.initial(1, torch.Generator().manual_seed(0))
    moved, finished = done(flat, state.observation, "microwave"), torch.ones(1, 7)
    assert flat.reward(state, torch.zeros(1, 9), replace(state, observation=moved)).item() == 1.0
    assert flat.reward(state, torch.zeros(1, 9), replace(state, observation=moved, goal=finished)).item() == 0.0


def test_a_flat_kitchen_is_gymnasium_s(dynamics: WorldModelDynamics) -> None:
    data = dataset_of(KITCHEN, episodes=1, steps=14)
    flat = load_dynamics(checkpoint_of(data), data, context=0, observation="flat", max_episode_steps=5)
    real = FlattenObservation(make_environment(KITCHEN))
    assert flat.observation_space == real.observation_space
    real.close()
    state = flat.initial(3, torch.Generator().manual_seed(0))
    nested = dynamics.observation_arrays(state)
    shown = flat.observation_arrays(state)
    for row in range(3):
        one = spaces.flatten(dynamics.observation_space, index_observation(nested, row))
        np.testing.assert_array_equal(shown[row], one)
        np.testing.assert_allclose(flat.observation(state)[row], one, rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_for_sb3(WorldModelEnv(flat))
    assert flat.reward(state, torch.zeros(3, 9), state).shape == (3,)


def done(dynamics: WorldModelDynamics, observation: torch.Tensor, *tasks: str) -> torch.Tensor:
    """The observation with objects at their goals."""
    moved = observation.clone()
    for task in tasks:
        for joint, value in KITCHEN_GOALS[task].items():
            moved[:, dynamics.selector.names.index(joint)] = value
    return moved


def test_imagined_states_remember_what_is_finished(dynamics: WorldModelDynamics) -> None:
    """Paid when it is first done, never again, also after the object was moved back."""
    generator, action = torch.Generator().manual_seed(0), torch.zeros(2, 9)
    start = dynamics.initial(2, generator)
    assert start.goal is not None
    assert not start.goal.any()
    chosen = dynamics.task.prepare(make_environment(KITCHEN))
    assert isinstance(chosen, FrankaKitchenTask)
    place = chosen.chosen.index("microwave")
    opened = replace(start, observation=done(dynamics, start.observation, "microwave"))
    assert dynamics.reward(start, action, opened).tolist() == [1.0, 1.0]
    with torch.no_grad():
        later = dynamics.transition(opened, action, generator)
    assert later.goal is not None
    assert later.goal[:, place].tolist() == [1.0, 1.0]
    closed = replace(later, observation=start.observation)
    again = replace(later, observation=opened.observation)
    assert dynamics.reward(closed, action, again).tolist() == [0.0, 0.0]
    assert not dynamics.terminal(again).any()
    others = done(dynamics, start.observation, *(task for task in chosen.chosen if task != "microwave"))
    assert dynamics.terminal(replace(closed, observation=others)).all()
    assert not dynamics.terminal(replace(start, observation=others)).any()
    success = dynamics.success(replace(closed, observation=others))
    assert success is not None
    assert success.all()


def test_the_environment_chooses_the_tasks_unless_told(kitchen: Any) -> None:
    assert isinstance(default_task("FrankaKitchen-v1"), FrankaKitchenTask)
    assert FrankaKitchenTask().prepare(kitchen).chosen == tuple(kitchen.unwrapped.goal)
    one = FrankaKitchenTask(["microwave"], ends=False).prepare(kitchen)
    assert one.chosen == ("microwave",)
    assert isinstance(one.termination_function({}, selector(kitchen)), NeverTerminates)
    assert one.columns(selector(kitchen, ["kettle_x", "microwave"])) == (1,)
    observation, info = kitchen.reset(seed=0)
    assert not one.success(observation, info)
    assert not one.success(observation, {})
    near = {"achieved_goal": {"microwave": np.array([-0.5])}}
    assert one.success(near, {})
    assert one.success(observation, {"episode_task_completions": ["kettle", "microwave"]})


def test_what_does_not_fit_is_refused(kitchen: Any) -> None:
    with pytest.raises(ConfigurationError, match="toaster"):
        FrankaKitchenTask(["toaster"])
    with pytest.raises(ConfigurationError, match="choose some"):
        FrankaKitchenTask([])
    with pytest.raises(ConfigurationError, match="without the tasks light switch"):
        FrankaKitchenTask(["light switch"]).prepare(kitchen)
    maze = make_environment("PointMaze_UMaze-v3")
    with pytest.raises(ConfigurationError, match="needs FrankaKitchen"):
        FrankaKitchenTask().prepare(maze)
    maze.close()
    with pytest.raises(UnknownObservationError, match="does not see kettle_x"):
        FrankaKitchenTask(["kettle"]).columns(selector(kitchen, ["microwave"]))
