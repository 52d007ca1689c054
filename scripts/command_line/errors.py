"""Errors of commands as one clear line, and choices that do not exist."""

from __future__ import annotations

import difflib
import functools
import os
import sys
from collections.abc import Callable

from hydra.errors import CompactHydraException, InstantiationException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mbrl_mts3.errors import ConfigurationError, MTS3Error

Command = Callable[[DictConfig], None]
Main = Callable[[], None]

_WHOLE_ERRORS = "HYDRA_FULL_ERROR"


def reports_errors(command: Command) -> Command:
    """End a command with one clear line and exit status 2 where the user's input is at fault, without a traceback."""

    @functools.wraps(command)
    def wrapped(config: DictConfig) -> None:
        try:
            command(config)
        except (MTS3Error, InstantiationException) as error:
            fault = users_fault(error)
            if fault is None:
                raise
            _exit(fault)

    return wrapped


def users_fault(error: BaseException) -> MTS3Error | None:
    """The error of ours that stands behind `error`, if any: Hydra wraps what a constructor raised."""
    cause = error.__cause__ if isinstance(error, InstantiationException) else error
    return cause if isinstance(cause, MTS3Error) else None


def lists_choices(main: Main) -> Main:
    """Let a finished command say in one line which choices there are, where one was named that does not exist.

    To stand above `hydra.main`, which would print a page that ends in its search path, and leave with status 1.
    """

    @functools.wraps(main)
    def wrapped() -> None:
        whole = os.environ.get(_WHOLE_ERRORS)
        # Else Hydra prints errors and leaves the interpreter.
        os.environ[_WHOLE_ERRORS] = "1"
        try:
            main()
        except MissingConfigException as error:
            if error.missing_cfg_file is None or not error.options:
                raise
            _exit(ConfigurationError(_unknown_choice(error.missing_cfg_file, list(error.options))))
        except CompactHydraException as error:
            if whole == "1":
                raise
            # What Hydra itself prints of these: its words without a traceback.
            cause = [error.__cause__] if isinstance(error.__cause__, OmegaConfBaseException) else []
            print(error, *cause, sep="\n", file=sys.stderr)
            sys.exit(1)
        finally:
            if whole is None:
                del os.environ[_WHOLE_ERRORS]
            else:
                os.environ[_WHOLE_ERRORS] = whole

    return wrapped


def _unknown_choice(named: str, options: list[str]) -> str:
    group, _, choice = named.rpartition("/")
    nearest = difflib.get_close_matches(choice, options, n=1)
    hint = f" (did you mean {nearest[0]}?)" if nearest else ""
    return f"there is no {group}={choice}{hint}: choose out of {', '.join(options)}"


def _exit(error: MTS3Error) -> None:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(2)
