"""One benchmark run: training, evaluation and its record; finished stages are not repeated."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import mbrl_mts3
from mbrl_mts3.benchmark.options import RunOptions
from mbrl_mts3.benchmark.protocol import EvaluationProtocol
from mbrl_mts3.benchmark.record import RunRecord, imputation_scalars, model_curves, reference_curves
from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.data.split import split_episodes
from mbrl_mts3.errors import ConfigurationError, ResultError
from mbrl_mts3.files import write_atomically
from mbrl_mts3.metrics import OpenLoopResult
from mbrl_mts3.training.checkpoint import Checkpoint
from mbrl_mts3.training.device import resolve_device
from mbrl_mts3.training.resume import RESUME_FILE
from mbrl_mts3.training.trainer import ModelFactory, WorldModelTrainer


@dataclass(frozen=True)
class BenchmarkRun:
    """A benchmark run: one model on one data set with one seed.

    Args:
        dataset: in physical units.
        make_model: builds the model from its sizes.
        trainer: its seed is the run's.
        protocol: evaluation on the test episodes.
        files: where results and checkpoints are stored.
        device: of the evaluation.
    """

    dataset: OfflineDataset
    make_model: ModelFactory
    trainer: WorldModelTrainer
    protocol: EvaluationProtocol
    files: RunFiles
    device: str = "cpu"

    def finish(self, *, overwrite: bool = False, on_stage: Callable[[str], None] | None = None) -> RunRecord:
        """Run the stages that are missing: training, the rest of an interrupted training, evaluation, or none.

        Args:
            overwrite: replace results that were made with other options; results of these options are always kept.
            on_stage: called with a description of each stage before it starts.

        Raises:
            ResultError: there is a result or a training that was made with other options, or is damaged.
            EpisodeTooShortError: the episodes are too short to train or to evaluate on.
            ConfigurationError: the device of the evaluation is not available.
        """
        # Fails now and not after hours of training.
        resolve_device(self.device)
        say = on_stage or (lambda _: None)
        options = self._options()
        if self.files.result.is_file():
            record = RunRecord.load(self.files.result)
            if not self._to_be_replaced(options.differences(record.options), overwrite):
                say("already finished")
                return record
        self._train(options, overwrite, say)
        say("evaluation")
        record = self._evaluate(options)
        record.save(self.files.result)
        return record

    def _options(self) -> RunOptions:
        model = self.make_model(self.dataset.observation_dim, self.dataset.action_dim)
        return RunOptions.from_run(self.dataset, model, self.trainer, self.protocol.fitted(self._test_episodes))

    @property
    def _test_episodes(self) -> Any:
        trainer = self.trainer
        return split_episodes(self.dataset.episodes, trainer.split_fractions, trainer.split_seed).test

    def _to_be_replaced(self, differences: list[str], overwrite: bool) -> bool:
        """Whether an earlier result differs and is to be replaced."""
        if differences and not overwrite:
            raise ResultError(
                f"{self.files} was made with other options: {'; '.join(differences)}. Give this variant a label of its "
                f"own (label=...), or replace the old one (overwrite=true)"
            )
        return bool(differences)

    def _train(self, options: RunOptions, overwrite: bool, say: Callable[[str], None]) -> None:
        """Train to the end, from the point where an earlier attempt was interrupted."""
        started, finished = self._earlier_training()
        folder = self.files.folder
        parts = ("data", "model", "training")
        if started is not None and self._to_be_replaced(options.differences(started, parts), overwrite):
            shutil.rmtree(folder)
            finished = False
        if finished:
            return
        resume = folder if (folder / RESUME_FILE).is_file() else None
        if started is not None and resume is None:
            # Killed before there was a state to go on from.
            shutil.rmtree(folder, ignore_errors=True)
        self._note_training(options, finished=False)
        say("training continues where it was interrupted" if resume else "training")
        self.trainer.fit(self.dataset, self.make_model, folder, resume)
        self._note_training(options, finished=True)

    def _earlier_training(self) -> tuple[RunOptions | None, bool]:
        path = self.files.training
        if not path.is_file():
            return None, False
        try:
            stored = json.loads(path.read_text())
            return RunOptions.from_json(stored["options"]), bool(stored["finished"])
        except (ValueError, KeyError, TypeError) as error:
            raise ResultError(f"{path} is damaged ({error}): delete {self.files.folder} to train anew") from error

    def _note_training(self, options: RunOptions, *, finished: bool) -> None:
        note = {"finished": finished, "options": options.to_json()}
        write_atomically(self.files.training, (json.dumps(note, indent=1) + "\n").encode())

    def _evaluate(self, options: RunOptions) -> RunRecord:
        best = Checkpoint.from_pretrained(self.files.folder / "best", self.device)
        last = Checkpoint.from_pretrained(self.files.folder / "last").metrics
        arguments = best.model, best.normalizer, self._test_episodes
        result, imputed = self.protocol.evaluate(*arguments), self.protocol.impute(*arguments)
        window, stride = options.evaluation["sliding_window"], options.evaluation["sliding_stride"]
        return RunRecord(
            dataset=self.files.dataset,
            label=self.files.label,
            seed=self.files.seed,
            options=options,
            curves=_plain(model_curves(result)),
            references={name: _plain(curves) for name, curves in reference_curves(result).items()},
            sliding=_plain(result.model.sliding(window, stride)),
            scalars={
                **self._training_scalars(best, last),
                **_evaluation_scalars(result),
                **imputation_scalars(imputed),
            },
            versions=_versions(),
        )

    def _training_scalars(self, best: Checkpoint, last: dict[str, float]) -> dict[str, float]:
        """Cost of the training; seconds include validations and all attempts of an interrupted run."""
        steps = last["step"] * self.trainer.batch_size * self.trainer.length
        return {
            "parameters": float(sum(parameter.numel() for parameter in best.model.parameters())),
            "updates": last["step"],
            "best_update": best.metrics["step"],
            "validation_nll": best.metrics["validation/nll"],
            "training_seconds": last["seconds"],
            "steps_per_second": steps / last["seconds"],
        }


def _evaluation_scalars(result: OpenLoopResult) -> dict[str, float]:
    """Numbers of the evaluation that have no horizon."""
    return {"windows": float(len(result.windows)), "invalid_predictions": float(result.invalid_predictions)}


def _plain(curves: dict[str, torch.Tensor]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(curve.double().tolist()) for name, curve in curves.items()}


def _versions() -> dict[str, str]:
    return {
        "mbrl_mts3": mbrl_mts3.__version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads used",
    }


_SAFE_NAME = re.compile(r"[\w+=,-][\w.+=,-]*")


@dataclass(frozen=True)
class RunFiles:
    """The result file of one run, `ROOT/runs/DATASET/LABEL/seed_S.json`, and beside it the folder of its training.

    Args:
        root: folder of all results.
        dataset: name of the data set in files and tables.
        label: name of the variant: a model with its options.
        seed: of training.

    Raises:
        ConfigurationError: a name cannot be a folder name, or would break a table.
    """

    root: Path
    dataset: str
    label: str
    seed: int

    def __post_init__(self) -> None:
        for name, text in (("dataset_label", self.dataset), ("label", self.label)):
            if not _SAFE_NAME.fullmatch(text):
                raise ConfigurationError(
                    f"{name}={text!r} is the name of a folder and of a row of tables: use letters, digits and "
                    ". _ + = , - (no slash, no space), and no dot in front"
                )

    @property
    def result(self) -> Path:
        """The record; it exists when the run is complete."""
        return self.root / "runs" / self.dataset / self.label / f"seed_{self.seed}.json"

    @property
    def folder(self) -> Path:
        """Checkpoints, logs and the state of training."""
        return self.result.with_suffix("")

    @property
    def training(self) -> Path:
        """Options of the training in `folder`, and whether it is finished."""
        return self.folder / "training.json"

    def __str__(self) -> str:
        return f"{self.dataset} {self.label} seed {self.seed}"
