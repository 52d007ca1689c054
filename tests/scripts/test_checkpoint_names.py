"""checkpoint=latest is the newest finished training, in every place of a configuration."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from random_walks import OWN, save_untrained, write_walks

from mbrl_mts3.errors import CheckpointError
from mbrl_mts3.scripts.runs.checkpoint_names import find_latest, resolve_checkpoints
from mbrl_mts3.training import Checkpoint


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.chdir(tmp_path)


def finished(folder: str, ended: str, *, whole: bool = True) -> Path:
    """What a training leaves, as far as its folder is looked at."""
    path = Path(folder)
    (path / "best").mkdir(parents=True)
    (path / "best" / "config.json").write_text("{}")
    facts = {"checkpoint": "best", "model": "MTS3", "dataset_id": OWN, "ended": ended}
    (path / "train.json").write_text(json.dumps(facts) if whole else '{"checkpoint"')
    return path / "best"


def test_it_is_the_one_that_ended_last() -> None:
    finished("runs/train/z", "2026-01-01T00:00:00+00:00")
    newest = finished("runs/demo/train", "2026-01-03T00:00:00+00:00")
    finished("runs/train/a", "2026-01-02T00:00:00+00:00")
    # Still being written, and without its checkpoint.
    finished("runs/train/y", "2026-01-04T00:00:00+00:00", whole=False)
    (finished("runs/train/x", "2026-01-05T00:00:00+00:00") / "config.json").unlink()
    assert find_latest()[0] == newest


@pytest.mark.parametrize(
    "config",
    [{"checkpoint": "latest"}, {"agent": {"checkpoint": "latest"}, "checkpoint": None}],
    ids=["a command's own", "an agent's"],
)
def test_every_place_gets_the_folder(config: dict[str, Any]) -> None:
    newest = str(finished("runs/train/a", "2026-01-02T00:00:00+00:00"))
    made = OmegaConf.create({**config, "same": "${checkpoint}", "other": "latest"})
    (line,) = resolve_checkpoints(made)
    assert line == f"checkpoint=latest is {newest}: MTS3 of {OWN}, trained until 2026-01-02T00:00:00+00:00"
    assert newest in (made.checkpoint, (made.get("agent") or {}).get("checkpoint"))
    assert made.same == made.checkpoint
    assert made.other == "latest"


def test_other_names_stay() -> None:
    made = OmegaConf.create({"checkpoint": "runs/latest", "agent": None, "deeper": {"checkpoint": "???"}})
    before = made.copy()
    assert resolve_checkpoints(made) == []
    assert made == before


def test_without_a_finished_training_it_is_told_what_there_is() -> None:
    with pytest.raises(CheckpointError, match=r"there is no finished training in .*runs\. Train with mts3-train"):
        find_latest()
    Path("runs/train/a/best").mkdir(parents=True)
    with pytest.raises(CheckpointError, match="runs/train/a/best is of a training that has not finished"):
        find_latest()


def test_commands_take_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write_walks(OWN)
    words = [
        *("data=minari", f"data.dataset_id={OWN}", "model=gru", "model.width=4", "model.decoder_hidden=[4]"),
        *("training.length=10", "training.validation_length=10", "training.validation_context=4"),
        *("training.max_updates=2", "training.validation_interval=2", "training.progress=false"),
        *("training.accelerator=cpu", "training.loggers=[csv]"),
    ]
    for number in range(2):
        monkeypatch.setattr(sys, "argv", ["mts3-train", *words, f"hydra.run.dir=runs/train/{number}"])
        import_module("mbrl_mts3.scripts.train").main()
    facts = json.loads(Path("runs/train/1/train.json").read_text())
    checkpoint = Checkpoint.from_pretrained("runs/train/1/best")
    assert facts["metrics"] == checkpoint.metrics
    assert (facts["dataset_id"], facts["content_hash"]) == (OWN, checkpoint.content_hash)
    assert facts["parameters"] == sum(one.numel() for one in checkpoint.model.parameters())
    capsys.readouterr()
    words = ["checkpoint=latest", "context=5", "horizon=6", "hydra.run.dir=runs/evaluate"]
    monkeypatch.setattr(sys, "argv", ["mts3-evaluate", *words])
    import_module("mbrl_mts3.scripts.evaluate").main()
    assert "checkpoint=latest is runs/train/1/best: GRU" in capsys.readouterr().out
    # The result names the folder, which latest may not be tomorrow.
    assert json.loads(Path("runs/evaluate/evaluation.json").read_text())["checkpoint"] == "runs/train/1/best"


def test_a_folder_of_that_name_is_reached_by_its_path(tmp_path: Path) -> None:
    write_walks(OWN)
    save_untrained(tmp_path / "latest", OWN)
    made = OmegaConf.create({"checkpoint": "./latest"})
    assert resolve_checkpoints(made) == []
    assert Checkpoint.from_pretrained(made.checkpoint).dataset_id == OWN
