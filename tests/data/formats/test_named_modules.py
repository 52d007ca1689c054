"""A module that a file names is not imported, whatever reads the file; the user's own word imports it."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest
from random_walks import write_walks

from mbrl_mts3.data import load_dataset, load_minari

ID = "mine/named-v0"


@pytest.fixture(autouse=True)
def _stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stranger.py").write_text("raise SystemError('code of a stranger')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def test_minari(tmp_path: Path):
    write_walks(ID, lengths=(9,) * 4)
    path = tmp_path / "minari" / ID / "data" / "metadata.json"
    spec = {"id": "stranger:Some-v0", "entry_point": "stranger:Some", "kwargs": {}, "additional_wrappers": []}
    path.write_text(json.dumps({**json.loads(path.read_text()), "env_spec": json.dumps(spec)}))
    assert load_minari(ID).env_id == "Some-v0"
    assert "stranger" not in sys.modules


def test_d4rl(tmp_path: Path):
    with h5py.File(tmp_path / "some.hdf5", "w") as file:
        file["observations"], file["actions"] = np.ones((30, 2)), np.ones((30, 1))
        file["rewards"], file["terminals"] = np.zeros(30), np.zeros(30, bool)
        file["timeouts"] = np.arange(30) % 10 == 9
        file.attrs["env_id"] = "stranger:Some-v0"
    assert load_dataset(tmp_path / "some.hdf5").env_id == "Some-v0"
    assert "stranger" not in sys.modules


def test_a_command_imports_what_the_user_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    (tmp_path / "known.py").write_text("print('imported')\n")
    monkeypatch.chdir(tmp_path)
    for words, status, said in (
        (["trust=known"], 2, "imported"),
        (["trust=[known, nothing_of_that_name]"], 2, "put the folder of its file on PYTHONPATH"),
        ([], 2, ""),
    ):
        monkeypatch.setattr(sys, "argv", ["mts3-evaluate", "checkpoint=nowhere", *words])
        sys.modules.pop("known", None)
        with pytest.raises(SystemExit) as end:
            import_module("mbrl_mts3.scripts.evaluate").main()
        printed = capsys.readouterr()
        assert end.value.code == status
        assert said in printed.out + printed.err
        assert ("known" in sys.modules) == bool(words)
