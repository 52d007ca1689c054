"""The card of a trained model: what it learned from, how good it is, how to use it, under which licence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import mbrl_mts3
from mbrl_mts3.files import write_atomically
from mbrl_mts3.metrics import OpenLoopResult
from mbrl_mts3.reporting import calibration_figure, error_table, save_figure
from mbrl_mts3.training import Checkpoint

CARD_FILE = "README.md"
FIGURE_FILE = "calibration.png"


def write_model_card(
    folder: str | Path,
    checkpoint: Checkpoint,
    *,
    name: str,
    licence: str,
    evaluation: OpenLoopResult | None = None,
) -> Path:
    """Write README.md and, with an evaluation, calibration.png into the folder of a checkpoint.

    Args:
        name: of the model, such as OWNER/NAME.
        licence: of the weights, an identifier of SPDX such as apache-2.0; that of the data may bind it.
        evaluation: of episodes that the model was not trained on, see `evaluate_open_loop`.

    Raises:
        StorageError: the folder cannot be written.
    """
    target = Path(folder)
    if evaluation is not None:
        save_figure(calibration_figure(evaluation), target / FIGURE_FILE)
    text = model_card_text(checkpoint, name=name, licence=licence, evaluation=evaluation)
    return write_atomically(target / CARD_FILE, text.encode())


def model_card_text(
    checkpoint: Checkpoint, *, name: str, licence: str, evaluation: OpenLoopResult | None = None
) -> str:
    """The card as Markdown, with the metadata that the Hub reads at its top; see `write_model_card`."""
    blocks = [_metadata(checkpoint, licence), f"# {name}", _facts(checkpoint), _use(checkpoint, name)]
    blocks += [_training(checkpoint.metrics)] if checkpoint.metrics else []
    if evaluation is not None:
        blocks.append(_evaluation(evaluation))
    return "\n\n".join([*blocks, f"Licence of the weights: {licence}."]) + "\n"


def _metadata(checkpoint: Checkpoint, licence: str) -> str:
    tags = ["reinforcement-learning", "world-model", type(checkpoint.model).__name__.lower()]
    lines = [f"license: {json.dumps(licence)}", "library_name: mbrl_mts3", f"tags: {json.dumps(tags)}"]
    return "\n".join(["---", *lines, "---"])


def _facts(checkpoint: Checkpoint) -> str:
    parameters = sum(parameter.numel() for parameter in checkpoint.model.parameters())
    facts = {
        "model": f"{type(checkpoint.model).__name__}, {parameters:,} parameters",
        "environment": checkpoint.env_id or "not known",
        "data set": f"`{checkpoint.dataset_id}`",
        "hash of the data": f"`{checkpoint.content_hash}`",
        "split": f"seed {checkpoint.split_seed}, {' / '.join(f'{part:g}' for part in checkpoint.split_fractions)}",
        "observations": ", ".join(f"`{name}`" for name in checkpoint.selector.names),
        "actions": str(checkpoint.action_space.shape[0]),
        "variances corrected": "no" if checkpoint.recalibration is None else "yes",
        "made with": f"mbrl_mts3 {mbrl_mts3.__version__}",
    }
    return _table(("", ""), list(facts.items()))


def _use(checkpoint: Checkpoint, name: str) -> str:
    recalibrated = "" if checkpoint.recalibration is None else "recalibrated=True"
    # What comes with the package has a name alone.
    address = f"hf://{name}" if "/" in name else name
    return f"""## Use

```python
from mbrl_mts3.training import Checkpoint

model = Checkpoint.from_pretrained("{address}").physical_model({recalibrated})
belief = model.initial_belief(1)
```

Commands take the same address: `mts3-plan checkpoint={address}`. Observations and actions are in physical units."""


def _training(metrics: Mapping[str, float]) -> str:
    rows = [(f"`{name}`", f"{value:.4g}") for name, value in metrics.items()]
    return "## Metrics of the training\n\n" + _table(("metric", "value"), rows)


def _evaluation(result: OpenLoopResult) -> str:
    header, rows = error_table(result)
    table = _table(header, [[str(cell) for cell in row] for row in rows])
    picture = f"![How often intervals hold the truth, by what they promise and by horizon]({FIGURE_FILE})"
    return f"## Open-loop prediction of test episodes\n\n{table}\n\n{picture}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)
