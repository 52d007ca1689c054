"""A SLURM job that is requeued: the same command, called again by SLURM, goes on in the folder of its first run."""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path

import pytest
from random_walks import write_walks

DATA = "tests/requeued-v0"
WORDS = [
    *("data=minari", f"data.dataset_id={DATA}", "model=gru", "model.width=4", "model.decoder_hidden=[4]"),
    *("training.length=10", "training.validation_length=10", "training.validation_context=4", "training.batch_size=4"),
    *("training.max_updates=8", "training.validation_interval=2", "training.split_fractions=[0.6,0.2,0.2]"),
    *("training.progress=false", "training.loggers=[csv]", "training.accelerator=cpu"),
]
JOB = {
    **{"SLURM_NTASKS": "1", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "4711", "SLURM_PROCID": "0"},
    **{"SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NNODES": "1", "SLURM_NODELIST": "node"},
}


def train(patch: pytest.MonkeyPatch, *words: str) -> None:
    patch.setattr(sys, "argv", ["mts3-train", *WORDS, *words])
    import_module("mbrl_mts3.scripts.train").main()


def weights(folder: Path) -> dict[str, str]:
    return dict(json.loads((folder / "last" / "config.json").read_text())["sha256"])


@pytest.mark.parametrize("fixed", [False, True])
def test_the_same_command_goes_on(
    fixed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    write_walks(DATA, lengths=(20,) * 10)
    train(monkeypatch, "hydra.run.dir=whole")
    own = ["hydra.run.dir=jobs/mine"] if fixed else []
    requeued: list[list[str]] = []

    def stop(module: object, *_: object) -> None:
        if getattr(module, "global_step", 0) == 5 and not requeued:
            # What SLURM does: --signal=USR1@90, then the end of the job's time.
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGTERM)

    for name, value in JOB.items():
        monkeypatch.setenv(name, value)
    with monkeypatch.context() as patch:
        patch.setattr("lightning.pytorch.trainer.connectors.signal_connector.call", requeued.append)
        patch.setattr("mbrl_mts3.training.WorldModelModule.on_train_batch_end", stop)
        with pytest.raises(SystemExit) as end:
            train(patch, *own)
    assert end.value.code == 143
    assert requeued == [["scontrol", "requeue", "4711"]]
    (first,) = [path.parent for path in tmp_path.glob("jobs/*/resume.ckpt" if fixed else "runs/train/*/resume.ckpt")]
    assert weights(first) != weights(tmp_path / "whole")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    capsys.readouterr()
    train(monkeypatch, *own)
    assert weights(first) == weights(tmp_path / "whole")
    assert str(first.relative_to(tmp_path)) in capsys.readouterr().out
    # Another job begins anew.
    monkeypatch.setenv("SLURM_JOB_ID", "4712")
    train(monkeypatch, "hydra.run.dir=jobs/another")
    assert (tmp_path / "jobs" / "another" / "resume.ckpt").is_file()
