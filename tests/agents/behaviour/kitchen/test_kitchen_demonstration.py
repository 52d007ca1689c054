"""Scripted kitchen demonstrations in the real simulator."""

from collections.abc import Iterator
from typing import Any

import gymnasium
import minari
import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mbrl_mts3.agents.behaviour import KitchenDemonstration
from mbrl_mts3.agents.behaviour.kitchen.arm import KitchenArm
from mbrl_mts3.agents.behaviour.kitchen.motion import KitchenHandle, tool_rotation
from mbrl_mts3.agents.behaviour.kitchen.plans import KITCHEN_PLANS
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError

COMPLETE = ["microwave", "kettle", "light switch", "slide cabinet"]


def make(tasks: list[str], **kwargs: Any) -> gymnasium.Env[Any, Any]:
    return make_environment("FrankaKitchen-v1", tasks_to_complete=tasks, **kwargs)


@pytest.fixture(scope="module")
def kitchen() -> Iterator[gymnasium.Env[Any, Any]]:
    environment = make(list(KITCHEN_PLANS), terminate_on_tasks_completed=False)
    yield environment
    environment.close()


@pytest.fixture
def fresh(kitchen: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    kitchen.reset(seed=0)
    return kitchen


def simulator(environment: gymnasium.Env[Any, Any]) -> tuple[Any, Any]:
    robot = environment.unwrapped.robot_env  # type: ignore[attr-defined]
    return robot.model, robot.data


def solved(environment: gymnasium.Env[Any, Any], behaviour: KitchenDemonstration, seed: int) -> set[str]:
    """What the environment paid for until the behaviour was through, or the time was over."""
    observation, info = environment.reset(seed=seed)
    behaviour.reset(seed)
    ended = False
    while not ended and not behaviour.over:
        observation, _, terminated, truncated, info = environment.step(behaviour(observation))
        ended = terminated or truncated
    return set(info["episode_task_completions"])


def test_jacobian_is_the_slope_of_the_tools_pose(fresh: gymnasium.Env[Any, Any]) -> None:
    """Against finite differences of the simulator's own forward kinematics."""
    (model, data), arm, h = simulator(fresh), KitchenArm(fresh), 1e-5
    jacobian, rotation = arm._jacobian(), arm.rotation.copy()
    for joint in range(7):
        poses = []
        for offset in (h, -2 * h):
            data.qpos[joint] += offset
            mujoco.mj_kinematics(model, data)
            turn = Rotation.from_matrix(arm.rotation @ rotation.T).as_rotvec()
            poses.append(np.concatenate([arm.position, 0.3 * turn]))
        data.qpos[joint] += h
        np.testing.assert_allclose((poses[0] - poses[1]) / (2 * h), jacobian[:, joint], atol=1e-6)


def test_arm_holds_its_pose_against_gravity(fresh: gymnasium.Env[Any, Any]) -> None:
    arm = KitchenArm(fresh)
    here, (observation, _) = arm.here, fresh.reset(seed=0)
    for _ in range(20):
        observation, *_ = fresh.step(arm.action(observation["observation"], here))
    assert np.linalg.norm(arm.position - here.position) < 0.01
    for _ in range(20):
        fresh.step(np.zeros(9))
    assert np.linalg.norm(arm.position - here.position) > 0.02


@pytest.mark.parametrize("task", KITCHEN_PLANS)
def test_a_handle_is_where_the_simulator_puts_it(fresh: gymnasium.Env[Any, Any], task: str) -> None:
    """The place at an advanced joint is the place after the joint was set there."""
    (model, data), plan, offset = simulator(fresh), KITCHEN_PLANS[task], np.array([0.1, -0.05, 0.02])
    handle, goal = KitchenHandle(model, data, plan), np.asarray(plan.goal)
    before = handle.remaining
    predicted, turn = handle.target(offset, 0.2)
    joint = model.joint(plan.joint)
    address, body = joint.qposadr[0], data.body(model.site_bodyid[model.site(plan.site).id])
    rotation = body.xmat.reshape(3, 3).copy()
    coordinate = data.qpos[address : address + len(goal)]
    coordinate += 0.2 * (goal - coordinate) / np.linalg.norm(goal - coordinate)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    np.testing.assert_allclose(turn, body.xmat.reshape(3, 3) @ rotation.T, atol=1e-9)
    np.testing.assert_allclose(predicted, data.site(plan.site).xpos + turn @ offset, atol=1e-9)
    # Now that it is there, the offset has turned with it.
    np.testing.assert_allclose(handle.target(offset, 0.0)[0], predicted, atol=1e-9)
    assert handle.remaining == pytest.approx(before - 0.2)


def test_tool_angles() -> None:
    np.testing.assert_allclose(tool_rotation(0, 0), np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]]))
    ahead = np.array([0, 0, 1])
    np.testing.assert_allclose(tool_rotation(np.pi / 2, 0) @ ahead, [-1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(tool_rotation(0, np.pi / 2) @ ahead, [0, 0, -1], atol=1e-12)


def test_the_environment_pays_for_a_task() -> None:
    environment = make(["kettle"])
    assert solved(environment, KitchenDemonstration(environment), seed=3) == {"kettle"}
    environment.close()


def test_no_task_solves_itself(kitchen: gymnasium.Env[Any, Any]) -> None:
    """An arm that holds still or trembles is paid nothing."""
    observation, _ = kitchen.reset(seed=0)
    behaviour = KitchenDemonstration(kitchen, ["microwave"], haste=(1e-6, 1e-6), noise=0.2)
    for _ in range(40):
        observation, reward, *_ = kitchen.step(behaviour(observation))
        assert reward == 0


def actions(environment: gymnasium.Env[Any, Any], seed: int, steps: int = 6, **options: Any) -> np.ndarray:
    behaviour = KitchenDemonstration(environment, COMPLETE, **options)
    observation, _ = environment.reset(seed=0)
    behaviour.reset(seed)
    taken = []
    for _ in range(steps):
        taken.append(behaviour(observation))
        observation, *_ = environment.step(taken[-1])
    return np.stack(taken)


def test_equal_seeds_give_equal_actions_and_others_do_not(kitchen: gymnasium.Env[Any, Any]) -> None:
    first = actions(kitchen, 1, noise=0.1)
    np.testing.assert_array_equal(first, actions(kitchen, 1, noise=0.1))
    assert first.dtype == np.float32
    assert np.all(np.abs(first) <= 1)
    assert not np.array_equal(first, actions(kitchen, 2, noise=0.1))


@pytest.mark.parametrize(
    "options", [{"shift": 0.03}, {"haste": (0.3, 0.3)}, {"noise": 0.3}, {"wander": 1.0}], ids=lambda o: next(iter(o))
)
def test_options_change_the_actions(kitchen: gymnasium.Env[Any, Any], options: dict[str, Any]) -> None:
    assert not np.array_equal(actions(kitchen, 1), actions(kitchen, 1, **options))


def test_a_slipped_handle_is_tried_again_as_often_as_allowed(fresh: gymnasium.Env[Any, Any]) -> None:
    """With the knob held in place every attempt fails, and the behaviour ends after the last."""
    _, data = simulator(fresh)
    lengths = []
    for attempts in (1, 2):
        observation, _ = fresh.reset(seed=0)
        behaviour = KitchenDemonstration(fresh, ["top burner"], attempts=attempts)
        steps = 0
        while not behaviour.over and steps < 200:
            observation, *_ = fresh.step(behaviour(observation))
            data.qpos[15:17] = data.qvel[15:17] = 0
            steps += 1
        lengths.append(steps)
    assert 40 < lengths[0] < lengths[1] - 20 < 180


def test_sampled_tasks(kitchen: gymnasium.Env[Any, Any]) -> None:
    behaviour = KitchenDemonstration(kitchen, subset=4, shuffled=True)
    orders = set()
    for seed in range(60):
        behaviour.reset(seed)
        tasks = behaviour.episode_tasks
        assert len(set(tasks)) == 4
        assert "hinge cabinet" not in tasks[:-1]
        orders.add(tasks)
    assert {task for tasks in orders for task in tasks} == set(KITCHEN_PLANS)
    assert len({tasks[0] for tasks in orders}) == 6
    in_order = KitchenDemonstration(kitchen, COMPLETE, subset=3)
    for seed in range(10):
        in_order.reset(seed)
        chosen = in_order.episode_tasks
        assert len(chosen) == 3
        assert list(chosen) == [task for task in COMPLETE if task in chosen]


def test_tasks_apart_are_never_sampled_together(kitchen: gymnasium.Env[Any, Any]) -> None:
    apart = ["microwave", "kettle", "bottom burner"]
    free, kept = (KitchenDemonstration(kitchen, subset=4, shuffled=True, apart=names) for names in ((), apart))
    together = 0
    for seed in range(100):
        free.reset(seed)
        kept.reset(seed)
        together += set(apart) <= set(free.episode_tasks)
        assert len(set(apart) & set(kept.episode_tasks)) < 3
        assert len(set(kept.episode_tasks)) == 4
    assert together > 5


def test_tasks_are_those_of_the_environment_unless_given(kitchen: gymnasium.Env[Any, Any]) -> None:
    assert KitchenDemonstration(kitchen).episode_tasks == tuple(KITCHEN_PLANS)
    assert KitchenDemonstration(kitchen, ["kettle"]).episode_tasks == ("kettle",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tasks": ["kettle", "toaster"]}, "toaster.*microwave"),
        ({"tasks": []}, "no task at all"),
        ({"subset": 8}, "between 1 and the number of tasks, 7, got 8"),
        ({"apart": ["kettle", "toaster"]}, "toaster.*microwave"),
        ({"tasks": COMPLETE, "apart": COMPLETE}, "4 of the 4 tasks attempts all of apart"),
        ({"tasks": ["kettle", "kettle", "microwave"], "subset": 2, "apart": ["kettle"]}, "lower subset"),
        ({"attempts": 0}, "attempts"),
        ({"wander": 1.5}, "wander"),
        ({"noise": -1.0}, "noise"),
        ({"haste": (1.2, 0.8)}, "haste"),
    ],
)
def test_bad_options_are_refused(kitchen: gymnasium.Env[Any, Any], options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        KitchenDemonstration(kitchen, **options)


def test_other_environments_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"FrankaKitchen-v1.*environment=franka_kitchen"):
        KitchenDemonstration(make_environment("PointMaze_UMaze-v3"))


def test_collected_demonstrations_are_minari_data(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    summary = collect_dataset(lambda **_: make(["kettle"]), KitchenDemonstration, 40, "mine/kettle-v0", progress=False)
    dataset = minari.load_dataset("mine/kettle-v0")
    solved_one, cut = dataset
    assert (summary.episodes, summary.steps) == (2, 40)
    assert solved_one.rewards.tolist() == [0.0] * (len(solved_one) - 1) + [1.0]
    assert solved_one.terminations[-1]
    assert cut.rewards.sum() == 0
    assert cut.truncations[-1]
    assert solved_one.observations["observation"].shape == (len(solved_one) + 1, 59)
    moved = solved_one.observations["achieved_goal"]["kettle"][[0, -1], 1]
    assert moved[1] > moved[0] + 0.1


@pytest.mark.slow
@pytest.mark.parametrize("task", KITCHEN_PLANS)
def test_success_rate_of_each_task(task: str) -> None:
    environment = make([task])
    behaviour = KitchenDemonstration(environment)
    assert sum(task in solved(environment, behaviour, seed) for seed in range(100, 110)) >= 8
    environment.close()


@pytest.mark.slow
def test_success_rate_of_the_chain() -> None:
    environment = make(COMPLETE)
    behaviour = KitchenDemonstration(environment)
    assert sum(solved(environment, behaviour, seed) == set(COMPLETE) for seed in range(100, 110)) >= 8
    environment.close()
