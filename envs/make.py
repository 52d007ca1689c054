"""Makes real environments by id, and checks that they have the spaces of a model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import redirect_stderr
from importlib import import_module
from inspect import signature
from io import StringIO
from typing import Any, get_type_hints

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import load_env_creator
from gymnasium.error import NameNotFound, NamespaceNotFound, VersionNotFound

from mbrl_mts3.argument_kinds import expected_kind
from mbrl_mts3.data.spaces import check_spaces_match
from mbrl_mts3.errors import ConfigurationError, nearest_names


def make_environment(id: str, **kwargs: Any) -> gymnasium.Env[Any, Any]:
    """Make an environment of Gymnasium or Gymnasium-Robotics, with its time limit.

    Args:
        id: such as "PointMaze_UMaze-v3", "HalfCheetah-v5" or "FrankaKitchen-v1".
        kwargs: of the environment. A maze gets a new goal each time one is reached; with `continuing_task=False` the
            episode ends there instead.

    Raises:
        ConfigurationError: no environment has that id, the message names the nearest; or it cannot be made here, or not
            with these arguments.
    """
    register_robotics()
    _refuse_words_for_numbers(id, kwargs)
    try:
        return gymnasium.make(id, **kwargs)
    except (NameNotFound, NamespaceNotFound, VersionNotFound) as error:
        nearest = nearest_names(id, gymnasium.registry, cutoff=0.5)
        raise ConfigurationError(
            f"unknown environment {id!r}; nearest: {', '.join(nearest) or 'none'}. Import the package that registers "
            "it, in commands with trust=PACKAGE"
        ) from error
    except (Exception, SystemExit) as error:  # Constructors of environments raise anything.
        told = ", ".join(f"{name}={value}" for name, value in kwargs.items())
        raise ConfigurationError(
            f"environment {id!r} cannot be made{f' with {told}' if told else ''}: {type(error).__name__}: {error}"
        ) from error


def _refuse_words_for_numbers(id: str, options: Mapping[str, Any]) -> None:
    """Raise where a constructor that says it takes a number gets a word: many fail in their first step only."""
    spec = gymnasium.registry.get(id.rpartition(":")[2])
    words = {name: value for name, value in options.items() if isinstance(value, str)}
    if not words or spec is None or spec.entry_point is None:
        return
    try:
        entry: Any = spec.entry_point if callable(spec.entry_point) else load_env_creator(spec.entry_point)
        hints = get_type_hints(entry.__init__ if isinstance(entry, type) else entry)  # type: ignore[misc]
        own = {name: type(one.default) for name, one in signature(entry).parameters.items()}
    except Exception:
        # What is wrong with it `make_environment` tells.
        return
    for name, value in words.items():
        kind = hints.get(name, own.get(name))
        if kind in (bool, int, float):
            expected = expected_kind(value, kind)
            raise ConfigurationError(f"environment {id!r}: {name}={value}: expected {expected}")


def register_robotics() -> None:
    """Register the environments of Gymnasium-Robotics, without the notice on Adroit's hands that its import prints."""
    with redirect_stderr(StringIO()):
        gymnasium.register_envs(import_module("gymnasium_robotics"))


def episodic_options(id: str) -> dict[str, Any]:
    """Options with which episodes of an environment end at the goal; empty for environments without that choice."""
    return {"continuing_task": False} if is_goal_maze(id) else {}


def merge_options(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of an environment: those that are given, else those that its data was collected with.

    Where episodes are to end at a maze's goal, no new one is drawn there.
    """
    merged = {**stored, **given}
    if merged.get("continuing_task") is False and "reset_target" in merged:
        merged["reset_target"] = False
    return merged


def is_goal_maze(id: str) -> bool:
    """Whether an id is of a maze whose goal may change during an episode."""
    return id.split("/")[-1].split(":")[-1].startswith(("PointMaze_", "AntMaze_"))


def check_environment_spaces(
    observation_space: spaces.Space[Any], action_space: spaces.Space[Any], environment: gymnasium.Env[Any, Any]
) -> None:
    """Raise SpaceMismatchError unless an environment has the raw spaces that a model was trained on.

    Bounds of observations may differ, because data sets often lack them; bounds of actions may not.
    """
    name = environment.spec.id if environment.spec is not None else str(environment)
    found = environment.observation_space, environment.action_space
    check_spaces_match((observation_space, action_space), found, name, "environment")
