"""mts3-diagnose, the command that holds a model against its simulator."""

from mbrl_mts3.scripts.diagnose.diagnosis import main

__all__ = ["main"]
