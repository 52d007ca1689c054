"""Everything that a run needs to go on after it was killed."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from mbrl_mts3.agents.imagination.imagined_learning import ImaginedLearning
from mbrl_mts3.errors import CheckpointError
from mbrl_mts3.reporting.atomic_write import write_atomically

STATE_FILE = "resume.pt"
Row = Mapping[str, float]


def save_run(folder: Path, learning: ImaginedLearning, curve: Sequence[Row]) -> None:
    """Write `resume.pt`, in full or not at all."""
    algorithm = learning.algorithm
    state = {
        "algorithm": type(algorithm).__name__,
        "parameters": algorithm.get_parameters(),
        "variables": {name: _variable(algorithm, name).detach() for name in _variables(algorithm)},
        "counters": {"n_updates": algorithm._n_updates, "num_timesteps": algorithm.num_timesteps},
        "learning": learning.state_dict(),
        "generators": _generators(algorithm.device),
        "curve": [dict(row) for row in curve],
    }
    content = io.BytesIO()
    torch.save(state, content)
    write_atomically(folder / STATE_FILE, content.getvalue())


def load_run(folder: Path, learning: ImaginedLearning) -> list[Row]:
    """Bring a learning that was made with the same options to where the run in `folder` was; returns its curve.

    Raises:
        CheckpointError: there is nothing to go on from, or it is of another algorithm or other sizes.
    """
    path, algorithm = folder / STATE_FILE, learning.algorithm
    if not path.is_file():
        raise CheckpointError(f"nothing to resume in {folder}: it has no {STATE_FILE}; name the folder of a run")
    try:
        # States of generators and the replay belong on the CPU, and all that is loaded below goes where it is needed.
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state["algorithm"] != type(algorithm).__name__:
            raise CheckpointError(f"the run in {folder} trains {state['algorithm']}, not {type(algorithm).__name__}")
        algorithm.set_parameters(state["parameters"], exact_match=True, device=algorithm.device)
        for name, value in state["variables"].items():
            _variable(algorithm, name).data.copy_(value)
        algorithm._n_updates = state["counters"]["n_updates"]
        algorithm.num_timesteps = state["counters"]["num_timesteps"]
        learning.load_state_dict(state["learning"])
        _restore(state["generators"], algorithm.device)
    except (KeyError, ValueError, RuntimeError, EOFError) as error:
        raise CheckpointError(
            f"{path} is damaged, or the run had other options: resume with those of {folder / 'imagine.json'}. {error}"
        ) from error
    return list(state["curve"])


def _variables(algorithm: BaseAlgorithm) -> list[str]:
    """What Stable-Baselines3 stores beside state dicts: SAC's logarithm of the entropy coefficient."""
    return list(algorithm._get_torch_save_params()[1])


def _variable(algorithm: BaseAlgorithm, name: str) -> torch.Tensor:
    tensor: torch.Tensor = getattr(algorithm, name)
    return tensor


def _generators(device: torch.device) -> dict[str, Any]:
    """Of the libraries that Stable-Baselines3 draws from."""
    kind, keys, pos, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 - the one that SB3 uses
    version, internal, gauss_next = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "numpy": [
            str(kind),
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            int(pos),
            int(has_gauss),
            float(gauss),
        ],
        "python": [version, list(internal), gauss_next],
    }


def _restore(state: Mapping[str, Any], device: torch.device) -> None:
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)
    kind, keys, pos, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), pos, has_gauss, gauss))  # noqa: NPY002
    version, internal, gauss_next = state["python"]
    random.setstate((version, tuple(internal), gauss_next))
