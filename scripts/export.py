"""mts3-export: a trained model as files that run without Python, for ONNX Runtime or C++."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from mbrl_mts3.export import export_model
from mbrl_mts3.scripts.command_line import command
from mbrl_mts3.scripts.command_line.console import make_console, print_files, run_folder
from mbrl_mts3.training import Checkpoint


@command("export")
def main(config: DictConfig) -> None:
    """Write the files, compare them with PyTorch, and say how far they are from it."""
    console = make_console()
    checkpoint = Checkpoint.from_pretrained(config.checkpoint)
    folder = run_folder() / config.format if config.folder is None else Path(config.folder)
    with console.status(f"writing {folder} as {config.format}, and comparing it with PyTorch"):
        exported = export_model(
            checkpoint.physical_model(recalibrated=config.recalibrated),
            folder,
            file_format=config.format,
            steps=config.steps,
            batch_size=config.batch_size,
            candidates=config.candidates,
            facts=_facts(config, checkpoint),
        )
    console.print(f"largest difference from PyTorch, relative to 1 + the value: {exported.largest_difference:.1e}")
    print_files(
        console,
        step=exported.step,
        rollout=exported.rollout,
        initial_belief=exported.initial_belief,
        description=exported.description,
    )


def _facts(config: DictConfig, checkpoint: Checkpoint) -> dict[str, Any]:
    """What a user of the files needs to know of the model."""
    return {
        "checkpoint": str(config.checkpoint),
        "model": type(checkpoint.model).__name__,
        "recalibrated": config.recalibrated,
        "observations": list(checkpoint.selector.names),
        "action_low": checkpoint.action_space.low.tolist(),
        "action_high": checkpoint.action_space.high.tolist(),
        "environment": checkpoint.env_id,
        "dataset_id": checkpoint.dataset_id,
        "content_hash": checkpoint.content_hash,
    }


if __name__ == "__main__":
    main()
