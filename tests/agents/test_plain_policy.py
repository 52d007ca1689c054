"""Policies in files that hold no pickle that is read, and what such files cannot do."""

import json
import pickle
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import gymnasium
import numpy as np
import pytest
import stable_baselines3
import torch
from gymnasium import spaces
from gymnasium.wrappers import RescaleAction
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import nn

from mbrl_mts3.agents.imagination import load_initial_parameters, make_algorithm
from mbrl_mts3.agents.policy_files import ALGORITHMS, load_policy, save_policy
from mbrl_mts3.errors import ConfigurationError

CONFIG, WEIGHTS = "mbrl_mts3/policy.json", "mbrl_mts3/policy.safetensors"


class Goals(gymnasium.Env[Any, Any]):
    """Nothing happens, in observations that are a dict."""

    observation_space = spaces.Dict({"goal": spaces.Box(-1, 1, (2,)), "place": spaces.Box(-np.inf, np.inf, (3,))})
    action_space = spaces.Box(np.float32([-2, 0]), np.float32([1, 4]))


class Plain(Goals):
    observation_space = spaces.Box(-np.inf, np.inf, (3,))


@pytest.fixture(autouse=True)
def unpickled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What Stable-Baselines3 unpickles meanwhile."""
    found: list[object] = []
    cloudpickle = sys.modules["cloudpickle"]
    loads = cloudpickle.loads
    monkeypatch.setattr(cloudpickle, "loads", lambda text: found.append(loads(text)) or found[-1])
    return found


def sb3(name: str, env: Any, **options: Any) -> Any:
    policy = "MultiInputPolicy" if isinstance(env.observation_space, spaces.Dict) else "MlpPolicy"
    options = {"policy_kwargs": {"net_arch": [5, 4]}, "seed": 1, "device": "cpu", **options}
    return getattr(stable_baselines3, name)(policy, env, **options)


def of_imagination(name: str, env: Any) -> Any:
    return make_algorithm(DummyVecEnv([lambda: env]), name, policy_kwargs={"net_arch": [4]}, device="cpu", seed=0)


@pytest.mark.parametrize("env", [Goals(), Plain()], ids=["dict", "box"])
@pytest.mark.parametrize(
    "make",
    [
        *(lambda env, name=name: sb3(name, env) for name in ALGORITHMS),
        lambda env: sb3("PPO", env, policy_kwargs={"net_arch": {"pi": [3], "vf": [6]}, "activation_fn": nn.ELU}),
        lambda env: sb3("SAC", env, use_sde=True, policy_kwargs={"net_arch": [6], "n_critics": 3}),
        lambda env: sb3("TD3", env, policy_kwargs={"optimizer_class": torch.optim.SGD, "net_arch": []}),
        *(lambda env, name=name: of_imagination(name, env) for name in ("SAC", "TD3", "PPO")),
    ],
)
def test_what_is_saved_here_acts_the_same_and_nothing_is_unpickled(
    make: Callable[[Any], Any], env: Any, tmp_path: Path, unpickled: list[object]
) -> None:
    model = make(env)
    path = save_policy(model, tmp_path / "policy.zip")
    loaded = load_policy(path)
    assert not unpickled
    assert type(loaded) is type(model)
    assert (loaded.observation_space, loaded.action_space) == (model.observation_space, model.action_space)
    observations: Any = [env.observation_space.sample() for _ in range(7)]
    for observation in observations:
        expected, _ = model.predict(observation, deterministic=True)
        np.testing.assert_array_equal(loaded.predict(observation, deterministic=True)[0], expected)
        drawn = []
        for one in (model, loaded):
            torch.manual_seed(3)
            drawn.append(one.predict(observation)[0])
        # What state-dependent exploration begins with is drawn anew, as by Stable-Baselines3.
        if not model.use_sde:
            np.testing.assert_array_equal(*drawn)
    # And by Stable-Baselines3 itself, which unpickles.
    again, expected = (
        one.predict(observation, deterministic=True)[0] for one in (type(model).load(path, device="cpu"), model)
    )
    assert unpickled
    np.testing.assert_array_equal(again, expected)


def test_bounds_of_all_kinds_come_back(tmp_path: Path) -> None:
    env = RescaleAction(Plain(), np.float32([-1, -3]), np.float32([1, 0.1]))
    loaded = load_policy(save_policy(sb3("SAC", env), tmp_path / "policy.zip"), env)
    assert loaded.action_space == env.action_space


class Traitor:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def hostile(path: Path, mark: Path) -> Path:
    """A zip of Stable-Baselines3 with code in its pickles."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if not name.startswith("mbrl_mts3")}
    data = json.loads(parts["data"])
    data["action_noise"] = {":type:": "x", ":serialized:": b64encode(pickle.dumps(Traitor(mark))).decode()}
    target = path.with_name("hostile.zip")
    with ZipFile(target, "w") as archive:
        for name, content in {**parts, "data": json.dumps(data)}.items():
            archive.writestr(name, content)
    return target


def test_pickles_are_read_where_they_are_trusted_only(tmp_path: Path) -> None:
    path = hostile(save_policy(sb3("TD3", Plain()), tmp_path / "policy.zip"), mark := tmp_path / "was here")
    given: list[dict[str, Any]] = [{}, {"trust_pickle": False}, {"algorithm": "TD3", "trust_pickle": False}]
    for options in given:
        with pytest.raises(ConfigurationError, match=r"runs any code.*trust_pickle=true"):
            load_policy(path, **options)
    load_initial_parameters(sb3("TD3", Plain()), path)
    assert not mark.exists()
    # The test would see it.
    load_policy(path, trust_pickle=True)
    assert mark.exists()
    mark.unlink()
    # Who names the class that reads a file could as well call that class.
    load_policy(path, algorithm="TD3")
    assert mark.exists()


def test_weights_that_are_pickles_with_code_are_no_weights(tmp_path: Path) -> None:
    path, mark = save_policy(sb3("TD3", Plain()), tmp_path / "policy.zip"), tmp_path / "was here"
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w") as archive:
        for name, content in {**parts, "policy.pth": pickle.dumps(Traitor(mark))}.items():
            archive.writestr(name, content)
    with pytest.raises(ConfigurationError, match="no policy of this TD3"):
        load_initial_parameters(sb3("TD3", Plain()), path)
    assert not mark.exists()


def rewritten(path: Path, change: Callable[[dict[str, Any]], Any], weights: Callable[[bytes], bytes] = bytes) -> Path:
    with ZipFile(path) as archive:
        config, content = json.loads(archive.read(CONFIG)), archive.read(WEIGHTS)
    change(config)
    target = path.with_name("changed.zip")
    with ZipFile(target, "w") as archive:
        archive.writestr(CONFIG, json.dumps(config))
        archive.writestr(WEIGHTS, weights(content))
    return target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(policy_class="my_hostile_actor:Mine"), "trust=my_hostile_actor"),
        (lambda c: c.update(policy_class="os:system"), "where a BasePolicy is expected"),
        (lambda c: c.update(policy_class="torch.nn:Linear"), "where a BasePolicy is expected"),
        (lambda c: c["policy_kwargs"].update(activation_fn={":class:": "os:system"}), "a Module is expected"),
        (lambda c: c["policy_kwargs"].update(features_extractor_class={":class:": "torch.nn:ReLU"}), "is expected"),
        (lambda c: c["policy_kwargs"].update(optimizer_class={":class:": "my_hostile_actor:A"}), "trust=my_hostile"),
        (lambda c: c["policy_kwargs"].update(activation_fn="os.system"), "not a policy saved by TD3"),
        (lambda c: c["policy_kwargs"].update(net_arch=[7]), "not a policy saved by TD3"),
        (lambda c: c["policy_kwargs"].update(net_arch=[200_000, 200_000]), "ask for larger networks"),
        (lambda c: c["policy_kwargs"].update(n_critics=10**9), "ask for larger networks"),
        (lambda c: c.update(algorithm="HER"), "HER"),
        (lambda c: c.update(format_version=7), "format version 7"),
        (lambda c: c.pop("action_space"), "is not a policy"),
        (lambda c: c["observation_space"].update(shape=[10**12]), "is not a policy"),
        (lambda c: c["observation_space"].update(dtype="O"), "is not a policy"),
    ],
)
def test_damaged_and_hostile_files_are_refused_in_our_words(
    change: Callable[[dict[str, Any]], Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_hostile_actor.py").write_text(f"open({str(tmp_path / 'was here')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    path = rewritten(save_policy(sb3("TD3", Plain()), tmp_path / "policy.zip"), change)
    with pytest.raises(ConfigurationError, match=message):
        load_policy(path)
    assert not (tmp_path / "was here").exists()


def test_weights_that_are_not_finite_or_cut_are_refused(tmp_path: Path) -> None:
    model = sb3("TD3", Plain())
    whole = save_policy(model, tmp_path / "policy.zip")
    with pytest.raises(ConfigurationError, match="is not a policy"):
        load_policy(rewritten(whole, dict, lambda content: content[:-8]))
    with torch.no_grad():
        model.actor.mu[0].bias[0] = torch.nan
    with pytest.raises(ConfigurationError, match=r"NaN or infinity in actor.mu.0.bias"):
        load_policy(save_policy(model, tmp_path / "policy.zip"))


def test_a_file_that_unpacks_to_more_than_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr(CONFIG, " " * 10_000_000)
    assert path.stat().st_size < 20_000
    monkeypatch.setattr("mbrl_mts3.agents.plain_policy.available_memory", lambda: 1_000_000)
    for read in (load_policy, lambda path: load_initial_parameters(sb3("TD3", Plain()), path)):
        with pytest.raises(ConfigurationError, match="unpacks to"):
            read(path)


def test_a_policy_of_an_argument_that_is_no_plain_value_needs_trust(tmp_path: Path) -> None:
    class Mine(nn.ReLU):
        """No name leads to it."""

    model = sb3("TD3", Plain(), policy_kwargs={"activation_fn": Mine, "net_arch": [4]})
    path = save_policy(model, tmp_path / "policy.zip")
    with pytest.raises(ConfigurationError, match="trust_pickle=true"):
        load_policy(path)
    assert isinstance(load_policy(path, trust_pickle=True), stable_baselines3.TD3)
