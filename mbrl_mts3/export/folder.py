"""Writes a world model into a folder of files that run without this package, and checks what they compute."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.array_types import Array
from mbrl_mts3.errors import ConfigurationError, ExportError
from mbrl_mts3.export.aoti_packages import load_aoti, require_compiler, write_aoti
from mbrl_mts3.export.graphs import NEXT, OutputNames, Rollout, StreamingStep, belief_tensors
from mbrl_mts3.export.onnx_files import load_onnx, require_onnx, write_onnx_rollout, write_onnx_step
from mbrl_mts3.files import publish_folder, staging_folder, storage_errors
from mbrl_mts3.models import PhysicalModel

FORMATS = {"onnx": "onnx", "aoti": "pt2"}
"""Formats, with the endings of their files."""
TOLERANCE = 1e-4
"""Differences from PyTorch, relative to 1 + the value, beyond which a file is taken for wrong."""
_CHECKED_STEPS = 20


@dataclass(frozen=True)
class ExportedModel:
    """The files of an exported model."""

    folder: Path
    step: Path
    """Observe, advance and predict: belief in, belief out."""
    rollout: Path
    """Observe, then predict a whole plan open loop."""
    initial_belief: Path
    """The belief at step 0, a NumPy archive with the names of the inputs."""
    description: Path
    """Names, shapes and units of all inputs and outputs, as JSON."""
    largest_difference: float
    """From what PyTorch computes, relative to 1 + the value, over a streamed sequence and its rollout."""


def export_model(
    physical: PhysicalModel,
    folder: str | Path,
    *,
    file_format: str = "onnx",
    steps: int = 30,
    batch_size: int = 1,
    candidates: int = 1,
    facts: Mapping[str, Any] | None = None,
) -> ExportedModel:
    """Write `step`, `rollout`, `initial_belief.npz` and `export.json` into a folder; an older one is replaced.

    All files take and give physical units. Both update the belief with o_t where `mask` shows it; then the step
    advances by one action, and the rollout by L of them without further observations:

        step:     belief, observation (B, obs), mask (B,) bool, action (B, act) -> next belief, prediction (B, ...)
        rollout:  belief, observation, mask, actions (B, N, L, act) -> prediction (B, N, L, ...)

    Args:
        physical: the model; a causal one, in evaluation mode, on the CPU.
        file_format: "onnx", or "aoti" for compiled packages that run on processors like this one.
        steps: L. The rollout of ONNX takes any number; that of AOTInductor is unrolled, and compiles for minutes.
        batch_size: B, the sequences that are streamed side by side.
        candidates: N, the plans for each belief of a rollout.
        facts: what else export.json is to say, such as the names of observations.

    Raises:
        ConfigurationError: an unknown format, a number below 1, or a library or compiler is missing.
        ExportError: the model cannot be exported, or the files compute something else.
        StorageError: the folder cannot be written.
    """
    if file_format not in FORMATS:
        raise ConfigurationError(f"format={file_format} is unknown: choose one of {', '.join(FORMATS)}")
    for name, number in {"steps": steps, "batch_size": batch_size, "candidates": candidates}.items():
        if number < 1:
            raise ConfigurationError(f"{name}={number}: expected at least 1")
    if not physical.causal:
        raise ExportError(
            "this model needs actions or observations of the future and cannot be streamed: export a causal one, for "
            "MTS3 one with aggregation='causal' and conditioning='prior'"
        )
    if file_format == "onnx":
        require_onnx()
    else:
        require_compiler()
    target = Path(folder)
    case = _Case(physical, file_format, steps, batch_size, candidates)
    with staging_folder(target.parent) as partial, storage_errors(target):
        case.write(partial)
        with torch.no_grad():
            difference = case.check(partial)
        if not difference <= TOLERANCE:
            raise ExportError(
                f"the exported files differ from PyTorch by {difference:.1e} relative to 1 + the value, more than "
                f"{TOLERANCE:.0e}: nothing was written. Try the other format, and report this"
            )
        buffer = BytesIO()
        arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in case.belief.items()}
        np.savez(buffer, **arrays)
        (partial / "initial_belief.npz").write_bytes(buffer.getvalue())
        description = {**case.describe(), "largest_difference": difference, **(facts or {})}
        (partial / "export.json").write_text(json.dumps(description, indent=2) + "\n")
        publish_folder(partial, target)
    ending = FORMATS[file_format]
    return ExportedModel(
        folder=target,
        step=target / f"step.{ending}",
        rollout=target / f"rollout.{ending}",
        initial_belief=target / "initial_belief.npz",
        description=target / "export.json",
        largest_difference=difference,
    )


class _Case:
    """One export: its inputs, its names, and how PyTorch computes the same."""

    def __init__(self, physical: PhysicalModel, file_format: str, steps: int, batch_size: int, candidates: int) -> None:
        self.physical, self.format, self.steps = physical, file_format, steps
        self.batch_size, self.candidates = batch_size, candidates
        with torch.no_grad():
            self.belief = {
                k: v.detach().clone() for k, v in belief_tensors(physical.initial_belief(batch_size)).items()
            }
            _, prediction = physical.step(physical.initial_belief(batch_size), self._action())
        self.outputs = OutputNames(prediction).names
        self.sample = dict(zip(self.outputs, OutputNames.values(prediction[:, 0]), strict=True))
        self.next_names = [f"{NEXT}{name}" for name in self.belief]
        self.step_inputs = {
            "observation": physical.normalizer.observation_mean.expand(batch_size, -1).clone(),
            "mask": torch.ones(batch_size, dtype=torch.bool),
            "action": self._action(),
        }

    def _action(self) -> Tensor:
        return self.physical.normalizer.action_mean.expand(self.batch_size, -1).clone()

    def write(self, folder: Path) -> None:
        """Write both files."""
        if self.format == "onnx":
            write_onnx_step(folder / "step.onnx", self.physical, self.belief, self.step_inputs, self.outputs)
            write_onnx_rollout(
                folder / "rollout.onnx", self.physical, self.belief, self.step_inputs, self.outputs, self.candidates
            )
            return
        flat = tuple(self.belief.values())
        *seen, action = self.step_inputs.values()
        plans = action[:, None, None].expand(-1, self.candidates, self.steps, -1).clone()
        write_aoti(folder / "step.pt2", StreamingStep(self.physical), (flat, *seen, action))
        write_aoti(folder / "rollout.pt2", Rollout(self.physical), (flat, *seen, plans))

    def check(self, folder: Path) -> float:
        """The largest difference from PyTorch, over a stream of random observations, some hidden, and a rollout."""
        generator, physical = torch.Generator().manual_seed(0), self.physical
        ours = physical.initial_belief(self.batch_size)
        theirs = {name: tensor.numpy() for name, tensor in self.belief.items()}
        step_names, differences = [*self.next_names, *self.outputs], []
        step, rollout = self._load(folder, "step", step_names), self._load(folder, "rollout", self.outputs)
        for t in range(_CHECKED_STEPS):
            noise = torch.randn(self.batch_size, physical.model.observation_dim, generator=generator)
            observation = physical.normalizer.denormalize_observation(noise)
            mask = torch.full((self.batch_size,), t % 3 != 1)
            seen = {**theirs, "observation": observation.numpy(), "mask": mask.numpy()}
            known = physical.observe(ours, observation, None, mask)
            if t in (0, _CHECKED_STEPS - 1):
                plans = self._random_actions(generator, self.batch_size, self.candidates, self.steps)
                imagined = OutputNames.values(physical.imagine(known, plans))
                differences.append(_difference(rollout({**seen, "actions": plans.numpy()}), self.outputs, imagined))
            action = self._random_actions(generator, self.batch_size)
            ours, prediction = physical.step(known, action)
            found = step({**seen, "action": action.numpy()})
            expected = (*ours.tensors(), *OutputNames.values(prediction[:, 0]))
            differences.append(_difference(found, step_names, expected))
            theirs = {name: found[f"{NEXT}{name}"] for name in self.belief}
        return max(differences)

    def _load(self, folder: Path, name: str, outputs: list[str]) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
        path = folder / f"{name}.{FORMATS[self.format]}"
        return load_onnx(path) if self.format == "onnx" else load_aoti(path, outputs)

    def _random_actions(self, generator: torch.Generator, *shape: int) -> Tensor:
        normalizer = self.physical.normalizer
        noise = torch.randn(*shape, self.physical.model.action_dim, generator=generator)
        return noise * normalizer.action_scale + normalizer.action_mean

    def describe(self) -> dict[str, Any]:
        """Names, shapes and types of all inputs and outputs, in their order."""
        plans = [self.batch_size, self.candidates, "steps" if self.format == "onnx" else self.steps]
        belief = _describe(self.belief)
        step = _describe(self.step_inputs)
        actions = {"name": "actions", "shape": [*plans, self.physical.model.action_dim], "type": "float32"}
        sequences = [
            {"name": name, "shape": [*plans, *tensor.shape[1:]], "type": "float32"}
            for name, tensor in self.sample.items()
        ]
        moved = [{**item, "name": f"{NEXT}{item['name']}"} for item in belief]
        ending = FORMATS[self.format]
        return {
            "format": self.format,
            "units": "physical",
            f"step.{ending}": {"inputs": [*belief, *step], "outputs": [*moved, *_describe(self.sample)]},
            f"rollout.{ending}": {"inputs": [*belief, *step[:2], actions], "outputs": sequences},
        }


def _describe(tensors: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    return [
        {"name": name, "shape": list(tensor.shape), "type": str(tensor.dtype).removeprefix("torch.")}
        for name, tensor in tensors.items()
    ]


def _difference(found: Mapping[str, Array], names: Sequence[str], expected: Sequence[Tensor]) -> float:
    """The largest difference relative to 1 + the value; infinite where shapes or infinities are not the same."""
    worst = 0.0
    for name, tensor in zip(names, expected, strict=True):
        ours, theirs = tensor.double().numpy(), np.asarray(found[name], np.float64)
        finite = np.isfinite(ours)
        if ours.shape != theirs.shape or not np.array_equal(finite, np.isfinite(theirs)):
            return float("inf")
        gap = np.abs(ours[finite] - theirs[finite]) / (1 + np.abs(ours[finite]))
        worst = max(worst, float(gap.max(initial=0.0)))
    return worst
