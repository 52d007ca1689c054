"""What all commands share at the command line: one decorator, --help, --version, errors in one line, tables."""

from mbrl_mts3.scripts.command_line.arguments import VERSION
from mbrl_mts3.scripts.command_line.decorator import Command, command, print_version
from mbrl_mts3.scripts.command_line.errors import reports_errors, users_fault
from mbrl_mts3.scripts.command_line.real_environment import (
    choose_environment,
    describe_environment,
    read_environment,
)
from mbrl_mts3.scripts.command_line.run_folders import make_new_folder

__all__ = [
    "VERSION",
    "Command",
    "choose_environment",
    "command",
    "describe_environment",
    "make_new_folder",
    "print_version",
    "read_environment",
    "reports_errors",
    "users_fault",
]
