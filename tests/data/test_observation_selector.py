import json

import gymnasium
import gymnasium_robotics
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.data import ObservationSelector
from mbrl_mts3.errors import DataError, ShapeError, UnknownObservationError

gymnasium.register_envs(gymnasium_robotics)

BOX = spaces.Box(-np.inf, np.inf, (4,), np.float64)
GOALS = spaces.Dict(
    {
        "achieved_goal": spaces.Box(-1, 1, (2,), np.float64),
        "desired_goal": spaces.Dict({"kettle": spaces.Box(-2, 2, (3,), np.float64)}),
        "observation": spaces.Box(-np.inf, 7, (4,), np.float64),
    }
)


def test_all_of_a_box() -> None:
    selector = ObservationSelector.from_space(BOX)
    assert selector.names == tuple(f"observation/{i}" for i in range(4))
    chosen = selector(np.arange(8.0).reshape(2, 4))
    np.testing.assert_array_equal(chosen, np.arange(8.0).reshape(2, 4))
    assert chosen.dtype == np.float32


def test_all_of_a_dict_is_its_observation() -> None:
    selector = ObservationSelector.from_space(GOALS, "PointMaze_UMaze-v3")
    assert selector.names == ("x", "y", "vx", "vy")
    raw = {"observation": np.arange(4.0), "achieved_goal": np.zeros(2), "desired_goal": {"kettle": np.zeros(3)}}
    np.testing.assert_array_equal(selector(raw), [0, 1, 2, 3])


def test_names_choose_in_their_order_across_nested_keys() -> None:
    selector = ObservationSelector.from_space(
        GOALS, "PointMaze_UMaze-v3", ["vy", "x", "desired_goal/kettle/2", "achieved_goal/1", "achieved_goal/0", "y"]
    )
    generator = np.random.default_rng(0)
    observation, achieved, kettle = (generator.normal(size=(5, 3, n)) for n in (4, 2, 3))
    chosen = selector({"observation": observation, "achieved_goal": achieved, "desired_goal": {"kettle": kettle}})
    columns = [
        observation[..., 3],
        observation[..., 0],
        kettle[..., 2],
        achieved[..., 1],
        achieved[..., 0],
        observation[..., 1],
    ]
    np.testing.assert_array_equal(chosen, np.stack(columns, axis=-1).astype(np.float32))


@pytest.mark.parametrize(
    ("select", "names"),
    [
        ("desired_goal", [f"desired_goal/kettle/{i}" for i in range(3)]),
        (
            "everything",
            [
                *(f"achieved_goal/{i}" for i in range(2)),
                *(f"desired_goal/kettle/{i}" for i in range(3)),
                *("x", "y", "vx", "vy"),
            ],
        ),
        (["vy", "achieved_goal"], ["vy", "achieved_goal/0", "achieved_goal/1"]),
        (
            ["observation", "desired_goal/kettle"],
            ["x", "y", "vx", "vy", *(f"desired_goal/kettle/{i}" for i in range(3))],
        ),
    ],
)
def test_a_word_names_many_entries(select: str | list[str], names: list[str]) -> None:
    assert ObservationSelector.from_space(GOALS, "PointMaze_UMaze-v3", select).names == tuple(names)


def test_the_space_has_the_bounds_of_what_is_selected() -> None:
    space = ObservationSelector.from_space(GOALS, None, ["desired_goal/kettle/0", "observation/1"]).space
    np.testing.assert_array_equal(space.low, [-2, -np.inf])
    np.testing.assert_array_equal(space.high, [2, 7])
    assert space.dtype == np.float32


@pytest.mark.parametrize("select", ["all", "positions", "x", ["desired_goal/kettle/0", "vy"]])
def test_json_there_and_back(select: str | list[str]) -> None:
    selector = ObservationSelector.from_space(GOALS, "PointMaze_Open-v3", select)
    text = json.dumps(selector.to_json(), allow_nan=False)
    assert ObservationSelector.from_json(json.loads(text)) == selector


def test_an_unknown_name_lists_the_nearest_first() -> None:
    space = gymnasium.make("HalfCheetah-v5").observation_space
    with pytest.raises(UnknownObservationError, match=r"'v_rotx'; available, nearest first: v_rootx, .*ffoot"):
        ObservationSelector.from_space(space, "HalfCheetah-v5", ["rooty", "v_rotx"])


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ([], "no observation"),
        (["x", "x"], "twice"),
        (["x", "observation"], "twice"),
        (["observ"], "unknown observation 'observ'"),
    ],
)
def test_selections_that_make_no_sense(select: list[str], message: str) -> None:
    with pytest.raises(UnknownObservationError, match=message):
        ObservationSelector.from_space(BOX, "PointMaze_UMaze-v3", select)


def test_positions_of_an_unknown_environment() -> None:
    with pytest.raises(UnknownObservationError, match="positions is not known"):
        ObservationSelector.from_space(BOX, "Hopper-v5", "positions")


@pytest.mark.parametrize(
    "space", [spaces.Discrete(3), spaces.Box(0, 1, (8, 8)), spaces.Dict({"a": spaces.Discrete(2)})]
)
def test_spaces_that_hold_no_vector(space: spaces.Space[object]) -> None:
    with pytest.raises(DataError, match="nothing to select from"):
        ObservationSelector.from_space(space)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"achieved_goal": np.zeros(2)}, "needs the entry 'observation', it has the keys achieved_goal"),
        (np.zeros(4), "it has a ndarray"),
        ({"observation": np.zeros(2)}, r"shape \(2,\)"),
    ],
)
def test_an_observation_of_another_layout(raw: object, message: str) -> None:
    selector = ObservationSelector.from_space(GOALS)
    with pytest.raises(ShapeError, match=message):
        selector(raw)


def test_a_dict_where_an_array_was_expected() -> None:
    with pytest.raises(ShapeError, match="expected one array"):
        ObservationSelector.from_space(BOX)({"observation": np.zeros(4)})


def test_columns_that_a_purpose_needs() -> None:
    selector = ObservationSelector.from_space(BOX, "PointMaze_UMaze-v3", ["vx", "y", "x"])
    assert selector.require(["x", "y"], "the maze reward") == (2, 1)
    with pytest.raises(UnknownObservationError, match=r"the maze reward needs .* does not see vy"):
        selector.require(["x", "vy"], "the maze reward")


class TestNamesAgainstTheSimulator:
    """The documented order, read off the simulator's own joints."""

    def test_half_cheetah(self) -> None:
        environment = gymnasium.make("HalfCheetah-v5")
        observation, _ = environment.reset(seed=0)
        model, data = environment.unwrapped.model, environment.unwrapped.data  # type: ignore[attr-defined]
        joints = [model.joint(i).name for i in range(model.njnt)]
        selector = ObservationSelector.from_space(environment.observation_space, "HalfCheetah-v5")
        truth = dict(zip(joints, data.qpos, strict=True)) | {
            f"v_{joint}": velocity for joint, velocity in zip(joints, data.qvel, strict=True)
        }
        np.testing.assert_allclose(selector(observation), [truth[name] for name in selector.names], rtol=1e-6)
        positions = ObservationSelector.from_space(environment.observation_space, "HalfCheetah-v5", "positions")
        assert positions.names == tuple(joints[1:])

    def test_half_cheetah_with_its_position(self) -> None:
        environment = gymnasium.make("HalfCheetah-v5", exclude_current_positions_from_observation=False)
        selector = ObservationSelector.from_space(environment.observation_space, "HalfCheetah-v5", "positions")
        assert selector.names[0] == "rootx"
        assert selector.dim == 9

    def test_franka_kitchen(self) -> None:
        environment = gymnasium.make(
            "FrankaKitchen-v1", robot_noise_ratio=0.0, object_noise_ratio=0.0, tasks_to_complete=["microwave"]
        )
        raw, _ = environment.reset(seed=0)
        model, data = environment.unwrapped.model, environment.unwrapped.data  # type: ignore[attr-defined]
        selector = ObservationSelector.from_space(environment.observation_space, "FrankaKitchen-v1")
        assert selector.dim == 59
        chosen = dict(zip(selector.names, selector(raw).tolist(), strict=True))
        for i in range(model.njnt):
            joint = model.joint(i)
            name = joint.name.removeprefix("robot:").lower()
            names = (
                [f"kettle_{axis}" for axis in ("x", "y", "z", "qw", "qx", "qy", "qz")] if name == "kettle" else [name]
            )
            for offset, entry in enumerate(names):
                assert chosen[entry] == pytest.approx(data.qpos[joint.qposadr[0] + offset], abs=1e-5)
        assert ObservationSelector.from_space(environment.observation_space, "FrankaKitchen-v1", "positions").dim == 30
