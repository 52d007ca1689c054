"""The decorator that makes a command of a function of its configuration."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version

import hydra
import torch
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.command_line.arguments import VERSION, Arguments, override_key
from mbrl_mts3.scripts.command_line.errors import hydra_errors, reports_errors
from mbrl_mts3.scripts.command_line.help import help_page, missing_message, program
from mbrl_mts3.scripts.command_line.option_values import check_groups, check_values
from mbrl_mts3.scripts.command_line.options import CONFIGS, compose_config, missing_options
from mbrl_mts3.scripts.command_line.renamed_options import RENAMED
from mbrl_mts3.scripts.command_line.signals import reports_stop, stop_signals, stops_with_a_line, what_is_kept
from mbrl_mts3.scripts.runs.checkpoint_names import resolve_checkpoints
from mbrl_mts3.seeds import check_seed

Task = Callable[[DictConfig], None]


class Command:
    """A command as its program calls it, without arguments: they are read from `sys.argv`.

    Attributes:
        task: the same with a configuration in hand, as an experiment calls it; errors come as exceptions.
    """

    def __init__(self, name: str, function: Task) -> None:
        self.name = name
        self.task = _prepared(name, function)
        self._main = hydra.main(version_base="1.3", config_path=CONFIGS, config_name=name)(
            reports_errors(stops_with_a_line(name, self.task))
        )
        functools.update_wrapper(self, function)

    def __call__(self) -> None:
        """Answer --version and --help, refuse former names of options and missing values, and run."""
        words = sys.argv[1:]
        if VERSION in words:
            print_version(self.name)
            return
        with stop_signals(), reports_stop(lambda: what_is_kept(self.name)), hydra_errors(self.name, words):
            arguments = Arguments.read(words)
            refuse_renamed(self.name, arguments.overrides)
            if arguments.help:
                print(help_page(self.name, words))
                return
            if arguments.runs:
                _find_missing(self.name, arguments)
            self._main()


def command(name: str) -> Callable[[Task], Command]:
    """Make a command of a function; `name` is that of its YAML, and of its program behind "mts3-"."""
    return lambda function: Command(name, function)


def print_version(name: str) -> None:
    """Ours, not that of Hydra."""
    print(f"{program(name)} {version('mbrl_mts3')}")


def refuse_renamed(name: str, overrides: Sequence[str]) -> None:
    """Raise ConfigurationError where an option or a group is called by the name that it had before."""
    renamed = {**RENAMED[""], **RENAMED.get(name, {})}
    for override in overrides:
        for old, new in renamed.items():
            if _uses(override, old, new):
                now = override.replace(old, new, 1)
                raise ConfigurationError(f"{old} is called {new} now: {program(name)} {now}")


def _uses(override: str, old: str, new: str) -> bool:
    key = override_key(override)
    if new.startswith(f"{old}."):
        # It holds several options now, which are called by its name with reason, all of them at once too.
        return key == old and not override.partition("=")[2].startswith("{")
    return key == old or key.startswith(f"{old}.")


def _find_missing(name: str, arguments: Arguments) -> None:
    """Raise ConfigurationError for a missing value before Hydra makes a folder for the run."""
    # What cannot be composed is told by Hydra, in `_main`.
    with suppress(HydraException, OmegaConfBaseException):
        _refuse_missing(name, compose_config(name, arguments))


def _refuse_missing(name: str, config: DictConfig) -> None:
    for missing in missing_options(config):
        raise ConfigurationError(missing_message(name, missing))


def _prepared(name: str, function: Task) -> Task:
    @functools.wraps(function)
    def task(config: DictConfig) -> None:
        _refuse_missing(name, config)
        check_values(name, config)
        _check_seeds(config)
        for line in resolve_checkpoints(config):
            print(line)
        _import_trusted(config.get("trust"))
        check_groups(config)
        if config.get("threads") is not None:
            torch.set_num_threads(config.threads)
        function(config)

    return task


_SEEDS = ("seed", "first_seed", "split_seed")


def _check_seeds(config: DictConfig, prefix: str = "") -> None:
    """Look at all seeds before any work."""
    for name, value in config.items_ex(resolve=False):
        if isinstance(value, DictConfig):
            _check_seeds(value, f"{prefix}{name!s}.")
        elif name in _SEEDS and isinstance(value, int | float):
            check_seed(value, f"{prefix}{name!s}")


def _import_trusted(modules: str | Sequence[str] | None) -> None:
    """Import the user's own modules, which files may then name."""
    for module in [modules] if isinstance(modules, str) else modules or []:
        try:
            import_module(module)
        except ImportError as error:
            raise ConfigurationError(
                f"trust={module} cannot be imported ({error}): put the folder of its file on PYTHONPATH"
            ) from error
