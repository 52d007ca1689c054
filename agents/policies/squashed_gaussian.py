"""The actor of SAC (a squashed Gaussian) without Stable-Baselines3, and its export to a small file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from stable_baselines3 import SAC
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch import nn

from mbrl_mts3.array_types import FloatArray
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.files import atomic_file

Layer = tuple[FloatArray, FloatArray]

# Stable-Baselines3 bounds the logarithm of the standard deviation so.
_LOG_STD_RANGE = (-20.0, 2.0)


@dataclass(frozen=True, repr=False)
class SquashedGaussianPolicy:
    """a = tanh(mu(o) + sigma(o) e): an MLP with ReLUs and two linear heads (Haarnoja et al., 2018)."""

    hidden: tuple[Layer, ...]
    """Weight (out, in) and bias (out,) of each hidden layer."""
    mean: Layer
    log_std: Layer
    metadata: dict[str, str]
    """Where it comes from: environment, algorithm, steps, seed, ..."""

    @classmethod
    def load(cls, path: str | Path) -> SquashedGaussianPolicy:
        """Read what `export_sac_actor` wrote; weights are computed with in float32, whatever they were stored in.

        Raises:
            ConfigurationError: no such file, or no policy in it.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                arrays = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
                metadata = dict(file.metadata() or {})
            count = len([name for name in arrays if name.startswith("hidden.") and name.endswith(".weight")])
            names = [*(f"hidden.{i}" for i in range(count)), "mean", "log_std"]
            *hidden, mean, log_std = ((arrays[f"{name}.weight"], arrays[f"{name}.bias"]) for name in names)
        except (OSError, SafetensorError, KeyError) as error:
            raise ConfigurationError(
                f"{str(path)!r} holds no policy ({error}): give a file that export_sac_actor wrote"
            ) from error
        return cls(tuple(hidden), mean, log_std, metadata)

    @property
    def observation_dim(self) -> int:
        """Entries of an observation."""
        return int((*self.hidden, self.mean)[0][0].shape[1])

    @property
    def action_dim(self) -> int:
        """Entries of an action."""
        return len(self.mean[1])

    def __call__(self, observation: Any, generator: np.random.Generator | None = None) -> FloatArray:
        """Actions (..., act) in [-1, 1] for observations (..., obs): sampled, or the mode without a generator."""
        features = np.asarray(observation, np.float32)
        for layer in self.hidden:
            features = np.maximum(_affine(layer, features), 0.0)
        mean = _affine(self.mean, features)
        if generator is None:
            return np.tanh(mean)
        deviation = np.exp(np.clip(_affine(self.log_std, features), *_LOG_STD_RANGE))
        return np.tanh(mean + deviation * generator.standard_normal(mean.shape, dtype=np.float32))

    def __repr__(self) -> str:
        told = "".join(f", {key}={value!r}" for key, value in self.metadata.items())
        return f"SquashedGaussianPolicy({self.observation_dim} -> {self.action_dim}{told})"


def _affine(layer: Layer, features: FloatArray) -> FloatArray:
    weight, bias = layer
    return features @ weight.T + bias


def export_sac_actor(model: SAC, path: str | Path, *, dtype: str = "float16", **metadata: str) -> None:
    """Write the actor of SAC, and nothing else, as safetensors; `SquashedGaussianPolicy.load` reads it.

    Args:
        model: with an MLP policy on a Box of observations; `SAC.load(zip_file)` gives one.
        path: of the new file.
        dtype: of the stored weights, "float16" or "float32".
        metadata: what people should know of the policy, `environment="HalfCheetah-v5"` for instance.

    Raises:
        ConfigurationError: the actor is no plain MLP with ReLUs, or the file is there already.
    """
    actor = model.actor
    layers = list(actor.latent_pi)
    plain = all(isinstance(layer, nn.Linear | nn.ReLU) for layer in (*layers, actor.mu, actor.log_std))
    if not plain or not isinstance(actor.features_extractor, FlattenExtractor) or model.use_sde:
        raise ConfigurationError("only the actor of MlpPolicy with ReLUs and without state-dependent exploration fits")
    if Path(path).exists():
        raise ConfigurationError(f"{str(path)!r} is there already: choose another path")
    hidden = [layer for layer in layers if isinstance(layer, nn.Linear)]
    named = {**{f"hidden.{i}": layer for i, layer in enumerate(hidden)}, "mean": actor.mu, "log_std": actor.log_std}
    arrays = {}
    for name, layer in named.items():
        for part in ("weight", "bias"):
            tensor: torch.Tensor = getattr(layer, part)
            arrays[f"{name}.{part}"] = np.ascontiguousarray(tensor.detach().cpu().numpy().astype(dtype))
    with atomic_file(path) as unfinished:
        save_file(arrays, unfinished, metadata=metadata)
