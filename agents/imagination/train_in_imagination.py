"""Learning in imagination from the first round to the last."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm

from mbrl_mts3.agents.imagination.imagined_learning import ImaginedLearning
from mbrl_mts3.agents.imagination.run_state import Row, load_run, save_run
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.reporting.atomic_write import write_atomically

POLICY_FILE = "policy.zip"
CURVE_FILE = "learning_curve.csv"

Evaluation = Callable[[BaseAlgorithm], dict[str, float]]


def train_in_imagination(
    learning: ImaginedLearning,
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
        imitation_steps, imitation_rate, critic_steps: see `ImaginedLearning.prepare`.
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
                _save_policy(learning.algorithm, folder / POLICY_FILE)
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


def _save_policy(algorithm: BaseAlgorithm, path: Path) -> None:
    content = io.BytesIO()
    algorithm.save(content)
    write_atomically(path, content.getvalue())
