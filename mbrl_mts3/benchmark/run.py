"""One run of a benchmark: trained, evaluated and recorded, each stage once."""

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
from mbrl_mts3.training.trainer import RESUME_FILE, ModelFactory, WorldModelTrainer


@dataclass(frozen=True)
class BenchmarkRun:
    """A benchmark run: one model on one data set with one seed.

    Args:
        dataset: in physical units.
        make_model: builds the model from its sizes.
        trainer: its seed is the run's.
        protocol: evaluation on the test episodes.
        files: where everything is kept.
        device: of the evaluation.
    """

    dataset: OfflineDataset
    make_model: ModelFactory
    trainer: WorldModelTrainer
    protocol: EvaluationProtocol
    files: RunFiles
    device: str = "cpu"

    def finish(self, *, overwrite: bool = False, on_stage: Callable[[str], None] | None = None) -> RunRecord:
        """Do what is missing: nothing, the evaluation, the rest of the training, or all.

        Args:
            overwrite: replace what was made with other options; what was made with these is kept in either case.
            on_stage: told in words what is done next.

        Raises:
            ResultError: a result or a training is there that was made with other options, or is damaged.
            EpisodeTooShortError: the episodes are too short to train or to evaluate on.
            ConfigurationError: the device of the evaluation is not there.
        """
        # Now, and not after hours of training.
        resolve_device(self.device)
        say = on_stage or (lambda _: None)
        options = self._options()
        if self.files.result.is_file():
            record = RunRecord.load(self.files.result)
            if not self._to_be_replaced(options.differences(record.options), overwrite):
                say("was finished before")
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
        """Whether something is there that is to be replaced."""
        if differences and not overwrite:
            raise ResultError(
                f"{self.files} was made with other options: {'; '.join(differences)}. Give this variant a label of its "
                f"own (label=...), or replace the old one (overwrite=true)"
            )
        return bool(differences)

    def _train(self, options: RunOptions, overwrite: bool, say: Callable[[str], None]) -> None:
        """Train to the end, from where an earlier attempt was interrupted."""
        started, finished = self._earlier_training()
        folder = self.files.folder
        parts = ("data", "model", "training")
        if started is not None and self._to_be_replaced(options.differences(started, parts), overwrite):
            shutil.rmtree(folder)
            finished = False
        if finished:
            return
        self._note_training(options, finished=False)
        resume = folder if (folder / RESUME_FILE).is_file() else None
        say("training goes on where it was interrupted" if resume else "training")
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
        judged = best.model, best.normalizer, self._test_episodes
        result, imputed = self.protocol.evaluate(*judged), self.protocol.impute(*judged)
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
        """How much training it took; the time holds the validations, and all attempts of an interrupted run."""
        steps = last["step"] * self.trainer.batch_size * self.trainer.length * self.trainer.devices
        return {
            "parameters": float(sum(parameter.numel() for parameter in best.model.parameters())),
            "updates": last["step"],
            "best_update": best.metrics["step"],
            "validation_nll": best.metrics["validation/nll"],
            "training_seconds": last["seconds"],
            "steps_per_second": steps / last["seconds"],
        }


def _evaluation_scalars(result: OpenLoopResult) -> dict[str, float]:
    """Numbers of the evaluation without a horizon; those of further tests join here."""
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


_FIT = re.compile(r"[\w+=,-][\w.+=,-]*")


@dataclass(frozen=True)
class RunFiles:
    """The result file of one run, `ROOT/runs/DATASET/LABEL/seed_S.json`, and beside it the folder of its training.

    Args:
        root: folder of all results.
        dataset: name of the data set in files and tables.
        label: name of the variant: a model with its options.
        seed: of training.

    Raises:
        ConfigurationError: a name that is no plain folder, or would break a table.
    """

    root: Path
    dataset: str
    label: str
    seed: int

    def __post_init__(self) -> None:
        for name, text in (("dataset_label", self.dataset), ("label", self.label)):
            if not _FIT.fullmatch(text):
                raise ConfigurationError(
                    f"{name}={text!r} names a folder and stands in tables: use letters, digits and "
                    ". _ + = , - (no slash, no space), and no dot in front"
                )

    @property
    def result(self) -> Path:
        """The record; it is there when the run is complete."""
        return self.root / "runs" / self.dataset / self.label / f"seed_{self.seed}.json"

    @property
    def folder(self) -> Path:
        """Checkpoints, logs and the state of training."""
        return self.result.with_suffix("")

    @property
    def training(self) -> Path:
        """What the training in `folder` was started with, and whether it is finished."""
        return self.folder / "training.json"

    def __str__(self) -> str:
        return f"{self.dataset} {self.label} seed {self.seed}"
