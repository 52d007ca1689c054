"""Puts a trained model among those that come with the package, with its card.

    python scripts/studies/ship_model.py CHECKPOINT NAME

The model's data has to be on disk: the card tells the errors of its test episodes. Licence of the weights: that of the
package, so the data has to be our own.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch

from mbrl_mts3.metrics import default_context, evaluate_open_loop
from mbrl_mts3.sharing import write_shared_folder
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_splits

PRETRAINED = Path(__file__).parents[2] / "mbrl_mts3" / "pretrained"
HORIZON = 150
# Of how the training ran, not of what it learned from.
_LOCAL = ("loggers", "progress", "accelerator", "devices", "num_nodes", "strategy")


def ship_model(checkpoint: Checkpoint, folder: Path) -> Path:
    """Evaluate the model and write folder and card."""
    dataset = checkpoint_dataset(checkpoint)
    if dataset.content_hash != checkpoint.content_hash:
        raise SystemExit(f"{dataset.dataset_id} is not the data that the model was trained on")
    model = checkpoint.model if checkpoint.recalibration is None else checkpoint.recalibrated_model()
    test = checkpoint_splits(checkpoint, dataset).test
    context = default_context(checkpoint.model)
    result = evaluate_open_loop(model, checkpoint.normalizer, test, context=context, horizon=HORIZON, max_windows=500)
    kept = {name: value for name, value in checkpoint.training.items() if name not in _LOCAL}
    shipped = replace(checkpoint, training=kept)
    return write_shared_folder(folder, shipped, name=folder.name, licence="apache-2.0", evaluation=result)


def main() -> None:
    """Write the folder and say what it weighs."""
    torch.set_num_threads(1)
    folder = ship_model(Checkpoint.from_pretrained(sys.argv[1]), PRETRAINED / sys.argv[2])
    print(f"{folder}: {sum(path.stat().st_size for path in folder.iterdir()) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
