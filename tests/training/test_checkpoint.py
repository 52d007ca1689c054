"""Checkpoints come back as they were, hold no pickle, and say what is wrong with a damaged one."""

from __future__ import annotations

import importlib
import json
import os
import stat
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from cut_short import error_with_small_files
from gymnasium import spaces
from safetensors.torch import load_file, save, save_file

from mbrl_mts3.data import Normalizer, ObservationSelector
from mbrl_mts3.errors import CheckpointError, ConfigurationError, StorageError
from mbrl_mts3.models import Recalibration
from mbrl_mts3.training import Checkpoint


@pytest.fixture
def checkpoint(small_mts3):
    raw = spaces.Dict(
        {"observation": spaces.Box(-np.inf, np.inf, (3,), np.float64), "desired_goal": spaces.Box(-1, 1, (2,))}
    )
    selector = ObservationSelector.from_space(raw, select=["observation/2", "observation/0"])
    normalizer = Normalizer(*(torch.rand(shape) + 0.5 for shape in ((2,), (2,), (1,), (1,), (), ())))
    return Checkpoint(
        small_mts3(2, 1, target="delta"),
        normalizer,
        selector,
        raw,
        spaces.Box(-2, 2, (1,)),
        dataset_id="some/data-v0",
        content_hash="abc",
        env_id="Some-v0",
        split_seed=3,
        metrics={"validation/nll": 1.5},
    )


def test_round_trip(checkpoint, tmp_path):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    loaded = Checkpoint.from_pretrained(folder)
    observations, actions = torch.randn(2, 7, 2), torch.randn(2, 7, 1)
    first = checkpoint.physical_model().filter(observations, actions)[1]
    second = loaded.physical_model().filter(observations, actions)[1]
    assert all(torch.equal(a, b) for a, b in zip(first.tensors(), second.tensors(), strict=True))
    for name in (
        "selector",
        "observation_space",
        "action_space",
        "dataset_id",
        "content_hash",
        "env_id",
        "split_seed",
        "split_fractions",
        "metrics",
    ):
        assert getattr(loaded, name) == getattr(checkpoint, name), name
    assert loaded.observation_space["observation"].dtype == np.float64


def test_the_folder_holds_json_and_safetensors_only(checkpoint, tmp_path):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "normalizer.safetensors",
    ]
    config = json.loads((folder / "config.json").read_text())
    assert config["versions"]["torch"] == torch.__version__
    assert list(tmp_path.iterdir()) == [folder]


def test_saving_again_replaces_the_whole_folder(checkpoint, tmp_path):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    (folder / "stray.txt").write_text("old")
    checkpoint.save_pretrained(folder)
    assert not (folder / "stray.txt").exists()
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failed_save_leaves_the_old_one(checkpoint, tmp_path, monkeypatch):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    before = (folder / "config.json").read_text()
    monkeypatch.setattr(
        "mbrl_mts3.training.checkpoint.json.dumps", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full"))
    )
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save_pretrained(folder)
    assert (folder / "config.json").read_text() == before
    assert list(tmp_path.iterdir()) == [folder]


def test_a_place_without_room_is_told_and_keeps_the_older_one(checkpoint, tmp_path):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    before = (folder / "model.safetensors").read_bytes()
    error = error_with_small_files(900, lambda: checkpoint.save_pretrained(folder))
    assert isinstance(error, StorageError)
    assert "too large" in str(error)
    assert (folder / "model.safetensors").read_bytes() == before
    assert list(tmp_path.iterdir()) == [folder]
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        checkpoint.save_pretrained(tmp_path / "file" / "deeper")


def test_files_and_folder_have_the_usual_rights(checkpoint, tmp_path):
    before = os.umask(0o027)
    try:
        folder = checkpoint.save_pretrained(tmp_path / "model")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o640}


def damage_json(folder):
    (folder / "config.json").write_text("{")


def damage_weights(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def edit(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no checkpoint"),
        (damage_json, "damaged"),
        (damage_weights, "damaged"),
        (lambda folder: (folder / "normalizer.safetensors").unlink(), "is missing"),
        (lambda folder: edit(folder, lambda c: c.update(format_version=99)), "format version 99"),
        (lambda folder: edit(folder, lambda c: c["model"].update({"class": "os.system"})), "'os.system'"),
        (lambda folder: edit(folder, lambda c: c["model"]["arguments"].update(latent_dim=7)), "damaged"),
        (lambda folder: edit(folder, lambda c: c["model"]["arguments"].update(transition="none")), "damaged"),
        (lambda folder: edit(folder, lambda c: c.pop("selector")), "damaged"),
    ],
)
def test_a_damaged_folder_is_refused_with_the_reason(checkpoint, tmp_path, damage, message):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    damage(folder)
    with pytest.raises(CheckpointError, match=message):
        Checkpoint.from_pretrained(folder)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Checkpoint.from_pretrained(tmp_path / "nothing")


def own_model(folder: Path, name: str) -> None:
    (folder / f"{name}.py").write_text(
        'from mbrl_mts3.models import GRU\n\n\nclass Mine(GRU):\n    """A GRU of another name."""\n\n\nOther = 3\n'
    )


def test_a_model_of_ones_own_comes_back_from_its_module(checkpoint, tmp_path, monkeypatch):
    own_model(tmp_path, "my_recurrent_model")
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("my_recurrent_model").Mine(2, 1)
    folder = replace(checkpoint, model=mine).save_pretrained(tmp_path / "model")
    model = Checkpoint.from_pretrained(folder).model
    assert type(model).__name__ == "Mine"
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), mine.parameters(), strict=True))
    edit(folder, lambda c: c["model"].update({"class": "Other"}))
    with pytest.raises(CheckpointError, match="has no such model"):
        Checkpoint.from_pretrained(folder)
    # As in another process, that has not seen the module yet.
    monkeypatch.delitem(sys.modules, "my_recurrent_model")
    with pytest.raises(CheckpointError, match="trust=my_recurrent_model"):
        Checkpoint.from_pretrained(folder)
    assert "my_recurrent_model" not in sys.modules


@pytest.mark.parametrize("name", ["model.safetensors", "normalizer.safetensors", "recalibration.safetensors"])
def test_every_flipped_byte_is_found(recalibrated, tmp_path, name):
    folder = recalibrated.save_pretrained(tmp_path / "model")
    path = folder / name
    whole = path.read_bytes()
    for place in range(8, len(whole), max(1, len(whole) // 20)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(CheckpointError, match=f"{name} is damaged"):
            Checkpoint.from_pretrained(folder)


def test_a_checkpoint_without_checksums_is_read_as_ever(checkpoint, tmp_path):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    edit(folder, lambda c: c.pop("sha256"))
    assert Checkpoint.from_pretrained(folder).dataset_id == checkpoint.dataset_id


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -2.0])
@pytest.mark.parametrize("name", ["observation_scale", "action_scale", "reward_scale", "action_mean"])
def test_a_normaliser_that_cannot_be_is_refused(checkpoint, tmp_path, name, value):
    wrong = replace(checkpoint.normalizer, **{name: torch.full_like(getattr(checkpoint.normalizer, name), value)})
    folder = replace(checkpoint, normalizer=wrong).save_pretrained(tmp_path / "model")
    if name == "action_mean" and abs(value) < 3:
        assert torch.equal(Checkpoint.from_pretrained(folder).normalizer.action_mean, wrong.action_mean)
        return
    with pytest.raises(CheckpointError, match=name):
        Checkpoint.from_pretrained(folder)


def test_weights_that_are_not_finite_are_named(checkpoint, tmp_path):
    name, weight = list(checkpoint.model.named_parameters())[-1]
    with torch.no_grad():
        weight.view(-1)[-1] = -float("inf")
    with pytest.raises(CheckpointError, match=name):
        Checkpoint.from_pretrained(checkpoint.save_pretrained(tmp_path / "model"))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(dataset_id=None),
        lambda c: c.update(env_id=3),
        lambda c: c.update(split_seed=True),
        lambda c: c.update(split_fractions=[0.8, None, 0.1]),
        lambda c: c.update(metrics={"validation/nll": "low"}),
        lambda c: c.update(training=[]),
        lambda c: c["selector"].update(indices=[0, -1]),
        lambda c: c["selector"].update(keys=[["desired_goal"], ["nothing"]]),
        lambda c: c["selector"].update(low=[]),
        lambda c: c["model"].update({"class": ["MTS3"]}),
        lambda c: c["model"].update(arguments=None),
        lambda c: c["action_space"].update(shape=[10**6, 10**6]),
        lambda c: c.update(observation_space={"type": "Box"}),
    ],
)
def test_a_config_that_says_impossible_things_is_refused(checkpoint, tmp_path, change):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    edit(folder, change)
    with pytest.raises(CheckpointError):
        Checkpoint.from_pretrained(folder)


@pytest.mark.parametrize("text", ["[" * 10**5, '{"format_version": ' + "1" * 9000 + "}", "[1]", "\ud800", '"x"'])
def test_json_of_another_kind_is_refused(checkpoint, tmp_path, text):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    (folder / "config.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(CheckpointError, match="damaged"):
        Checkpoint.from_pretrained(folder)


@pytest.mark.parametrize("width", [0, 7])
def test_the_part_that_gates_have_replaced_is_named(checkpoint, tmp_path, width):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["model"]["arguments"]["interaction_width"] = width
    (folder / "config.json").write_text(json.dumps(config))
    if width:
        with pytest.raises(CheckpointError, match="an added layer of 7 units, in whose place there are gates now"):
            Checkpoint.from_pretrained(folder)
    else:
        assert Checkpoint.from_pretrained(folder).model.arguments() == checkpoint.model.arguments()


def test_gates_of_an_earlier_kind_are_named(checkpoint, tmp_path):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    content = save({**load_file(folder / "model.safetensors"), "gates.action.0.weight": torch.zeros(2, 2)})
    (folder / "model.safetensors").write_bytes(content)
    config = json.loads((folder / "config.json").read_text())
    config["sha256"]["model.safetensors"] = sha256(content).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="has gates beside a linear transition"):
        Checkpoint.from_pretrained(folder)


def test_the_module_of_an_environment_s_id_is_left_out(checkpoint, tmp_path):
    folder = replace(checkpoint, env_id="stranger:Some-v0").save_pretrained(tmp_path / "model")
    assert Checkpoint.from_pretrained(folder).env_id == "Some-v0"


@pytest.mark.parametrize("device", ["gpu", *([] if torch.cuda.is_available() else ["cuda"])])
def test_a_device_that_is_not_there_is_no_damage(checkpoint, tmp_path, device):
    folder = checkpoint.save_pretrained(tmp_path / "model")
    with pytest.raises(ConfigurationError, match=f"device={device} cannot be used here"):
        Checkpoint.from_pretrained(folder, device)


@pytest.fixture
def recalibrated(checkpoint):
    return replace(checkpoint, recalibration=Recalibration(torch.rand(6, 2) + 0.5, torch.rand(6) + 0.5))


def test_a_recalibration_comes_back_and_widens_the_intervals(recalibrated, tmp_path):
    folder = recalibrated.save_pretrained(tmp_path / "model")
    assert (folder / "recalibration.safetensors").is_file()
    loaded = Checkpoint.from_pretrained(folder)
    observations, actions = torch.randn(2, 9, 2), torch.randn(2, 9, 1)
    plain, scaled = (loaded.physical_model(recalibrated=asked) for asked in (False, True))
    _, one_step = plain.filter(observations, actions)
    belief, _ = plain.filter(observations[:, :3], actions[:, :3])
    future = plain.imagine(belief, actions[:, 3:])
    belief, found_step = scaled.filter(observations[:, :3], actions[:, :3])
    found = scaled.imagine(belief, actions[:, 3:])
    factors = recalibrated.recalibration
    torch.testing.assert_close(found_step.variance, one_step.variance[:, :3] * factors.observation[0])
    # What is imagined after filtering begins two steps after the last observation, and ends beyond the last factor.
    horizons = [1, 2, 3, 4, 5, 5]
    torch.testing.assert_close(found.variance, future.variance * factors.observation[horizons])
    torch.testing.assert_close(found.reward_variance, future.reward_variance * factors.reward[horizons])
    assert torch.equal(found.mean, future.mean)


def test_without_a_recalibration_the_error_says_how_to_get_one(checkpoint, tmp_path):
    loaded = Checkpoint.from_pretrained(checkpoint.save_pretrained(tmp_path / "model"))
    assert loaded.recalibration is None
    with pytest.raises(CheckpointError, match="mts3-calibrate checkpoint="):
        loaded.physical_model(recalibrated=True)


def test_saving_without_a_recalibration_removes_an_older_one(recalibrated, tmp_path):
    folder = recalibrated.save_pretrained(tmp_path / "model")
    replace(recalibrated, recalibration=None).save_pretrained(folder)
    assert Checkpoint.from_pretrained(folder).recalibration is None


@pytest.mark.parametrize(
    "tensors",
    [
        {"observation": torch.ones(6, 3), "reward": torch.ones(6)},
        {"observation": torch.ones(6, 2)},
        {"observation": -torch.ones(6, 2), "reward": torch.ones(6)},
        {"factors": torch.ones(6, 2)},
        None,
    ],
)
def test_a_damaged_recalibration_is_refused(recalibrated, tmp_path, tensors):
    folder = recalibrated.save_pretrained(tmp_path / "model")
    path = folder / "recalibration.safetensors"
    if tensors is None:
        path.write_bytes(path.read_bytes()[:50])
    else:
        save_file(tensors, path)
    with pytest.raises(CheckpointError, match="damaged"):
        Checkpoint.from_pretrained(folder)
