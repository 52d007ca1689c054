"""Whatever is wrong with a file, its reader raises an error of ours, and small files get no large memory."""

from __future__ import annotations

import json
import pickle
import random
import shutil
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_walks import untrained, write_walks
from stable_baselines3 import TD3

from mbrl_mts3.agents.policy_files import load_policy, save_policy
from mbrl_mts3.data import load_dataset, load_minari
from mbrl_mts3.data.formats import damage
from mbrl_mts3.errors import DataError, MTS3Error
from mbrl_mts3.models import GRU
from mbrl_mts3.training import Checkpoint, WorldModelTrainer
from mbrl_mts3.training.resume import find_resume_file, read_resume_file

ID = "mine/damaged-v0"
Read = Callable[[Path], object]


def write_d4rl(folder: Path) -> None:
    with h5py.File(folder / "some.hdf5", "w") as file:
        file["observations"], file["actions"] = np.random.rand(30, 2), np.random.rand(30, 1)  # noqa: NPY002
        file["rewards"], file["terminals"] = np.zeros(30), np.zeros(30, bool)
        file["timeouts"], file["infos/goal"] = np.arange(30) % 10 == 9, np.zeros((30, 2))
        box = {"type": "Box", "shape": [2], "dtype": "float32", "low": [0, 0], "high": [1, 1]}
        file.attrs["observation_space"] = json.dumps(box)
        file.attrs["reference_scores"] = "[0, 1]"
        file.attrs["env_id"] = "HalfCheetah-v5"


def write_pickle(folder: Path) -> None:
    seen = np.cumsum(np.ones((3, 9, 2)), axis=1)
    content: dict[str, Any] = {"normalizer": {"observations": [np.zeros(2), np.ones(2)], "actions": [[0.0], [1.0]]}}
    for part in ("train", "test"):
        content |= {f"{part}_obs": seen[:, :-1], f"{part}_targets": seen[:, 1:], f"{part}_act": np.ones((3, 8, 1))}
    (folder / "some.pkl").write_bytes(pickle.dumps(content, 4))


class Three(gymnasium.Env[Any, Any]):
    """Three numbers are seen, and two are done."""

    observation_space = spaces.Box(-1, 1, (3,))
    action_space = spaces.Box(-1, 1, (2,))


def write_policy(folder: Path) -> None:
    policy = TD3("MlpPolicy", Three(), policy_kwargs={"net_arch": [4]}, buffer_size=1, device="cpu")
    save_policy(policy, folder / "policy.zip")


def write_training(folder: Path) -> None:
    """What a training of two updates goes on from."""
    options: dict[str, Any] = {"length": 6, "validation_length": 6, "validation_context": 3, "batch_size": 2}
    options |= {"max_updates": 2, "validation_interval": 2, "loggers": (), "progress": False, "accelerator": "cpu"}
    trainer = WorldModelTrainer(**options, split_fractions=(0.4, 0.4, 0.2))
    trainer.fit(load_minari(ID), partial(GRU, width=4, decoder_hidden=(4,)), folder.parent / "run")
    shutil.copy(folder.parent / "run" / "resume.ckpt", folder)


def read_cache(folder: Path, sets: Path) -> None:
    """What is damaged is made anew: whatever happened to the files, these are the data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(sets))
        mapped, plain = load_minari(ID, memory_map=True, cache=folder), load_minari(ID)
    for one, other in zip(mapped.episodes, plain.episodes, strict=True):
        for name in ("observations", "actions", "rewards", "terminations", "truncations"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


KINDS = ("d4rl", "pickle", "checkpoint", "minari", "policy", "resume", "cache")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Read]]:
    root = tmp_path_factory.mktemp("originals")
    for kind in ("d4rl", "pickle", "checkpoint", "policy", "resume"):
        (root / kind).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root / "sets"))
        write_walks(ID, lengths=(8,) * 5, goal=True)
        untrained(ID).save_pretrained(root / "checkpoint")
        write_training(root / "resume")
        load_minari(ID, memory_map=True, cache=root / "cache")
    write_d4rl(root / "d4rl")
    write_pickle(root / "pickle")
    write_policy(root / "policy")
    shutil.copytree(root / "sets" / ID, root / "minari")
    return {
        "d4rl": (root / "d4rl", lambda folder: load_dataset(folder / "some.hdf5")),
        "pickle": (root / "pickle", lambda folder: load_dataset(folder / "some.pkl")),
        "checkpoint": (root / "checkpoint", Checkpoint.from_pretrained),
        "minari": (root / "minari", lambda folder: load_minari(str(folder))),
        "policy": (root / "policy", lambda folder: load_policy(folder / "policy.zip")),
        "resume": (root / "resume", lambda folder: read_resume_file(find_resume_file(folder) or folder)),
        "cache": (root / "cache", lambda folder: read_cache(folder, root / "sets")),
    }


WORDS = [b"null", b"-1", b"1e999", b"[]", b"{}", b'"x"', b"\xff\xfe", b"NaN", b"99999999999999999999"]


def changed(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(max(len(data), 1))
        kind = chance.randrange(5)
        if kind == 0 and data:
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[place : place + chance.randint(1, 90)]
        elif kind == 2:
            data[place : place + chance.choice([0, 8])] = chance.choice(WORDS)
        elif kind == 3:
            data[place : place + 9] = bytes(chance.randint(0, 20))
        elif chance.random() < 0.3:
            del data[place:]
    return bytes(data)


def replace_object(path: Path, chance: random.Random) -> None:
    """One object or attribute of an HDF5 file is another one."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        if file.attrs and chance.random() < 0.3:
            values = [-1, "x", "{}", "[1]", b"\xff", np.nan, np.zeros(0), h5py.Empty("f4")]
            file.attrs[chance.choice(list(file.attrs))] = chance.choice(values)
            return
        name = chance.choice(names)
        del file[name]
        values = [
            1.0, "x", h5py.Empty("f4"), np.zeros((1, 3)), np.zeros((9, 2, 2)), np.zeros(9, complex),
            np.array([b"x"] * 9), h5py.SoftLink("/nowhere"), np.zeros(9, [("a", "f4")]), None,
        ]  # fmt: skip
        made = chance.choice(values)
        if made is None:
            file.create_group(name)
        else:
            file[name] = made


def read_damaged(original: Path, read: Read, seed: int, place: Path) -> None:
    chance = random.Random(seed)
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(original, place)
    path = chance.choice(sorted(path for path in place.rglob("*") if path.is_file()))
    if path.suffix == ".hdf5" and chance.random() < 0.7:
        replace_object(path, chance)
    else:
        path.write_bytes(changed(path.read_bytes(), chance))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(MTS3Error):
            read(place)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_damages(originals: dict[str, tuple[Path, Read]], kind: str, tmp_path: Path):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.integers(0, 2**32))
    def damages(seed: int) -> None:
        read_damaged(*originals[kind], seed, tmp_path / "copy")

    damages()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_damages(originals: dict[str, tuple[Path, Read]], kind: str, tmp_path: Path):
    for seed in range(1500):
        read_damaged(*originals[kind], seed, tmp_path / "copy")


def test_fill_values_are_not_read(tmp_path: Path):
    with h5py.File(tmp_path / "bomb.hdf5", "w") as file:
        for key, shape in (("observations", (10**8, 4)), ("actions", (10**8, 1)), ("rewards", (10**8,))):
            file.create_dataset(key, shape, "f8", chunks=(1000, *shape[1:]))
        file.create_dataset("terminals", (10**8,), bool)
    with pytest.raises(DataError, match=r"claims [\d.]+ GiB of .*, which it does not hold"):
        load_dataset(tmp_path / "bomb.hdf5")


def test_what_memory_cannot_take_is_told_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_d4rl(tmp_path)
    monkeypatch.setattr(damage, "available_memory", lambda: 500)
    with pytest.raises(DataError, match="GiB in memory"):
        load_dataset(tmp_path / "some.hdf5")


@pytest.mark.parametrize("opcode", [b"r\xff\xff\xff\x3f", b"r\x00\x00\x01\x00", b"p99999999\n"])
def test_a_pickle_that_asks_for_memory(tmp_path: Path, opcode: bytes):
    (tmp_path / "bomb.pkl").write_bytes(b"\x80\x02N" + opcode + b".")
    with pytest.raises(DataError, match="places in memory"):
        load_dataset(tmp_path / "bomb.pkl")


def test_a_pickle_of_shared_tuples_ends(tmp_path: Path):
    nested: Any = ()
    for _ in range(200):
        nested = (nested, nested)
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(nested, 4))
    with pytest.raises(DataError):
        load_dataset(tmp_path / "bomb.pkl")
