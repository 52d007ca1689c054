"""The policies that come with the package."""

from __future__ import annotations

from pathlib import Path

from mbrl_mts3.agents.policies.squashed_gaussian import SquashedGaussianPolicy
from mbrl_mts3.errors import ConfigurationError, nearest_names


def shipped_policies() -> dict[str, Path]:
    """Their files by name, such as "half_cheetah_medium"; README.md beside them says what they are."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.safetensors"))}


def load_shipped_policy(name: str | Path) -> SquashedGaussianPolicy:
    """A shipped policy by its name, or one of your own by the path of its file.

    Raises:
        ConfigurationError: neither is there; the message lists the shipped ones. Or the file holds no policy.
    """
    shipped = shipped_policies()
    path = shipped.get(str(name), Path(name))
    if not path.is_file():
        nearest = nearest_names(str(name), shipped, most=len(shipped), cutoff=0.0)
        raise ConfigurationError(
            f"no policy {str(name)!r}: give the path of a file that export_sac_actor wrote, or one of those that come "
            f"with the package, nearest first: {', '.join(nearest)}"
        )
    return SquashedGaussianPolicy.load(path)
