"""The commands, one file each. The only place that knows Hydra."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable

from hydra.errors import InstantiationException
from omegaconf import DictConfig

from mbrl_mts3.errors import MTS3Error

Command = Callable[[DictConfig], None]


def reports_errors(command: Command) -> Command:
    """End a command with one clear line and exit status 2 where the user's input is at fault, without a traceback."""

    @functools.wraps(command)
    def wrapped(config: DictConfig) -> None:
        try:
            command(config)
        except MTS3Error as error:
            _exit(error)
        except InstantiationException as error:
            # Hydra wraps what a constructor raised.
            if isinstance(error.__cause__, MTS3Error):
                _exit(error.__cause__)
            raise

    return wrapped


def _exit(error: MTS3Error) -> None:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(2)
