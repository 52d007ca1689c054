"""Pictures of the documentation, out of a trained maze model: the animation of the start page, one for each tutorial.

    python scripts/studies/docs_pictures.py CHECKPOINT

The model's data set has to be on disk (MINARI_DATASETS_PATH). Tutorials are run as they stand on their pages, with the
given model in place of the small one that their first block trains.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.maze_map import MazeMap
from mbrl_mts3.metrics import OpenLoopWindow
from mbrl_mts3.reporting import MazeLayout, rollout_animation
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_splits

DOCS = Path(__file__).parents[2] / "docs"
TUTORIALS = ("predict", "plan", "imagine", "evaluate")
CONTEXT, HORIZON = 30, 120


def draw_animation(checkpoint: Checkpoint) -> Path:
    """The longest test episode beside what the model imagines of it."""
    test = checkpoint_splits(checkpoint, checkpoint_dataset(checkpoint)).test
    longest = max(test, key=len)
    horizon = min(HORIZON, len(longest) - CONTEXT)
    model, normalizer = checkpoint.model, checkpoint.normalizer
    window = OpenLoopWindow.predict(model, normalizer, [longest], 0, context=CONTEXT, horizon=horizon)
    environment = make_environment(str(checkpoint.env_id))
    maze = MazeMap.from_environment(environment)
    environment.close()
    return rollout_animation(
        DOCS / "images" / "imagination.gif", MazeLayout(maze.walls, maze.cell_size), window, frames=75
    )


def draw_tutorial(name: str, checkpoint: Checkpoint) -> Path:
    """Run the page of a tutorial and keep its picture."""
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / f"tutorial_{name}.md").read_text(), re.MULTILINE | re.DOTALL)
    given: dict[str, Any] = {"checkpoint": checkpoint, "dataset": checkpoint_dataset(checkpoint)}
    exec("from functools import partial", given)
    for block in blocks[1:]:
        exec(block, given)
    return Path(shutil.copy(f"{name}.png", DOCS / "images" / f"tutorial_{name}.png"))


def main() -> None:
    """Draw all."""
    torch.set_num_threads(1)
    checkpoint = Checkpoint.from_pretrained(sys.argv[1])
    print(draw_animation(checkpoint))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in TUTORIALS:
            print(draw_tutorial(name, checkpoint))


if __name__ == "__main__":
    main()
