"""A checkpoint, a data set and a policy of a stranger go through every command, and nothing of theirs is run."""

from __future__ import annotations

import json
import pickle
import sys
import tomllib
from base64 import b64encode
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from gymnasium import spaces
from random_walks import save_untrained, write_walks
from stable_baselines3 import TD3

from mbrl_mts3.data import load_minari
from mbrl_mts3.envs import make_environment

DATA = "strange/data-v0"
TINY = [
    *("model=gru", "model.width=4", "model.decoder_hidden=[4]", "training.length=10", "training.validation_length=10"),
    *("training.validation_context=4", "training.max_updates=1", "training.batch_size=2", "training.accelerator=cpu"),
    *("training.progress=false", "training.loggers=null"),
]
OF_DATA = ["data=minari", f"data.dataset_id={DATA}"]
IMAGINE = ["rounds=1", "steps_per_round=1", "branches=2", "uncertainty.kind=none", "uncertainty.penalty=0"]
COMMANDS: dict[str, list[list[str]]] = {
    "train": [[*OF_DATA, *TINY], [*TINY, "data=minari", "data.dataset_id={folder}/strange.hdf5"]],
    "benchmark": [[*OF_DATA, *TINY, "results={folder}/results", "training.seed=0"]],
    "evaluate": [["checkpoint={model}"], ["checkpoint={model}", f"dataset_id={DATA}"]],
    "calibrate": [["checkpoint={model}"]],
    "inspect_latents": [["checkpoint={model}"]],
    "diagnose": [
        ["checkpoint={model}"],
        ["checkpoint={model}", "environment=half_cheetah", "policies=[{folder}/policy.zip]"],
    ],
    "audit": [["checkpoint={model}"], [f"dataset_id={DATA}"]],
    "plan": [["checkpoint={model}"], ["checkpoint={model}", "environment=half_cheetah"]],
    "rollout": [
        ["agent=random", "checkpoint={model}"],
        ["agent=mpc", "agent.checkpoint={model}"],
        ["agent=sb3", "agent.path={folder}/policy.zip", "environment=half_cheetah", "real.episodes=1"],
        ["agent=behaviour_cloning", "agent.path={folder}/policy.zip", "environment=half_cheetah"],
    ],
    "evaluate_policies": [["checkpoint={model}", "policies=[{folder}/policy.zip]", "real.episodes=1"]],
    "imagine": [
        ["checkpoint={model}", *IMAGINE],
        ["checkpoint={model}", *IMAGINE, "initial_policy={folder}/policy.zip", "evaluation.episodes=1"],
    ],
    "offline": [
        [*OF_DATA, "steps=1", "evaluation.episodes=1"],
        [*OF_DATA, "steps=2", "batch_size=2", "resume={folder}/offline"],
    ],
    "collect": [
        ["behaviour=sb3", "behaviour.path={folder}/policy.zip", "environment=half_cheetah", "steps=1"],
    ],
    "convert": [[f"dataset_id={DATA}", "to={folder}/out.npz"], [f"dataset_id={DATA}", "to=strange/other-v0"]],
    "data": [["check", DATA], ["card", DATA], ["stats", DATA]],
    "list": [["{folder}"]],
    "report": [["{folder}", "--output", "page.html"]],
    "export": [["checkpoint={model}"]],
    "experiment": [["experiment=demo", "stages={one: {command: evaluate, options: ['checkpoint={model}']}}"]],
}


class Traitor:
    """Imports the stranger's module where it is unpickled."""

    def __reduce__(self) -> Any:
        return import_module, ("stranger_of_test",)


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("strange")
    (folder / "stranger_of_test.py").write_text(f"open({str(folder / 'was here')!r}, 'w').close()\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
        patch.syspath_prepend(folder)
        write_walks(DATA, dim=17, lengths=(20,) * 10)
        path = next((folder / "minari").rglob("metadata.json"))
        spec = {"id": "stranger_of_test:Some-v0", "entry_point": "stranger_of_test:Some", "additional_wrappers": []}
        named = {"env_spec": json.dumps({**spec, "kwargs": {}}), "eval_env_spec": json.dumps({**spec, "kwargs": {}})}
        path.write_text(json.dumps({**json.loads(path.read_text()), **named}))
        assert load_minari(DATA).env_id == "Some-v0"
        _models(folder)
        _policy(folder)
        yield folder


def _models(folder: Path) -> None:
    """One of a known model whose data names a module; one of a model of the stranger's."""
    for name in ("known", "unknown"):
        config = save_untrained(folder / name, DATA) / "config.json"
        content = json.loads(config.read_text())
        content["env_id"] = "stranger_of_test:Some-v0"
        if name == "unknown":
            content["model"] |= {"class": "Mine", "module": "stranger_of_test"}
        config.write_text(json.dumps(content))


def _policy(folder: Path) -> None:
    environment = make_environment("HalfCheetah-v5")
    policy = TD3("MlpPolicy", environment, policy_kwargs={"net_arch": [4]}, buffer_size=1, device="cpu")
    policy.save(folder / "plain.zip")
    assert isinstance(environment.action_space, spaces.Box)
    environment.close()
    with ZipFile(folder / "plain.zip") as archive, ZipFile(folder / "policy.zip", "w") as other:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "data":
                code = {":type:": "x", ":serialized:": b64encode(pickle.dumps(Traitor())).decode()}
                content = json.dumps({**json.loads(content), "action_noise": code}).encode()
            elif name == "actor.optimizer.pth":
                content = pickle.dumps(Traitor())
            other.writestr(name, content)
    (folder / "offline").mkdir()
    (folder / "offline" / "policy.zip").write_bytes((folder / "policy.zip").read_bytes())
    hashed = load_minari(DATA, "everything").content_hash
    record = {"dataset_id": DATA, "content_hash": hashed, "env_id": None, "options": {}, "curve": []}
    (folder / "offline" / "offline.json").write_text(json.dumps(record))
    (folder / "strange.pkl").write_bytes(pickle.dumps(Traitor()))


def entry_points() -> dict[str, str]:
    """The functions behind the commands, as module:name; the demo is an experiment."""
    text = Path(__file__).parents[2].joinpath("pyproject.toml").read_text()
    scripts = tomllib.loads(text)["project"]["scripts"]
    found = {name.removeprefix("mts3-").replace("-", "_"): place for name, place in scripts.items()}
    return {name: place for name, place in found.items() if name != "demo"}


def main_of(name: str) -> Callable[[], None]:
    module, _, function = entry_points()[name].partition(":")
    return getattr(import_module(module), function)


def test_every_command_is_walked() -> None:
    assert set(entry_points()) == set(COMMANDS)


@pytest.mark.parametrize("model", ["known", "unknown"])
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_of_a_stranger_runs(
    name: str, model: str, strange: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in COMMANDS[name]:
        given = [word.replace("{folder}", str(strange)).replace("{model}", str(strange / model)) for word in words]
        if given == words and model == "unknown":
            continue
        monkeypatch.setattr(sys, "argv", [f"mts3-{name}", *given])
        code = _status(main_of(name))
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert code in (0, 1, 2), said
        if model == "unknown" and any("{model}" in word for word in words) and name != "experiment":
            assert "trust=stranger_of_test" in said
        assert "stranger_of_test" not in sys.modules
        assert not (strange / "was here").exists()


def _status(main: Callable[[], None]) -> int:
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def test_pickled_data_of_a_stranger(
    strange: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (["check", str(strange / "strange.pkl")], ["card", str(strange / "strange.pkl")]):
        monkeypatch.setattr(sys, "argv", ["mts3-data", *words])
        assert _status(main_of("data")) == 2
        assert "Traceback" not in capsys.readouterr().err
    assert not (strange / "was here").exists()


def test_the_module_would_leave_its_mark(strange: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other tests look for."""
    pickle.loads(pickle.dumps(Traitor()))
    assert (strange / "was here").exists()
    (strange / "was here").unlink()
    monkeypatch.delitem(sys.modules, "stranger_of_test")
    np.testing.assert_equal("stranger_of_test" in sys.modules, False)
