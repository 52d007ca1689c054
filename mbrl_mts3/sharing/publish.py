"""Checkpoints on the Hugging Face Hub, with their cards."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mbrl_mts3.errors import ConfigurationError, StorageError
from mbrl_mts3.metrics import OpenLoopResult
from mbrl_mts3.sharing.model_card import write_model_card
from mbrl_mts3.training import Checkpoint
from mbrl_mts3.training.hub_download import require_hub


def write_shared_folder(
    folder: str | Path, checkpoint: Checkpoint, *, name: str, licence: str, evaluation: OpenLoopResult | None = None
) -> Path:
    """Write what a repository holds into a folder: the checkpoint, its card and its figure; see `write_model_card`."""
    target = checkpoint.save_pretrained(folder)
    write_model_card(target, checkpoint, name=name, licence=licence, evaluation=evaluation)
    return target


def push_to_hub(
    checkpoint: Checkpoint,
    repository: str,
    *,
    licence: str,
    evaluation: OpenLoopResult | None = None,
    private: bool = True,
    message: str = "Upload a world model",
) -> str:
    """Upload a checkpoint with its card; the address `hf://REPOSITORY` then reads it.

    It takes the token that `hf auth login` has stored, and never one from an argument or a file of the project.

    Args:
        repository: OWNER/NAME; made where it does not exist.
        licence: see `write_model_card`.
        evaluation: see `write_model_card`.
        private: of a new repository. The default keeps what you upload to yourself.
        message: of the commit.

    Returns:
        The address of the commit.

    Raises:
        ConfigurationError: the name is none, or huggingface_hub is not installed.
        StorageError: the Hub refuses, or cannot be reached.
    """
    if repository.count("/") != 1:
        raise ConfigurationError(f"{repository!r} is no repository: expected OWNER/NAME")
    api = require_hub().HfApi()
    with tempfile.TemporaryDirectory() as place:
        folder = write_shared_folder(
            Path(place) / "model", checkpoint, name=repository, licence=licence, evaluation=evaluation
        )
        try:
            api.create_repo(repository, private=private, exist_ok=True)
            done = api.upload_folder(repo_id=repository, folder_path=folder, commit_message=message)
        except Exception as error:  # Of the Hub or of the network.
            raise StorageError(
                f"{repository} could not be written ({type(error).__name__}: {error}): log in with hf auth login, and "
                "look at the name and the network"
            ) from error
    return str(done.commit_url)
