"""D4RL's data through the commands: a short training by id or path, and what comes after it."""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from d4rl_files import kitchen_rows, robot_rows, write_rows

from mbrl_mts3.data import load_d4rl, split_episodes
from mbrl_mts3.envs.world_model import load_dynamics
from mbrl_mts3.training import Checkpoint

CHEETAH_FILE = "halfcheetah_medium_replay-v2.hdf5"
SHORT = [
    "model=mts3_small",
    "model.time_scales=[5]",
    "training.length=20",
    "training.validation_length=20",
    "training.validation_context=10",
    "training.validation_windows=4",
    "training.batch_size=4",
    "training.max_updates=2",
    "training.validation_interval=2",
    "training.loggers=[]",
    "training.progress=false",
]
Run = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path / "d4rl"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "d4rl"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def command(name: str, *arguments: str) -> Path:
        monkeypatch.setattr(sys, "argv", [f"mts3-{name}", f"hydra.run.dir={tmp_path / name}", *arguments])
        import_module(f"mbrl_mts3.scripts.{name}").main()
        return tmp_path / name

    return command


def test_by_id(run: Run, folder: Path) -> None:
    path = write_rows(folder / CHEETAH_FILE, robot_rows(lengths=(40,) * 12))
    trained = run("train", "data=d4rl", "data.observation=positions", *SHORT)
    checkpoint = Checkpoint.from_pretrained(trained / "best")
    dataset = load_d4rl("d4rl/halfcheetah-medium-replay-v2", "positions")
    assert (checkpoint.dataset_id, checkpoint.content_hash) == (dataset.dataset_id, dataset.content_hash)
    assert (checkpoint.env_id, checkpoint.selector.names) == ("HalfCheetah-v5", dataset.observation_names)
    held_out = split_episodes(dataset.episodes, checkpoint.split_fractions, checkpoint.split_seed).test
    # The same data under another name is known again, so that training episodes are not scored.
    copy = path.rename(folder / "copy.hdf5")
    arguments = [f"checkpoint={trained / 'best'}", f"dataset_id={copy}@halfcheetah-random-v2"]
    written = json.loads((run("evaluate", *arguments) / "evaluation.json").read_text())
    assert (written["split"], written["episodes"]) == ("test", len(held_out))
    assert written["content_hash"] == dataset.content_hash
    assert written["dataset_id"] == f"{copy}@halfcheetah-random-v2"


def test_by_path(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_rows(folder / "kitchen_microwave_kettle_light_slider-v0.hdf5", kitchen_rows((40,) * 12))
    trained = run("train", "data=d4rl", "data.dataset_id=d4rl/kitchen_microwave_kettle_light_slider-v0.hdf5", *SHORT)
    assert "kitchen tasks done of their row's observation" in " ".join(capsys.readouterr().out.split())
    checkpoint = Checkpoint.from_pretrained(trained / "best")
    assert (checkpoint.dataset_id, checkpoint.env_id) == (str(path), None)
    # An imagined kitchen, which no environment of today has the spaces of.
    dynamics = load_dynamics(trained / "best", context=10)
    assert dynamics.observation(dynamics.initial(3)).shape == (3, 60)
