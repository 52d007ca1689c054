"""Two processes on a CPU train what one trains: the same windows and masks, shared out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from random_walks import write_walks
from safetensors.torch import load_file

DATA = "tests/distributed-v0"
WORDS = [
    *("data=minari", f"data.dataset_id={DATA}", "model=mts3", "model.latent_dim=3", "model.time_scales=[5]"),
    *(f"model.{name}_hidden=[8]" for name in ("encoder", "window", "action", "control", "decoder")),
    *("training.length=10", "training.validation_length=10", "training.validation_context=4"),
    *("training.max_updates=6", "training.validation_interval=3", "training.split_fractions=[0.6,0.2,0.2]"),
    *("training.batch_size=8", "training.microbatch=4", "training.progress=false", "training.loggers=[csv]"),
    "training.accelerator=cpu",
]


def train(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "mbrl_mts3.scripts.train", *WORDS, f"hydra.run.dir={folder}", *words],
        cwd=folder.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_two_processes_train_what_one_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    write_walks(DATA, lengths=(20,) * 10)
    alone = train(tmp_path / "one")
    both = train(tmp_path / "two", "training.devices=2", "training.strategy=ddp")
    for name in ("best", "last"):
        one, two = (json.loads((tmp_path / run / name / "config.json").read_text()) for run in ("one", "two"))
        assert two["training"]["devices"] == 2
        metrics = [{key: value for key, value in read["metrics"].items() if key != "seconds"} for read in (one, two)]
        assert metrics[0].keys() == metrics[1].keys()
        np.testing.assert_allclose(list(metrics[1].values()), list(metrics[0].values()), rtol=1e-4)
        weights = [load_file(tmp_path / run / name / "model.safetensors") for run in ("one", "two")]
        for key, value in weights[0].items():
            np.testing.assert_allclose(weights[1][key], value, atol=1e-5, err_msg=key)
    rows = [(tmp_path / run / "logs" / "csv" / "metrics.csv").read_text().splitlines() for run in ("one", "two")]
    assert rows[0][0] == rows[1][0]
    assert len(rows[0]) == len(rows[1])
    note = json.loads((tmp_path / "two" / ".hydra" / "run.json").read_text())
    assert "process_1" not in note["command"], "the first process notes whose folder it is"
    assert both.stdout.count("best checkpoint") == alone.stdout.count("best checkpoint") == 1, "one process tells it"
    assert not [path for path in tmp_path.iterdir() if path.name not in ("minari", "one", "two")]
