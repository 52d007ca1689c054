"""Runs the stages of an experiment, each one once: what is there with equal options is passed over."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from rich.console import Console
from rich.text import Text

from mbrl_mts3.data import load_dataset, local_dataset_ids
from mbrl_mts3.errors import ConfigurationError, ResultError
from mbrl_mts3.files import write_atomically
from mbrl_mts3.scripts.command_line import Command
from mbrl_mts3.scripts.command_line.signals import can_go_on
from mbrl_mts3.scripts.experiments.stages import Stage
from mbrl_mts3.scripts.runs.provenance import library_versions, source_commit

STAGE_FILE = "stage.json"
# What a result does not depend on.
_FREE = {"threads", "resume", "progress", "overwrite"}
# The option that names what a command writes besides its folder.
_DATASET = {"collect": "dataset_id", "convert": "to"}


@dataclass(frozen=True)
class StageResult:
    """A finished stage."""

    stage: Stage
    folder: Path
    record: Mapping[str, Any]
    """What `stage.json` holds: command, options, seconds, versions, and of a data set its size and hash."""


def run_stages(stages: Sequence[Stage], folder: Path, *, overwrite: bool, console: Console) -> Iterator[StageResult]:
    """Run what is missing, in order; all options are composed before the first stage begins.

    A stage is passed over when it finished with equal options on the results that are there now. One that was
    interrupted goes on where it can be resumed, else it begins anew.

    Raises:
        ConfigurationError: an option that a command does not have.
        ResultError: a stage is there with other options, and `overwrite` is false; or a stage failed.
    """
    composed = {stage.name: _compose(stage, folder / stage.name) for stage in stages}
    for stage in stages:
        if not overwrite:
            _check_options(stage, folder / stage.name, _plain(composed[stage.name]))
    tokens: dict[str, str] = {}
    for stage in stages:
        result = _finish(stage, composed[stage.name], folder / stage.name, tokens, console)
        tokens[stage.name] = result.record["token"]
        yield result


def _compose(stage: Stage, folder: Path) -> DictConfig:
    """The command's whole configuration, Hydra's part included, as if it had been started in `folder`."""
    names = (entry.name for entry in files("mbrl_mts3.configs").iterdir())
    known = sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))
    if stage.command not in known:
        raise ConfigurationError(f"stage {stage.name}: no command {stage.command}, choose out of {', '.join(known)}")
    try:
        config = hydra.compose(stage.command, [*stage.options, "hydra.mode=RUN"], return_hydra_config=True)
    except HydraException as error:
        cause = "" if error.__cause__ is None else f" ({error.__cause__})"
        raise ConfigurationError(f"stage {stage.name}, {stage.line}: {error}{cause}".replace("\n", " ")) from error
    with read_write(config.hydra), open_dict(config.hydra):
        config.hydra.runtime.output_dir = str(folder)
    return config


def _task(config: DictConfig) -> DictConfig:
    """The command's own part of a configuration."""
    own = config.copy()
    with read_write(own), open_dict(own):
        del own["hydra"]
    return own


def _plain(config: DictConfig) -> dict[str, Any]:
    with _hydra_config(config):
        plain: Any = OmegaConf.to_container(_task(config), resolve=True, throw_on_missing=True)
    return json.loads(json.dumps(_without_free(plain)))  # type: ignore[no-any-return]


def _without_free(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _without_free(value) for name, value in node.items() if name not in _FREE}
    return node


def _read(folder: Path) -> dict[str, Any] | None:
    path = folder / STAGE_FILE
    if not path.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise ResultError(f"{path} is damaged ({error}): remove {folder} to run this stage anew") from error
    return record


def _check_options(stage: Stage, folder: Path, options: Mapping[str, Any]) -> None:
    record = _read(folder)
    if record is None or record["options"] == options:
        return
    then, now = dict(_leaves(record["options"])), dict(_leaves(options))
    other = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    told = ", ".join(f"{name} was {then.get(name)}, now {now.get(name)}" for name in other[:5])
    raise ResultError(
        f"stage {stage.name} is in {folder} with other options ({told}): take another folder, or replace it with "
        "overwrite=true"
    )


def _leaves(node: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, f"{name}.{key}" if name else key)
    else:
        yield name, node


def _finish(stage: Stage, config: DictConfig, folder: Path, tokens: Mapping[str, str], console: Console) -> StageResult:
    options, inputs = _plain(config), {name: tokens[name] for name in stage.inputs}
    record = _read(folder)
    equal = record is not None and record["options"] == options and record["inputs"] == inputs
    named = options.get(_DATASET.get(stage.command, ""))
    dataset_id = None if named is None else str(named)
    on_disk = dataset_id is not None and dataset_id in local_dataset_ids()
    console.rule(Text(stage.name, style="bold"), align="left")
    if record is not None and equal and record["finished"] and (dataset_id is None or on_disk):
        console.print(f"there already: {folder}", soft_wrap=True)
        return StageResult(stage, folder, record)
    if record is None and dataset_id is not None and on_disk:
        console.print(f"the data set is there already: {dataset_id}", soft_wrap=True)
        record = _write(folder, {**_begun(stage, options, inputs), **_data_facts(dataset_id), "finished": True})
        return StageResult(stage, folder, record)
    console.print(stage.line, style="dim", soft_wrap=True, highlight=False)
    resumable = equal and "resume" in config and can_go_on(folder)
    before = float(record["seconds"]) if record is not None and resumable else 0.0
    if record is not None and not resumable and stage.command != "benchmark":
        shutil.rmtree(folder)
    begun = {**_begun(stage, options, inputs), "seconds": before}
    _write(folder, begun)
    started = time.monotonic()
    try:
        _call(stage, config, folder, resume=resumable, overwrite=on_disk or (record is not None and not equal))
    finally:
        begun["seconds"] = before + time.monotonic() - started
        _write(folder, begun)
    facts = {} if dataset_id is None else _data_facts(dataset_id)
    console.print(f"{stage.name}: {begun['seconds']:.0f} s")
    return StageResult(stage, folder, _write(folder, {**begun, **facts, "finished": True}))


def _begun(stage: Stage, options: Mapping[str, Any], inputs: Mapping[str, str]) -> dict[str, Any]:
    return {
        "command": stage.line,
        "options": options,
        "inputs": dict(inputs),
        # Tells what was made of this run from what was made of an earlier one.
        "token": uuid4().hex,
        "seconds": 0.0,
        "versions": library_versions(),
        "commit": source_commit(),
        "finished": False,
    }


def _data_facts(dataset_id: str) -> dict[str, Any]:
    dataset = load_dataset(dataset_id)
    return {
        "dataset_id": dataset_id,
        "content_hash": dataset.content_hash,
        "episodes": len(dataset.episodes),
        "steps": dataset.total_steps,
        "token": dataset.content_hash,
    }


def _write(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    write_atomically(folder / STAGE_FILE, (json.dumps(record, indent=1) + "\n").encode())
    return record


def _call(stage: Stage, config: DictConfig, folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Run the command in this process, as its own program would."""
    own = _task(config)
    with open_dict(own):
        if resume:
            own.resume = str(folder)
        if overwrite and "overwrite" in own:
            own.overwrite = True
    command: Command = import_module(f"mbrl_mts3.scripts.{stage.command}").main
    with _hydra_config(config):
        try:
            command.task(own)
        except SystemExit as error:
            if error.code:
                raise ResultError(f"stage {stage.name} failed, see above: {stage.line}") from error


@contextmanager
def _hydra_config(config: DictConfig) -> Iterator[None]:
    """Let commands and interpolations see another run's folder and choices."""
    holder = HydraConfig.instance()
    before = holder.cfg
    holder.set_config(config)
    try:
        yield
    finally:
        holder.cfg = before


@contextmanager
def datasets_in(folder: Path | None) -> Iterator[None]:
    """Let Minari keep data sets in `folder`; None leaves its own."""
    before = os.environ.get("MINARI_DATASETS_PATH")
    if folder is not None:
        os.environ["MINARI_DATASETS_PATH"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("MINARI_DATASETS_PATH", None)
        else:
            os.environ["MINARI_DATASETS_PATH"] = before
