"""The real environment that the options of a command name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mbrl_mts3.envs import episodic_options, merge_options


def read_environment(
    environment: DictConfig | None,
    options: DictConfig | None = None,
    env_id: str | None = None,
    stored: Mapping[str, Any] | None = None,
) -> tuple[str | None, dict[str, Any]]:
    """Id and keyword arguments of the environment, as `make_environment` takes them.

    Args:
        environment: a choice of configs/environment; None takes the environment `env_id`.
        options: `environment_options`, which go before those of the choice; None takes `episodic_options`.
        env_id: that of the data; None where the data names none.
        stored: options that the data was collected with, which come last, where it is the data's environment.
    """
    chosen: Any = {} if environment is None else OmegaConf.to_container(environment, resolve=True)
    of_data = {} if chosen.get("id", env_id) != env_id else dict(stored or {})
    env_id = chosen.pop("id", env_id)
    given: Any = None if options is None else OmegaConf.to_container(options, resolve=True)
    if given is None:
        given = {} if env_id is None else episodic_options(env_id)
    # Names like _target_ and _convert_ are Hydra's.
    named = {name: value for name, value in chosen.items() if not name.startswith("_")}
    return env_id, merge_options(of_data, {**named, **given})


def describe_environment(env_id: str | None, options: Mapping[str, Any]) -> str:
    """One line that tells which environment is made, and how."""
    told = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"real environment: {env_id or 'none'}{f' with {told}' if told else ''}"
