"""Odd environments are refused by name wherever they act, and slightly odd ones are understood."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium
import minari
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.agents import RandomAgent, evaluate_agent
from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection import collect_dataset
from mbrl_mts3.data import load_minari
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError, MTS3Error, NonFiniteError, ShapeError

ID = "odd/data-v0"
SEEN = spaces.Dict({"inner": spaces.Dict({"a": spaces.Box(-9, 9, (2,))}), "b": spaces.Box(-9, 9, (1,))})
ACTIONS = spaces.Box(-1, 1, (1,), np.float32)


def observed(a: Any = (0.0, 1.0), b: Any = (2.0,)) -> dict[str, Any]:
    return {"inner": {"a": np.array(a, np.float32)}, "b": np.array(b, np.float32)}


class Plain(gymnasium.Env[Any, Any]):
    observation_space: spaces.Space[Any] = SEEN
    action_space = ACTIONS

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.count = 0
        return observed(), {}

    def step(self, action: Any) -> Any:
        self.count += 1
        return observed(b=(self.count,)), self.pay(), False, self.count >= 5, {}

    def pay(self) -> Any:
        return 0.5


def odd(**changes: Any) -> Callable[..., gymnasium.Env[Any, Any]]:
    return lambda **options: type("Odd", (Plain,), changes)()


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def act(make: Callable[..., gymnasium.Env[Any, Any]], way: str) -> float:
    """The sum of the rewards of one episode."""
    if way == "collection":
        collect_dataset(make, RandomBehaviour, 5, ID, progress=False)
        return float(load_minari(ID).episodes[0].rewards.sum())
    return float(evaluate_agent(RandomAgent(ACTIONS), make, [3]).returns[0])


WAYS = pytest.mark.parametrize("way", ["collection", "evaluation"])


@WAYS
@pytest.mark.parametrize("paid", [2, np.int64(2), np.array(2.0), np.array([2.0]), np.array([[2]]), np.float16(2)])
def test_one_number_is_a_reward_in_any_shape(paid: Any, way: str):
    assert act(odd(pay=lambda self: paid), way) == 10.0


@WAYS
@pytest.mark.parametrize(
    "paid",
    [
        *(None, "two", np.array([1.0, 2.0]), np.array([]), {"a": 1.0}, 1j),
        *(float("nan"), np.inf, np.array([-np.inf]), 10**400, np.array(None)),
    ],
)
def test_anything_else_is_none(paid: Any, way: str):
    with pytest.raises(ConfigurationError, match="Odd: its reward is"):
        act(odd(pay=lambda self: paid), way)


@WAYS
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reset": lambda self: (observed(), {})}, "reset.*old gym"),
        ({"reset": lambda self, *, seed=None, options=None: observed()}, "reset returns a dict, expected"),
        ({"reset": lambda self, *, seed=None, options=None: (observed(), {}, 1)}, "reset returns 3 values"),
        ({"step": lambda self, action: (observed(), 0.0, True, {})}, "step returns 4 values, expected five"),
        ({"step": lambda self, action: (observed((1, 2, 3)), 0.0, False, True, {})}, "an observation has the shapes"),
        ({"step": lambda self, action: ({"b": np.zeros(1)}, 0.0, False, True, {})}, "an observation has the shapes"),
        ({"step": lambda self, action: (None, 0.0, False, True, {})}, "an observation has the shapes"),
        ({"step": lambda self, action: [observed(), 0.0, False, True, {}]}, "step returns a list, expected five"),
        ({"step": lambda self, action: (observed(), 0.0, False, True, None)}, "a NoneType in place of infos"),
        ({"step": lambda self, action: (observed(), 0.0, False, True, [1])}, "a list in place of infos"),
        ({"step": lambda self, action: (observed(), 0.0, None, True, {})}, "None for terminated or truncated"),
        ({"step": lambda self, action: (observed(), 0.0, False, "no", {})}, "'no' for terminated or truncated"),
        ({"step": lambda self, action: (observed(), 0.0, float("nan"), True, {})}, "nan for terminated or truncated"),
        ({"step": lambda self, action: (observed(), 0.0, np.zeros(2), True, {})}, "for terminated or truncated"),
        ({"step": lambda self, action: (observed(), 0.0, -3, True, {})}, "-3 for terminated or truncated"),
        ({"step": lambda self, action: (observed((np.nan, 1)), 0.0, False, True, {})}, "inner/a holds NaN or infinity"),
        ({"step": lambda self, action: (observed(b=(np.inf,)), 0.0, False, True, {})}, "b holds NaN or infinity"),
        ({"step": lambda self, action: ({"b": [[1], [1, 2]]}, 0.0, False, True, {})}, "an observation is no array"),
        ({"step": lambda self, action: [][1]}, r"Odd: step\(action\) fails with IndexError: list index out of range"),
        ({"reset": lambda self, **_: {}["a"]}, r"Odd: reset\(seed=.*\) fails with KeyError: 'a'"),
        ({"observation_space": None}, "Odd has no observation_space or no action_space"),
        ({"observation_space": spaces.Dict({})}, r"with the keys \[\]: expected at least one"),
        ({"observation_space": spaces.Dict({"a/b": ACTIONS})}, r"with the keys \['a/b'\]: .*none with a slash"),
        ({"observation_space": spaces.Dict({"a": spaces.Sequence(ACTIONS)})}, "observations in a Sequence"),
        ({"observation_space": spaces.Graph(ACTIONS, None)}, "observations in a Graph"),
        ({"observation_space": spaces.OneOf([ACTIONS, ACTIONS])}, "observations in a OneOf"),
        ({"observation_space": spaces.Dict({"a": spaces.Tuple([SEEN, SEEN])})}, "observations in a Tuple"),
    ],
)
def test_what_is_not_gymnasium_is_told(changes: dict[str, Any], told: str, way: str):
    with pytest.raises(ConfigurationError, match=told):
        act(odd(**changes), way)


@pytest.mark.parametrize(
    ("space", "told"),
    [
        (spaces.Discrete(3), "at least one Box of one dimension"),
        (spaces.MultiBinary(3), "at least one Box of one dimension"),
        (spaces.Box(0, 255, (4, 4, 3), np.uint8), "at least one Box of one dimension"),
        (spaces.Box(-1, 1, (), np.float32), "at least one Box of one dimension"),
        (spaces.Dict({"a": ACTIONS, "note": spaces.Text(4)}), "numbers in place of text"),
    ],
)
def test_what_nobody_could_learn_from_is_not_collected(space: spaces.Space[Any], told: str):
    stepped: list[Any] = []
    make = odd(observation_space=space, reset=lambda self, **_: (space.sample(), {}), step=lambda *_: stepped.append(1))
    with pytest.raises(ConfigurationError, match=f"cannot be learned from .*expected {told}"):
        collect_dataset(make, RandomBehaviour, 5, ID, progress=False)
    assert not stepped


class Acts:
    """Returns the same actions whatever it sees."""

    def __init__(self, actions: Any) -> None:
        self.actions = actions

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        return self.actions, None


@pytest.mark.parametrize("actions", [None, np.zeros((1, 3)), np.zeros((2, 1)), np.zeros(1), np.array([["a"]])])
def test_actions_of_another_shape_are_told(actions: Any):
    with pytest.raises(ShapeError, match=r"the agent's actions are .*expected numbers \(1, 1\)"):
        evaluate_agent(Acts(actions), odd(), [3])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_actions_that_are_no_numbers_are_told(value: float):
    with pytest.raises(NonFiniteError, match="the agent's actions hold NaN or infinity"):
        evaluate_agent(Acts(np.full((1, 1), value)), odd(), [3])


@pytest.mark.parametrize("seed", [-1, 2**32, True, 10**30])
def test_episodes_of_seeds_that_are_none(seed: int):
    with pytest.raises(ConfigurationError, match=r"an episode's seed=.* is no seed"):
        evaluate_agent(RandomAgent(ACTIONS), odd(), [1, seed])


def test_a_class_may_be_the_entry_point(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(gymnasium.registry, "Plain-v7", raising=False)
    gymnasium.register("Plain-v7", Plain, max_episode_steps=4)
    collect_dataset("Plain-v7", RandomBehaviour, 8, ID, progress=False)
    spec = minari.load_dataset(ID).env_spec
    assert spec.entry_point == f"{__name__}:Plain"
    assert load_minari(ID).env_id == "Plain-v7"


def test_arguments_that_cannot_be_stored_are_told_before_any_step(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(gymnasium.registry, "Plain-v8", raising=False)
    gymnasium.register("Plain-v8", lambda thing: Plain(), max_episode_steps=4)
    with pytest.raises(ConfigurationError, match="Plain-v8 cannot be noted"):
        collect_dataset(lambda: gymnasium.make("Plain-v8", thing=object()), RandomBehaviour, 8, ID, progress=False)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("Walker2d-v3", {}, "environment 'Walker2d-v3' cannot be made"),
        ("Pendulum-v1", {"gravity": 1}, "'Pendulum-v1' cannot be made with gravity=1: TypeError"),
        ("HalfCheetah-v5", {"xml_file": "/no/where.xml"}, "cannot be made with xml_file=/no/where.xml: OSError"),
    ],
)
def test_what_cannot_be_made_here_is_told(name: str, options: dict[str, Any], told: str):
    with pytest.raises(ConfigurationError, match=told):
        make_environment(name, **options)


def test_a_command_tells_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    for words, told in (
        (["environment.id=Ant-v3"], "'Ant-v3' cannot be made"),
        (["seed=-4"], "seed=-4 is no seed"),
        (["seed=1.5"], "seed=1.5: expected a whole number"),
    ):
        monkeypatch.setattr(sys, "argv", ["mts3-collect", "behaviour=random", "steps=3", "progress=false", *words])
        with pytest.raises(SystemExit) as end:
            import_module("mbrl_mts3.scripts.collect").main()
        assert end.value.code == 2
        said = capsys.readouterr().err
        assert told in said
        assert len(said.strip().splitlines()) == 1


def test_data_are_named_after_the_environment_that_they_are_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    words = ["environment.id=Pendulum-v1", "behaviour=random", "steps=6", "progress=false"]
    monkeypatch.setattr(sys, "argv", ["mts3-collect", *words])
    import_module("mbrl_mts3.scripts.collect").main()
    (found,) = (tmp_path / "minari").rglob("metadata.json")
    assert json.loads(found.read_text())["dataset_id"] == "mbrl-mts3/Pendulum-v1/random-v0"


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_are_none(seed: int):
    with pytest.raises(MTS3Error, match="is no seed"):
        collect_dataset(odd(), RandomBehaviour, 5, ID, seed=seed, progress=False)
