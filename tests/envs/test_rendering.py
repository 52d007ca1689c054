"""Pictures of imagined states, where MuJoCo can draw at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from imagined_worlds import checkpoint_of, dataset_of

from mbrl_mts3.data import ObservationSelector
from mbrl_mts3.envs import make_environment, rendering
from mbrl_mts3.envs.rendering import (
    FrankaKitchenRenderer,
    HalfCheetahRenderer,
    PointMazeRenderer,
    SceneRenderer,
    SkidSteerRenderer,
    draw_without_screen,
    open_renderer,
)
from mbrl_mts3.envs.world_model import make_world_model
from mbrl_mts3.errors import ConfigurationError, UnknownObservationError


class StillScene(SceneRenderer):
    """Draws the environment as it is."""

    def begin(self) -> None: ...

    def show(self, observation: Any, goal: Any) -> None: ...


@pytest.fixture(scope="module")
def can_draw() -> None:
    """Skips where there is neither a screen nor an off-screen backend."""
    try:
        open_renderer(StillScene, "HalfCheetah-v5").close()
    except ConfigurationError as error:
        pytest.skip(str(error))


def selector(environment: gymnasium.Env[Any, Any], select: Any = "all") -> ObservationSelector:
    assert environment.spec is not None
    return ObservationSelector.from_space(environment.observation_space, environment.spec.id, select)


def test_the_cheetah_has_the_imagined_joints_and_runs_as_fast_as_imagined() -> None:
    environment = make_environment("HalfCheetah-v5")
    renderer, simulator = HalfCheetahRenderer(environment, selector(environment)), environment.unwrapped
    observation = np.linspace(0.1, 1.7, 17).astype(np.float32)
    for _ in range(2):
        renderer.begin()
        for steps in range(3):
            renderer.show(observation, None)
            qpos: Any = simulator.data.qpos  # type: ignore[attr-defined]
            np.testing.assert_allclose(qpos[1:], observation[:8], atol=1e-6)
            assert qpos[0] == pytest.approx(steps * 0.05 * 0.9, abs=1e-6)
    renderer.close()


def test_the_cheetah_s_pictures_need_its_joints() -> None:
    environment = make_environment("HalfCheetah-v5")
    with pytest.raises(UnknownObservationError, match="picture"):
        HalfCheetahRenderer(environment, selector(environment, "positions"))
    environment.close()


def test_the_ball_is_where_it_is_imagined_and_so_is_its_goal() -> None:
    environment: Any = make_environment("PointMaze_UMaze-v3")
    renderer = PointMazeRenderer(environment, selector(environment, "positions"))
    renderer.begin()
    renderer.show(np.array([0.3, -0.9], np.float32), np.array([1.0, -1.1], np.float32))
    simulator = environment.unwrapped
    np.testing.assert_allclose(simulator.data.qpos, [0.3, -0.9], atol=1e-6)
    np.testing.assert_allclose(simulator.model.site_pos[simulator.target_site_id][:2], [1.0, -1.1], atol=1e-6)
    renderer.close()


def test_the_robot_stands_and_leans_as_imagined() -> None:
    """Shown again, what the real environment observed puts the simulator where it was."""
    environment: Any = make_environment("mbrl_mts3/SkidSteer-v0")
    environment.reset(seed=3)
    environment.action_space.seed(0)
    for _ in range(50):
        observation, *_ = environment.step(environment.action_space.sample())
    pose = environment.unwrapped.data.qpos[:7].copy()
    shuffled = selector(environment, sorted(selector(environment).names))
    renderer = SkidSteerRenderer(environment, shuffled)
    renderer.begin()
    renderer.show(shuffled(observation), None)
    shown = environment.unwrapped.data.qpos[:7]
    np.testing.assert_allclose(shown[:3], pose[:3], atol=1e-5)
    # A quaternion and its negative are one rotation.
    assert abs(shown[3:] @ pose[3:]) == pytest.approx(1.0, abs=1e-6)
    renderer.close()


def test_arm_and_objects_are_where_they_are_imagined() -> None:
    environment: Any = make_environment("FrankaKitchen-v1")
    renderer = FrankaKitchenRenderer(environment, selector(environment))
    renderer.begin()
    observation = np.linspace(-0.3, 0.4, 59).astype(np.float32)
    observation[35:39] = 1.0, 0.0, 0.0, 0.0
    renderer.show(observation, None)
    expected = np.concatenate([observation[:9], observation[18:39]])
    np.testing.assert_allclose(environment.unwrapped.data.qpos, expected, atol=1e-6)
    with pytest.raises(UnknownObservationError, match="picture"):
        FrankaKitchenRenderer(
            environment,
            ObservationSelector.from_space(environment.observation_space, "FrankaKitchen-v1", ["microwave"]),
        )
    with pytest.raises(ConfigurationError, match="is not FrankaKitchen"):
        FrankaKitchenRenderer(make_environment("HalfCheetah-v5"), selector(environment))
    renderer.close()


@pytest.mark.usefixtures("can_draw")
@pytest.mark.parametrize(
    "env_id",
    [
        "HalfCheetah-v5",
        "PointMaze_UMaze-v3",
        "mbrl_mts3/SkidSteer-v0",
        # Without a GPU a picture of the kitchen takes seconds, however small.
        pytest.param("FrankaKitchen-v1", marks=pytest.mark.slow),
    ],
)
def test_imagined_environments_are_drawn(env_id: str) -> None:
    data = dataset_of(env_id, episodes=1, steps=12)
    environment = make_world_model(checkpoint_of(data), data, context=0, render_mode="rgb_array")
    assert environment.render_mode == "rgb_array"
    environment.reset(seed=0)
    first = environment.render()
    for _ in range(3):
        environment.step(environment.action_space.sample())
    second = environment.render()
    environment.close()
    assert first is not None
    assert second is not None
    assert first.shape == second.shape == (480, 480, 3)
    assert first.dtype == np.uint8
    assert first.std() > 1
    assert (first != second).any()


@pytest.mark.usefixtures("can_draw")
def test_a_task_without_a_scene_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="has no renderer for imagined observations"):
        open_renderer(lambda _: None, "HalfCheetah-v5")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_machine_that_cannot_draw_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "crayons")
    with pytest.raises(ConfigurationError, match="apt install libegl1"):
        open_renderer(StillScene, "HalfCheetah-v5")


@pytest.fixture
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Linux machine without a screen, as a cluster's node is; nothing is chosen yet."""
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"):
        # Set first, so that what is put into the environment is taken back after the test.
        monkeypatch.setenv(name, "")
        del os.environ[name]


@pytest.mark.parametrize(
    ("libraries", "chosen"),
    [({"EGL", "OSMesa"}, "egl"), ({"EGL"}, "egl"), ({"OSMesa"}, "osmesa"), ({"GL"}, None)],
)
def test_without_a_screen_it_is_drawn_off_screen(
    no_screen: None, monkeypatch: pytest.MonkeyPatch, libraries: set[str], chosen: str | None
) -> None:
    monkeypatch.setattr(rendering, "find_library", lambda name: f"lib{name}.so" if name in libraries else None)
    assert draw_without_screen() == chosen
    assert os.environ.get("MUJOCO_GL") == chosen


@pytest.mark.parametrize(
    ("name", "value"), [("DISPLAY", ":0"), ("WAYLAND_DISPLAY", "wayland-0"), ("MUJOCO_GL", "glfw")]
)
def test_a_screen_and_the_users_choice_stay(
    no_screen: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setattr(rendering, "find_library", lambda name: f"lib{name}.so")
    monkeypatch.setenv(name, value)
    before = dict(os.environ)
    assert draw_without_screen() is None
    assert dict(os.environ) == before


def test_data_without_an_environment_cannot_be_drawn(tmp_path: Path) -> None:
    data = dataset_of("HalfCheetah-v5", episodes=1, steps=5)
    checkpoint = checkpoint_of(data)
    object.__setattr__(checkpoint, "env_id", None)
    with pytest.raises(ConfigurationError, match="set env_id"):
        make_world_model(checkpoint, data, context=0, render_mode="rgb_array")
