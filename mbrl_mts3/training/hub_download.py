"""Checkpoints by their address on the Hugging Face Hub: hf://OWNER/NAME, or hf://OWNER/NAME@REVISION."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from mbrl_mts3.errors import CheckpointError, ConfigurationError, StorageError
from mbrl_mts3.files import is_refusal, storage_message

SCHEME = "hf:"
CHECKPOINT_FILES = ("config.json", "*.safetensors")
"""What is fetched of a repository: data, and nothing that could run."""
_ADDRESS = re.compile(r"hf:/{1,2}(?P<repository>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w./-]+))?")


def is_hub_address(path: str | Path) -> bool:
    """Whether this is an address on the Hub and no folder."""
    return str(path).startswith(SCHEME)


def fetch_checkpoint(address: str | Path) -> Path:
    """The folder of a checkpoint on the Hub, fetched unless it is in the cache.

    Without a network, or with HF_HUB_OFFLINE=1, the cache alone is asked.

    Raises:
        ConfigurationError: the address is none, or huggingface_hub is not installed.
        CheckpointError: there is no such repository or revision, or it cannot be reached and is not in the cache.
        StorageError: the cache cannot be written.
    """
    found = _ADDRESS.fullmatch(str(address))
    if found is None:
        raise ConfigurationError(
            f"{address} is no address on the Hub: expected hf://OWNER/NAME or hf://OWNER/NAME@REVISION"
        )
    hub = require_hub()
    try:
        folder = hub.snapshot_download(
            found["repository"], revision=found["revision"], allow_patterns=list(CHECKPOINT_FILES)
        )
    except Exception as error:  # Of the Hub, of the network, of the system.
        if is_refusal(error):
            place = Path(getattr(error, "filename", None) or "the cache of the Hub")
            raise StorageError(f"{storage_message(place, error)} ($HF_HOME chooses it)") from error
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise CheckpointError(
            f"{address} could not be fetched ({type(error).__name__}: {reason[:200]}): look at its name, at the "
            "network, and whether it is private"
        ) from error
    return Path(folder)


def require_hub() -> Any:
    """The library huggingface_hub.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        return import_module("huggingface_hub")
    except ImportError as error:
        raise ConfigurationError("the Hub needs huggingface_hub: pip install 'mbrl_mts3[hub]'") from error
