"""A small file out of a large one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from stable_baselines3 import SAC
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch import nn

from mbrl_mts3.errors import ConfigurationError


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
    beside = Path(path).with_name(f".{Path(path).name}-incomplete")
    save_file(arrays, beside, metadata=metadata)
    beside.replace(path)
