"""Model cards, checkpoints in a folder, and the Hub with a cache in place of the network."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from random_walks import OWN, untrained, write_walks

from mbrl_mts3.data import load_minari
from mbrl_mts3.errors import CheckpointError, ConfigurationError, StorageError
from mbrl_mts3.metrics import OpenLoopResult, evaluate_open_loop
from mbrl_mts3.sharing import model_card_text, push_to_hub, write_shared_folder
from mbrl_mts3.training import Checkpoint, checkpoint_splits
from mbrl_mts3.training.hub_download import fetch_checkpoint

COMMIT = "0123456789abcdef0123456789abcdef01234567"
READ = "from mbrl_mts3.training import Checkpoint; print(Checkpoint.from_pretrained({!r}).content_hash)"


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    write_walks(OWN)
    return untrained(OWN)


@pytest.fixture
def result(checkpoint: Checkpoint) -> OpenLoopResult:
    test = checkpoint_splits(checkpoint, load_minari(OWN, checkpoint.selector.names)).test
    return evaluate_open_loop(checkpoint.model, checkpoint.normalizer, test, context=10, horizon=15)


def test_a_shared_folder_is_a_checkpoint_with_its_card(
    checkpoint: Checkpoint, result: OpenLoopResult, tmp_path: Path
) -> None:
    folder = write_shared_folder(tmp_path / "shared", checkpoint, name="me/walk", licence="mit", evaluation=result)
    again = Checkpoint.from_pretrained(folder)
    for name, tensor in checkpoint.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], tensor)
    card = (folder / "README.md").read_text()
    assert card.startswith('---\nlicense: "mit"\nlibrary_name: mbrl_mts3\n')
    for fact in (OWN, checkpoint.content_hash, "MTS3", "`observation/2`, `observation/0`", "seed 3, 0.6 / 0.2 / 0.2"):
        assert fact in card
    assert f"| {float(result.model.nrmse[0]):.3f}"[:6] in card
    assert "(calibration.png)" in card
    assert (folder / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_a_card_without_an_evaluation_has_no_figure(checkpoint: Checkpoint) -> None:
    card = model_card_text(checkpoint, name="me/walk", licence="mit")
    assert "calibration.png" not in card
    assert "Licence of the weights: mit." in card
    assert "physical_model()" in card


def test_push_uploads_the_folder(checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []

    class Api:
        def create_repo(self, name: str, *, private: bool, exist_ok: bool) -> None:
            calls.append((name, private, exist_ok))

        def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> SimpleNamespace:
            shutil.copytree(folder_path, tmp_path / "remote")
            calls.append((repo_id, commit_message))
            return SimpleNamespace(commit_url="https://hub/commit/1")

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(HfApi=Api))
    assert push_to_hub(checkpoint, "me/walk", licence="mit") == "https://hub/commit/1"
    assert calls == [("me/walk", True, True), ("me/walk", "Upload a world model")]
    assert Checkpoint.from_pretrained(tmp_path / "remote").dataset_id == OWN


def test_what_the_hub_refuses_is_one_error(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    class Api:
        def create_repo(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("401")

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(HfApi=Api))
    with pytest.raises(StorageError, match="hf auth login"):
        push_to_hub(checkpoint, "me/walk", licence="mit")
    with pytest.raises(ConfigurationError, match="expected OWNER/NAME"):
        push_to_hub(checkpoint, "walk", licence="mit")


def offline(cache: Path, address: str) -> subprocess.CompletedProcess[str]:
    """Read an address in a process without the Hub, from a cache."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache), "HF_HOME": str(cache)}
    command = [sys.executable, "-c", READ.format(address)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_offline_the_cache_is_read(checkpoint: Checkpoint, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the Hub needs the extra hub")
    repository = tmp_path / "cache" / "models--me--walk"
    checkpoint.save_pretrained(repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    done = offline(tmp_path / "cache", "hf://me/walk")
    assert done.stdout.strip() == checkpoint.content_hash, done.stderr
    missing = offline(tmp_path / "cache", "hf://me/other")
    assert missing.returncode != 0
    assert "CheckpointError: hf://me/other could not be fetched" in missing.stderr


@pytest.mark.parametrize("address", ["hf://walk", "hf://a/b/c", "hf://a/b@"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(ConfigurationError, match="expected hf://OWNER/NAME"):
        Checkpoint.from_pretrained(address)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'mbrl_mts3\[hub\]'"):
        Checkpoint.from_pretrained("hf://me/walk")


def test_the_hub_is_told_what_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def download(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision, allow_patterns))
        raise OSError("no network")

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=download))
    with pytest.raises(CheckpointError, match="no network"):
        Checkpoint.from_pretrained("hf://me/walk@v1.0")
    assert asked == [("me/walk", "v1.0", ["config.json", "*.safetensors"])]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EMFILE])
def test_a_cache_that_cannot_be_written_is_told(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: Any, **__: Any) -> str:
        raise OSError(number, "refused", str(tmp_path / "hub"))

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=download))
    with pytest.raises(StorageError, match=r"/hub could not be written: .*MiB are free .*HF_HOME chooses it"):
        fetch_checkpoint("hf://some/model")


def test_nothing_is_saved_to_an_address(checkpoint: Checkpoint) -> None:
    with pytest.raises(StorageError, match="push_to_hub"):
        checkpoint.save_pretrained("hf://me/walk")
