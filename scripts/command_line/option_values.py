"""Looks at the values of a command's own options before any work: of the kind that its YAML has, and in range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.command_line.options import read_own_values

# Options whose own value is null, which tells no kind.
_WHOLE = {"context", "horizon", "stride", "max_episode_steps", "level"}
_NUMBERS = {"imputation_rate", "budget"}
# Smallest values of what nothing else looks at before long work.
_SMALLEST = {"threads": 1, "batch_size": 1, "max_windows": 1, "num_envs": 1, "film_steps": 1, "films": 0}


def check_values(name: str, config: DictConfig) -> None:
    """Compare the options of mts3-NAME with those that its YAML says; null is left to the command.

    Raises:
        ConfigurationError: an option is a word where a number is expected, no whole number, not finite or out of range.
    """
    given = dict(_leaves(config))
    for option, own in _leaves(read_own_values(name)):
        value = given.get(option)
        if value is None or OmegaConf.is_config(value):
            continue
        last = option.rpartition(".")[2]
        expected = _expected(last, own, value)
        if expected is not None:
            raise ConfigurationError(f"{option}={value}: expected {expected}")


def _expected(name: str, own: Any, value: Any) -> str | None:
    """What the value of an option should have been; None where it is right."""
    if isinstance(own, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(own, int) or (own is None and name in _WHOLE):
        smallest = _SMALLEST.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and (smallest is None or value >= smallest):
            return None
        return "a whole number" if smallest is None else f"a whole number, at least {smallest}"
    if isinstance(own, float) or (own is None and name in _NUMBERS):
        right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return None if right else "a finite number"
    return None


def _leaves(node: Mapping[Any, Any] | DictConfig, prefix: str = "") -> Iterator[tuple[str, Any]]:
    items: Iterable[tuple[Any, Any]] = node.items_ex(resolve=False) if isinstance(node, DictConfig) else node.items()
    for key, value in items:
        if isinstance(value, dict | DictConfig):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
