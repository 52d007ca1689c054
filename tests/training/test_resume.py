"""A training goes on from a state that is whole, in its own folder, and under the options that it began with."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cut_short import error_with_small_files
from lightning.fabric.utilities import rank_zero_only

from mbrl_mts3.errors import CheckpointError, ConfigurationError, StorageError
from mbrl_mts3.files import claim_folder
from mbrl_mts3.training import WorldModelTrainer

QUICK = {
    "length": 20,
    "batch_size": 8,
    "max_updates": 4,
    "validation_interval": 2,
    "validation_windows": 4,
    "validation_length": 20,
    "validation_context": 5,
    "progress": False,
    "loggers": (),
}


@pytest.fixture
def run(linear_dataset, small_mts3, tmp_path):
    WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, tmp_path / "run")
    return tmp_path / "run"


def resume(dataset, make, folder, **options):
    return WorldModelTrainer(**{**QUICK, "max_updates": 8, **options}).fit(dataset, make, folder, resume=folder)


def test_the_state_is_written_beside_its_place_and_flushed(linear_dataset, small_mts3, tmp_path, monkeypatch):
    flushed, moved, original = [], [], os.fsync

    def watch(handle):
        flushed.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        original(handle)

    move = os.replace
    monkeypatch.setattr(os, "fsync", watch)
    monkeypatch.setattr(os, "replace", lambda source, target: (moved.append((source, target)), move(source, target)))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, tmp_path / "run")
    sources = [str(source) for source, target in moved if os.fspath(target).endswith("resume.ckpt")]
    assert len(sources) == 2
    assert all(source.startswith(str(tmp_path / "run")) and source in flushed for source in sources)


def test_a_full_disk_ends_in_an_error_of_ours(linear_dataset, small_mts3, tmp_path):
    work = lambda: WorldModelTrainer(**QUICK).fit(linear_dataset, small_mts3, tmp_path / "run")  # noqa: E731
    assert isinstance(error_with_small_files(20_000, work), StorageError)
    assert not (tmp_path / "run" / "resume.ckpt").exists()


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: data[:-100], lambda data: b"x" * 99, lambda data: data.replace(b"best", b"bast")],
)
def test_a_damaged_state_is_told(linear_dataset, small_mts3, run, damage):
    path = run / "resume.ckpt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"resume.ckpt is damaged"):
        resume(linear_dataset, small_mts3, run)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"batch_size": 16}, "batch_size was 8, now 16"),
        ({"mask_step_rate": 0.5, "split_seed": 1}, "mask_step_rate was 0.15, now 0.5; split_seed was 0, now 1"),
        ({"loss_weights": {"reward": 2.0}}, "loss_weights"),
    ],
)
def test_other_options_are_refused_with_their_list(linear_dataset, small_mts3, run, option, told):
    with pytest.raises(CheckpointError, match=told):
        resume(linear_dataset, small_mts3, run, **option)


def test_other_data_and_another_model_are_refused(linear_dataset, small_mts3, small_gru, run):
    with pytest.raises(CheckpointError, match="content_hash was 0, now 1"):
        resume(replace(linear_dataset, content_hash="1"), small_mts3, run)
    with pytest.raises(CheckpointError, match="model was MTS3, now GRU"):
        resume(linear_dataset, small_gru, run)
    assert resume(linear_dataset, small_mts3, run, patience=3).metrics["step"] in range(2, 9)


def test_a_folder_of_another_run_is_refused(linear_dataset, small_mts3, run, tmp_path):
    before = (run / "best" / "model.safetensors").read_bytes()
    with pytest.raises(ConfigurationError, match=r"earlier run.*resume="):
        WorldModelTrainer(**QUICK, seed=1).fit(linear_dataset, small_mts3, run)
    with claim_folder(run), pytest.raises(ConfigurationError, match="another run writes"):
        resume(linear_dataset, small_mts3, run)
    assert (run / "best" / "model.safetensors").read_bytes() == before
    # A state that is continued in a folder of its own.
    shutil.copytree(run, tmp_path / "copy")
    resume(linear_dataset, small_mts3, tmp_path / "copy")


def test_other_processes_of_a_training_share_its_folder(linear_dataset, small_mts3, run, monkeypatch):
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    with claim_folder(run):
        resume(linear_dataset, small_mts3, run)


def test_a_run_that_was_killed_after_its_last_update_stays_as_it_is(linear_dataset, small_mts3, run):
    before = {path: path.read_bytes() for path in (run / "last" / "config.json", run / "best" / "config.json")}
    resume(linear_dataset, small_mts3, run, max_updates=QUICK["max_updates"])
    assert {path: path.read_bytes() for path in before} == before
