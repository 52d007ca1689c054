"""mts3-train: learn a world model from an offline data set."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.scripts.command_line import command
from mbrl_mts3.scripts.command_line.console import make_console, make_facts, print_files, run_folder, write_result
from mbrl_mts3.scripts.command_line.run_folders import find_requeued_run
from mbrl_mts3.scripts.runs.catalogue import RESULT_FILES
from mbrl_mts3.training import WorldModelTrainer, is_first_process, keep_freed_memory
from mbrl_mts3.training.resume import RESUME_FILE


@command("train")
def main(config: DictConfig) -> None:
    """Load the data, train, say where the checkpoint lies."""
    keep_freed_memory()
    # Where several processes train, one of them tells.
    console = make_console(quiet=not is_first_process())
    trainer: WorldModelTrainer = instantiate(config.training, _convert_="all")
    dataset: OfflineDataset = instantiate(config.data)
    console.print(dataset, *dataset.notes, sep="\n")
    resume = config.resume or find_requeued_run(run_folder(), RESUME_FILE)
    folder = Path(resume or run_folder())
    checkpoint = trainer.fit(dataset, instantiate(config.model, _convert_="all"), folder, resume=resume)
    if not is_first_process():
        return
    console.print(make_facts({name: f"{value:.4g}" for name, value in checkpoint.metrics.items()}, "best checkpoint"))
    written = {
        "checkpoint": "best",
        "model": type(checkpoint.model).__name__,
        "parameters": sum(parameter.numel() for parameter in checkpoint.model.parameters()),
        "dataset_id": checkpoint.dataset_id,
        "content_hash": checkpoint.content_hash,
        "metrics": checkpoint.metrics,
        # By which checkpoint=latest finds the newest finished training.
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    numbers = write_result(RESULT_FILES["train"], written, config, folder)
    print_files(console, checkpoint=folder / "best", numbers=numbers)


if __name__ == "__main__":
    main()
