"""Multi time scale world models, learned from offline data, for prediction, planning and policy learning."""

from importlib.metadata import version

__version__ = version("mbrl_mts3")
