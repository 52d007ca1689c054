"""Checkpoints of trained world models: folders of plain data, read without pickle."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from gymnasium import spaces
from safetensors import SafetensorError
from safetensors.torch import load, save

import mbrl_mts3
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.spaces import space_from_json, space_to_json
from mbrl_mts3.errors import CheckpointError, StorageError
from mbrl_mts3.files import publish_folder, staging_folder, storage_errors
from mbrl_mts3.models import PhysicalModel, RecalibratedModel, Recalibration, WorldModel
from mbrl_mts3.pretrained import find_pretrained
from mbrl_mts3.tensor_record import TensorRecord
from mbrl_mts3.training.checkpoint_config import (
    CONFIG_FILE,
    FORMAT_VERSION,
    check_hash,
    find_model_class,
    hash_of,
    read_arguments,
    read_config,
    read_selector,
)
from mbrl_mts3.training.device import resolve_device
from mbrl_mts3.training.hub_download import fetch_checkpoint, is_hub_address

WEIGHTS_FILE = "model.safetensors"
NORMALIZER_FILE = "normalizer.safetensors"
RECALIBRATION_FILE = "recalibration.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A world model with all that is needed to use it, and where it comes from.

    On disk: `config.json` (versions, arguments, spaces, data set, metrics), `model.safetensors`,
    `normalizer.safetensors` and, once fitted, `recalibration.safetensors`.
    """

    model: WorldModel
    normalizer: Normalizer
    selector: ObservationSelector
    observation_space: spaces.Space[Any]
    """Raw space of the environment, before selection."""
    action_space: spaces.Box
    dataset_id: str
    content_hash: str
    env_id: str | None = None
    env_options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `make_environment` that the data was collected with, as far as known."""
    split_seed: int = 0
    split_fractions: tuple[float, ...] = (0.8, 0.1, 0.1)
    metrics: dict[str, float] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    """How it was trained: options as plain values."""
    recalibration: Recalibration | None = None
    """Factors of the predicted variances, fitted on validation episodes after training; None before."""

    def physical_model(self, precision: str = "float32", *, recalibrated: bool = False) -> PhysicalModel:
        """The model in physical units, in evaluation mode.

        Args:
            precision: see `PhysicalModel`.
            recalibrated: with the variances of its predictions corrected, see `recalibrated_model`.
        """
        model = self.recalibrated_model() if recalibrated else self.model.eval()
        return PhysicalModel(model, self.normalizer, precision)

    def recalibrated_model(self) -> RecalibratedModel:
        """The model in normalised units and in evaluation mode, with variances corrected for each horizon.

        Raises:
            CheckpointError: no recalibration was fitted for this checkpoint.
        """
        if self.recalibration is None:
            raise CheckpointError(
                "this checkpoint holds no recalibration: fit one with mts3-calibrate checkpoint=FOLDER, or predict "
                "without one (recalibrated=false)"
            )
        recalibrated = RecalibratedModel(self.model, self.recalibration)
        return recalibrated.eval()

    def save_pretrained(self, path: str | Path) -> Path:
        """Write the folder `path`; an older one there is replaced in one step when the new one is complete.

        Raises:
            StorageError: the disk is full, or the place cannot be written to; an older checkpoint stays as it was.
        """
        if is_hub_address(path):
            raise StorageError(f"{path} is on the Hub, and only read there: save to a folder, or use push_to_hub")
        target = Path(path)
        parts = {WEIGHTS_FILE: dict(self.model.state_dict()), NORMALIZER_FILE: _tensors(self.normalizer)}
        if self.recalibration is not None:
            parts[RECALIBRATION_FILE] = _tensors(self.recalibration)
        config = self._config()
        contents = {name: save({key: part.contiguous() for key, part in one.items()}) for name, one in parts.items()}
        config["sha256"] = {name: hash_of(content) for name, content in contents.items()}
        needed = sum(map(len, contents.values()))
        with staging_folder(target.parent) as partial, storage_errors(target, needed=needed):
            for name, content in contents.items():
                (partial / name).write_bytes(content)
            (partial / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n")
            publish_folder(partial, target)
        return target

    @classmethod
    def from_pretrained(cls, path: str | Path, device: torch.device | str = "cpu") -> Checkpoint:
        """Read a folder that `save_pretrained` wrote.

        Args:
            path: of the folder; or the name of a model that comes with the package, see `pretrained_names`; or an
                address on the Hugging Face Hub, hf://OWNER/NAME or hf://OWNER/NAME@REVISION.
            device: where the model goes.

        Raises:
            CheckpointError: the folder is missing, incomplete, damaged or of another format, or cannot be fetched.
            ConfigurationError: there is no such device, or the address needs huggingface_hub.
        """
        device = resolve_device(device)
        folder = fetch_checkpoint(path) if is_hub_address(path) else find_pretrained(path) or Path(path)
        config = read_config(folder)
        try:
            model = find_model_class(config["model"])(**read_arguments(config["model"]))
            weights = _read_tensors(config, folder / WEIGHTS_FILE, device)
            _check_finite(weights, folder / WEIGHTS_FILE)
            if any("gates.action." in name or "gates.cause." in name for name in weights):
                raise CheckpointError(
                    f"the model of checkpoint {folder} has gates beside a linear transition, in whose place there are "
                    "those of a GRU now: train it anew, for example model=mts3_deep"
                )
            model.load_state_dict(weights)
            observation_space = space_from_json(config["observation_space"])
            return cls(
                model=model.to(device).eval(),
                normalizer=_read_normalizer(config, folder / NORMALIZER_FILE, model, device),
                selector=read_selector(config, observation_space),
                observation_space=observation_space,
                action_space=_box(space_from_json(config["action_space"])),
                dataset_id=config["dataset_id"],
                content_hash=config["content_hash"],
                # Without "module:", which would make Gymnasium import a module that a file names.
                env_id=None if config["env_id"] is None else config["env_id"].rpartition(":")[2],
                env_options=config.get("env_options", {}),
                split_seed=config["split_seed"],
                split_fractions=tuple(config["split_fractions"]),
                metrics=config["metrics"],
                training=config["training"],
                recalibration=_read_recalibration(config, folder / RECALIBRATION_FILE, model, device),
            )
        except CheckpointError:
            raise
        except Exception as error:  # A damaged file can fail in any way.
            raise CheckpointError(
                f"checkpoint {folder} is damaged ({type(error).__name__}: {error}): save it anew"
            ) from error

    def _config(self) -> dict[str, Any]:
        return {
            "format_version": FORMAT_VERSION,
            "versions": {
                "mbrl_mts3": mbrl_mts3.__version__,
                "torch": str(torch.__version__),
                "python": platform.python_version(),
            },
            "model": {
                "class": type(self.model).__name__,
                "module": type(self.model).__module__,
                "arguments": self.model.arguments(),
            },
            "selector": self.selector.to_json(),
            "observation_space": space_to_json(self.observation_space),
            "action_space": space_to_json(self.action_space),
            "dataset_id": self.dataset_id,
            "content_hash": self.content_hash,
            "env_id": self.env_id,
            "env_options": dict(self.env_options),
            "split_seed": self.split_seed,
            "split_fractions": list(self.split_fractions),
            "metrics": self.metrics,
            "training": self.training,
            "sha256": {},
        }


def _read_tensors(config: Mapping[str, Any], path: Path, device: torch.device | str) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise CheckpointError(f"the checkpoint is incomplete: {path} is missing")
    content = path.read_bytes()
    check_hash(config, path, content)
    try:
        return {name: tensor.to(device) for name, tensor in load(content).items()}
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged ({error}): restore it or train anew") from error


def _check_finite(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise CheckpointError(f"{path} holds NaN or infinity in {', '.join(broken[:5])}: restore it or train anew")


def _tensors(record: TensorRecord) -> dict[str, torch.Tensor]:
    """The fields of a record of plain tensors by name, without those that are None."""
    values = {item.name: getattr(record, item.name) for item in fields(record)}
    return {name: value.contiguous() for name, value in values.items() if value is not None}


def _read_normalizer(
    config: Mapping[str, Any], path: Path, model: WorldModel, device: torch.device | str
) -> Normalizer:
    tensors = _read_tensors(config, path, device)
    _check_finite(tensors, path)
    observation, action = (model.observation_dim,), (model.action_dim,)
    sizes = {"observation": observation, "change": observation, "action": action, "reward": ()}
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != sizes.get(name.rpartition("_")[0]):
            raise CheckpointError(f"{path} holds {name} of the shape {tuple(tensor.shape)}, which the model has not")
        if name.endswith("_scale") and not (tensor > 0).all():
            raise CheckpointError(f"{path} holds a {name} that is not positive: restore it or train anew")
    return Normalizer(**tensors)


def _read_recalibration(
    config: Mapping[str, Any], path: Path, model: WorldModel, device: torch.device | str
) -> Recalibration | None:
    if not path.exists():
        return None
    recalibration = Recalibration(**_read_tensors(config, path, device))
    recalibration.check(model.observation_dim, predict_reward=model.predict_reward)
    return recalibration


def _box(space: spaces.Space[Any]) -> spaces.Box:
    if not isinstance(space, spaces.Box):
        raise CheckpointError(f"the action space needs to be a Box, got {type(space).__name__}")
    return space
