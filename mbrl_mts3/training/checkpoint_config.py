"""What a checkpoint's config.json says, read and checked before anything is made of it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from gymnasium import spaces

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.errors import CheckpointError, MTS3Error
from mbrl_mts3.files import recover_folder
from mbrl_mts3.models import MODELS, WorldModel
from mbrl_mts3.pretrained import pretrained_names

FORMAT_VERSION = 1
CONFIG_FILE = "config.json"
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "model": dict,
    "selector": dict,
    "observation_space": dict,
    "action_space": dict,
    "dataset_id": str,
    "content_hash": str,
    "env_id": (str, type(None)),
    "split_seed": int,
    "split_fractions": list,
    "metrics": dict,
    "training": dict,
}


def read_config(folder: Path) -> Mapping[str, Any]:
    """Read config.json.

    Raises:
        CheckpointError: it is missing, damaged or of another format.
    """
    recover_folder(folder)
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise CheckpointError(
            f"{folder} is no checkpoint: it has no {CONFIG_FILE}. Name the folder that training wrote, such as "
            f".../best, or a model that comes with the package ({', '.join(pretrained_names())})"
        )
    try:
        config = dict(json.loads(path.read_text()))
        version = config["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
        raise CheckpointError(f"{path} is damaged ({error}): restore it or train anew") from error
    if version != FORMAT_VERSION:
        versions = config.get("versions")
        written_by = versions.get("mbrl_mts3", "unknown") if isinstance(versions, dict) else "unknown"
        raise CheckpointError(
            f"{path} has format version {version}, this release reads {FORMAT_VERSION}: use the release that wrote it "
            f"({written_by})"
        )
    for name, kind in _TYPES.items():
        if not isinstance(config.get(name, ...), kind) or isinstance(config[name], bool):
            found = repr(config[name])[:60] if name in config else "nothing"
            raise CheckpointError(f"{path} is damaged ({name} is {found}): restore it or train anew")
    for name in ("split_fractions", "metrics"):
        values = config[name].values() if isinstance(config[name], dict) else config[name]
        if not all(isinstance(value, int | float) for value in values):
            raise CheckpointError(f"{path} is damaged ({name} holds other things than numbers): restore it")
    if not isinstance(config.get("env_options", {}), dict):
        raise CheckpointError(f"{path} is damaged (env_options are no table): restore it or train anew")
    return config


def find_model_class(config: Mapping[str, Any]) -> type[WorldModel]:
    """The class of a checkpoint's model: one of ours, or of a module that the user has imported.

    A module that is merely named by a file is not imported, since that runs its code.

    Raises:
        CheckpointError: it is neither.
    """
    name, module = config["class"], config.get("module")
    if not isinstance(name, str) or not isinstance(module, str | None):
        raise CheckpointError(f"the checkpoint's model has the class {name!r} of the module {module!r}: no names")
    if name in MODELS:
        return MODELS[name]
    unknown = f"the checkpoint holds a model {name!r} that is not known here: {', '.join(MODELS)} are"
    if module is None:
        raise CheckpointError(unknown)
    found = getattr(find_imported_module(module, f"{unknown}. It comes from", CheckpointError), name, None)
    if not (isinstance(found, type) and issubclass(found, WorldModel)):
        raise CheckpointError(f"{unknown}. The module {module!r} that it comes from has no such model")
    return found


def read_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a checkpoint's model, as its constructor takes them now.

    Raises:
        CheckpointError: the model has a part that is there no more.
    """
    arguments = dict(config["arguments"])
    # The options of an ensemble's members are one level below.
    inner = arguments.get("options")
    options = dict(inner) if isinstance(inner, dict) else arguments
    options.pop("slow_dropout", None)  # of training alone
    width = options.pop("interaction_width", 0)
    if width:
        raise CheckpointError(
            f"the checkpoint's model has an added layer of {width} units, in whose place there are gates now: train it "
            "anew, for example model=mts3_deep"
        )
    return {**arguments, "options": options} if isinstance(inner, dict) else options


def find_imported_module(module: str, needed: str, error: type[MTS3Error]) -> ModuleType:
    """A module that was imported already: a file alone makes nothing be imported.

    Args:
        module: its name, out of a file.
        needed: begins the message, such as "the policy needs Policy of".
        error: is raised.
    """
    if module not in sys.modules:
        raise error(
            f"{needed} the module {module!r}, which a file alone cannot make this program import: if you trust it, "
            f"import it first, in commands with trust={module}"
        )
    return sys.modules[module]


def read_selector(config: Mapping[str, Any], space: spaces.Space[Any]) -> ObservationSelector:
    """The selection of observations, found to be one of the raw space.

    Raises:
        CheckpointError: it does not fit itself or the space.
    """
    selector = ObservationSelector.from_json(config["selector"])
    columns = {len(getattr(selector, name)) for name in ("names", "keys", "indices", "low", "high")}
    if len(columns) != 1:
        raise CheckpointError("the selector's names, keys, indices and bounds are of different numbers: restore it")
    for key, index in zip(selector.keys, selector.indices, strict=True):
        part = space
        for name in key:
            part = part[name] if isinstance(part, spaces.Dict) and name in part.spaces else spaces.Discrete(1)
        if not isinstance(part, spaces.Box) or len(part.shape) != 1 or not 0 <= index < part.shape[0]:
            raise CheckpointError(
                f"the selector takes entry {index} of {'/'.join(key) or 'the observation'}, which {space} does not have"
            )
    return selector


def hash_of(content: bytes) -> str:
    """The checksum of a file, as config.json has it."""
    return hashlib.sha256(content).hexdigest()


def check_hash(config: Mapping[str, Any], path: Path, content: bytes) -> None:
    """Compare a file with its checksum; checkpoints of earlier versions have none.

    Raises:
        CheckpointError: it is not the file that was saved.
    """
    expected = config.get("sha256", {}).get(path.name)
    if expected is not None and expected != hash_of(content):
        raise CheckpointError(f"{path} is damaged (its checksum is not that of {CONFIG_FILE}): restore it")
