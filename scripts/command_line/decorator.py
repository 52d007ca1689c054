"""The decorator that makes a command of a function of its configuration."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib.metadata import version

import hydra
import torch
from omegaconf import DictConfig, OmegaConf

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.command_line.errors import hydra_errors, reports_errors
from mbrl_mts3.scripts.command_line.help import CONFIGS, help_page, program, read_header
from mbrl_mts3.scripts.command_line.renamed_options import RENAMED

Task = Callable[[DictConfig], None]


class Command:
    """A command as its program calls it, without arguments: they are read from `sys.argv`.

    Attributes:
        task: the same with a configuration in hand, as an experiment calls it; errors come as exceptions.
    """

    def __init__(self, name: str, function: Task) -> None:
        self.name = name
        self.task = _checked(name, function)
        self._main = hydra.main(version_base="1.3", config_path=CONFIGS, config_name=name)(reports_errors(self.task))
        functools.update_wrapper(self, function)

    def __call__(self) -> None:
        """Answer --version and --help, refuse options of former names, and run."""
        arguments = sys.argv[1:]
        if "--version" in arguments:
            print_version(self.name)
            return
        with hydra_errors(self.name):
            refuse_renamed(self.name, arguments)
            if {"--help", "-h"} & set(arguments):
                print(help_page(self.name, arguments))
            else:
                self._main()


def command(name: str) -> Callable[[Task], Command]:
    """Make a command of a function; `name` is that of its YAML, and of its program behind "mts3-"."""
    return lambda function: Command(name, function)


def print_version(name: str) -> None:
    """Ours, not that of Hydra."""
    print(f"{program(name)} {version('mbrl_mts3')}")


def refuse_renamed(name: str, arguments: list[str]) -> None:
    """Raise ConfigurationError where an option or a group is called by the name that it had before."""
    renamed = {**RENAMED[""], **RENAMED.get(name, {})}
    for argument in arguments:
        key = argument.partition("=")[0].lstrip("+~").partition("@")[0]
        for old, new in renamed.items():
            # "uncertainty" has become "uncertainty.kind": what else stands below it are names of today.
            below = key.startswith(f"{old}.") and not new.startswith(f"{old}.")
            if not argument.startswith("-") and (key == old or below):
                now = argument.replace(old, new, 1)
                raise ConfigurationError(f"{old} is called {new} now: {program(name)} {now}")


def _checked(name: str, function: Task) -> Task:
    @functools.wraps(function)
    def task(config: DictConfig) -> None:
        for missing in sorted(OmegaConf.missing_keys(config)):
            _, examples, told = read_header(name, missing)
            example = next((line for line in examples if f"{missing}=" in line), f"{program(name)} {missing}=...")
            raise ConfigurationError(f"{missing} is missing ({told}), for example: {example}")
        if config.get("threads") is not None:
            torch.set_num_threads(config.threads)
        function(config)

    return task
