"""What all commands share at the command line: one decorator, --help, --version, errors in one line, tables."""

from mbrl_mts3.scripts.command_line.decorator import Command, command, print_version
from mbrl_mts3.scripts.command_line.errors import reports_errors, users_fault

__all__ = ["Command", "command", "print_version", "reports_errors", "users_fault"]
