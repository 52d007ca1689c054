"""What all commands share at the command line."""

from mbrl_mts3.scripts.command_line.errors import lists_choices, reports_errors, users_fault

__all__ = ["lists_choices", "reports_errors", "users_fault"]
