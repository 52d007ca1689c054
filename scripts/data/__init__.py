"""mts3-data, the command that takes words instead of options."""

from mbrl_mts3.scripts.data.describe import main

__all__ = ["main"]
