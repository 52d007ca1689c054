"""Errors of commands as one clear line, without a traceback."""

from __future__ import annotations

import functools
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from hydra.errors import CompactHydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mbrl_mts3.errors import ConfigurationError, MTS3Error, StorageError, close_match
from mbrl_mts3.files import is_refusal, storage_message
from mbrl_mts3.scripts.command_line.arguments import override_key
from mbrl_mts3.scripts.command_line.help import program
from mbrl_mts3.scripts.command_line.options import option_names, read_own_defaults

_NO_CHOICE = "Config group override"
TRACEBACK = "MTS3_TRACEBACK"
_WHOLE_ERRORS = "HYDRA_FULL_ERROR"


def reports_errors(task: Callable[[DictConfig], None]) -> Callable[[DictConfig], None]:
    """End a command with one clear line and exit status 2 where the user's input is at fault."""

    @functools.wraps(task)
    def wrapped(config: DictConfig) -> None:
        try:
            task(config)
        except Exception as error:
            fault = users_fault(error)
            if fault is None:
                raise
            _exit(fault)

    return wrapped


def users_fault(error: BaseException) -> MTS3Error | None:
    """The error of ours that stands behind `error`, if any: Hydra wraps what a constructor raised.

    What the system refuses, such as a write to a read-only folder, is no fault of the program either.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MTS3Error):
            return cause
        if is_refusal(cause):
            return StorageError(storage_message(Path(getattr(cause, "filename", None) or "a file"), cause))
        if isinstance(cause, MemoryError | torch.OutOfMemoryError) or _NO_MEMORY.search(str(cause)):
            return ConfigurationError(
                f"this needs more memory than there is ({_first_line(cause)}): choose smaller sizes, or fewer at once"
            )
        cause = cause.__cause__
    return None


# Of PyTorch on the CPU.
_NO_MEMORY = re.compile(r"DefaultCPUAllocator: (?:can't allocate|not enough) memory")


def _first_line(error: BaseException) -> str:
    words = str(error).strip().partition("\n")[0]
    return re.sub(r"^\[.*?\].*?DefaultCPUAllocator: ", "", words) or type(error).__name__


@contextmanager
def hydra_errors(name: str, words: Sequence[str]) -> Iterator[None]:
    """Tell errors of Hydra in short: choices that do not exist with those that do, unknown options with the nearest."""
    whole = os.environ.get(_WHOLE_ERRORS)
    # Else Hydra prints errors and leaves the interpreter.
    os.environ[_WHOLE_ERRORS] = "1"
    try:
        yield
    except MissingConfigException as error:
        if error.missing_cfg_file is None or not error.options:
            raise
        _exit(ConfigurationError(_unknown_choice(error.missing_cfg_file, list(error.options))))
    except CompactHydraException as error:
        if whole == "1":
            raise
        # What Hydra itself prints of these: its words without a traceback.
        cause = [error.__cause__] if isinstance(error.__cause__, OmegaConfBaseException) else []
        print(error, *cause, *_nearest_option(name, words, str(error)), sep="\n", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(_NO_CHOICE):
            _exit(ConfigurationError(_no_choice(name, words)))
        fault = users_fault(error)
        if fault is None:
            raise
        _exit(fault)
    finally:
        if whole is None:
            del os.environ[_WHOLE_ERRORS]
        else:
            os.environ[_WHOLE_ERRORS] = whole


def _unknown_choice(named: str, options: list[str]) -> str:
    group, _, choice = named.rpartition("/")
    return f"there is no {group}={choice}{close_match(choice, options)}: choose out of {', '.join(options)}"


def _no_choice(name: str, words: Sequence[str]) -> str:
    """Of a number, a truth value or null in place of a group's choice, which Hydra does not name."""
    groups = read_own_defaults(name)
    said = ", ".join(word for word in words if override_key(word) in groups) or "the choice of a group"
    return f"{said}: name a file of the group, or leave it out; {program(name)} --help lists all"


def _nearest_option(name: str, words: Sequence[str], told: str) -> list[str]:
    unknown = re.match(r"Could not (?:override|delete from config\.) '([\w.@/]+)'", told)
    if unknown is None:
        return []
    key = unknown[1].partition("@")[0]
    try:
        known = option_names(name, [word for word in words if override_key(word) != key])
    except CompactHydraException:
        # Something else is wrong, too.
        known = option_names(name)
    return [f"{program(name)} --help lists all options{close_match(unknown[1], known)}"]


def _exit(error: MTS3Error) -> None:
    tell_fault(error)
    sys.exit(2)


def tell_fault(error: MTS3Error) -> None:
    """Print an error as one line, and before it where it comes from if MTS3_TRACEBACK=1 asks for that."""
    if os.environ.get(TRACEBACK) == "1":
        traceback.print_exception(error)
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
