"""The real environment that the options of a command name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from mbrl_mts3.envs import episodic_options, merge_options
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.training import Checkpoint

# Characters of a value in the line.
_LONGEST = 40


def read_environment(
    environment: DictConfig | None,
    options: DictConfig | None = None,
    env_id: str | None = None,
    stored: Mapping[str, Any] | None = None,
) -> tuple[str | None, dict[str, Any]]:
    """Id and keyword arguments of the environment, as `make_environment` takes them.

    Args:
        environment: a choice of configs/environment; None takes the environment `env_id`.
        options: `environment_options`, which go before those of the choice; None takes `episodic_options` for what the
            choice leaves open.
        env_id: that of the data; None where the data names none.
        stored: options that the data was collected with, which come last, where it is the data's environment.
    """
    chosen: Any = {} if environment is None else OmegaConf.to_container(environment, resolve=True)
    of_data = {} if chosen.get("id", env_id) != env_id else dict(stored or {})
    env_id = chosen.pop("id", env_id)
    # Names like _target_ and _convert_ are Hydra's.
    named = {name: value for name, value in chosen.items() if not name.startswith("_")}
    given: Any = None if options is None else OmegaConf.to_container(options, resolve=True)
    if given is None:
        given = {**({} if env_id is None else episodic_options(env_id)), **named}
    return env_id, merge_options(of_data, {**named, **given})


def choose_environment(
    config: DictConfig, checkpoint: Checkpoint | None, console: Console
) -> tuple[str, dict[str, Any]]:
    """The real environment of a command, told in one line: explicit options go before those of the checkpoint's data.

    Args:
        config: with `environment_options`, and `environment` where the command lets it be chosen.
        checkpoint: of a model whose data names its environment, with options and time limit; None where there is none.
        console: where the line is printed.

    Raises:
        ConfigurationError: neither names an environment.
    """
    stored = {} if checkpoint is None else checkpoint.env_options
    env_id, options = read_environment(
        config.get("environment"), config.environment_options, None if checkpoint is None else checkpoint.env_id, stored
    )
    if env_id is None:
        raise ConfigurationError(
            "no real environment is named, nor is there a checkpoint whose data names one: choose one, such as "
            "environment=point_maze_umaze"
        )
    console.print(describe_environment(env_id, options, stored), soft_wrap=True)
    return env_id, options


def describe_environment(
    env_id: str | None, options: Mapping[str, Any], stored: Mapping[str, Any] | None = None
) -> str:
    """One line that tells which environment is made, and how; options that its data has, too, are marked as such."""
    of_data = stored or {}
    told = ", ".join(
        f"{name}={_short(value)}{' (of the data)' if name in of_data and of_data[name] == value else ''}"
        for name, value in options.items()
    )
    return f"real environment: {env_id or 'none'}{f' with {told}' if told else ''}"


def _short(value: object) -> str:
    """A maze's map, for one, does not fit into a line."""
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
