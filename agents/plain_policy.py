"""The part of a policy file that is read without pickle: weights as safetensors beside JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from gymnasium import spaces
from safetensors import SafetensorError
from safetensors.torch import load, save
from stable_baselines3 import SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode

from mbrl_mts3.data.spaces import space_from_json, space_to_json
from mbrl_mts3.errors import ConfigurationError, DataError
from mbrl_mts3.memory import available_memory
from mbrl_mts3.training.checkpoint_config import find_imported_module

FORMAT_VERSION = 1
_CONFIG, _WEIGHTS = "mbrl_mts3/policy.json", "mbrl_mts3/policy.safetensors"
_CLASS = ":class:"
_KINDS: Mapping[str, type] = {
    "features_extractor_class": BaseFeaturesExtractor,
    "activation_fn": nn.Module,
    "optimizer_class": Optimizer,
}
"""Arguments of policies that are classes, and what these have to be."""
_OURS = (
    "mbrl_mts3.agents.imagination.networks",
    "mbrl_mts3.agents.imagination.policies",
    "mbrl_mts3.agents.offline.base",
    "mbrl_mts3.agents.offline.iql",
    "mbrl_mts3.agents.offline.td3_bc",
)
"""Modules of this package whose classes policy files name."""


@dataclass(frozen=True, repr=False)
class PlainPolicy:
    """A policy of Stable-Baselines3 as plain values and tensors."""

    algorithm: str
    """Name of the class of Stable-Baselines3 that it belongs to."""
    policy_class: str
    """As "module:name"."""
    policy_kwargs: dict[str, Any]
    """Arguments of that class in types that JSON has, classes as {":class:": "module:name"}."""
    use_sde: bool
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    weights: dict[str, Tensor]

    @classmethod
    def from_model(cls, model: BaseAlgorithm, algorithm: str) -> PlainPolicy:
        """The policy of an algorithm.

        Raises:
            ConfigurationError, DataError: it has arguments or spaces that cannot be said in plain values.
        """
        model_policy: Any = model.policy
        return cls(
            algorithm,
            _class_name(type(model_policy), BasePolicy),
            {name: _encode(name, value) for name, value in model.policy_kwargs.items() if name != "device"},
            model.use_sde,
            model.observation_space,
            model.action_space,
            {name: weight.detach().cpu().clone() for name, weight in model_policy.state_dict().items()},
        )

    def append_to(self, path: Path) -> None:
        """Add this to a zip file; its other entries stay as they are."""
        config = {
            "format_version": FORMAT_VERSION,
            "algorithm": self.algorithm,
            "policy_class": self.policy_class,
            "policy_kwargs": self.policy_kwargs,
            "use_sde": self.use_sde,
            "observation_space": space_to_json(self.observation_space),
            "action_space": space_to_json(self.action_space),
        }
        with ZipFile(path, "a") as archive:
            archive.writestr(_CONFIG, json.dumps(config, indent=1, allow_nan=False))
            archive.writestr(_WEIGHTS, save(self.weights))

    @classmethod
    def read(cls, path: Path) -> PlainPolicy | None:
        """The plain part of a policy file; None where it has none, as what others wrote.

        Raises:
            ConfigurationError: it is damaged, or no zip file at all.
        """
        try:
            with ZipFile(path) as archive:
                check_archive_size(archive, path)
                if _CONFIG not in archive.namelist():
                    return None
                config, content = json.loads(archive.read(_CONFIG)), archive.read(_WEIGHTS)
            if config["format_version"] != FORMAT_VERSION:
                raise ConfigurationError(
                    f"{path} has a policy of format version {config['format_version']}, this release reads "
                    f"{FORMAT_VERSION}: use the release that wrote it"
                )
            weights = load(content)
            broken = [name for name, weight in weights.items() if not weight.isfinite().all()]
            if broken:
                raise ConfigurationError(f"{path} holds NaN or infinity in {', '.join(broken[:5])}: restore it")
            return cls(
                str(config["algorithm"]),
                str(config["policy_class"]),
                dict(config["policy_kwargs"]),
                bool(config["use_sde"]),
                space_from_json(config["observation_space"]),
                space_from_json(config["action_space"]),
                weights,
            )
        except _DAMAGE as error:
            raise ConfigurationError(
                f"{str(path)!r} is not a policy ({type(error).__name__}: {error}): give a zip file that a training or "
                "Stable-Baselines3 saved"
            ) from error

    def build(self, kind: type[BaseAlgorithm], device: str) -> BaseAlgorithm:
        """An algorithm with this policy, to act with; its optimisers are new.

        Args:
            kind: the class of Stable-Baselines3 that `algorithm` names.
            device: where the policy runs.

        Raises:
            ConfigurationError: a class of a module that was not imported; classes, sizes and weights do not fit.
        """
        options: dict[str, Any] = {"buffer_size": 1} if issubclass(kind, OffPolicyAlgorithm) else {"n_steps": 2}
        make: Any = kind
        model = make(
            _find_class(self.policy_class, BasePolicy),
            None,  # as `load` of Stable-Baselines3 does
            device=device,
            _init_setup_model=False,
            **options,
        )
        # Now, as constructors write defaults into what they are given.
        model.policy_kwargs = {name: _decode(name, value) for name, value in self.policy_kwargs.items()}
        model.observation_space, model.action_space = self.observation_space, self.action_space
        model.n_envs, model.use_sde = 1, self.use_sde
        if kind is SAC:
            # Else read off an environment.
            model.target_entropy = 0.0
        with _AtMost(4 * sum(weight.numel() for weight in self.weights.values()) + 10_000):
            model._setup_model()
        model.policy.load_state_dict(self.weights)
        model.policy.set_training_mode(False)
        built: BaseAlgorithm = model
        return built


_DAMAGE = (
    OSError,
    BadZipFile,
    NotImplementedError,  # of compressions that zipfile does not know
    SafetensorError,
    DataError,
    KeyError,
    TypeError,
    ValueError,
    RuntimeError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What damaged files raise."""


def check_archive_size(archive: ZipFile, path: Path) -> None:
    """Raise ConfigurationError where the entries of a zip file would not fit into memory."""
    claimed, available = sum(entry.file_size for entry in archive.infolist()), available_memory()
    if available is not None and claimed > available:
        raise ConfigurationError(
            f"{path} unpacks to {claimed / 2**30:,.1f} GiB, of which {available / 2**30:,.1f} are available: it is "
            "damaged, or no policy"
        )


class _AtMost(TorchDispatchMode):
    """Inside, tensors of so many numbers in all are made at most: a file cannot ask for more than it holds."""

    def __init__(self, numbers: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.left = numbers

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.empty.memory_format:
            self.left -= torch.Size(args[0]).numel()
            if self.left < 0:
                raise ValueError("its options ask for larger networks than it holds weights of")
        return func(*args, **(kwargs or {}))


def _encode(name: str, value: Any) -> Any:
    """A policy's argument in types that JSON has."""
    if isinstance(value, type) and name in _KINDS:
        return {_CLASS: _class_name(value, _KINDS[name])}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _encode("", part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_encode("", part) for part in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ConfigurationError(f"the policy's argument {name}={value!r} cannot be said in plain values")


def _decode(name: str, value: Any) -> Any:
    if isinstance(value, dict) and name in _KINDS:
        return _find_class(value[_CLASS], _KINDS[name])
    return value


def _class_name(found: type, kind: type) -> str:
    name = f"{found.__module__}:{found.__qualname__}"
    if _find_class(name, kind) is not found:
        raise ConfigurationError(f"the class {name} cannot be found by its name")
    return name


def _find_class(name: str, kind: type) -> type[Any]:
    """A class of this package, or of a module that was imported already: a file alone makes nothing be imported."""
    module, _, inside = name.partition(":")
    if module in _OURS:
        import_module(module)
    found = getattr(find_imported_module(module, f"the policy needs {inside} of", ConfigurationError), inside, None)
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ConfigurationError(f"the policy names {name}, where a {kind.__name__} is expected: it is damaged")
    return found
