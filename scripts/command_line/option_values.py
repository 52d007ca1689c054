"""Looks at the values of a command's options before any work: of the kind that YAML or class tell, and in range."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from types import GenericAlias
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mbrl_mts3.argument_kinds import check_arguments, check_kind, expected_kind
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.command_line.options import MISSING, read_own_defaults, read_own_values

Words = str | list[str]
"""One word, or a list of them."""
KINDS: dict[str, Any] = {
    "budget": float,
    "checkpoint": str,
    "colours": list[str],
    "context": int,
    "dataset_id": Words,
    "dataset_label": str,
    "datasets": str,
    "environment_options": dict[str, Any],
    "folder": str,
    "horizon": int,
    "imputation_rate": float,
    "initial_policy": str,
    "kind": str,
    "label": str,
    "level": int,
    "max_episode_steps": int,
    "noise": dict[str, float],
    "normalization": str,
    "policies": Words | dict[str, str],
    "resume": str,
    "show": list[str],
    "split": str,
    "starts": str,
    "stride": int,
    "to": str,
    "trust": Words,
}
"""Of options whose own value tells no kind, because it is null, ??? or an empty list."""
# Smallest and largest values of what nothing else looks at before long work.
_SMALLEST = {
    **dict.fromkeys(("threads", "batch_size", "max_windows", "num_envs", "film_steps", "max_episode_steps"), 1),
    **dict.fromkeys(("films", "episodes"), 0),
}
_LARGEST = {"threads": 1024, "episodes": 1_000_000, "num_envs": 1_000_000, "environments": 1_000_000}


def check_values(name: str, config: DictConfig) -> None:
    """Compare the options of mts3-NAME with those that its YAML says; null is left to the command.

    Raises:
        ConfigurationError: an option is a word where a number is expected, no whole number, not finite or out of range.
    """
    groups = read_own_defaults(name)
    for group, choice in groups.items():
        if choice is not None and group in config and config[group] is None:
            raise ConfigurationError(f"{group}=null: the command needs one, such as {group}={choice}")
    for option, own in _leaves(read_own_values(name)):
        if option.partition(".")[0] in groups:
            # Of such an option the class knows more.
            continue
        _refuse_word_for_parts(config, option)
        value: Any = OmegaConf.select(config, option)
        last = option.rpartition(".")[2]
        hint = KINDS.get(last, _kind_of(own))
        if value is None or hint is None:
            continue
        plain = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        _check_range(option, plain, hint, _SMALLEST.get(last), _LARGEST.get(last))


def check_groups(config: DictConfig) -> None:
    """Compare the options of all groups, such as model and planner, with the arguments of what they build.

    Raises:
        ConfigurationError: an argument that it does not take, or of another kind; a `_target_` that is not there.
    """
    for place, node in _targets(config):
        check_arguments(_find_target(place, node), node, f"{place}.")


def _targets(config: DictConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    """All nodes that build something, as plain values, by their place."""
    for key, value in config.items_ex(resolve=False):
        if isinstance(value, DictConfig) and not value._is_none() and not value._is_interpolation():
            target = value.get("_target_")
            if target is not None and target != MISSING:
                plain: Any = OmegaConf.to_container(value, resolve=True)
                yield str(key), plain
            for deeper, node in _targets(value):
                yield f"{key!s}.{deeper}", node


def _find_target(place: str, node: Mapping[str, Any]) -> Any:
    target = node["_target_"]
    try:
        return pkgutil.resolve_name(target)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{place}._target_={target} cannot be imported ({error}): write module.Class, with the folder of the "
            "module on PYTHONPATH"
        ) from error


def _refuse_word_for_parts(config: DictConfig, option: str) -> None:
    """Raise where an option that has parts, such as uncertainty, is given as one value."""
    whole = option.rpartition(".")[0]
    if whole and not OmegaConf.is_dict(OmegaConf.select(config, whole)):
        given = OmegaConf.select(config, whole)
        raise ConfigurationError(f"{whole}={'null' if given is None else given}: it has parts, such as {option}=...")


def _kind_of(own: Any) -> Any:
    """The annotation that the value in a YAML stands for; None where it tells none."""
    if isinstance(own, bool | int | float | str):
        return None if own == MISSING else type(own)
    return GenericAlias(list, (type(own[0]),)) if isinstance(own, list) and own else None


def _check_range(option: str, value: Any, hint: Any, smallest: int | None, largest: int | None) -> None:
    bounds = [] if smallest is None else [f"at least {smallest}"]
    bounds += [] if largest is None else [f"at most {largest:,}"]
    is_whole = expected_kind(value, int) is None
    if hint is int and bounds:
        if is_whole and (smallest is None or smallest <= value) and (largest is None or value <= largest):
            return
        raise ConfigurationError(f"{option}={value}: expected a whole number, {' and '.join(bounds)}")
    check_kind(option, value, hint)


def _leaves(node: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    items: Iterable[tuple[Any, Any]] = node.items()
    for key, value in items:
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
