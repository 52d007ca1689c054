"""SLURM's requeue signal: Lightning's plugin saves the state and asks SLURM to start the job again."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from lightning.pytorch.plugins.environments import SLURMEnvironment

from mbrl_mts3.training import WorldModelTrainer

QUICK: dict[str, Any] = {
    "length": 20,
    "batch_size": 8,
    "max_updates": 8,
    "validation_interval": 2,
    "validation_windows": 4,
    "validation_length": 20,
    "validation_context": 5,
    "progress": False,
    "loggers": (),
    "accelerator": "cpu",
}
JOB = {"SLURM_NTASKS": "1", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "4711", "SLURM_PROCID": "0"}
JOB |= {"SLURM_LOCALID": "0", "SLURM_NODELIST": "node", "SLURM_NNODES": "1", "SLURM_NODEID": "0"}


def test_it_is_called_and_the_run_goes_on_as_if_nothing_had_been(
    linear_dataset, small_mts3, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    whole = WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, tmp_path / "whole")
    called: list[list[str]] = []
    before = signal.getsignal(signal.SIGUSR1)

    def send(module: Any, *_: object) -> None:
        if module.global_step == 3 and not called:
            os.kill(os.getpid(), signal.SIGUSR1)

    def asked(words: Any, *_: object, **__: object) -> int:
        called.append([str(word) for word in words])
        return 0

    with monkeypatch.context() as patch:
        for name, value in {
            **JOB,
            "SLURM_LOCALID": "0",
            "SLURM_NODELIST": "node",
            "SLURM_NNODES": "1",
            "SLURM_NODEID": "0",
        }.items():
            patch.setenv(name, value)
        patch.setattr("lightning.pytorch.trainer.connectors.signal_connector.call", asked)
        patch.setattr("mbrl_mts3.training.WorldModelModule.on_train_batch_end", send)
        assert SLURMEnvironment.detect()
        fitted = WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, tmp_path / "run")
    assert called == [["scontrol", "requeue", "4711"]]
    assert signal.getsignal(signal.SIGUSR1) is before
    assert (tmp_path / "run" / "resume.ckpt").is_file()
    resumed = WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, tmp_path / "run", resume=tmp_path / "run")
    for one in (fitted, resumed):
        assert one.metrics["step"] == whole.metrics["step"]
        for name, weight in whole.model.state_dict().items():
            assert (one.model.state_dict()[name] == weight).all(), name
