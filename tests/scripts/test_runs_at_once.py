"""Many runs that start at the same moment in one parent folder: each has a folder of its own, and nothing is mixed."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from importlib import import_module
from pathlib import Path

import pytest
from random_walks import write_walks

DATA, RUNS = "tests/at-once-v0", 20
WORDS = [
    *("data=minari", f"data.dataset_id={DATA}", "model=gru", "model.width=4", "model.decoder_hidden=[4]"),
    *("training.length=10", "training.validation_length=10", "training.validation_context=4", "training.batch_size=4"),
    *("training.max_updates=2", "training.validation_interval=1", "training.split_fractions=[0.6,0.2,0.2]"),
    *("training.progress=false", "training.loggers=[csv]", "training.accelerator=cpu"),
]


def test_twenty_trainings_share_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    write_walks(DATA, lengths=(20,) * 10)
    # Imported before the fork, so that all begin within a second.
    main = import_module("mbrl_mts3.scripts.train").main
    context = multiprocessing.get_context("fork")
    together = context.Barrier(RUNS)

    def run(seed: int) -> None:
        sys.argv = ["mts3-train", *WORDS, f"training.seed={seed}"]
        together.wait(60)
        main()
        os._exit(0)

    processes = [context.Process(target=run, args=(seed,)) for seed in range(RUNS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0] * RUNS
    folders = sorted((tmp_path / "runs" / "train").iterdir())
    assert len(folders) == RUNS
    seen = {}
    for folder in folders:
        note = json.loads((folder / ".hydra" / "run.json").read_text())
        config = json.loads((folder / "last" / "config.json").read_text())
        seed = config["training"]["seed"]
        assert f"training.seed={seed}" in note["command"].split()
        assert f"training.seed={seed}" in (folder / ".hydra" / "overrides.yaml").read_text()
        assert config["metrics"]["step"] == 2
        rows = (folder / "logs" / "csv" / "metrics.csv").read_text().splitlines()
        # A header and two validations, each with the losses before it at most.
        assert 3 <= len(rows) <= 5
        seen[seed] = (note["process"], config["sha256"]["model.safetensors"])
    assert sorted(seen) == list(range(RUNS))
    assert all(len({part[place] for part in seen.values()}) == RUNS for place in (0, 1))
    assert not list(tmp_path.rglob(".incomplete-*"))
