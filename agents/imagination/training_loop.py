"""The loop of training in imagination, and the state that resumes it."""

from __future__ import annotations

import csv
import io
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from mbrl_mts3.agents.imagination.base import ImaginationTrainer
from mbrl_mts3.agents.policy_files import save_policy
from mbrl_mts3.errors import CheckpointError, ConfigurationError
from mbrl_mts3.files import write_atomically

POLICY_FILE = "policy.zip"
CURVE_FILE = "learning_curve.csv"

Evaluation = Callable[[BaseAlgorithm], dict[str, float]]


def train_in_imagination(
    learning: ImaginationTrainer,
    rounds: int,
    folder: Path,
    *,
    imitation_steps: int = 0,
    imitation_rate: float = 1e-3,
    critic_steps: int = 0,
    evaluate: Evaluation | None = None,
    evaluation_interval: int = 10,
    save_interval: int = 10,
    resume: bool = False,
    on_round: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Run all rounds; the last policy is the result, whatever the evaluations said.

    Args:
        learning: made anew, also where a run is resumed.
        rounds: in all, those before an interruption included.
        folder: gets `policy.zip`, `learning_curve.csv` and `resume.pt`.
        imitation_steps, imitation_rate, critic_steps: see `ImaginationTrainer.prepare`.
        evaluate: of the present policy, to be reported; it must leave the global generators alone.
        evaluation_interval: rounds between evaluations; there is one before the first round and one after the last.
        save_interval: rounds between savings.
        resume: go on with what is in the folder.
        on_round: told of each row of the curve.

    Returns:
        The learning curve: row 0 stands before the first round.

    Raises:
        ConfigurationError: a number out of range.
        CheckpointError: nothing to resume.
    """
    if min(rounds, evaluation_interval, save_interval) < 1 or min(imitation_steps, critic_steps) < 0:
        raise ConfigurationError(
            "expected at least one round and intervals of at least 1, and no negative number of steps: got "
            f"rounds={rounds}, evaluation_interval={evaluation_interval}, save_interval={save_interval}, "
            f"imitation_steps={imitation_steps}, critic_steps={critic_steps}"
        )
    curve = load_run(folder, learning) if resume else []
    before = curve[-1]["seconds"] if curve else 0.0
    began = time.perf_counter()
    for number in range(len(curve), rounds + 1):
        found = learning.round() if number else learning.prepare(imitation_steps, imitation_rate, critic_steps)
        steps = {"gradient_steps": learning.gradient_steps, "imagined_steps": learning.imagined_steps}
        row = {"round": number, **steps, "seconds": before + time.perf_counter() - began, **found}
        if evaluate is not None and (number % evaluation_interval == 0 or number == rounds):
            with learning.acting():
                row |= evaluate(learning.algorithm)
        curve.append(row)
        write_atomically(folder / CURVE_FILE, _csv(curve))
        if number % save_interval == 0 or number == rounds:
            with learning.acting():
                save_policy(learning.algorithm, folder / POLICY_FILE)
            save_run(folder, learning, curve)
        if on_round is not None:
            on_round(row)
    return curve


def _csv(curve: Sequence[Row]) -> bytes:
    columns = list(dict.fromkeys(name for row in curve for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in curve)
    return text.getvalue().encode()


STATE_FILE = "resume.pt"
Row = Mapping[str, float]


def save_run(folder: Path, learning: ImaginationTrainer, curve: Sequence[Row]) -> None:
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


def load_run(folder: Path, learning: ImaginationTrainer) -> list[Row]:
    """Restore a training that was made with the same options to the state saved in `folder`; returns its curve.

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
    """Of the libraries that Stable-Baselines3 samples from."""
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
