"""Trains a world model on a data set and writes checkpoints."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, EarlyStopping, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger
from torch import Tensor

from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.data.masking import MaskSampler
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.split import split_episodes
from mbrl_mts3.data.windows import WindowSampler
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.files import claim_folder, to_jsonable
from mbrl_mts3.memory import require_memory_of_numbers
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.models.changes import set_change_scale
from mbrl_mts3.training.checkpoint import Checkpoint
from mbrl_mts3.training.checkpoint_folders import SELECTED_BY, CheckpointFolders
from mbrl_mts3.training.data_module import WindowDataModule
from mbrl_mts3.training.lightning_module import ONE_STEP, Schedule, WorldModelModule
from mbrl_mts3.training.option_checks import check_training_options
from mbrl_mts3.training.processes import is_first_process
from mbrl_mts3.training.resume import (
    RESUME_FILE,
    AtomicCheckpointIO,
    check_same_run,
    find_resume_file,
    read_resume_file,
)

# Options under which a run may go on although it began under others.
_FREE = (
    "max_updates",
    "max_seconds",
    "patience",
    "accelerator",
    "devices",
    "num_nodes",
    "strategy",
    "loggers",
    "progress",
)

ModelFactory = Callable[[int, int], WorldModel]
"""(observation_dim, action_dim) -> model."""


@dataclass(frozen=True)
class WorldModelTrainer:
    """Options of a training run; `fit` runs it.

    Args:
        length: steps of a training window.
        batch_size: windows per update, shared out to all processes of the training.
        max_updates: updates at most.
        max_seconds: seconds of training at most; None for no limit.
        learning_rate: highest learning rate of Adam.
        gradient_clip: largest norm of the gradient.
        validation_interval: updates between validations.
        validation_windows: windows that are validated on.
        validation_length: steps of each.
        validation_context: its first steps, which are observed; the others are predicted open loop.
        patience: stop after so many validations without improvement; None never stops early.
        mask_step_rate: rate at which single observations are hidden.
        mask_window_rate: highest rate at which whole windows are hidden, see `MaskSampler`.
        mask_suffix_probability: probability that a sequence shows nothing but a context at its start.
        mask_period: steps of a window that is hidden as a whole; None takes the model's period. Models to be compared
            with each other need the same.
        loss_weights: of "observation", "reward", "termination", "change", "reconstruction"; where not named, 0.3 of the
            last and 1 of the others.
        beta: exponent of the variances that weight the likelihoods, 0 to 1; 0 is plain maximum likelihood, which leaves
            entries behind that are hard to predict at first (see `prediction_losses`).
        truncation: cut gradients every so many steps.
        recompute_every: save memory by keeping activations of so many steps only, see `WorldModelModule`.
        microbatch: windows of one forward and backward pass; gradients of a batch's parts add up before the update,
            which takes less memory. It divides batch_size, and is shared out to all processes as well.
        split_fractions: shares of training, validation and test episodes.
        split_seed: of the order in which episodes are dealt out to them.
        seed: of weights, windows and masks.
        accelerator: "auto", "cpu", "gpu" or another of Lightning's Trainer.
        devices: how many of them on each machine, with a process for each.
        num_nodes: machines that train together; each of them starts the same command.
        strategy, precision: see Lightning's Trainer.
        loggers: names out of "csv", "tensorboard", "wandb"; None or an empty list for none.
        progress: show a progress bar.
    """

    length: int = 90
    batch_size: int = 32
    max_updates: int = 3000
    max_seconds: float | None = None
    learning_rate: float = 3e-3
    gradient_clip: float = 5.0
    validation_interval: int = 250
    validation_windows: int = 256
    validation_length: int = 90
    validation_context: int = 30
    patience: int | None = None
    mask_step_rate: float = 0.15
    mask_window_rate: float = 0.75
    mask_suffix_probability: float = 0.5
    mask_period: int | None = None
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    beta: float = 0.5
    truncation: int | None = None
    recompute_every: int | None = None
    microbatch: int | None = None
    split_fractions: Sequence[float] = (0.8, 0.1, 0.1)
    split_seed: int = 0
    seed: int = 0
    accelerator: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    strategy: str = "auto"
    precision: str = "32-true"
    loggers: Sequence[str] | None = ("csv", "tensorboard")
    progress: bool = True

    def __post_init__(self) -> None:
        check_training_options({name: getattr(self, name) for name in (item.name for item in fields(self))})
        if not 0 < self.validation_context < self.validation_length:
            raise ConfigurationError(
                f"validation_context={self.validation_context} needs to lie between 1 and "
                f"validation_length - 1 = {self.validation_length - 1}"
            )
        if not 0 <= self.beta <= 1:
            raise ConfigurationError(f"beta={self.beta}: expected 0 (plain likelihood) to 1 (squared error)")
        if self.microbatch is not None and (self.microbatch < 1 or self.batch_size % self.microbatch):
            raise ConfigurationError(f"microbatch={self.microbatch} needs to divide batch_size={self.batch_size}")

    @property
    def _parts(self) -> int:
        """Forward and backward passes per update."""
        return 1 if self.microbatch is None else self.batch_size // self.microbatch

    def fit(
        self, dataset: OfflineDataset, make_model: ModelFactory, folder: str | Path, resume: str | Path | None = None
    ) -> Checkpoint:
        """Train on the training episodes and return the best checkpoint.

        Args:
            dataset: in physical units.
            make_model: builds the model from its sizes.
            folder: gets `best`, `last`, `resume.ckpt` and the logs; one run at a time writes to it.
            resume: folder of a run to continue, under the options and with the data that it began with.

        Raises:
            EpisodeTooShortError: no training or validation episode reaches the length of a window.
            CheckpointError: nothing to resume from, or it began under other options.
            ConfigurationError: the folder holds another run, and is not resumed.
            StorageError: the disk is full, or the folder cannot be written to.
        """
        # The other processes of a training, which Lightning starts by the same command, share its folder.
        first = is_first_process()
        with claim_folder(folder) if first else nullcontext():
            if first and (resume is None or Path(folder).resolve() != Path(resume).resolve()):
                _refuse_older_run(Path(folder))
            return self._fit(dataset, make_model, Path(folder), find_resume_file(resume))

    def _fit(self, dataset: OfflineDataset, make_model: ModelFactory, folder: Path, state: Path | None) -> Checkpoint:
        lightning.seed_everything(self.seed, verbose=False)
        splits = split_episodes(dataset.episodes, self.split_fractions, self.split_seed)
        data = WindowDataModule(
            WindowSampler(splits.train, self.length, min_length=self.length),
            WindowSampler(splits.validation, self.validation_length, min_length=self.validation_length),
            batch_size=self.batch_size // self._parts,
            steps_per_epoch=min(self.validation_interval, self.max_updates) * self._parts,
            validation_windows=self.validation_windows,
            seed=self.seed,
        )
        model = make_model(dataset.observation_dim, dataset.action_dim)
        self._check_memory(model)
        facts = self._facts(dataset, model)
        if state is not None:
            check_same_run(_facts_of_run(state), facts, state.parent, _FREE)
        normalizer = Normalizer.fit(splits.train)
        set_change_scale(model, normalizer.change_scale)
        schedule = Schedule(self.learning_rate, self.max_updates, self.max_seconds)
        module = self._module(model, normalizer, schedule, dataset.selector.names)

        # Not the model itself: a strategy may keep a part of each weight in every process.
        saved = _untrained_copy(model)

        def snapshot(metrics: dict[str, float], weights: Mapping[str, Tensor]) -> Checkpoint:
            saved.load_state_dict(weights)
            return self._checkpoint(dataset, saved, normalizer, {**metrics, "seconds": schedule.elapsed})

        checkpoints = CheckpointFolders(folder, snapshot, facts)
        trainer = self._trainer(folder, checkpoints)
        schedule.start()
        _fit_quietly(trainer, module, data, state)
        if checkpoints.written_step != trainer.global_step:
            # The time limit may stop training between two validations; the last updates count too.
            trainer.validate(module, data, verbose=False)
        # Processes that were started one by one may each have made a folder of their own.
        best = Checkpoint.from_pretrained(Path(trainer.strategy.broadcast(str(folder))) / "best")
        if is_first_process():
            _warn_of_unlearned_entries(best.metrics)
        return best

    def _check_memory(self, model: WorldModel) -> None:
        """Refuse batches that do not fit; a model with windows fills the last one up."""
        windows, steps = self.batch_size // self._parts, max(self.length, model.period)
        require_memory_of_numbers(
            windows * steps * (model.observation_dim + model.action_dim),
            f"batch_size={self.batch_size} windows of {steps} steps (training.length, or the model's longest window)",
        )

    def _facts(self, dataset: OfflineDataset, model: WorldModel) -> dict[str, Any]:
        """What a run that goes on must have in common with its beginning, as plain values."""
        named = {f"model.{name}": value for name, value in model.arguments().items()}
        model_facts = {"model": type(model).__name__, **named}
        facts = {**self._options(), **model_facts, "content_hash": dataset.content_hash}
        return {name: json.loads(json.dumps(to_jsonable(value), default=str)) for name, value in facts.items()}

    def _options(self) -> dict[str, Any]:
        return {**asdict(self), "loss_weights": dict(self.loss_weights), "loggers": list(self.loggers or ())}

    def _module(
        self, model: WorldModel, normalizer: Normalizer, schedule: Schedule, names: Sequence[str]
    ) -> WorldModelModule:
        period = model.period if self.mask_period is None else self.mask_period
        masks = MaskSampler(period, self.mask_step_rate, self.mask_window_rate, self.mask_suffix_probability)
        return WorldModelModule(
            model,
            normalizer,
            masks,
            schedule,
            validation_context=self.validation_context,
            names=names,
            loss_weights=self.loss_weights,
            beta=self.beta,
            truncation=self.truncation,
            recompute_every=self.recompute_every,
            seed=self.seed,
        )

    def _trainer(self, folder: Path, checkpoints: CheckpointFolders) -> lightning.Trainer:
        logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
        callbacks: list[Callback] = [checkpoints]
        if self.patience is not None:
            # Not strict: the first epoch after a resumption may end without a validation of its own.
            callbacks.append(EarlyStopping(SELECTED_BY, patience=self.patience, check_finite=True, strict=False))
        if self.progress:
            callbacks.append(TrainingProgressBar())
        try:
            trainer = lightning.Trainer(
                accelerator=self.accelerator,
                devices=self.devices,
                num_nodes=self.num_nodes,
                strategy=self.strategy,
                precision=self.precision,  # type: ignore[arg-type]
                max_steps=self.max_updates,
                max_epochs=-(-self.max_updates // min(self.validation_interval, self.max_updates)),
                max_time=None if self.max_seconds is None else timedelta(seconds=self.max_seconds),
                gradient_clip_val=self.gradient_clip,
                accumulate_grad_batches=self._parts,
                callbacks=callbacks,
                plugins=[AtomicCheckpointIO()],
                logger=make_loggers(self.loggers or (), folder),
                default_root_dir=folder,
                enable_checkpointing=False,
                enable_progress_bar=self.progress,
                enable_model_summary=False,
                num_sanity_val_steps=0,
                log_every_n_steps=50,
                reload_dataloaders_every_n_epochs=1,
                use_distributed_sampler=False,
            )
        except (ValueError, TypeError, MisconfigurationException) as error:
            raise ConfigurationError(f"Lightning does not take these options of training: {error}") from error
        if self.batch_size // self._parts % trainer.world_size:
            shared = "batch_size" if self.microbatch is None else "microbatch"
            raise ConfigurationError(
                f"{shared}={self.batch_size // self._parts} cannot be shared out to {trainer.world_size} processes: "
                "choose a multiple of their number"
            )
        return trainer

    def _checkpoint(
        self, dataset: OfflineDataset, model: WorldModel, normalizer: Normalizer, metrics: dict[str, float]
    ) -> Checkpoint:
        return Checkpoint(
            model=model,
            normalizer=normalizer.to("cpu"),
            selector=dataset.selector,
            observation_space=dataset.observation_space,
            action_space=dataset.action_space,
            dataset_id=dataset.dataset_id,
            content_hash=dataset.content_hash,
            env_id=dataset.env_id,
            env_options=dataset.env_options,
            split_seed=self.split_seed,
            split_fractions=tuple(self.split_fractions),
            metrics=metrics,
            training=self._options(),
        )


def _untrained_copy(model: WorldModel) -> WorldModel:
    """A model of the same kind and sizes on the CPU; random numbers of the training are not used up."""
    with torch.random.fork_rng(devices=[]):
        arguments: dict[str, Any] = model.arguments()
        return type(model)(**arguments)


def _warn_of_unlearned_entries(metrics: Mapping[str, float]) -> None:
    errors = {name.removeprefix(ONE_STEP): error for name, error in metrics.items() if name.startswith(ONE_STEP)}
    unlearned = [name for name, error in errors.items() if not error < _NOT_LEARNED]
    if unlearned:
        warnings.warn(
            f"one step ahead, {', '.join(unlearned)} of {len(errors)} entries are predicted hardly better than by "
            "their mean: they are noise, or the model has not learned them yet, which more updates would show",
            stacklevel=3,
        )


_NOT_LEARNED = 0.9
"""One-step errors in units of the entry's deviation; 1 is that of the mean."""


def _refuse_older_run(folder: Path) -> None:
    found = [name for name in (RESUME_FILE, "best", "last") if (folder / name).exists()]
    if found:
        raise ConfigurationError(
            f"{folder} holds the {', '.join(found)} of an earlier run: take another folder, or go on with that run "
            f"(resume={folder})"
        )


def _facts_of_run(state: Path) -> Mapping[str, Any]:
    """The facts that a run began with; none where an earlier version wrote it."""
    stored = read_resume_file(state).get("callbacks", {}).get(CheckpointFolders.__name__, {})
    return dict(stored.get("facts", {}))


def _fit_quietly(
    trainer: lightning.Trainer, module: WorldModelModule, data: WindowDataModule, state: Path | None
) -> None:
    """Fit without those warnings of Lightning that do not apply to windows fetched in batches from memory."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning.*")
        try:
            trainer.fit(module, data, ckpt_path=state, weights_only=True)
        except SystemExit as end:
            # What Lightning makes of an interrupt; the command tells what it was.
            if isinstance(end.__context__, KeyboardInterrupt):
                raise end.__context__ from None
            raise
    if trainer.interrupted:
        raise KeyboardInterrupt("training was interrupted; the checkpoints so far are kept, resume to continue")


def make_loggers(names: Sequence[str], folder: Path) -> list[Logger]:
    """Loggers "csv", "tensorboard" and "wandb" that write below `folder`.

    Raises:
        ConfigurationError: an unknown name, or wandb is not installed.
    """
    return [_make(name, folder) for name in names]


def _make(name: str, folder: Path) -> Logger:
    if name == "csv":
        return CSVLogger(folder, name="logs", version="csv")
    if name == "tensorboard":
        return TensorBoardLogger(folder, name="logs", version="tensorboard")
    if name == "wandb":
        try:
            return WandbLogger(project="mbrl_mts3", save_dir=folder)
        except ModuleNotFoundError as error:
            raise ConfigurationError("the logger 'wandb' needs its extra: pip install 'mbrl_mts3[wandb]'") from error
    raise ConfigurationError(f"unknown logger {name!r}: choose out of csv, tensorboard, wandb")


class TrainingProgressBar(RichProgressBar):
    """Progress bar of one line: epoch, updates, time and losses, without the loggers' version number."""

    def get_metrics(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """Metrics by short names, so that the line fits."""
        metrics = super().get_metrics(trainer, pl_module)
        return {name.split("/")[-1]: value for name, value in metrics.items() if name != "v_num"}
