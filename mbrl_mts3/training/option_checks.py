"""Checks of the options of a training, before any work is done."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import torch

from mbrl_mts3.errors import ConfigurationError, close_match
from mbrl_mts3.seeds import check_seed

HEADS = ("observation", "reward", "termination", "change", "reconstruction")
_WHOLE = (
    "length",
    "batch_size",
    "max_updates",
    "validation_interval",
    "validation_windows",
    "validation_length",
    "num_nodes",
)
_WHOLE_OR_NONE = ("patience", "mask_period", "truncation", "recompute_every", "microbatch")
_NOT_NEGATIVE = ("learning_rate", "gradient_clip")
_SHARES = ("mask_step_rate", "mask_window_rate", "mask_suffix_probability")


def check_training_options(options: Mapping[str, Any]) -> None:
    """Check the values of `WorldModelTrainer`, each alone.

    Raises:
        ConfigurationError: one is out of range; the message names it and what it may be.
    """
    for name in (*_WHOLE, *_WHOLE_OR_NONE):
        value = options[name]
        if value is None and name in _WHOLE_OR_NONE:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigurationError(f"{name}={value}: choose a whole number of at least 1")
    _check_devices(options["accelerator"], options["devices"])
    for name in _NOT_NEGATIVE:
        if not _is_number(options[name]) or options[name] < 0:
            raise ConfigurationError(f"{name}={options[name]}: choose a number that is not negative")
    for name in _SHARES:
        if not _is_number(options[name]) or not 0 <= options[name] <= 1:
            raise ConfigurationError(f"{name}={options[name]}: choose a number from 0 to 1")
    seconds = options["max_seconds"]
    if seconds is not None and (not _is_number(seconds) or seconds <= 0):
        raise ConfigurationError(f"max_seconds={seconds}: choose a positive number, or null for no limit")
    check_seed(options["seed"])
    check_seed(options["split_seed"], "split_seed")
    for head, weight in options["loss_weights"].items():
        if head not in HEADS:
            raise ConfigurationError(
                f"loss_weights has {head!r}{close_match(str(head), HEADS)}: expected some of {', '.join(HEADS)}"
            )
        if not _is_number(weight) or weight < 0:
            raise ConfigurationError(f"loss_weights of {head} is {weight}: choose a number that is not negative")


def _check_devices(accelerator: Any, devices: Any) -> None:
    """Lightning starts a process for each device; of the CPU it takes any number."""
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not torch.cuda.is_available())
    processors = os.cpu_count() or 1
    if on_cpu and isinstance(devices, int) and devices > processors:
        raise ConfigurationError(
            f"devices={devices}: expected 1 to {processors} on the CPU, a process for each of its processors at most"
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
